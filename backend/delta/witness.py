"""Proof that a collection was not written to since a snapshot, without reading it.

The storage engine counts the writes to each collection. Its counters begin anew when the server
starts, and when the engine closes a collection that nobody has used for ten minutes. So if the
server is the same, nothing was closed since or less time has passed, and the counters are what
they were, nothing was written. A ``validate`` may reset them unseen: therefore they are believed
only if they stand for so many writes that nobody makes exactly as many of each kind again. Else
the documents are read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from ..database import Document, server_process, server_time, write_counters

_ENOUGH_WRITES = 1000

_IDLE_SECONDS = 500
"""Less than what MongoDB has the engine wait before it closes what is not used (600)."""


@dataclass(frozen=True)
class Witness:
    """What a server tells of the writes to a collection."""

    process: str
    closed: int
    """How many collections the engine has closed because nobody used them, dropped ones too."""
    at: datetime
    counters: tuple[Any, ...]

    @classmethod
    def of(cls, collection: Collection[Document]) -> Witness | None:
        """Looks at a collection.

        Args:
            collection: a collection of a dataset

        Returns:
            what the server tells, or None if that is too little
        """
        database = collection.database
        counters = write_counters(collection)
        if counters is None or sum(counters[1:]) < _ENOUGH_WRITES:
            return None
        try:
            status = database.command("serverStatus", repl=0, metrics=0, locks=0)
            closed = status["wiredTiger"]["data-handle"]["connection sweep dhandles closed"]
        except (OperationFailure, KeyError):
            return None
        process = str(server_process(database))
        return cls(process, int(closed), server_time(database), counters)

    def proves_no_write(self, later: Witness | None) -> bool:
        """Returns whether a later look proves that nothing was written in between."""
        if later is None or (self.process, self.counters) != (later.process, later.counters):
            return False
        seconds = (later.at - self.at).total_seconds()
        return self.closed == later.closed or seconds < _IDLE_SECONDS

    def to_document(self) -> Document:
        """Returns this as stored in the database."""
        return {**asdict(self), "counters": list(self.counters)}

    @classmethod
    def from_document(cls, document: Document) -> Witness:
        """Reads what :meth:`to_document` wrote."""
        return cls(**{**document, "counters": tuple(document["counters"])})
