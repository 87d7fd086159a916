"""Bringing samples, or some fields of them, back from a snapshot into the dataset.

Everything is done by the server, between collections. Before anything is changed, the documents
that will be overwritten are copied aside; from there a failure or a crash takes them back exactly.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import bson
import numpy as np
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from . import (
    as_captured,
    group_slices,
    loaded,
    manifest_store,
    ownership,
    registry,
    restore_fields,
    schema,
    unique_values,
)
from .archive import unarchive
from .catalog import Catalog
from .contents import Documents, Head, Part, State, chunks
from .database import Document, raw, server_time
from .datasets import DatasetReference, is_deleted, migrate
from .errors import InvalidRequestError
from .ids import Ids, common
from .journal import Entry, Operation, Verb, operation, recovers
from .manifest import Manifest
from .model import SnapshotRecord
from .namespaces import owned_collections, staging_name
from .serialize import Record

_SELECTED = "selected"
_FETCHED_SAMPLES = 500
_ADJUNCTS = (Part.FRAMES, Part.TAGS)
"""The parts whose documents belong to one sample, by ``_sample_id``."""
_PARTS = (Part.SAMPLES, *_ADJUNCTS)

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
        return [part for part in _PARTS if part in self.captured and part in self.head]


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
        DamagedSnapshotError: if they are not what was captured; nothing was changed then
    """
    catalog = Catalog(database)
    unarchive.available(database, dataset, name)
    migrate(dataset)
    sample_ids = list(dict.fromkeys(sample_ids))
    with operation(database, dataset.id, Verb.RESTORE_SAMPLES, snapshot_name=name) as running:
        record = catalog.get(dataset.id, name, dataset.name)
        unarchive.check_available(record, dataset)
        captured = _captured(running, record, sample_ids)
        head = Head(database, dataset.id)
        then = _check_captured(database, record, captured, sample_ids, fields)
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

        _note_time(database, dataset.id)
        before = _digest(plan)
        if changes:
            # As FiftyOne does when it changes a schema, and not when it changes samples
            changes["last_modified_at"] = server_time(database)
        _keep(running, plan, head, changes)
        running.step("kept")
        _set_on_dataset(database, dataset.id, changes)
        running.step("schema_extended")
        try:
            if fields is None:
                _restore_whole(running, plan, before, then)
            else:
                _restore_fields(running, plan, *schema.db_fields(document, fields))
            group_slices.check(plan.head[Part.SAMPLES], document.get("group_field"), plan.ids)
        except DuplicateKeyError as error:
            there, here = (state[Part.SAMPLES] for state in plan.both)
            raise unique_values.explained(error, here, there, plan.ids) from error
        result = _result(plan, before, _digest(plan), len(sample_ids), fields_added)
        running.commit()
        _note_time(database, dataset.id)
        _drop_kept(database, running.id)
    loaded.refresh_samples(dataset.id, plan.ids)
    return result


@recovers(Verb.RESTORE_SAMPLES)
def _recover(running: Operation) -> None:
    """Puts back what was kept, unless the change is complete."""
    database, entry = running.database, running.entry
    kept = entry.details.get("kept")
    if kept and not running.is_committed and not is_deleted(database, entry.dataset_id):
        _take_back(database, entry, Head(database, entry.dataset_id))
    if kept:
        _note_time(database, entry.dataset_id)
    _drop_kept(database, entry.id)


def _take_back(database: Database[Document], entry: Entry, head: Head) -> None:
    state = head.state()
    selected = Documents(database[staging_name(entry.id, _SELECTED)]).ids()
    for part in _PARTS:
        if part not in state:
            continue
        kept = Documents(database[staging_name(entry.id, part)])
        for ids in chunks(selected):
            current = _of_samples(state[part], part, ids)
            then = _of_samples(kept, part, ids)
            differences = Manifest.read(then).compare(Manifest.read(current))
            _delete(state[part], differences.added)
            _put(kept, state[part], differences.deleted + differences.changed)
    before, after = (bson.decode(entry.details[key]) for key in ("before", "after"))
    document = bson.decode(bson.encode(head.document()))
    # What somebody else has changed meanwhile is theirs
    undone = {key: before[key] for key in before if document.get(key) == after[key]}
    _set_on_dataset(database, entry.dataset_id, undone)
    with suppress(Exception):
        # What this process shows is of no matter to the recovery of the database
        loaded.refresh_samples(entry.dataset_id, selected)


