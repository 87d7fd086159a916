"""Proof that a collection was not written to since a snapshot, without reading it.

The storage engine counts the writes to each collection. Its counters begin anew when the server
starts, and when the engine closes a collection that nobody has used for ten minutes; a
``validate`` might reset them as well. So if the server is the same, nothing was closed since or
too little time has passed for that, nothing was validated, and the counters are what they were,
then nothing was written. They are believed only if they stand for so many writes that nobody makes
exactly as many of each kind again. Else the documents are read.

A write is counted before others see it. So counters tell what a reader sees only if, between the
look at them and the reading, no write was under way: such a look is *quiet*. That is why none is
kept on a replica set, where a transaction may be under way for a minute, and where a snapshot
reads a moment that has passed.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from ...mongo import engine
from ...mongo.counters import write_counters, writes_under_way
from ...mongo.database import Document, is_replicated, server_process, server_time
from ...mongo.engine import Fact

_ENOUGH_WRITES = 1000

_IDLE_SHARE = 0.8
"""Of the time that MongoDB has the engine wait before it closes what is not used."""

_ATTEMPTS = 25
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class CollectionToken:
    """What a server tells of the writes to a collection."""

    process: str
    closed: int
    """How many collections the engine has closed because nobody used them, dropped ones too."""
    validated: int
    """How many collections were validated."""
    idle_seconds: float
    """For so long the engine closes nothing that was just used."""
    at: datetime
    counters: tuple[Any, ...]

    @classmethod
    def of(cls, collection: Collection[Document]) -> CollectionToken | None:
        """Looks at a collection.

        Args:
            collection: a collection of a dataset

        Returns:
            what the server tells, or None if that is too little
        """
        return _look(collection)[0]

    @classmethod
    def quiet(cls, collection: Collection[Document]) -> CollectionToken | None:
        """Looks at a collection at a moment at which no write to it is under way.

        Args:
            collection: a collection of a dataset

        Returns:
            what the server tells, or None if that is too little, or there was no such moment
        """
        if is_replicated(collection.database):
            return None
        for _ in range(_ATTEMPTS):
            found, writing = _look(collection)
            if not writing:
                return found
            time.sleep(_PAUSE_SECONDS)
        return None

    def proves_no_write(self, later: CollectionToken | None) -> bool:
        """Returns whether a later look proves that nothing was written in between."""
        if later is None or (self.process, self.counters) != (later.process, later.counters):
            return False
        if self.validated != later.validated:
            return False
        seconds = (later.at - self.at).total_seconds()
        return self.closed == later.closed or seconds < self.idle_seconds

    def to_document(self) -> Document:
        """Returns this as stored in the database."""
        return {**asdict(self), "counters": list(self.counters)}

    @classmethod
    def from_document(cls, document: Document) -> CollectionToken:
        """Reads what :meth:`to_document` wrote."""
        return cls(**{**document, "counters": tuple(document["counters"])})


def _look(collection: Collection[Document]) -> tuple[CollectionToken | None, int]:
    """Returns the counters, and how many writes were under way after they were read."""
    database = collection.database
    if not engine.holds(Fact.COUNTS_WRITES, database):
        return None, 0
    counters = write_counters(collection)
    if counters is None or sum(counters[1:]) < _ENOUGH_WRITES:
        return None, 0
    try:
        status = database.command("serverStatus", repl=0, locks=0)
        setting = database.client.admin.command(
            {"getParameter": 1, "wiredTigerFileHandleCloseIdleTime": 1}
        )
        told = status["wiredTiger"]
        change_token = CollectionToken(
            process=str(server_process(database)),
            closed=int(told["data-handle"]["connection sweep dhandles closed"]),
            validated=int(status["metrics"]["commands"]["validate"]["total"]),
            idle_seconds=_IDLE_SHARE * setting["wiredTigerFileHandleCloseIdleTime"],
            at=server_time(database),
            counters=counters,
        )
        return change_token, writes_under_way(status)
    except (OperationFailure, KeyError):
        return None, 0
