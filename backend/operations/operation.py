"""An operation that is under way: its entry in the journal, and what it may still do.

An entry is changed only by the attempt that has it, which is the last one that took the lease.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.database import Database

from .. import faults
from ..catalog.record import SnapshotRecord
from ..errors import LeaseLostError, OperationCancelledError
from ..mongo import fence
from ..mongo.collections import JOURNAL
from ..mongo.database import Document, durable
from .entry import UNFINISHED, Entry, OperationState, stored_verb
from .lease import Lease
from .reporting import reporter

_PROGRESS_INTERVAL_SECONDS = 0.5
_LOOK_INTERVAL_SECONDS = 0.5
"""How often an operation looks whether it is to be given up; before it commits it always does."""

ATTEMPT = "attempt"
"""In an entry, the token of the lease under which it may be changed."""


class Operation:
    """An operation that is under way, or is being recovered."""

    def __init__(
        self,
        database: Database[Document],
        lease: Lease,
        entry: Entry,
        snapshot: SnapshotRecord | None = None,
    ) -> None:
        self.database = database
        self.entry = entry
        self._snapshot = snapshot
        self.is_finished = False
        self.is_committed = entry.is_committed
        self.is_recovery = False
        """Whether another attempt may have been at it before."""
        self._may_be_committed = entry.is_committed
        self._lease = lease
        # Nobody wants to know of what takes no time, or can have asked for it to be given up
        self._last_progress = self._last_look = time.monotonic()

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

    @property
    def snapshot(self) -> SnapshotRecord:
        """The snapshot that it is about, as it was when the lease was taken."""
        assert self._snapshot is not None, "The operation was begun without saying which"
        return self._snapshot

    def step(self, done: str) -> None:
        """Marks what was just done.

        Args:
            done: a name for it

        Raises:
            OperationCancelledError: if somebody asked for it to be given up
        """
        faults.reach(f"{stored_verb(self.entry.verb)}.{done}")
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
        faults.reach(f"{stored_verb(self.entry.verb)}.{done}")
        for document in fence.read(self.database[JOURNAL], {"_id": self.id}):
            self._heed(document)

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

    @contextmanager
    def decided(self, **details: Any) -> Iterator[None]:
        """Like :meth:`note` and :meth:`committing`, where the visible write carries its condition.

        Args:
            **details: values to remember

        Returns:
            a context manager for the visible write, which fails if the lease is lost

        Raises:
            LeaseLostError: if another process has recovered the operation
            OperationCancelledError: if somebody asked for it to be given up
        """
        self.entry.details.update(details)
        changes = {f"details.{key}": value for key, value in details.items()}
        document = self.database[JOURNAL].find_one_and_update(self._mine(), {"$set": changes})
        if document is None:
            raise self._recovered()
        self._heed(document)
        faults.reach(f"{stored_verb(self.entry.verb)}.noted")
        self._may_be_committed = True
        try:
            yield
        except LeaseLostError:
            # The server has refused the write, so nothing was changed
            self._may_be_committed = False
            raise

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

    def complete(self) -> None:
        """Like :meth:`commit`, if nothing is left to do: the operation is finished as well.

        Raises:
            LeaseLostError: if another process has recovered the operation
        """
        self._may_be_committed = True
        faults.reach(f"{stored_verb(self.entry.verb)}.changed")
        changes: Document = {"state": OperationState.DONE.value, "error": None}
        self._set(durable(self.database[JOURNAL]), changes, dated="finished_at")
        self.is_committed = self.is_finished = True
        faults.reach(f"{stored_verb(self.entry.verb)}.committed")

    def commit(self, *, timed: bool = False, **details: Any) -> None:
        """Writes down that the change is made, so that from now on it is finished, not undone.

        Once this returns, neither a crash of the server nor the loss of a member of a replica set
        can take the change back: with this write, all that came before is on disk.

        Args:
            timed (False): whether to remember when that was, on the server's clock, as ``at``
            **details: values to remember

        Raises:
            LeaseLostError: if another process has recovered the operation
        """
        self._may_be_committed = True
        faults.reach(f"{stored_verb(self.entry.verb)}.changed")
        self.entry.details.update(details)
        changes: Document = {f"details.{key}": value for key, value in details.items()}
        changes["state"] = OperationState.COMMITTED.value
        self._set(durable(self.database[JOURNAL]), changes, dated="details.at" if timed else None)
        self.is_committed = True
        faults.reach(f"{stored_verb(self.entry.verb)}.committed")

    def finish(self, state: OperationState, error: str | None = None) -> None:
        """Writes down that nothing is left to do.

        Args:
            state: what became of it
            error (None): what it ended with

        Raises:
            LeaseLostError: if another process has recovered the operation
        """
        changes: Document = {"state": state.value, "error": error}
        self._set(self.database[JOURNAL], changes, dated="finished_at")

    def claim(self) -> None:
        """Makes this the attempt that may change the entry.

        Raises:
            LeaseLostError: if another process has taken over the dataset
        """
        fence.change(self.database[JOURNAL], self.id, {ATTEMPT: self._lease.token})
        self.is_recovery = True

    def _mine(self) -> Document:
        state = {"$in": UNFINISHED}
        return {"_id": self.id, "state": state, ATTEMPT: self._lease.token}

    def _set(
        self, journal: Collection[Document], changes: Document, dated: str | None = None
    ) -> None:
        update: Document = {"$set": changes}
        if dated is not None:
            # On the server's clock, without asking for the time first
            update["$currentDate"] = {dated: True}
        document = journal.find_one_and_update(
            self._mine(), update, {"details.at": 1}, return_document=ReturnDocument.AFTER
        )
        if document is None:
            raise self._recovered()
        self.entry.details.update(document.get("details", {}))

    def _recovered(self) -> LeaseLostError:
        return LeaseLostError(
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
        reporter()(fraction, label)
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