def _captured(running: Operation, record: SnapshotRecord, sample_ids: list[ObjectId]) -> State:
    """Returns where the snapshot's documents are, or copies of those that are wanted."""
    backend = registry.create(record.backend, running.database)
    state = dict(backend.related(record))
    for part in (Part.SAMPLES, Part.FRAMES):
        source = backend.source(record, part)
        if isinstance(source, Documents):
            state[part] = source
        elif source is not None:
            target = running.database[staging_name(running.id, f"captured.{part}")]
            target.create_index("_sample_id")
            for some in chunks(sample_ids, _FETCHED_SAMPLES):
                wanted = some
                if part is Part.FRAMES:
                    wanted = source.search({"_sample_id": {"$in": some}})
                if found := source.fetch(wanted):
                    raw(target).insert_many(map(RawBSONDocument, found.values()))
            state[part] = Documents(target)
    return state


def _check_captured(
    database: Database[Document],
    record: SnapshotRecord,
    captured: State,
    sample_ids: list[ObjectId],
    fields: list[str] | None,
) -> dict[Part, Manifest]:
    """Refuses what is not what was captured; returns the content of what is to be restored."""
    small = manifest_store.load_small(database, record.id)
    nothing = Manifest.empty()
    schema_ = {Part.DATASET: Manifest.read(captured[Part.DATASET])}
    if fields is None:
        parts = [part for part in _PARTS if part in captured]
    else:
        are_frames = {field.startswith("frames.") for field in fields}
        parts = [p for p in (Part.SAMPLES, Part.FRAMES) if (p is Part.FRAMES) in are_frames]
        parts = [part for part in parts if part in captured]
    found = {part: _read(captured[part], part, sample_ids) for part in parts}
    wanted = np.unique(Ids.of(sample_ids).keys)
    for part, content in {**schema_, **found}.items():
        if part.is_own_collection:
            expected = manifest_store.load(database, record.id, part)
        else:
            expected = small.get(part, nothing)
        if part is Part.SAMPLES:
            expected = expected.only(common(expected.keys, wanted))
        elif part in _ADJUNCTS:
            expected = expected.only(expected.keys[np.isin(expected.owners, wanted)])
        as_captured.compare(record, part, expected, content, "Nothing was changed.")
    return found


def _existing(documents: Documents, ids: list[ObjectId]) -> list[ObjectId]:
    some_of = [Documents(documents.collection, {"_id": {"$in": some}}) for some in chunks(ids)]
    found = {id_ for some in some_of for id_ in some.ids()}
    return [id_ for id_ in ids if id_ in found]


def _check_known(record: SnapshotRecord, asked: list[ObjectId], known: list[ObjectId]) -> None:
    unknown = set(asked).difference(known)
    if unknown:
        raise InvalidRequestError(
            f"{len(unknown)} of the samples are not in snapshot '{record.name}', such as "
            f"{', '.join(sorted(map(str, unknown))[:5])}; nothing was changed"
        )


def _merge_schema(
    current: Document, captured: Document, fields: list[str] | None
) -> tuple[Document, list[str]]:
    if fields is not None:
        schema.db_fields(captured, fields)
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
            "restoring single samples would mix them. Revert the whole dataset instead."
        )
    if Part.FRAMES in plan.captured and Part.FRAMES not in plan.head:
        raise InvalidRequestError(
            "The dataset has no frames any more, which the snapshot has: revert the whole dataset "
            "instead"
        )


def _of_samples(documents: Documents, part: Part, ids: list[ObjectId]) -> Documents:
    """Returns the documents of a part that belong to some samples."""
    key = "_sample_id" if part in _ADJUNCTS else "_id"
    return Documents(documents.collection, {**documents.query, key: {"$in": ids}})


def _digest(plan: _Plan) -> dict[Part, Manifest]:
    """Returns the present content of the samples to restore."""
    return {part: _read(plan.head[part], part, plan.ids) for part in plan.parts()}


