"""Bringing samples, or some fields of them, back from a snapshot into the dataset.

Everything is done by the server, between collections. Before anything is changed, the documents
that will be overwritten are copied aside, and those that will replace them are made. What still is
the one becomes the other; and a failure, or a recovery, turns what still is the other back. What
somebody else has written meanwhile or since is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import bson
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from ..actions import Action
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..config import Settings
from ..dataset import group_slices, instances, ownership, schema, unique_values
from ..dataset.parts import Documents, Head, Part, State, chunks
from ..dataset.reference import DatasetReference, migrate
from ..errors import InvalidRequestError
from ..manifest.manifest import Manifest
from ..mongo.database import Document, server_time
from ..operations.journal import Operation, operation, recovers
from ..results.serialize import Record
from ..snapshots import unarchive
from ..trash.overwritten import Overwritten, shelve
from . import recovery
from . import source as restore_source
from .source import content
from .staging import PARTS, Staging

# Maintained by FiftyOne, or what makes a sample that sample
NOT_RESTORABLE = {"id", "_rand", "_media_type", "_dataset_id", "created_at", "last_modified_at"}
NOT_RESTORABLE |= {f"frames.{name}" for name in (*NOT_RESTORABLE, "frame_number", "sample_id")}


@dataclass(frozen=True)
class RestoredSamples(Record):
    """What :func:`restore` did."""

    samples_added: int
    """Deleted samples that are back."""
    samples_changed: int
    samples_unchanged: int
    """Samples that already were as in the snapshot."""
    samples_skipped: int
    """Samples that the snapshot does not have, or, if only some fields were asked for, that the
    dataset does not have any more."""
    frames_added: int
    frames_changed: int
    frames_removed: int
    """Frames that were added since the snapshot."""
    fields_added: tuple[str, ...]
    """Fields that had been deleted from the dataset's schema."""
    operation_id: str | None
    """What :func:`undo_restore` brings back what was overwritten by; None if there is nothing."""


@dataclass(frozen=True)
class _Plan:
    """Which documents are to be restored, and where they are."""

    captured: State
    head: State
    ids: list[ObjectId]
    """The samples to restore: those that the snapshot has."""

    @property
    def both(self) -> tuple[State, State]:
        """What is restored, and what it goes to."""
        return self.captured, self.head

    def parts(self) -> list[Part]:
        return [part for part in PARTS if part in self.captured and part in self.head]


def restore(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    sample_ids: list[ObjectId],
    fields: list[str] | None = None,
    strict: bool = True,
) -> RestoredSamples:
    """Brings samples, or some fields of them, back from a snapshot.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        sample_ids: the samples
        fields: the top-level fields to restore, those of frames with the prefix ``frames.``; None
            for whole samples with all their frames and temporal tags
        strict: whether samples that the snapshot does not have are an error

    Returns:
        what was done

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        ArchivedSnapshotError: if it is archived, and not to be brought back unasked
        InvalidRequestError: if samples or fields are not in the snapshot, or do not fit into the
            dataset any more; nothing was changed then
        ConcurrentWritesError: if the samples are written to meanwhile; nothing was changed then
        DamagedSnapshotError: if they are not what was captured; nothing was changed then
    """
    catalog = Catalog(database)
    unarchive.available(database, dataset, name)
    migrate(dataset)
    sample_ids = list(dict.fromkeys(sample_ids))
    with operation(database, dataset.id, Action.RESTORE_SAMPLES, snapshot_name=name) as running:
        record = catalog.get(dataset.id, name, dataset.name)
        unarchive.check_available(record, dataset)
        captured = restore_source.captured(running, record, sample_ids)
        head = Head(database, dataset.id)
        restore_source.check(database, record, captured, sample_ids, fields)
        plan = _Plan(captured, head.state(), _existing(captured[Part.SAMPLES], sample_ids))
        if strict:
            _check_known(record, sample_ids, plan.ids)
        if fields is not None:
            plan = _Plan(captured, plan.head, _existing(plan.head[Part.SAMPLES], plan.ids))
        document = captured[Part.DATASET].collection.find_one() or {}
        changes, fields_added = _merge_schema(head.document(), document, fields)
        _check_fits(plan, head.document(), document)
        if fields is None:
            here, there = plan.head[Part.SAMPLES], captured[Part.SAMPLES]
            changes |= group_slices.changes(head.document(), document, here, there, plan.ids)

        recovery.note_time(database, dataset.id)
        before = _digest(plan)
        if changes:
            # As FiftyOne does when it changes a schema, and not when it changes samples
            changes["last_modified_at"] = server_time(database)
        staging = Staging(running)
        staging.keep(plan.head, plan.parts(), plan.ids)
        running.step("kept")
        staging.want(plan.captured if fields is None else plan.head, plan.parts(), plan.ids)
        if fields is not None:
            staging.want_fields(plan.captured, plan.ids, *schema.db_fields(document, fields))
        former = head.document()
        running.note(
            before=bson.encode({key: former.get(key) for key in changes}),
            after=bson.encode(changes),
            kept=True,
            wanted=True,
        )
        if Part.TAGS in plan.parts():
            # These lie among those of other datasets
            ownership.own_ids(database, dataset.id, Part.TAGS, staging.wanted_ids(Part.TAGS))
        running.step("prepared")
        recovery.change_document(running, head)
        running.step("schema_extended")
        try:
            for part in plan.parts():
                staging.exchange(plan.head[part].collection, part)
                running.step(f"restored_{part.value}")
            after = _digest(plan)
            staging.check_made(after)
            group_slices.check(plan.head[Part.SAMPLES], document.get("group_field"), plan.ids)
        except DuplicateKeyError as error:
            there, here = (state[Part.SAMPLES] for state in plan.both)
            raise unique_values.explained(error, here, there, plan.ids) from error
        for part in plan.parts():
            staging.keep_changed(part, before[part], after[part])
        result = _result(running, plan, before, after, len(sample_ids), fields_added)
        overwritten = _overwritten(running, plan, former, result)
        running.committing("compared")
        running.commit(overwritten=overwritten)
        _finish(running)
    instances.refresh_samples(dataset.id, plan.ids)
    return result


