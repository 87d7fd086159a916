"""Noting an action in the audit log when it has ended, whatever came of it.

The journal carries what is known of an action from its beginning, until its event is in the log.
So nothing is lost that changed something: if its process dies first, or the log cannot be reached,
whoever uses the dataset next appends the event (:func:`catch_up`). What was done is done: a log
that cannot be written is warned of, and is never an error of the action.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.database import Database

from ..access.actor import current
from ..actions import Action
from ..errors import SnapshotPermissionError
from ..mongo.collections import JOURNAL
from ..mongo.database import Document, server_time
from ..operations.entry import OperationState
from ..operations.journal import when_begun
from ..operations.lease import Holder
from . import describe, log
from .event import Outcome

logger = logging.getLogger(__name__)

UNTOLD: Document = {"untold": {"$exists": True}, "finished_at": {"$exists": True}}
"""Finds the entries of operations that have ended, and that the log may lack."""

_WAIT_SECONDS = 10

_PATIENCE = timedelta(minutes=10)
"""How long a process may take from the end of an operation to its event."""


@dataclass
class Recording:
    """An action that is under way."""

    action: Action
    dataset: str | None
    dataset_id: ObjectId | None
    snapshot: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    operations: list[ObjectId] = field(default_factory=list)
    result: object = None
    """What it returned, to be set by whoever runs it."""
    is_incidental: bool = False
    """Whether it is nothing worth a note unless it has begun an operation."""

    def draft(self) -> dict[str, Any]:
        """Returns what can be said before it has ended."""
        actor = current()
        return {
            "user": None if actor.user is None else describe.text(actor.user),
            "host": actor.host,
            "interface": actor.interface.value,
            "action": self.action.value,
            "dataset": None if self.dataset is None else describe.text(self.dataset),
            "dataset_id": None if self.dataset_id is None else str(self.dataset_id),
            "snapshot": None if self.snapshot is None else describe.text(self.snapshot),
            "parameters": describe.parameters(self.arguments),
        }


_current: ContextVar[Recording | None] = ContextVar("recording", default=None)


def is_recording() -> bool:
    """Returns whether what runs now is part of an action that will be noted."""
    return _current.get() is not None


def about(dataset: str, dataset_id: ObjectId) -> None:
    """Tells the current action, if any is recorded, which dataset it turned out to be about.

    Args:
        dataset: the name of the dataset
        dataset_id: its id
    """
    if (recorded := _current.get()) is not None:
        recorded.dataset, recorded.dataset_id = dataset, dataset_id


def detail(snapshot: str | None = None, **parameters: object) -> None:
    """Tells the current action, if any is recorded, what its arguments turned out to mean.

    Args:
        snapshot (None): the snapshot that it is about
        **parameters: what else there is to say of it, by name
    """
    if (recorded := _current.get()) is not None:
        recorded.snapshot = snapshot or recorded.snapshot
        recorded.arguments = {**recorded.arguments, **parameters}


@contextmanager
def recording(database: Database[Document], recorded: Recording) -> Iterator[Recording]:
    """Notes the action that runs in a ``with`` block, and what came of it.

    Args:
        database: the database
        recorded: the action

    Returns:
        a context manager giving the recording
    """
    token = _current.set(recorded)
    began = time.monotonic()
    error: BaseException | None = None
    try:
        yield recorded
    except BaseException as raised:
        error = raised
        raise
    finally:
        _current.reset(token)
        note(database, recorded, time.monotonic() - began, error)


def note(
    database: Database[Document],
    recorded: Recording,
    seconds: float,
    error: BaseException | None,
) -> None:
    """Appends the event of an action that has ended; never fails.

    Args:
        database: the database
        recorded: the action
        seconds: how long it took
        error: what it raised, if anything
    """
    if recorded.is_incidental and not recorded.operations:
        return
    try:
        outcome = Outcome.DONE
        if error is not None:
            refused = isinstance(error, SnapshotPermissionError)
            outcome = Outcome.REFUSED if refused else Outcome.FAILED
        event = {
            **recorded.draft(),
            "counts": describe.counts(recorded.result),
            "seconds": round(seconds, 3),
            "outcome": outcome.value,
            "error": None if error is None else describe.error(error),
            "operations": [str(operation) for operation in recorded.operations],
        }
        # A server that is away has kept the caller waiting already
        with pymongo.timeout(_WAIT_SECONDS):
            log.append(database, event)
            if recorded.operations:
                _told(database, recorded.operations)
    except Exception:
        logger.warning(
            "'%s' could not be noted in the audit log", recorded.action.value, exc_info=True
        )


@when_begun
def begun(operation_id: ObjectId) -> Document:
    """Tells the current action of a journal entry that it begins.

    Args:
        operation_id: the id of the entry

    Returns:
        what the entry must keep until the action is noted; nothing if none is to be noted
    """
    recorded = _current.get()
    if recorded is None:
        return {}
    recorded.operations.append(operation_id)
    return {"untold": {"draft": recorded.draft(), "by": Holder.this_process().to_document()}}


def catch_up(database: Database[Document], dataset_id: ObjectId | None = None) -> None:
    """Appends the events of operations that have ended without anybody living to tell.

    Args:
        database: the database
        dataset_id (None): the dataset; by default, all datasets
    """
    query = dict(UNTOLD)
    if dataset_id is not None:
        query["dataset_id"] = dataset_id
    for entry in list(database[JOURNAL].find(query)):
        if not _is_abandoned(database, entry):
            continue
        is_done = entry["state"] == OperationState.DONE.value
        event = {
            **entry["untold"]["draft"],
            "counts": {},
            "seconds": None,
            "outcome": (Outcome.DONE if is_done else Outcome.FAILED).value,
            "error": None if is_done else "its process died, and it was undone",
            "operations": [str(entry["_id"])],
        }
        log.append(database, event)
        _told(database, [entry["_id"]])


def _is_abandoned(database: Database[Document], entry: Document) -> bool:
    holder = Holder(**entry["untold"]["by"])
    if holder != Holder.this_process() and holder.is_known_dead():
        return True
    # Where one cannot see whether it lives, it had time enough
    finished_at = entry["finished_at"]
    return bool(server_time(database) - finished_at > _PATIENCE)


def _told(database: Database[Document], operations: list[ObjectId]) -> None:
    database[JOURNAL].update_many({"_id": {"$in": operations}}, {"$unset": {"untold": 1}})
