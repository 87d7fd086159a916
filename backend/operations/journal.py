"""Operations: what is being done to a dataset, written down so that a crash can be mended.

Every verb that changes something runs inside :func:`operation`, which takes the dataset's lease
and keeps a journal entry. An entry is RUNNING until the one write that makes the change visible,
COMMITTED until the tidying up after it is done. Whoever uses the dataset next finds an entry of
a dead process and has the verb's own recovery undo a RUNNING one, or finish a COMMITTED one. The
same recovery serves an operation that fails with an exception, so there is one way back only.

A recovery can be killed as well, and a process that was thought dead can wake up. So recoveries
may be repeated, an entry is changed only by the attempt that has it, which is the last one that
took the lease, and what others can see is written so that it fails once somebody else has taken
over: see :mod:`.fence`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

from .. import faults
from ..access.arguments import checked
from ..catalog import deployment
from ..catalog.record import FORMAT_VERSION
from ..config import Settings
from ..errors import DatasetBusyError, LeaseLostError, OperationCancelledError, OutcomeUnknownError
from ..mongo import fence
from ..mongo.collections import JOURNAL, ensure_indexes
from ..mongo.database import Document, durable, is_forbidden, reaching_server, server_time
from ..mongo.explanations import explained
from ..progress import Progress, silent
from .entry import UNFINISHED, Entry, OperationState, Verb, get, unfinished, unfinished_datasets
from .lease import Lease, Waiting

__all__ = [
    "Entry",
    "Operation",
    "OperationState",
    "Recovery",
    "Verb",
    "announcing",
    "get",
    "operation",
    "recover",
    "recovers",
    "reporter",
    "reporting",
    "unfinished",
    "unfinished_datasets",
]

_PROGRESS_INTERVAL_SECONDS = 0.5
_LOOK_INTERVAL_SECONDS = 0.5
"""How often an operation looks whether it is to be given up; before it commits it always does."""

_ATTEMPT = "attempt"
"""In an entry, the token of the lease under which it may be changed."""


class Operation:
    """An operation that is under way, or is being recovered."""

    def __init__(self, database: Database[Document], lease: Lease, entry: Entry) -> None:
        self.database = database
        self.entry = entry
        self.is_committed = entry.is_committed
        self.is_recovery = False
        """Whether another attempt may have been at it before."""
        self._may_be_committed = entry.is_committed
        self._lease = lease
        self._last_progress = 0.0
        self._last_look = 0.0

    @property
    def id(self) -> ObjectId:
        """The operation's id, by which :func:`get` finds it."""
        return self.entry.id

    @property
    def dataset_id(self) -> ObjectId:
        """The dataset that it changes."""
        return self.entry.dataset_id

    @property
    def details(self) -> dict[str, Any]:
        """What was noted."""
        return self.entry.details

    @property
    def may_be_committed(self) -> bool:
        """Whether the write that makes the change visible may have been sent."""
        return self._may_be_committed

    def step(self, done: str) -> None:
        """Marks what was just done.

        Args:
            done: a name for it

        Raises:
            OperationCancelledError: if somebody asked for it to be given up
        """
        faults.reach(f"{self.entry.verb.value}.{done}")
        now = time.monotonic()
        if now - self._last_look >= _LOOK_INTERVAL_SECONDS:
            self._last_look = now
            self._look()

    def certain(self, done: str) -> None:
        """Like :meth:`step`, before a write that can carry no condition.

        Args:
            done: a name for what was just done

        Raises:
            LeaseLostError: if another process has taken over the dataset
            OperationCancelledError: if somebody asked for it to be given up
        """
        faults.reach(f"{self.entry.verb.value}.{done}")
        self._lease.ensure()
        self._look()

    def _look(self) -> None:
        if not self._may_be_committed:
            self._heed(self.database[JOURNAL].find_one({"_id": self.id}))

    def committing(self, done: str) -> None:
        """Like :meth:`certain`, before the write that makes the change visible.

        From here on a broken connection leaves the outcome unknown.

        Args:
            done: a name for what was just done
        """
        self.certain(done)
        self._may_be_committed = True

    def note(self, **details: Any) -> None:
        """Writes down what a recovery will need to know.

        Args:
            **details: values to remember

        Raises:
            LeaseLostError: if another process has recovered the operation
        """
        self.entry.details.update(details)
        changes = {f"details.{key}": value for key, value in details.items()}
        self._set(self.database[JOURNAL], changes)

    def commit(self, **details: Any) -> None:
        """Writes down that the change is made, so that from now on it is finished, not undone.

        Once this returns, neither a crash of the server nor the loss of a member of a replica set
        can take the change back: with this write, all that came before is on disk.

        Args:
            **details: values to remember

        Raises:
            LeaseLostError: if another process has recovered the operation
        """
        self._may_be_committed = True
        faults.reach(f"{self.entry.verb.value}.changed")
        self.entry.details.update(details)
        changes: Document = {f"details.{key}": value for key, value in details.items()}
        changes["state"] = OperationState.COMMITTED.value
        self._set(durable(self.database[JOURNAL]), changes)
        self.is_committed = True
        faults.reach(f"{self.entry.verb.value}.committed")

    def finish(self, state: OperationState, error: str | None = None) -> None:
        """Writes down that nothing is left to do.

        Args:
            state: what became of it
            error (None): what it ended with

        Raises:
            LeaseLostError: if another process has recovered the operation
        """
        finished_at = server_time(self.database)
        changes: Document = {"state": state.value, "finished_at": finished_at, "error": error}
        self._set(self.database[JOURNAL], changes)

    def claim(self) -> None:
        """Makes this the attempt that may change the entry.

        Raises:
            LeaseLostError: if another process has taken over the dataset
        """
        fence.change(self.database[JOURNAL], self.id, {_ATTEMPT: self._lease.token})
        self.is_recovery = True

    def _mine(self) -> Document:
        state = {"$in": UNFINISHED}
        return {"_id": self.id, "state": state, _ATTEMPT: self._lease.token}

    def _set(self, journal: Collection[Document], changes: Document) -> None:
        if journal.update_one(self._mine(), {"$set": changes}).matched_count == 0:
            raise LeaseLostError(
                f"Another process has taken over the dataset and recovered this "
                f"{self.entry.verb.value}"
            )

    def progress(self, fraction: float, label: str) -> None:
        """Tells others how far the operation is.

        Args:
            fraction: from 0 to 1
            label: what is being done

        Raises:
            OperationCancelledError: if somebody asked for it to be given up
        """
        _on_progress.get()(fraction, label)
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_INTERVAL_SECONDS:
            self._last_progress = now
            self._heed(
                self.database[JOURNAL].find_one_and_update(
                    self._mine(), {"$set": {"progress": fraction, "label": label}}
                )
            )

    def _heed(self, document: Document | None) -> None:
        """Gives up if asked to; once the change is made, it is too late for that.

        A recovery starts from an entry that is cancelled already: undoing must not be given up.
        """
        if self._may_be_committed or self.entry.is_cancelled:
            return
        if document and document.get("cancelled"):
            raise OperationCancelledError(f"The {self.entry.verb.value} was cancelled")


