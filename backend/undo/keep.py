"""Keeping the states before and after an operation, as safety snapshots.

Nothing is stored that is there already: if the dataset still is what its newest snapshot holds,
that one is the state before; and if an operation has changed nothing, it has not happened.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from bson import ObjectId
from pymongo.database import Database

from ..access import actor
from ..actions import Action
from ..audit import describe
from ..catalog import names
from ..catalog.catalog import Catalog
from ..catalog.record import (
    SampleChangeSummary,
    SnapshotKind,
    SnapshotRecord,
    SnapshotState,
)
from ..config import Settings
from ..dataset.parts import Head, Part
from ..dataset.reference import DatasetReference, migrate
from ..diff import changes
from ..diff.unchanged import is_unchanged
from ..diff.versions import HeadVersion, SnapshotVersion
from ..merge import surroundings
from ..merge.side import Side
from ..mongo.database import Document, server_time
from ..operations.journal import Operation, operation, recovers
from ..operations.lease import Holder
from ..snapshots import create
from . import estimate, retention, store
from .record import OperationRecord, UndoableState


def begin(
    database: Database[Document],
    dataset: DatasetReference,
    what: str,
    *,
    undoes: ObjectId | None = None,
    after_id: ObjectId | None = None,
) -> OperationRecord:
    """Keeps the state before an operation.

    Args:
        database: the database
        dataset: the dataset
        what: what is about to be done, for people
        undoes (None): the operation that it takes back
        after_id (None): the snapshot that there will be after it, if that is known

    Returns:
        the operation, which is stored

    Raises:
        DatasetBusyError: if another operation holds the dataset for too long
        ConcurrentWritesError: if the dataset is written to all the time
    """
    migrate(dataset)
    store.settle(database, dataset.id)
    catalog, snapshot_id = Catalog(database), ObjectId()
    who = actor.current()
    with held(database, dataset, Action.BEGIN_OPERATION, snapshot_id) as running:
        before = catalog.latest(dataset.id, safety=True)
        is_there = before is not None and is_same(database, before)
        if before is None or not is_there:
            before = capture(running, before, f"before {what}")
        record = OperationRecord(
            id=ObjectId(),
            dataset_id=dataset.id,
            what=what,
            state=UndoableState.RUNNING,
            created_at=server_time(database),
            created_by=None if who.user is None else describe.text(who.user),
            host=who.host,
            interface=who.interface.value,
            by=Holder.this_process().to_document(),
            before_id=before.id,
            made_before=not is_there,
            after_id=after_id,
            undoes=undoes,
        )
        store.add(database, record)
        running.step("noted_operation")
    return record


def end(
    database: Database[Document],
    dataset: DatasetReference,
    record: OperationRecord,
    error: BaseException | None = None,
) -> OperationRecord | None:
    """Keeps the state after an operation.

    Args:
        database: the database
        dataset: the dataset
        record: the operation
        error (None): what it has raised

    Returns:
        the operation as it is now; None if nothing has changed, and so nothing is kept of it

    Raises:
        DatasetBusyError: if another operation holds the dataset for too long
        ConcurrentWritesError: if the dataset is written to all the time
    """
    catalog, snapshot_id = Catalog(database), ObjectId()
    with held(database, dataset, Action.END_OPERATION, snapshot_id) as running:
        before = catalog.by_id(record.before_id)
        newest = catalog.latest(dataset.id, safety=True)
        is_kept = before is not None and before.state is SnapshotState.READY
        if before is not None and is_kept and is_same(database, before):
            store.remove(database, [record.id])
            running.step("forgot_operation")
            if record.made_before:
                retention.destroy_unneeded(running, before)
            return None
        if newest is not None and newest.id != record.before_id and is_same(database, newest):
            # Somebody has taken a snapshot of it meanwhile
            after = newest
            counted = changes.since_previous(database, before if is_kept else None, newest)
        else:
            after = capture(running, before if is_kept else newest, f"after {record.what}")
            counted = after.changes
        values = _ended(database, after, counted if is_kept else None, error)
        store.change(database, record.id, **values)
        running.step("noted_operation")
        retention.apply(running)
    return OperationRecord.from_document({**record.to_document(), **values})


def is_same(database: Database[Document], record: SnapshotRecord) -> bool:
    """Returns whether a dataset is what a snapshot holds, with everything that a merge looks at.

    Args:
        database: the database
        record: a snapshot of it

    Returns:
        True/False
    """
    then = Side(database, SnapshotVersion(database, record))
    now = Side(database, HeadVersion(Head(database, record.dataset_id)))
    for part in (Part.SAMPLES, Part.FRAMES):
        was, is_ = (set(map(surroundings.index_key, side.indexes(part))) for side in (then, now))
        if was != is_:
            return False
    return is_unchanged(database, record)


def held(
    database: Database[Document], dataset: DatasetReference, verb: Action, snapshot_id: ObjectId
) -> AbstractContextManager[Operation]:
    """Holds a dataset to take a safety snapshot of it.

    Args:
        database: the database
        dataset: the dataset
        verb: what is done
        snapshot_id: the snapshot that there may be

    Returns:
        a context manager
    """
    facts = Catalog(database).dataset_facts(dataset.id)
    return operation(
        database,
        dataset.id,
        verb,
        snapshot_id=snapshot_id,
        snapshot_name=names.safety(snapshot_id),
        # A dataset whose history was converted stays with that backend
        backend=facts.get("backend", Settings.load().backend),
    )


def capture(
    running: Operation, previous: SnapshotRecord | None, description: str
) -> SnapshotRecord:
    """Takes the safety snapshot that an operation has announced.

    Args:
        running: the operation
        previous: the newest snapshot, if any
        description: what it is of, for people

    Returns:
        the snapshot
    """
    name = running.details["snapshot_name"]
    record = SnapshotRecord(
        id=running.details["snapshot_id"],
        dataset_id=running.dataset_id,
        name=name,
        slug=names.slug(name),
        description=describe.text(description),
        sequence=Catalog(running.database).next_sequence(running.dataset_id),
        state=SnapshotState.CREATING,
        backend=running.details["backend"],
        created_at=running.entry.started_at,
        created_by=actor.current().user,
        kind=SnapshotKind.SAFETY,
    )
    began = time.monotonic()
    record, captured = create.capture(running, record, previous)
    seconds = time.monotonic() - began
    estimate.note(running.database, running.dataset_id, record.size_bytes, seconds)
    running.committing("summarized")
    create.complete(running, record)
    running.commit()
    return create.finish(running, record, captured)


def _ended(
    database: Database[Document],
    after: SnapshotRecord,
    counted: SampleChangeSummary | None,
    error: BaseException | None,
) -> Document:
    return {
        "state": (UndoableState.DONE if error is None else UndoableState.FAILED).value,
        "after_id": after.id,
        "ended_at": server_time(database),
        "samples_added": 0 if counted is None else counted.num_samples_added,
        "samples_deleted": 0 if counted is None else counted.num_samples_deleted,
        "samples_changed": 0 if counted is None else counted.num_samples_changed,
        "error": None if error is None else describe.error(error),
    }


@recovers(Action.BEGIN_OPERATION)
@recovers(Action.END_OPERATION)
@recovers(Action.SCHEDULE)
def _recover(running: Operation) -> None:
    """Removes a safety snapshot that was not completed; what was edited stays as it is."""
    create.recover(running)
