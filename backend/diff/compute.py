"""Comparing two versions of a dataset in full."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.names import HEAD, is_head
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Head, Part
from ..dataset.reference import DatasetReference
from ..errors import InvalidRequestError, SnapshotNotFoundError
from ..media import changes as media_changes
from ..media import versions as media_versions
from ..media.changes import MediaDiff
from ..mongo.database import Document, server_time
from ..progress import Progress, silent
from ..rawbson.ids import DTYPE, Ids, Keys, common
from . import changes, schema, single, sizes, surroundings
from .documents import FRAMES, DocumentCounter
from .parts import PartComparison
from .records import FieldChanges, FrameChanges, SchemaChange
from .result import DatasetDiff
from .single import SampleDifference
from .versions import HeadVersion, SnapshotVersion, Version

LATEST = "\0latest"
"""Stands for the latest snapshot; no snapshot's name contains it."""

ALL_FRAMES = "frames"
"""Stands for all fields of frames, and for frames that were added and deleted."""

_REPORT_EVERY = 1000

# When the samples, and all documents, of HEAD have been read, as shares of the whole
_SAMPLES, _MANIFESTS = 0.4, 0.8


def diff(
    database: Database[Document],
    dataset: DatasetReference,
    a: str = LATEST,
    b: str | None = None,
    progress: Progress = silent,
    *,
    media: bool = False,
) -> DatasetDiff:
    """Compares two versions of a dataset.

    Needs memory for the ids of the samples and frames of both versions and for counters, but not
    for their documents, of which only those that differ are read.

    Args:
        database: the database
        dataset: the dataset
        a: the version to compare with; by default, the latest snapshot
        b (None): the version whose changes are wanted; by default, the dataset as it is now
        progress: told how far it is
        media (False): whether to compare the media files as well

    Returns:
        the differences

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
    """
    records = Catalog(database).list(dataset.id)
    older, newer = versions(database, dataset, a, b, records)
    before, after = map(surroundings.dataset_document, (older, newer))
    comparison = _Comparison(older, newer, before, after, progress)
    comparison.run()
    found = comparison.sample_changes()
    now = server_time(database)
    return DatasetDiff(
        dataset_name=dataset.name,
        dataset_id=dataset.id,
        a=older.record.name if isinstance(older, SnapshotVersion) else HEAD,
        b=newer.record.name if isinstance(newer, SnapshotVersion) else None,
        a_id=older.record.id if isinstance(older, SnapshotVersion) else None,
        b_id=newer.record.id if isinstance(newer, SnapshotVersion) else None,
        compared_at=now,
        total_a=len(comparison.samples.before),
        total_b=found.total,
        added=found.added,
        deleted=found.deleted,
        changed=found.changed,
        frames=comparison.frame_changes(),
        fields=comparison.fields(),
        tags=comparison.sample_fields.tags(),
        schema=tuple(comparison.schema),
        properties=tuple(surroundings.properties(before, after)),
        items=tuple(surroundings.items(older, newer, before, after)),
        versions=tuple(sizes.of_versions(database, dataset, records, now)),
        media=_media(database, older, newer, progress) if media else None,
    )


def _media(
    database: Database[Document],
    older: SnapshotVersion | HeadVersion,
    newer: SnapshotVersion | HeadVersion,
    progress: Progress,
) -> MediaDiff:
    """Compares what is known of the media; those of HEAD are looked at."""
    before = media_changes.Looked.nothing("the dataset as it is now is no former version")
    if isinstance(older, SnapshotVersion):
        before = media_versions.captured(database, older.record)
    if isinstance(newer, SnapshotVersion):
        after = media_versions.captured(database, newer.record)
    else:
        after = media_versions.of_head(database, newer.head, before, _share(progress, 1, 1))
    return media_changes.compare(before, after)


def diff_sample(
    database: Database[Document],
    dataset: DatasetReference,
    sample_id: str,
    a: str = LATEST,
    b: str | None = None,
) -> SampleDifference:
    """Compares one sample in two versions of a dataset.

    Args:
        database: the database
        dataset: the dataset
        sample_id: the sample
        a: the version to compare with; by default, the latest snapshot
        b (None): another one; by default, the dataset as it is now

    Returns:
        the differences

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        InvalidRequestError: if that is no id
    """
    older, newer = versions(database, dataset, a, b)
    return single.of_sample(older, newer, single.object_id(sample_id))


def diff_samples(
    database: Database[Document],
    dataset: DatasetReference,
    sample_ids: Sequence[ObjectId],
    a: str,
    b: str | None = None,
) -> list[SampleDifference]:
    """Compares some samples in two versions of a dataset; see :func:`diff_sample`."""
    older, newer = versions(database, dataset, a, b)
    return single.of_samples(older, newer, sample_ids)


def versions(
    database: Database[Document],
    dataset: DatasetReference,
    a: str,
    b: str | None,
    records: Sequence[SnapshotRecord] | None = None,
) -> tuple[SnapshotVersion | HeadVersion, SnapshotVersion | HeadVersion]:
    """Finds the versions that a caller names.

    Args:
        database: the database
        dataset: the dataset
        a: a version, or :data:`LATEST`
        b: another one, or None for HEAD
        records (None): the snapshots of the dataset, if they were read

    Returns:
        the versions

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
    """
    newer = version(database, dataset, b, records)
    if a != LATEST:
        return version(database, dataset, a, records), newer
    if records is None:
        latest = Catalog(database).latest(dataset.id)
    else:
        latest = records[-1] if records else None
    if latest is None:
        raise SnapshotNotFoundError(
            f"Dataset '{dataset.name}' has no snapshots yet, so there is nothing to compare "
            "with: create one first"
        )
    return SnapshotVersion(database, latest), newer