def _read(documents: Documents, part: Part, sample_ids: list[ObjectId]) -> Manifest:
    manifest = Manifest.empty()
    for ids in chunks(sample_ids):
        manifest = manifest.updated(Manifest.read(_of_samples(documents, part, ids)), [])
    return manifest


def _keep(running: Operation, plan: _Plan, head: Head, changes: Document) -> None:
    """Copies aside what will be overwritten, and writes down that it is complete."""
    database = running.database
    selected = database[staging_name(running.id, _SELECTED)]
    for ids in chunks(plan.ids):
        selected.insert_many({"_id": id_} for id_ in ids)
        for part in plan.parts():
            kept = database[staging_name(running.id, part)]
            _of_samples(plan.head[part], part, ids).merge_into(kept)
    document = head.document()
    running.note(
        before=bson.encode({key: document.get(key) for key in changes}),
        after=bson.encode(changes),
        kept=True,
    )


def _restore_whole(
    running: Operation,
    plan: _Plan,
    before: dict[Part, Manifest],
    wanted: dict[Part, Manifest],
) -> None:
    """Makes the samples, their frames and temporal tags exactly what they were."""
    for part in plan.parts():
        target = plan.head[part]
        differences = before[part].compare(wanted[part])
        if part is Part.TAGS:
            # These lie among those of other datasets
            ownership.own_ids(running.database, running.dataset_id, part, differences.added)
        if part in _ADJUNCTS:
            # In the way of those that come back with another id
            _delete(target, differences.deleted)
        _put(plan.captured[part], target, differences.added + differences.changed)
        running.step(f"restored_{part.value}")


def _restore_fields(
    running: Operation, plan: _Plan, sample_keys: list[str], frame_keys: list[str]
) -> None:
    """Sets fields to what they were; frames that are gone come back with those fields."""
    for part, keys in ((Part.SAMPLES, sample_keys), (Part.FRAMES, frame_keys)):
        if not keys or part not in plan.captured:
            continue
        for ids in chunks(plan.ids):
            then, here = (_of_samples(state[part], part, ids) for state in plan.both)
            restore_fields.restore(part, then, here, keys)
        running.step(f"restored_{part.value}")


def _result(
    plan: _Plan,
    before: dict[Part, Manifest],
    after: dict[Part, Manifest],
    asked: int,
    fields_added: list[str],
) -> RestoredSamples:
    samples = before[Part.SAMPLES].compare(after[Part.SAMPLES])
    none = Manifest.empty()
    frames = before.get(Part.FRAMES, none).compare(after.get(Part.FRAMES, none))
    return RestoredSamples(
        samples_added=len(samples.added),
        samples_changed=len(samples.changed),
        samples_unchanged=len(plan.ids) - len(samples.added) - len(samples.changed),
        samples_skipped=asked - len(plan.ids),
        frames_added=len(frames.added),
        frames_changed=len(frames.changed),
        frames_removed=len(frames.deleted),
        fields_added=tuple(fields_added),
    )


def _put(source: Documents, target: Documents, ids: list[ObjectId]) -> None:
    """Makes a dataset hold some documents of another place, where they lie if possible."""
    # Where there are those of other datasets as well, they say whose they are
    owner = "_dataset_id" if target.query else None
    try:
        for some in chunks(ids):
            source.merge_into(target.collection, some, if_same=owner)
    except DuplicateKeyError:
        # They may only be in each other's way, such as two samples that swapped their paths
        _delete(target, ids)
        for some in chunks(ids):
            source.merge_into(target.collection, some, if_same=owner)


def _delete(target: Documents, ids: list[ObjectId]) -> None:
    for some in chunks(ids):
        target.collection.delete_many({**target.query, "_id": {"$in": some}})


def _set_on_dataset(database: Database[Document], dataset_id: ObjectId, changes: Document) -> None:
    if changes:
        database["datasets"].update_one({"_id": dataset_id}, {"$set": changes})


def _note_time(database: Database[Document], dataset_id: ObjectId) -> None:
    """Notes when documents came back, with the times that they had then.

    Before and after, so that whoever reads the dataset at the same time can tell.
    """
    Catalog(database).set_dataset_facts(dataset_id, restored_at=server_time(database))


def _drop_kept(database: Database[Document], operation_id: ObjectId) -> None:
    for name in owned_collections(database, operation_id):
        database.drop_collection(name)
