"""The operations that can be undone, as they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from ..audit import describe
from ..catalog import names
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord, SnapshotState
from ..dataset.reference import DatasetReference
from ..errors import OperationNotFoundError
from ..mongo import fence
from ..mongo.collections import OPERATIONS
from ..mongo.database import Document, server_time, unless_forbidden
from ..operations.lease import Holder
from .record import OperationRecord, UndoableOperation, UndoableState


def add(database: Database[Document], record: OperationRecord) -> None:
    """Stores an operation that begins."""
    fence.put(database[OPERATIONS], record.to_document())


def change(database: Database[Document], operation_id: ObjectId, **values: Any) -> None:
    """Changes what is stored of an operation, if it is there."""
    fence.change(database[OPERATIONS], operation_id, values)


def remove(database: Database[Document], operation_ids: Iterable[ObjectId]) -> None:
    """Forgets operations."""
    fence.delete(database[OPERATIONS], list(operation_ids), "dataset_id", ObjectId())


def forget(database: Database[Document], dataset_id: ObjectId) -> None:
    """Forgets the operations on a dataset that is gone."""
    database[OPERATIONS].delete_many({"dataset_id": dataset_id})


def find(
    database: Database[Document], dataset: DatasetReference, operation_id: str
) -> OperationRecord:
    """Returns an operation on a dataset.

    Args:
        database: the database
        dataset: the dataset
        operation_id: its id

    Returns:
        the operation

    Raises:
        OperationNotFoundError: if there is none
    """
    found = None
    if ObjectId.is_valid(operation_id):
        query = {"_id": ObjectId(operation_id), "dataset_id": dataset.id}
        found = database[OPERATIONS].find_one(query)
    if found is None:
        raise OperationNotFoundError(
            f"Dataset '{dataset.name}' has no operation {operation_id!r} that could be undone; "
            "list_undoable() tells which it has"
        )
    return OperationRecord.from_document(found)


def select(database: Database[Document], query: Mapping[str, Any]) -> list[OperationRecord]:
    """Returns the operations that fit a query, oldest first."""
    # Ids of one second are in no order if several processes have made them
    found = database[OPERATIONS].find(dict(query)).sort([("created_at", 1), ("_id", 1)])
    return [OperationRecord.from_document(document) for document in found]


def of_dataset(
    database: Database[Document], dataset: DatasetReference, limit: int | None = None
) -> list[UndoableOperation]:
    """Lists the operations on a dataset.

    Args:
        database: the database
        dataset: the dataset
        limit (None): how many of the newest; by default, all

    Returns:
        the operations, newest first
    """
    settle(database, dataset.id)
    found = select(database, {"dataset_id": dataset.id})[::-1][:limit]
    return told(database, dataset, found)


def told(
    database: Database[Document], dataset: DatasetReference, records: list[OperationRecord]
) -> list[UndoableOperation]:
    """Returns what callers see of operations.

    Args:
        database: the database
        dataset: the dataset that they were on
        records: the operations

    Returns:
        the same, in the same order
    """
    undone = [record.undone_by for record in records if record.undone_by]
    undos = {undo.id: undo for undo in select(database, {"_id": {"$in": undone}})}
    ids = {id_ for each in (*records, *undos.values()) for id_ in (each.before_id, each.after_id)}
    query = {"_id": {"$in": [id_ for id_ in ids if id_]}}
    known = {each.id: each for each in Catalog(database).select(query)}
    return [_told(dataset, record, known, undos) for record in records]


def _told(
    dataset: DatasetReference,
    record: OperationRecord,
    known: Mapping[ObjectId, SnapshotRecord],
    undos: Mapping[ObjectId, OperationRecord],
) -> UndoableOperation:
    before, after = (
        None if id_ is None else _usable(known.get(id_))
        for id_ in (record.before_id, record.after_id)
    )
    is_undone = record.undone_by is not None and not _is_taken_back(record, known, undos)
    has_both = before is not None and after is not None
    return UndoableOperation(
        id=str(record.id),
        dataset_name=dataset.name,
        what=record.what,
        state=record.state,
        created_at=record.created_at,
        created_by=record.created_by,
        host=record.host,
        interface=record.interface,
        ended_at=record.ended_at,
        samples_added=record.samples_added,
        samples_deleted=record.samples_deleted,
        samples_changed=record.samples_changed,
        before=None if before is None else before.name,
        after=None if after is None else after.name,
        is_undoable=record.has_ended and has_both and not is_undone,
        undone_by=str(record.undone_by) if is_undone else None,
        undoes=None if record.undoes is None else str(record.undoes),
        error=record.error,
    )


def _is_taken_back(
    record: OperationRecord,
    known: Mapping[ObjectId, SnapshotRecord],
    undos: Mapping[ObjectId, OperationRecord],
) -> bool:
    """Returns whether a revert has taken back the undo of an operation, so that it holds again."""
    undo = None if record.undone_by is None else undos.get(record.undone_by)
    after = None if undo is None or undo.after_id is None else known.get(undo.after_id)
    return after is not None and after.state is SnapshotState.TRASHED


def _usable(record: SnapshotRecord | None) -> SnapshotRecord | None:
    return record if record is not None and record.state is SnapshotState.READY else None


def end_undo(database: Database[Document], undo: OperationRecord, after: SnapshotRecord) -> None:
    """Notes that an undo was made; may be repeated.

    Args:
        database: the database
        undo: the operation that undoes another one
        after: the snapshot that it ended with
    """
    changes = after.changes
    change(
        database,
        undo.id,
        state=UndoableState.DONE.value,
        after_id=after.id,
        ended_at=server_time(database),
        samples_added=changes.num_samples_added if changes else 0,
        samples_deleted=changes.num_samples_deleted if changes else 0,
        samples_changed=changes.num_samples_changed if changes else 0,
    )
    for undone in select(database, {"_id": undo.undoes}):
        change(database, undone.id, undone_by=undo.id)
        if undone.undoes is not None:
            # What an undo had undone is there again
            change(database, undone.undoes, undone_by=None)


def after_undo(database: Database[Document], undo: OperationRecord) -> SnapshotRecord | None:
    """Returns the snapshot that an undo has ended with, or that is being taken.

    Args:
        database: the database
        undo: the undo; if it was recovered, that snapshot has another id than was planned

    Returns:
        the snapshot; None if there is none
    """
    if undo.after_id is None:
        return None
    planned = [{"_id": undo.after_id}, {"name": names.safety(undo.after_id)}]
    query = {"dataset_id": undo.dataset_id, "$or": planned}
    return next(iter(Catalog(database).select(query)), None)


def end_unknown(
    database: Database[Document], record: OperationRecord, error: BaseException
) -> None:
    """Notes that nobody knows what there was after an operation.

    Args:
        database: the database
        record: the operation
        error: why the state after it could not be kept
    """
    state = UndoableState.INTERRUPTED.value
    change(database, record.id, state=state, error=describe.error(error))


def settle(database: Database[Document], dataset_id: ObjectId) -> None:
    """Notes how operations ended whose processes have died, or did not see the end.

    Args:
        database: the database
        dataset_id: the dataset
    """
    query = {"dataset_id": dataset_id, "state": UndoableState.RUNNING.value}
    with unless_forbidden():
        for record in select(database, query):
            is_dead = Holder(**record.by).is_known_dead()
            after = after_undo(database, record)
            if after is not None and after.state is not SnapshotState.CREATING:
                # Its process may be alive, and have given it up before others finished it
                end_undo(database, record, after)
            elif is_dead and record.undoes is None:
                change(database, record.id, state=UndoableState.INTERRUPTED.value)
            elif is_dead:
                # It was taken back, or never begun
                remove(database, [record.id])
