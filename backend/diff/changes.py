"""Which samples differ between two versions of a dataset, exactly.

Manifests tell which documents have other bytes; only those are read and compared by content. So
the cost between snapshots follows the change, and for HEAD it is one pass over the dataset.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..archive import extract
from ..catalog.catalog import Catalog
from ..catalog.record import SampleChangeSummary, SnapshotRecord
from ..dataset.parts import Documents, Head, Part, Readable, chunks
from ..errors import (
    ArchiveNotFoundError,
    ArchiveStorageError,
    ConcurrentWritesError,
    DamagedArchiveError,
    InvalidSettingError,
)
from ..manifest import store as manifest_store
from ..manifest.cache import Known
from ..manifest.manifest import NO_OWNER, Differences, Manifest
from ..mongo.database import Document, server_time
from ..mongo.gate import Workers
from ..progress import Progress, silent
from ..rawbson import equality, layout
from ..rawbson.ids import DTYPE, Ids, Keys, common
from ..storage import registry

logger = logging.getLogger(__name__)

_FETCH_DOCUMENTS = 1000
_SUSPECTS = 50_000

# The last one, where a process lacks the packages that others have archived with
_UNREADABLE = (
    ArchiveStorageError,
    ArchiveNotFoundError,
    DamagedArchiveError,
    InvalidSettingError,
)


class Version(Protocol):
    """A state of a dataset that can be compared with another one."""

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns the content of a part; empty if the version has no such part."""

    def documents(self, part: Part, wanted: Keys | None = None) -> Readable | None:
        """Returns the documents of a part, or None if the version has no such part.

        If ``wanted`` is given, no other documents will be asked for.
        """

    def check_present(self) -> None:
        """Called when documents are missing: raises unless that can be."""


@dataclass(frozen=True)
class SnapshotVersion:
    """A snapshot, as a version to compare."""

    database: Database[Document]
    record: SnapshotRecord
    known: Mapping[tuple[ObjectId, Part], Known] = field(default_factory=dict)
    """What need not be read, by snapshot and part."""
    _read: dict[Part, Known] = field(default_factory=dict, init=False, repr=False)
    """What was read."""

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns what was captured."""
        if (known := self._known(part)) is not None:
            return known.manifest
        if part is Part.SAMPLES or part in manifest_store.parts(self.database, self.record.id):
            found = manifest_store.load(self.database, self.record.id, part)
            self._read[part] = Known(found)
            return found
        return Manifest.empty()

    def _known(self, part: Part) -> Known | None:
        return self.known.get((self.record.id, part), self._read.get(part))

    def documents(self, part: Part, wanted: Keys | None = None) -> Readable | None:
        """Returns the documents, without materialising the snapshot.

        Those of an archived snapshot are read from its archive.
        """
        if self.record.archive is None:
            backend = registry.create(self.record.backend, self.database)
            if part.is_own_collection:
                return backend.source(self.record, part, self._known(part))
            return backend.related(self.record).get(part)
        if part not in manifest_store.parts(self.database, self.record.id):
            return None
        if part in extract.SMALL:
            return self._small.get(part)
        found = extract.extract(self.database, self.record, {part: wanted})
        return found.get(part)

    def check_present(self) -> None:
        """Makes sure that nobody has taken the documents away meanwhile."""
        current = Catalog(self.database).by_id(self.record.id)
        if current is None or current.archive != self.record.archive:
            raise ConcurrentWritesError(
                f"Snapshot '{self.record.name}' was archived, brought back or destroyed by "
                "somebody else while it was compared; try again"
            )

    @cached_property
    def _small(self) -> Mapping[Part, Readable]:
        """Everything but samples and frames of an archived snapshot, read in one go."""
        return extract.extract(self.database, self.record, dict.fromkeys(extract.SMALL))


@dataclass(frozen=True)
class HeadVersion:
    """The editable state of a dataset, as a version to compare."""

    head: Head

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Reads the dataset as it is now."""
        documents = self.documents(part)
        if documents is None:
            return Manifest.empty()
        total = documents.collection.estimated_document_count() or 1
        label = f"Reading {part.value}"
        return Manifest.read(documents, lambda done: progress(min(1.0, done / total), label))

    def documents(self, part: Part, wanted: Keys | None = None) -> Documents | None:
        """Returns the documents as they are now."""
        return self.head.state().get(part)

    def check_present(self) -> None:
        """Does nothing: documents of HEAD can be deleted while we look."""


