"""Taking a dataset back to a snapshot."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError

from ..actions import Action
from ..catalog.catalog import Catalog
from ..catalog.record import SampleChangeSummary, SnapshotRecord
from ..config import Settings
from ..dataset.parts import Head, Part, Readable
from ..dataset.reference import DatasetReference
from ..dataset.together import hold
from ..diff import changes, latest_changes
from ..diff.versions import HeadVersion, SnapshotVersion
from ..errors import DamagedSnapshotError
from ..manifest import as_captured
from ..media import changes as media_changes
from ..media import versions as media_versions
from ..media.changes import MediaDiff
from ..mongo.collections import staging_name
from ..mongo.database import Document
from ..operations.journal import Operation, operation
from ..operations.reporting import reporter
from ..projection import indexes
from ..results.serialize import Record
from ..snapshots import unarchive
from ..storage import registry
from ..storage.base import Backend
from . import exchange

_UNCHANGED = "The dataset was not changed."


@dataclass(frozen=True)
class RevertPlan(Record):
    """What a revert would change."""

    dataset_name: str
    snapshot_name: str
    samples_to_add_back: int
    """Samples of the snapshot that the dataset no longer has."""
    samples_to_remove: int
    """Samples that were added since."""
    samples_to_restore: int
    """Samples whose content, or that of their frames, has changed since."""
    fields_to_add_back: list[str]
    fields_to_remove: list[str]
    snapshots_to_delete: list[str]
    """Newer snapshots, in order of creation."""
    media: MediaDiff | None = None
    """What became of the media files since they were captured, which no revert brings back; None
    if they were not."""

    def __str__(self) -> str:
        lines = [
            f"Would roll '{self.dataset_name}' back to '{self.snapshot_name}':",
            *told_changes(
                self.samples_to_add_back,
                self.samples_to_restore,
                self.samples_to_remove,
                {
                    "fields that come back": self.fields_to_add_back,
                    "fields that are removed": self.fields_to_remove,
                    "newer snapshots that are deleted": self.snapshots_to_delete,
                },
            ),
        ]
        if self.media:
            lines += ["  media files, which stay as they are:"]
            lines += [f"    {line}" for line in self.media.lines()]
        return "\n".join(lines)


def told_changes(
    back: int, restored: int, removed: int, names: Mapping[str, Sequence[str]]
) -> list[str]:
    """Tells what would happen to samples, fields and snapshots, a line for each kind.

    Args:
        back: how many samples come back
        restored: how many become what they were
        removed: how many go
        names: what fields or snapshots there are, by what would happen to them

    Returns:
        the lines, for people
    """
    counts = f"{back:,} samples come back, {restored:,} are restored, {removed:,} are removed"
    named = [f"{what}: {', '.join(some)}" for what, some in names.items() if some]
    return [f"  {line}" for line in (counts, *named)]


def plan(database: Database[Document], dataset: DatasetReference, name: str) -> RevertPlan:
    """Tells what :func:`revert` would change, and changes nothing.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot

    Returns:
        the plan

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
    """
    record = Catalog(database).get(dataset.id, name, dataset.name)
    head = Head(database, dataset.id)
    snapshot = SnapshotVersion(database, record)
    difference = changes.compare(HeadVersion(head), snapshot, reporter())
    captured = first_document(snapshot.documents(Part.DATASET))
    then, now = field_names(captured), field_names(head.document())
    return RevertPlan(
        dataset_name=dataset.name,
        snapshot_name=name,
        samples_to_add_back=len(difference.added),
        samples_to_remove=len(difference.deleted),
        samples_to_restore=len(difference.changed),
        fields_to_add_back=[field for field in then if field not in now],
        fields_to_remove=[field for field in now if field not in then],
        snapshots_to_delete=[
            newer.name for newer in _newer(database, record) if not newer.is_safety
        ],
        media=_media(database, record),
    )


def _media(database: Database[Document], record: SnapshotRecord) -> MediaDiff | None:
    # The dataset will name the files that the snapshot's documents name, wherever these are now
    before = media_versions.captured(database, record, as_named=True)
    if before.reason is not None:
        return None
    now = media_versions.of_snapshot_now(database, record, before, reporter(), as_named=True)
    return media_changes.compare(before, now)


def revert(database: Database[Document], dataset: DatasetReference, name: str) -> None:
    """Takes a dataset back to a snapshot; what is discarded goes to the trash.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        ArchivedSnapshotError: if it is archived, and not to be brought back unasked
        DamagedSnapshotError: if the snapshot is not what was captured; nothing was changed
    """
    catalog = Catalog(database)
    unarchive.available(database, dataset, name)
    with operation(
        database, dataset.id, Action.REVERT, snapshot_of=dataset.name, snapshot_name=name
    ) as running:
        record = running.snapshot
        unarchive.check_available(record, dataset)
        backend = registry.create(record.backend, database)
        related = dict(backend.related(record))
        if Part.DATASET in related:
            related[Part.DATASET] = hold(related[Part.DATASET])
        as_captured.check_related(database, record, related, _UNCHANGED)
        has_frames = backend.source(record, Part.FRAMES) is not None
        plan_ = exchange.plan(Head(database, dataset.id), has_frames)
        facts = catalog.dataset_facts(dataset.id)
        running.note(
            switch=plan_.to_details(),
            snapshot_id=record.id,
            newer=[other.id for other in _newer(database, record)],
            revived=[],
            destroy=Settings.load().trash_days == 0,
            # What has been edited since is discarded
            changes=SampleChangeSummary(
                record.sample_count, 0, 0, 0, running.entry.started_at
            ).to_document(),
            changes_since=record.id,
            former_changes=latest_changes.carried(facts, plan_.old_samples),
            former_names=facts.get("former_names", []),
        )
        running.step("noted")
        stage(running, backend, record, plan_.new_names(), _UNCHANGED)
        for part, new in plan_.new_names().items():
            running.certain(f"moving_{part.value}")
            database[staging_name(running.id, part)].rename(new)
        running.step("moved")
        exchange.make(running, plan_, related, first_document(related.get(Part.DATASET)))


def stage(
    running: Operation,
    backend: Backend,
    record: SnapshotRecord,
    parts: Collection[Part],
    unchanged: str,
) -> None:
    """Prepares collections of a dataset beside it: bytes, order and indexes as captured.

    Args:
        running: the operation, whose collections they are
        backend: the backend that has the snapshot
        record: the snapshot
        parts: samples, and frames if it has any
        unchanged: what was not done, a sentence for the error

    Raises:
        DamagedSnapshotError: if the snapshot is not what was captured
    """
    for number, part in enumerate(parts):
        running.progress(number / len(parts), f"Restoring {part.value}")
        target = running.database[staging_name(running.id, part)]
        running.database.create_collection(target.name, check_exists=False)
        try:
            content = backend.restore(record, part, target)
            # Now: sorting all values at once takes a fraction of putting each one in its place
            if models := indexes.models(backend.indexes(record, part)):
                target.create_indexes(models)
        except (DuplicateKeyError, BulkWriteError) as error:
            raise DamagedSnapshotError(
                f"Snapshot '{record.name}' is damaged: its {part.value} do not fit the unique "
                f"indexes that they had: {error}. {unchanged} See verify_snapshot()."
            ) from error
        as_captured.check(running.database, record, {part: content}, unchanged)
        running.step(f"staged_{part.value}")


def _newer(database: Database[Document], record: SnapshotRecord) -> list[SnapshotRecord]:
    others = Catalog(database).list(record.dataset_id, safety=True)
    return [other for other in others if other.sequence > record.sequence]


def first_document(documents: Readable | None) -> Document:
    """Returns the dataset document of a snapshot.

    Args:
        documents: where it is

    Returns:
        the document

    Raises:
        DamagedSnapshotError: if there is none
    """
    document = None if documents is None else next(documents.decoded(), None)
    if document is None:
        raise DamagedSnapshotError("The snapshot has no dataset document")
    return document


def field_names(document: Document) -> list[str]:
    """Returns the top-level fields in a dataset document, those of frames with their prefix."""
    samples = [field["name"] for field in document.get("sample_fields") or []]
    frames = [f"frames.{field['name']}" for field in document.get("frame_fields") or []]
    return samples + frames