def version(
    database: Database[Document],
    dataset: DatasetReference,
    name: str | None,
    records: Sequence[SnapshotRecord] | None = None,
) -> SnapshotVersion | HeadVersion:
    """Finds the version that a caller names.

    Args:
        database: the database
        dataset: the dataset
        name: a snapshot; or None, or ``HEAD`` in any case, for the dataset as it is now
        records (None): the snapshots of the dataset, if they were read

    Returns:
        the version

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        InvalidRequestError: if a snapshot is called ``HEAD``, which was allowed once
    """
    if name is None:
        return HeadVersion(Head(database, dataset.id))
    catalog = Catalog(database)
    if not is_head(name):
        known = [record for record in records or () if record.name == name]
        record = known[0] if known else catalog.get(dataset.id, name, dataset.name)
        return SnapshotVersion(database, record)
    if (taken := catalog.find(dataset.id, name)) is not None:
        raise InvalidRequestError(
            f"'{name}' is a snapshot of '{dataset.name}' and stands for the dataset itself as "
            f"well: rename the snapshot first, with edit_snapshot('{dataset.name}', "
            f"'{taken.name}', '...')"
        )
    return HeadVersion(Head(database, dataset.id))


class _Comparison:
    """One pass over everything that differs between two versions."""

    def __init__(
        self,
        older: Version,
        newer: Version,
        before: Document,
        after: Document,
        progress: Progress,
    ) -> None:
        self._progress = progress
        self.schema: list[SchemaChange] = []
        self.sample_fields = self._counter(before, after, "sample_fields", "")
        self.frame_fields = self._counter(before, after, "frame_fields", FRAMES)
        # HEAD is read as a whole, which takes most of the time
        self.samples = PartComparison(older, newer, Part.SAMPLES, _share(progress, 0, _SAMPLES))
        self.frames = PartComparison(
            older, newer, Part.FRAMES, _share(progress, _SAMPLES, _MANIFESTS)
        )
        self._changed_frames = 0
        self._changed: list[Keys] = []
        self._owners = [self.frames.owners_of_added(), self.frames.owners_of_deleted()]

    def run(self) -> None:
        """Reads and counts."""
        total = sum(
            len(keys)
            for part in (self.samples.differences, self.frames.differences)
            for keys in (part.added_keys, part.deleted_keys, part.changed_keys)
        )
        self._done, self._total = 0, max(1, total)
        for comparison, counter in (
            (self.samples, self.sample_fields),
            (self.frames, self.frame_fields),
        ):
            for document in comparison.added():
                self._count()
                counter.added(document)
            for document in comparison.deleted():
                self._count()
                counter.deleted(document)
        self._compare_samples()
        self._compare_frames()
        self._changed += self._owners

    def sample_changes(self) -> changes.SampleChanges:
        """Returns which samples differ, as the summaries count them."""
        return changes.sample_changes(self.samples, np.concatenate(self._changed))

    def frame_changes(self) -> FrameChanges | None:
        """Returns how many frames differ, or None if there are none at all."""
        differences = self.frames.differences
        if not len(self.frames.before) and not len(self.frames.after):
            return None
        return FrameChanges(
            total=len(self.frames.after),
            added=len(differences.added_keys),
            deleted=len(differences.deleted_keys),
            changed=self._changed_frames,
        )

    def fields(self) -> dict[str, FieldChanges]:
        """Returns what happened to each field."""
        changed = self.sample_changes().changed.keys
        found = {**self.sample_fields.fields(changed), **self.frame_fields.fields(changed)}
        owners = common(changed, np.unique(np.concatenate(self._owners)))
        frames = self.frame_changes()
        if len(owners) and frames is not None:
            count = frames.added + frames.deleted + frames.changed
            found[ALL_FRAMES] = FieldChanges(ALL_FRAMES, Ids(owners), frames=count)
        return found

    def _counter(
        self, before: Document, after: Document, key: str, prefix: str
    ) -> DocumentCounter:
        was, is_ = (dict(schema.declared(version.get(key))) for version in (before, after))
        self.schema += schema.compare(was, is_, prefix)
        return DocumentCounter(prefix, schema.renamed(was, is_))

    def _compare_samples(self) -> None:
        changed = bytearray()
        for pair in self.samples.pairs(self.samples.differences.changed_keys):
            self._count()
            if self.sample_fields.changed(pair.before, pair.after, pair.key):
                changed += pair.key
        self._changed.append(np.frombuffer(bytes(changed), DTYPE))

    def _compare_frames(self) -> None:
        keys = self.frames.differences.changed_keys
        before, after = self.frames.owners_of_kept(keys)
        changed = np.zeros(len(keys), bool)
        for pair in self.frames.pairs(keys):
            self._count()
            place = slice(pair.place, pair.place + 1)
            owners = {before[place].tobytes(), after[place].tobytes()}
            if self.frame_fields.changed(pair.before, pair.after, *owners):
                changed[place] = True
        self._changed_frames = int(changed.sum())
        self._owners += [before[changed], after[changed]]

    def _count(self) -> None:
        """Tells how far reading the documents that differ has come."""
        self._done += 1
        if self._done % _REPORT_EVERY == 0:
            share = min(1.0, self._done / self._total)
            self._progress(_MANIFESTS + (1 - _MANIFESTS) * share, "Comparing what differs")


def _share(progress: Progress, start: float, end: float) -> Progress:
    """Reports the progress of a part as a share of the whole."""
    return lambda fraction, label: progress(start + fraction * (end - start), label)