class NoVersion:
    """What there was before the first snapshot: nothing."""

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns the manifest of no documents."""
        return Manifest.empty()

    def documents(self, part: Part, wanted: Keys | None = None) -> Documents | None:
        """Returns no documents."""
        return None

    def check_present(self) -> None:
        """Does nothing: there are none."""


@dataclass(frozen=True)
class SampleChanges:
    """The samples that differ between two versions."""

    total: int
    """Samples in the newer version."""
    added: Ids
    deleted: Ids
    changed: Ids = field(default_factory=Ids)

    def summary(self, at: datetime) -> SampleChangeSummary:
        """Returns the counts, stamped with a time."""
        return SampleChangeSummary(
            total_samples=self.total,
            num_samples_added=len(self.added),
            num_samples_deleted=len(self.deleted),
            num_samples_changed=len(self.changed),
            updated_at=at,
        )


class Pair(NamedTuple):
    """A document before and after, as BSON."""

    place: int
    """Where its id is among those that were asked for."""
    key: bytes
    before: bytes
    after: bytes


class PartComparison:
    """One part of two versions: which documents to look at, and the documents.

    Args:
        older: the version to compare with
        newer: the version whose changes are wanted
        part: samples or frames
        progress: told how far reading is
    """

    def __init__(
        self, older: Version, newer: Version, part: Part, progress: Progress = silent
    ) -> None:
        self._older, self._newer, self._part = older, newer, part
        with Workers(max_workers=1) as pool:
            before = pool.submit(older.manifest, part)
            self.after = newer.manifest(part, progress)
            self.before: Manifest = before.result()
        # `last_modified_at` alone is no change, so what was merely touched is not even fetched
        self.differences: Differences = self.before.compare(self.after, touched=False)

    def pairs(self, keys: Keys) -> Iterator[Pair]:
        """Yields the documents before and after that have some ids, and may or may not differ.

        The next ones are fetched while the caller works on the last ones.
        """
        if not len(keys):
            # An archive, which may be far away, is not asked for nothing
            return
        before, after = self._before_documents, self._after_documents
        if before is None or after is None:
            return
        pieces = [
            (start, Ids(keys[start : start + _FETCH_DOCUMENTS]))
            for start in range(0, len(keys), _FETCH_DOCUMENTS)
        ]
        with Workers(max_workers=2) as pool:
            fetches = (
                [pool.submit(documents.fetch, ids) for documents in (before, after)]
                for _, ids in pieces
            )
            pending = next(fetches, None)
            for start, ids in pieces:
                assert pending is not None
                earlier, later = (future.result() for future in pending)
                pending = next(fetches, None)
                for place, key in enumerate(ids.binaries(), start):
                    if key in earlier and key in later:
                        yield Pair(place, key, earlier[key], later[key])
                        continue
                    for version, found in ((self._older, earlier), (self._newer, later)):
                        if key not in found:
                            version.check_present()

    def added(self) -> Iterator[bytes]:
        """Yields the documents that only the newer version has."""
        if len(keys := self.differences.added_keys):
            yield from self._read(self._newer, self._after_documents, keys)

    def deleted(self) -> Iterator[bytes]:
        """Yields the documents that only the older version has."""
        if len(keys := self.differences.deleted_keys):
            yield from self._read(self._older, self._before_documents, keys)

    def _read(self, version: Version, documents: Readable | None, keys: Keys) -> Iterator[bytes]:
        for start in range(0, len(keys), _FETCH_DOCUMENTS):
            ids = Ids(keys[start : start + _FETCH_DOCUMENTS])
            found = {} if documents is None else documents.fetch(ids)
            if len(found) < len(ids):
                version.check_present()
            yield from found.values()

    @cached_property
    def _before_documents(self) -> Readable | None:
        """The documents that the older version may be asked for."""
        found = self.differences
        wanted = np.concatenate([found.changed_keys, found.deleted_keys])
        return self._older.documents(self._part, wanted)

    @cached_property
    def _after_documents(self) -> Readable | None:
        """The documents that the newer version may be asked for."""
        found = self.differences
        wanted = np.concatenate([found.changed_keys, found.added_keys])
        return self._newer.documents(self._part, wanted)

    def owners_of_added(self) -> Keys:
        """Returns the samples that added frames belong to."""
        return _owners(self._newer, self.after, self.differences.added_keys)

    def owners_of_deleted(self) -> Keys:
        """Returns the samples that deleted frames belonged to."""
        return _owners(self._older, self.before, self.differences.deleted_keys)

    def owners_of_kept(self, keys: Keys) -> tuple[Keys, Keys]:
        """Returns the samples that frames belonged to, and those that they belong to."""
        return _owners(self._older, self.before, keys), _owners(self._newer, self.after, keys)


def compare(older: Version, newer: Version, progress: Progress = silent) -> SampleChanges:
    """Compares two versions of a dataset.

    A sample is changed if its content or that of any of its frames is; FiftyOne's bookkeeping
    alone is no change.

    Args:
        older: the version to compare with
        newer: the version whose changes are wanted
        progress: told how far it is

    Returns:
        the samples that were added, deleted and changed
    """
    samples = PartComparison(older, newer, Part.SAMPLES, progress)
    frames = PartComparison(older, newer, Part.FRAMES, progress)
    changed = np.concatenate(
        [
            _truly_changed(samples, samples.differences.changed_keys),
            frames.owners_of_added(),
            frames.owners_of_deleted(),
        ]
    )
    suspects = frames.differences.changed_keys
    for start in range(0, len(suspects), _SUSPECTS):
        keys = suspects[start : start + _SUSPECTS]
        owners = frames.owners_of_kept(keys)
        # One changed frame is enough to make its sample a changed one
        doubtful = ~(np.isin(owners[0], changed) & np.isin(owners[1], changed))
        found = frames.owners_of_kept(_truly_changed(frames, keys[doubtful]))
        changed = np.unique(np.concatenate([changed, *found]))
    return sample_changes(samples, changed)


def sample_changes(samples: PartComparison, changed: Keys) -> SampleChanges:
    """Returns which samples differ.

    Args:
        samples: the comparison of the samples
        changed: samples with changes in themselves or their frames; may name others, because a
            frame may belong to none

    Returns:
        the samples that were added, deleted and changed
    """
    return SampleChanges(
        total=len(samples.after),
        added=Ids(samples.differences.added_keys),
        deleted=Ids(samples.differences.deleted_keys),
        changed=Ids(common(samples.before.keys, common(samples.after.keys, np.unique(changed)))),
    )


def since_previous(
    database: Database[Document],
    previous: SnapshotRecord | None,
    record: SnapshotRecord,
    known: Mapping[tuple[ObjectId, Part], Known] | None = None,
) -> SampleChangeSummary | None:
    """Returns what a snapshot changed against the one before it.

    Archives that are needed and cannot be read make that unknown, and nothing worse.

    Args:
        database: the database
        previous: the snapshot before, or None for the first one, in which everything is added
        record: the snapshot
        known (None): what need not be read, by snapshot and part

    Returns:
        the summary, or None if it is unknown
    """
    known = known or {}
    older = NoVersion() if previous is None else SnapshotVersion(database, previous, known)
    try:
        found = compare(older, SnapshotVersion(database, record, known))
    except _UNREADABLE as error:
        logger.warning("What snapshot '%s' has changed is not known: %s", record.name, error)
        return None
    return found.summary(server_time(database))


def in_head(
    database: Database[Document], dataset_id: ObjectId, latest: SnapshotRecord | None
) -> SampleChanges:
    """Returns what changed in a dataset since its latest snapshot.

    Args:
        database: the database
        dataset_id: the dataset
        latest: the snapshot

    Returns:
        the changes; without any snapshot everything is added
    """
    older = NoVersion() if latest is None else SnapshotVersion(database, latest)
    return compare(older, HeadVersion(Head(database, dataset_id)))


def _truly_changed(comparison: PartComparison, suspects: Keys) -> Keys:
    """Returns those documents whose content differs, and not only their bytes."""
    changed = [
        pair.key
        for pair in comparison.pairs(suspects)
        if not equality.equal(pair.before, pair.after)
    ]
    return np.array(changed, DTYPE)


def _owners(version: Version, manifest: Manifest, frames: Keys) -> Keys:
    """Returns the sample of each frame, or empty bytes for one that belongs to none."""
    owners = manifest.owners_of(frames)
    nameless = owners == NO_OWNER
    documents = version.documents(Part.FRAMES, frames[nameless]) if nameless.any() else None
    if documents is None:
        return owners
    # Manifests note samples where all documents name one, as FiftyOne's do
    places = {frames[place]: place for place in np.flatnonzero(nameless)}
    for some in chunks(list(Ids(frames[nameless])), _FETCH_DOCUMENTS):
        for key, frame in documents.fetch(some).items():
            owner = equality.decode(layout.fields(frame).get("_sample_id"))
            if isinstance(owner, ObjectId):
                owners[places[np.array([key], DTYPE)[0]]] = owner.binary
    return owners
