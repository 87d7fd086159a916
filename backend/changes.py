"""Which samples differ between two versions of a dataset, exactly.

Manifests tell which documents have other bytes; only those are read and compared by content. So
the cost between snapshots follows the change, and for HEAD it is one pass over the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from . import content, layout, registry
from .base import Backend, Progress, silent
from .catalog import Catalog
from .contents import Documents, Head, Part, Source, chunks
from .database import Document, server_time
from .ids import DTYPE, Ids, Keys, common
from .manifest import NO_OWNER, Differences, Manifest, stored_parts
from .model import SampleChangeSummary, SnapshotRecord

_FETCH_DOCUMENTS = 1000
_SUSPECTS = 50_000


class Version(Protocol):
    """A state of a dataset that can be compared with another one."""

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns the content of a part; empty if the version has no such part."""

    def documents(self, part: Part) -> Documents | None:
        """Returns all documents of a part that is neither samples nor frames, if there is one."""

    def source(self, part: Part) -> Source | None:
        """Returns samples or frames to look up, or None if the version has no such part."""


@dataclass(frozen=True)
class SnapshotVersion:
    """A snapshot, as a version to compare."""

    database: Database[Document]
    record: SnapshotRecord

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns what was captured."""
        if part not in stored_parts(self.database, self.record.id) and part is not Part.SAMPLES:
            return Manifest.empty()
        return Manifest.load(self.database, self.record.id, part)

    def documents(self, part: Part) -> Documents | None:
        """Returns the documents, which are there at once."""
        return self._backend.related(self.record).get(part)

    def source(self, part: Part) -> Source | None:
        """Returns the documents, without materialising the snapshot."""
        return self._backend.source(self.record, part)

    @property
    def _backend(self) -> Backend:
        return registry.create(self.record.backend, self.database)


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

    def documents(self, part: Part) -> Documents | None:
        """Returns the documents as they are now."""
        return self.head.state().get(part)

    def source(self, part: Part) -> Source | None:
        """Returns the documents as they are now."""
        return self.documents(part)


class NoVersion:
    """What there was before the first snapshot: nothing."""

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns the manifest of no documents."""
        return Manifest.empty()

    def documents(self, part: Part) -> Documents | None:
        """Returns no documents."""
        return None

    def source(self, part: Part) -> Source | None:
        """Returns no documents."""
        return None


@dataclass(frozen=True)
class SampleChanges:
    """The samples that differ between two versions."""

    total: int
    """Samples in the newer version."""
    added: Ids
    deleted: Ids
    changed: Ids = field(default_factory=Ids)

    def summary(self, database: Database[Document]) -> SampleChangeSummary:
        """Returns the counts, stamped with the server's time."""
        return SampleChangeSummary(
            total_samples=self.total,
            num_samples_added=len(self.added),
            num_samples_deleted=len(self.deleted),
            num_samples_changed=len(self.changed),
            updated_at=server_time(database),
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
        with ThreadPoolExecutor(max_workers=1) as pool:
            before = pool.submit(older.manifest, part)
            self.after = newer.manifest(part, progress)
            self.before: Manifest = before.result()
        # `last_modified_at` alone is no change, so what was merely touched is not even fetched
        self.differences: Differences = self.before.compare(self.after, touched=False)

    def pairs(self, keys: Keys) -> Iterator[Pair]:
        """Yields the documents before and after that have some ids, and may or may not differ.

        The next ones are fetched while the caller works on the last ones.
        """
        before, after = (version.source(self._part) for version in (self._older, self._newer))
        if before is None or after is None:
            return
        pieces = [
            (start, Ids(keys[start : start + _FETCH_DOCUMENTS]))
            for start in range(0, len(keys), _FETCH_DOCUMENTS)
        ]
        with ThreadPoolExecutor(max_workers=2) as pool:
            fetches = (
                [pool.submit(source.fetch, ids) for source in (before, after)] for _, ids in pieces
            )
            pending = next(fetches, None)
            for start, ids in pieces:
                assert pending is not None
                earlier, later = (future.result() for future in pending)
                pending = next(fetches, None)
                for place, key in enumerate(ids.binaries(), start):
                    # A document of HEAD can be deleted while we look
                    if key in earlier and key in later:
                        yield Pair(place, key, earlier[key], later[key])

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
    database: Database[Document], previous: SnapshotRecord | None, record: SnapshotRecord
) -> SampleChangeSummary:
    """Returns what a snapshot changed against the one before it.

    Args:
        database: the database
        previous: the snapshot before, or None for the first one, in which everything is added
        record: the snapshot

    Returns:
        the summary
    """
    older = NoVersion() if previous is None else SnapshotVersion(database, previous)
    return compare(older, SnapshotVersion(database, record)).summary(database)


def in_head(database: Database[Document], dataset_id: ObjectId) -> SampleChanges:
    """Returns what changed in a dataset since its latest snapshot.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        the changes; without any snapshot everything is added
    """
    latest = Catalog(database).latest(dataset_id)
    older = NoVersion() if latest is None else SnapshotVersion(database, latest)
    return compare(older, HeadVersion(Head(database, dataset_id)))


def _truly_changed(comparison: PartComparison, suspects: Keys) -> Keys:
    """Returns those documents whose content differs, and not only their bytes."""
    changed = [
        pair.key
        for pair in comparison.pairs(suspects)
        if not content.equal(pair.before, pair.after)
    ]
    return np.array(changed, DTYPE)


def _owners(version: Version, manifest: Manifest, frames: Keys) -> Keys:
    """Returns the sample of each frame, or empty bytes for one that belongs to none."""
    owners = manifest.owners_of(frames)
    nameless = owners == NO_OWNER
    source = version.source(Part.FRAMES) if nameless.any() else None
    if source is None:
        return owners
    # Manifests note samples where all documents name one, as FiftyOne's do
    places = {frames[place]: place for place in np.flatnonzero(nameless)}
    for some in chunks(list(Ids(frames[nameless]))):
        for key, frame in source.fetch(some).items():
            owner = content.decode(layout.fields(frame).get("_sample_id"))
            if isinstance(owner, ObjectId):
                owners[places[np.array([key], DTYPE)[0]]] = owner.binary
    return owners
