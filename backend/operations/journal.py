"""Operations: what is being done to a dataset, written down so that a crash can be mended.

Every verb that changes something runs inside :func:`operation`, which takes the dataset's lease
and keeps a journal entry. An entry is RUNNING until the one write that makes the change visible,
COMMITTED until the tidying up after it is done. Whoever uses the dataset next finds an entry of
a dead process and has the verb's own recovery undo a RUNNING one, or finish a COMMITTED one. The
same recovery serves an operation that fails with an exception, so there is one way back only.

A recovery can be killed as well, and a process that was thought dead can wake up. So recoveries
may be repeated, an entry is changed only by the attempt that has it, which is the last one that
took the lease, and what others can see is written so that it fails once somebody else has taken
over: see :mod:`..mongo.fence`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import PyMongoError

from .. import faults
from ..actions import Action
from ..catalog import deployment
from ..catalog.catalog import Catalog
from ..catalog.record import FORMAT_VERSION, SnapshotRecord
from ..config import Settings
from ..errors import DatasetBusyError, LeaseLostError, OutcomeUnknownError
from ..mongo import fence
from ..mongo.collections import JOURNAL, ensure_indexes
from ..mongo.database import Document, is_forbidden, reaching_server
from ..mongo.explanations import explained
from .entry import (
    UNFINISHED,
    Entry,
    OperationState,
    Start,
    get,
    stored_verb,
    unfinished,
    unfinished_datasets,
)
from .lease import Lease, Waiting
from .operation import ATTEMPT, Operation
from .reporting import begun

__all__ = [
    "Entry",
    "Operation",
    "OperationState",
    "Recovery",
    "get",
    "operation",
    "recover",
    "recovers",
    "unfinished",
    "unfinished_datasets",
]

Recovery = Callable[[Operation], None]
"""Undoes a RUNNING operation or finishes a COMMITTED one; may be called repeatedly. If it finds
that the change was made although nobody lived to write that down, it commits."""

_BRIEF = Action.CAPTURE_MEDIA.value
"""Nobody need have asked for that, so nobody is refused anything because of it: it only stores
what was found before."""

_recoveries: dict[Action, Recovery] = {}


def recovers(verb: Action) -> Callable[[Recovery], Recovery]:
    """Registers a verb's recovery.

    Args:
        verb: the verb

    Returns:
        a decorator
    """

    def register(recovery: Recovery) -> Recovery:
        _recoveries[verb] = recovery
        return recovery

    return register


@contextmanager
def operation(
    database: Database[Document],
    dataset_id: ObjectId,
    verb: Action,
    *,
    wait_seconds: float | None = None,
    while_waiting: Waiting | None = None,
    snapshot_of: str | None = None,
    **details: Any,
) -> Iterator[Operation]:
    """Runs an operation: alone on its dataset, and so that a crash can be mended.

    What an earlier operation left unfinished is recovered first. If the block raises, the
    operation is undone, or finished if it had been committed.

    Args:
        database: the database
        dataset_id: the dataset
        verb: what is done
        wait_seconds (None): how long to wait for other operations on the dataset; by default, as
            the settings say
        while_waiting (None): called again and again while waiting; may raise to give up
        snapshot_of (None): the dataset's name, if the snapshot called ``snapshot_name`` must be
            there and is to be read as it is then, see :attr:`Operation.snapshot`
        **details: what a recovery will need to know

    Returns:
        a context manager giving the :class:`Operation`

    Raises:
        SnapshotNotFoundError: if there is no such snapshot; nothing is written down then
        DatasetBusyError: if another operation holds the dataset for too long
        DatabaseError: if MongoDB failed before anything was changed
        OutcomeUnknownError: if it failed when or after the change was made
    """
    assert verb in _recoveries, f"Nobody has registered a recovery of {verb.value}"
    wait = Settings.load().lock_wait_seconds if wait_seconds is None else wait_seconds
    snapshot: SnapshotRecord | None = None

    def find_snapshot() -> None:
        # Nobody waits for what is not there
        Catalog(database).get(dataset_id, details["snapshot_name"], str(snapshot_of))

    if snapshot_of is not None and while_waiting is None:
        while_waiting = find_snapshot
    with (
        reaching_server(),
        Lease(database, dataset_id, f"{verb.value}", wait, while_waiting, _BRIEF) as lease,
    ):
        if ensure_indexes(database):
            # Before anybody can copy what this operation does
            deployment.note(database)
        name = None if snapshot_of is None else details["snapshot_name"]
        start = Start.of(database, dataset_id, name)
        snapshot = start.snapshot
        if _recover_unfinished(database, lease, start.unfinished):
            snapshot = None
        else:
            fence.keep(start.along)
        if snapshot_of is not None and snapshot is None:
            snapshot = Catalog(database).get(dataset_id, details["snapshot_name"], snapshot_of)
        entry = _begin(database, lease, dataset_id, verb, details)
        running = Operation(database, lease, entry, snapshot)
        begun(running.entry)
        try:
            faults.reach(f"{stored_verb(verb)}.begun")
            yield running
            faults.reach(f"{stored_verb(verb)}.finishing")
            if not running.is_finished:
                running.finish(OperationState.DONE)
        except BaseException as error:
            _recover_after(running, lease, error)
            raise


def _recover_after(running: Operation, lease: Lease, error: BaseException) -> None:
    """Undoes or finishes a failed operation, and tells the caller as much as can be known."""
    is_done: bool | None = None
    try:
        if isinstance(error, LeaseLostError):
            raise error
        lease.ensure()
        entry = get(running.database, str(running.id))
        mended = Operation(running.database, lease, entry)
        mended.is_recovery = True
        _recover(mended, error=repr(error))
        is_done = mended.is_committed
    except LeaseLostError as lost:
        # The new holder recovers this entry; touching anything now could harm its work
        if running.may_be_committed:
            raise _outcome_unknown(running, str(lost)) from error
        if lost is not error:
            raise lost from error
    except PyMongoError:
        # The next use of the dataset recovers the entry
        if not isinstance(error, PyMongoError):
            if running.may_be_committed and isinstance(error, Exception):
                raise _outcome_unknown(running, str(error)) from error
            return
    if not isinstance(error, PyMongoError) or is_forbidden(error):
        return
    if is_done or (is_done is None and running.may_be_committed):
        raise _outcome_unknown(running, str(explained(error))) from error
    left = "; what was prepared is removed at its next use" if is_done is None else ""
    raise explained(error, f"The dataset was not changed{left}.") from error


def _outcome_unknown(running: Operation, reason: str) -> OutcomeUnknownError:
    return OutcomeUnknownError(
        f"It is not known whether the {running.entry.verb.value} was completed ({reason}). It is "
        f"finished or undone at the next use of the dataset; get_operation('{running.id}') tells "
        "which.",
        str(running.id),
    )


def recover(database: Database[Document], dataset_id: ObjectId) -> int:
    """Mends what dead processes left unfinished, unless a living one holds the dataset.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        the number of operations that were undone or finished
    """
    if not unfinished(database, dataset_id):
        return 0
    try:
        with Lease(database, dataset_id, "recovery", wait_seconds=0) as lease:
            return _recover_unfinished(database, lease, unfinished(database, dataset_id))
    except DatasetBusyError:
        return 0


Listener: TypeAlias = Callable[[ObjectId], Document]
"""Told the id of an operation that begins; returns what its entry is to keep."""

_listeners: list[Listener] = []


def when_begun(listener: Listener) -> Listener:
    """Makes a function be told of every operation that begins.

    Args:
        listener: the function

    Returns:
        the function
    """
    _listeners.append(listener)
    return listener


def _told_of_beginning(operation_id: ObjectId) -> Document:
    kept: Document = {}
    for listener in _listeners:
        kept.update(listener(operation_id))
    return kept


def _begin(
    database: Database[Document],
    lease: Lease,
    dataset_id: ObjectId,
    verb: Action,
    details: dict[str, Any],
) -> Entry:
    operation_id = ObjectId()
    document: Document = {
        "_id": operation_id,
        "format": FORMAT_VERSION,
        "dataset_id": dataset_id,
        "verb": stored_verb(verb),
        "state": OperationState.RUNNING.value,
        "details": details,
        "started_at": lease.since,
        ATTEMPT: lease.token,
        **_told_of_beginning(operation_id),
    }
    database[JOURNAL].insert_one(document)
    return Entry.from_document(document)


def _recover_unfinished(database: Database[Document], lease: Lease, entries: list[Entry]) -> int:
    if entries:
        fence.end_others(database)
    for entry in entries:
        left = Operation(database, lease, entry)
        left.claim()
        _recover(left)
    return len(entries)


def _recover(unfinished: Operation, error: str | None = None) -> None:
    # What failed may have been written all the same
    fence.forget()
    faults.reach(f"{stored_verb(unfinished.entry.verb)}.recovering")
    if unfinished.entry.state.value in UNFINISHED:
        _recoveries[unfinished.entry.verb](unfinished)
        faults.reach(f"{stored_verb(unfinished.entry.verb)}.recovered")
        state = OperationState.DONE if unfinished.is_committed else OperationState.UNDONE
        unfinished.finish(state, error)
