"""Undoing one operation: a merge, of which the state after it is the base.

What was done since stays; what the operation has changed becomes what it was before. What both
have changed is a conflict, to be decided as in any merge.
"""

from __future__ import annotations

from bson import ObjectId
from pymongo.database import Database

from ..catalog import names
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotKind, SnapshotRecord, SnapshotState
from ..dataset.reference import DatasetReference, migrate
from ..diff.versions import SnapshotVersion
from ..errors import ConflictsRemainError, NothingToUndoError
from ..manifest.kept import reading_once
from ..merge import apply as merging
from ..merge import plan as planning
from ..merge import stored_conflicts
from ..merge.finish import Ending
from ..merge.outcome import Outcome
from ..merge.prefer import Preference
from ..merge.store import PlanRecord
from ..mongo.collections import ensure_indexes
from ..mongo.database import Document
from ..operations import journal
from ..progress import Progress, silent
from . import keep, store
from .record import OperationRecord, UndoableState


def plan(
    database: Database[Document],
    dataset: DatasetReference,
    operation_id: str,
    prefer: Preference | None = None,
    progress: Progress = silent,
    outcome: Outcome | None = None,
) -> PlanRecord:
    """Plans the undo of an operation.

    Args:
        database: the database
        dataset: the dataset
        operation_id: the operation
        prefer (None): how conflicts are decided before anybody has looked at them
        progress: told how far it is
        outcome (None): told what becomes of samples

    Returns:
        the plan, which is stored

    Raises:
        OperationNotFoundError: if there is no such operation
        NothingToUndoError: if it cannot be undone
    """
    migrate(dataset)
    ensure_indexes(database)
    store.settle(database, dataset.id)
    record = store.find(database, dataset, operation_id)
    before, after = _states(database, dataset, record)
    version = SnapshotVersion(database, before)
    source = DatasetReference(dataset.id, f"before {record.what}")
    return planning.between(
        database,
        dataset,
        source,
        after,
        version,
        prefer=prefer,
        progress=progress,
        undoes=record.id,
        outcome=outcome,
    )


@reading_once()
def undo(
    database: Database[Document],
    dataset: DatasetReference,
    operation_id: str,
    prefer: Preference | None = None,
    progress: Progress = silent,
) -> tuple[OperationRecord, SnapshotRecord]:
    """Undoes an operation, if nothing is left to decide.

    Args:
        database: the database
        dataset: the dataset
        operation_id: the operation
        prefer (None): how conflicts are decided
        progress: told how far it is

    Returns:
        the undo, which is an operation as well, and the snapshot that it ended with

    Raises:
        OperationNotFoundError: if there is no such operation
        NothingToUndoError: if it cannot be undone
        ConflictsRemainError: if somebody has to decide something before
    """
    outcome = Outcome()
    planned = plan(database, dataset, operation_id, prefer, progress, outcome)
    left = sum(count.open for count in stored_conflicts.counts(database, planned.id))
    if left:
        raise ConflictsRemainError(
            f"What the operation has changed was changed again since, in {left:,} "
            f"place{'s' if left > 1 else ''}, so nothing was undone: decide that with "
            f"resolve_conflicts('{planned.id}', ...), then apply_merge('{planned.id}')"
        )
    return apply(database, dataset, planned, outcome)


@reading_once()
def apply(
    database: Database[Document],
    dataset: DatasetReference,
    planned: PlanRecord,
    outcome: Outcome | None = None,
) -> tuple[OperationRecord, SnapshotRecord]:
    """Applies the plan of an undo.

    Args:
        database: the database
        dataset: the dataset
        planned: the plan
        outcome (None): what was worked out for it, if it was made just now

    Returns:
        the undo, which is an operation as well, and the snapshot that it ended with

    Raises:
        NothingToUndoError: if the operation cannot be undone any more
        ConflictsRemainError: if conflicts are open
        StaleMergeError: if the dataset was edited since it was planned
    """
    merging.check(database, planned)
    record = store.find(database, dataset, str(planned.undoes))
    before, _ = _states(database, dataset, record)
    what = f"undo of {record.what}"
    after_id = ObjectId()
    undoing = keep.begin(database, dataset, what, undoes=record.id, after_id=after_id)
    ending = Ending(
        names.safety(after_id), f"after {what}", after_id, SnapshotKind.SAFETY, undone=record.what
    )
    try:
        after = merging.perform(database, dataset, planned, before, ending, outcome)
    except BaseException:
        # Who presses Ctrl-C as well: it was finished, or taken back, by whoever recovered it
        after_all = store.after_undo(database, undoing)
        is_left = bool(journal.unfinished(database, dataset.id))
        if after_all is None and not is_left:
            store.remove(database, [undoing.id])
        elif after_all is not None and after_all.state is SnapshotState.READY:
            store.end_undo(database, undoing, after_all)
        raise
    store.end_undo(database, undoing, after)
    return store.find(database, dataset, str(undoing.id)), after


def _states(
    database: Database[Document], dataset: DatasetReference, record: OperationRecord
) -> tuple[SnapshotRecord, SnapshotRecord]:
    """Returns the snapshots before and after an operation that can be undone."""
    (told,) = store.told(database, dataset, [record])
    if told.undone_by is not None:
        raise NothingToUndoError(
            f"'{record.what}' was undone already: undo {told.undone_by} to have it again"
        )
    catalog = Catalog(database)
    before = catalog.by_id(record.before_id)
    after = None if record.after_id is None else catalog.by_id(record.after_id)
    if record.state is UndoableState.RUNNING:
        raise NothingToUndoError(f"'{record.what}' is still under way")
    if record.state is UndoableState.INTERRUPTED:
        advice = f"roll back to '{told.before}', which it was before, or restore samples from it"
        why = f"The process of '{record.what}' has died, so nobody knows where it ended"
        if record.error is not None:
            why = f"The state after '{record.what}' could not be kept ({record.error})"
        raise NothingToUndoError(why + (f": {advice}" if told.before else ""))
    if not _is_ready(before) or not _is_ready(after):
        place = "are not kept any more"
        if before is not None and after is not None:
            place = (
                "are in the trash: undo_revert() brings back what a rollback took with it, "
                "restore_snapshot() what was deleted"
            )
        raise NothingToUndoError(f"The states before and after '{record.what}' {place}")
    assert before is not None
    assert after is not None
    return before, after


def _is_ready(record: SnapshotRecord | None) -> bool:
    return record is not None and record.state is SnapshotState.READY