@recovers(Action.RESTORE_SAMPLES)
def _recover(running: Operation) -> None:
    """Takes back what is incomplete, and keeps what a complete one has overwritten."""
    if running.is_committed and running.details.get("overwritten"):
        _finish(running)
    else:
        recovery.recover(running)


def _finish(running: Operation) -> None:
    """What follows once the samples are restored; may be repeated."""
    recovery.note_time(running.database, running.dataset_id)
    if details := running.details.get("overwritten"):
        shelve(running, Overwritten.of(running.id, details), PARTS)
    Staging(running).drop()


def _overwritten(
    running: Operation, plan: _Plan, former: Document, result: RestoredSamples
) -> Document | None:
    """Returns the record of what is overwritten, or None if that is not kept."""
    if result.operation_id is None:
        return None
    groups = {key: former.get(key) for key in group_slices.KEYS}
    return Overwritten(
        id=running.id,
        dataset_id=running.dataset_id,
        trashed_at=server_time(running.database),
        snapshot_name=running.details["snapshot_name"],
        sample_collection=plan.head[Part.SAMPLES].collection.name,
        fields_added=result.fields_added,
        groups=groups,
    ).details()


def _existing(documents: Documents, ids: list[ObjectId]) -> list[ObjectId]:
    some_of = [Documents(documents.collection, {"_id": {"$in": some}}) for some in chunks(ids)]
    found = {id_ for some in some_of for id_ in some.ids()}
    return [id_ for id_ in ids if id_ in found]


def _check_known(record: SnapshotRecord, asked: list[ObjectId], known: list[ObjectId]) -> None:
    unknown = set(asked).difference(known)
    if unknown:
        raise InvalidRequestError(
            f"Not all of the samples are in snapshot '{record.name}': {len(unknown)} are not, "
            f"such as {', '.join(sorted(map(str, unknown))[:5])}; nothing was changed"
        )


def _merge_schema(
    current: Document, captured: Document, fields: list[str] | None
) -> tuple[Document, list[str]]:
    if fields is not None:
        schema.db_fields(captured, fields, NOT_RESTORABLE)
        if refused := sorted(NOT_RESTORABLE.intersection(fields)):
            raise InvalidRequestError(
                f"Fields that FiftyOne maintains cannot be restored: {', '.join(refused)}"
            )
    changes, added = schema.merge(current, captured, fields)
    return changes, added


def _check_fits(plan: _Plan, current: Document, captured: Document) -> None:
    now, then = current.get("media_type"), captured.get("media_type")
    if plan.ids and now != then:
        raise InvalidRequestError(
            f"The dataset holds {now or 'no'} media now and held {then} media in the snapshot: "
            "restoring single samples would mix them. Roll the whole dataset back instead."
        )
    if Part.FRAMES in plan.captured and Part.FRAMES not in plan.head:
        raise InvalidRequestError(
            "The dataset has no frames any more, which the snapshot has: roll the whole dataset "
            "back instead"
        )


def _digest(plan: _Plan) -> dict[Part, Manifest]:
    """Returns the present content of the samples to restore."""
    return {part: content(plan.head[part], part, plan.ids) for part in plan.parts()}


def _result(
    running: Operation,
    plan: _Plan,
    before: dict[Part, Manifest],
    after: dict[Part, Manifest],
    asked: int,
    fields_added: list[str],
) -> RestoredSamples:
    samples = before[Part.SAMPLES].compare(after[Part.SAMPLES])
    none = Manifest.empty()
    frames = before.get(Part.FRAMES, none).compare(after.get(Part.FRAMES, none))
    is_changed = fields_added or any(before[part].compare(after[part]) for part in before)
    is_kept = is_changed and Settings.load().trash_days
    return RestoredSamples(
        samples_added=len(samples.added),
        samples_changed=len(samples.changed),
        samples_unchanged=len(plan.ids) - len(samples.added) - len(samples.changed),
        samples_skipped=asked - len(plan.ids),
        frames_added=len(frames.added),
        frames_changed=len(frames.changed),
        frames_removed=len(frames.deleted),
        fields_added=tuple(fields_added),
        operation_id=str(running.id) if is_kept else None,
    )
