"""How long safety snapshots are kept.

Kept are the states around the newest operations, the newest one of all, and of every last hour,
day and week that has any the newest one. Pinned snapshots, bases of branches, and what a planned
undo needs are never touched; nor is anything that somebody has given a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..config import Settings
from ..merge import store as merges
from ..merge.record import MergeState
from ..mongo.database import Document
from ..operations.journal import Operation
from ..trash import trash
from . import store
from .record import OperationRecord, UndoableState


def apply(running: Operation) -> None:
    """Destroys the safety snapshots of a dataset that no rule keeps, and forgets operations.

    Args:
        running: the operation that holds the dataset
    """
    database, dataset_id = running.database, running.dataset_id
    records = [each for each in Catalog(database).list(dataset_id, safety=True) if each.is_safety]
    operations = store.select(database, {"dataset_id": dataset_id})
    settings = Settings.load()
    kept = _needed(database, operations, settings.safety_keep)
    kept |= kept_by_time({record.id: record.created_at for record in records}, settings)
    for record in records:
        if record.id not in kept:
            _destroy(running, record)
    left = {each.id for each in Catalog(database).list_all(dataset_id)}
    gone = [
        each.id
        for each in operations
        if each.state is not UndoableState.RUNNING
        and not {each.before_id, each.after_id or each.before_id} <= left
    ]
    store.remove(database, gone)


def kept_by_time(created: Mapping[ObjectId, datetime], settings: Settings) -> set[ObjectId]:
    """Tells which safety snapshots are kept whatever they are of.

    Args:
        created: when each was created, oldest first
        settings: how many hours, days and weeks count

    Returns:
        the newest one, with which the next one is compared, and the newest one each of the last
        hours, days and weeks that have any
    """
    newest_first = [*created.items()][::-1]
    kept = {id_ for id_, _ in newest_first[:1]}
    for count, period in (
        (settings.safety_hours, _hour),
        (settings.safety_days, _day),
        (settings.safety_weeks, _week),
    ):
        kept |= _newest_of_each(newest_first, count, period)
    return kept


def destroy_unneeded(running: Operation, record: SnapshotRecord) -> None:
    """Destroys a safety snapshot unless an operation or anybody else needs it.

    Args:
        running: the operation that holds the dataset
        record: the snapshot
    """
    operations = store.select(running.database, {"dataset_id": running.dataset_id})
    if record.is_safety and record.id not in _needed(running.database, operations, None):
        _destroy(running, record)


def _destroy(running: Operation, record: SnapshotRecord) -> None:
    current = Catalog(running.database).by_id(record.id)
    if current is None or current.pinned or current.held_by:
        return
    trash.destroy_snapshot(running.database, current)
    running.step("destroyed_safety")


def _needed(
    database: Database[Document], operations: list[OperationRecord], count: int | None
) -> set[ObjectId]:
    """Returns the states around operations: those under way, the newest, those being undone."""
    if not operations:
        return set()
    target = operations[0].dataset_id
    is_open = {"target_id": target, "branch_id": target, "state": MergeState.OPEN.value}
    undone = {plan.undoes for plan in merges.select(database, is_open)}
    ended = [each for each in operations if each.state is not UndoableState.RUNNING]
    newest = {each.id for each in (ended if count is None else ended[-count:])}
    wanted = [
        each
        for each in operations
        if each.state is UndoableState.RUNNING or each.id in newest or each.id in undone
    ]
    needed = {id_ for each in wanted for id_ in (each.before_id, each.after_id) if id_ is not None}
    undos = [each for each in wanted if each.state is UndoableState.RUNNING and each.after_id]
    return needed | {after.id for undo in undos if (after := store.after_undo(database, undo))}


def _newest_of_each(
    newest_first: Iterable[tuple[ObjectId, datetime]],
    count: int,
    period: Callable[[datetime], object],
) -> set[ObjectId]:
    found: dict[object, ObjectId] = {}
    for id_, created_at in newest_first:
        found.setdefault(period(created_at), id_)
    return set(list(found.values())[:count])


def _hour(time: datetime) -> object:
    return time.replace(minute=0, second=0, microsecond=0)


def _day(time: datetime) -> object:
    return time.date()


def _week(time: datetime) -> object:
    return time.isocalendar()[:2]