Recovery = Callable[[Operation], None]
"""Undoes a RUNNING operation or finishes a COMMITTED one; may be called repeatedly. If it finds
that the change was made although nobody lived to write that down, it commits."""

_recoveries: dict[Verb, Recovery] = {}


def recovers(verb: Verb) -> Callable[[Recovery], Recovery]:
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


_on_begin: ContextVar[Callable[[Entry], None] | None] = ContextVar("on_begin", default=None)


@contextmanager
def announcing(listener: Callable[[Entry], None]) -> Iterator[None]:
    """Tells a caller further up which operations are begun, so that it can follow them.

    Args:
        listener: called with the entry of each operation that this context begins

    Returns:
        a context manager
    """
    token = _on_begin.set(listener)
    try:
        yield
    finally:
        _on_begin.reset(token)


_on_progress: ContextVar[Progress] = ContextVar("on_progress", default=silent)


@checked
@contextmanager
def reporting(progress: Progress) -> Iterator[None]:
    """Tells a caller further up how far operations are, each from 0 to 1.

    Args:
        progress: called with the fraction that is done and what is being done

    Returns:
        a context manager
    """
    token = _on_progress.set(progress)
    try:
        yield
    finally:
        _on_progress.reset(token)


def reporter() -> Progress:
    """Returns what tells a caller further up, if there is one, how far something is."""
    return _on_progress.get()


@contextmanager
def operation(
    database: Database[Document],
    dataset_id: ObjectId,
    verb: Verb,
    *,
    wait_seconds: float | None = None,
    while_waiting: Waiting | None = None,
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
        **details: what a recovery will need to know

    Returns:
        a context manager giving the :class:`Operation`

    Raises:
        DatasetBusyError: if another operation holds the dataset for too long
        DatabaseError: if MongoDB failed before anything was changed
        OutcomeUnknownError: if it failed when or after the change was made
    """
    assert verb in _recoveries, f"Nobody has registered a recovery of {verb.value}"
    wait = Settings.load().lock_wait_seconds if wait_seconds is None else wait_seconds
    with (
        reaching_server(),
        Lease(database, dataset_id, f"{verb.value}", wait, while_waiting) as lease,
    ):
        if ensure_indexes(database):
            # Before anybody can copy what this operation does
            deployment.note(database)
        _recover_unfinished(database, lease, dataset_id)
        entry = _begin(database, dataset_id, verb, details, lease.token)
        running = Operation(database, lease, entry)
        if listener := _on_begin.get():
            listener(running.entry)
        try:
            faults.reach(f"{verb.value}.begun")
            yield running
            faults.reach(f"{verb.value}.finishing")
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
            return _recover_unfinished(database, lease, dataset_id)
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
    dataset_id: ObjectId,
    verb: Verb,
    details: dict[str, Any],
    attempt: str,
) -> Entry:
    operation_id = ObjectId()
    document: Document = {
        "_id": operation_id,
        "format": FORMAT_VERSION,
        "dataset_id": dataset_id,
        "verb": verb.value,
        "state": OperationState.RUNNING.value,
        "details": details,
        "started_at": server_time(database),
        _ATTEMPT: attempt,
        **_told_of_beginning(operation_id),
    }
    database[JOURNAL].insert_one(document)
    return Entry.from_document(document)


def _recover_unfinished(database: Database[Document], lease: Lease, dataset_id: ObjectId) -> int:
    entries = unfinished(database, dataset_id)
    if entries:
        fence.end_others(database)
    for entry in entries:
        left = Operation(database, lease, entry)
        left.claim()
        _recover(left)
    return len(entries)


def _recover(unfinished: Operation, error: str | None = None) -> None:
    faults.reach(f"{unfinished.entry.verb.value}.recovering")
    if unfinished.entry.state.value in UNFINISHED:
        _recoveries[unfinished.entry.verb](unfinished)
        faults.reach(f"{unfinished.entry.verb.value}.recovered")
        state = OperationState.DONE if unfinished.is_committed else OperationState.UNDONE
        unfinished.finish(state, error)
