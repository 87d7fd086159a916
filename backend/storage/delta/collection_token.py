"""Proof that a collection was not written to since a snapshot, without reading it.

The storage engine counts the writes to each collection. So if it has gone on counting (see
:mod:`...mongo.continuity`) and the counters are what they were, then nothing was written. They are
believed only if they stand for so many writes that nobody makes exactly as many of each kind
again. Else the documents are read.

A write is counted before others see it. So counters tell what a reader sees only if, between the
look at them and the reading, no write was under way: such a look is *quiet*. That is why none is
kept on a replica set, where a transaction may be under way for a minute, and where a snapshot
reads a moment that has passed.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from ...mongo import engine
from ...mongo.continuity import Continuity
from ...mongo.counters import write_counters, writes_under_way
from ...mongo.database import Document, Server
from ...mongo.engine import Fact

_ENOUGH_WRITES = 1000

_ATTEMPTS = 25
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class CollectionToken(Continuity):
    """What a server tells of the writes to a collection."""

    counters: tuple[Any, ...]

    @classmethod
    def of_collection(cls, collection: Collection[Document]) -> CollectionToken | None:
        """Looks at a collection.

        Args:
            collection: a collection of a dataset

        Returns:
            what the server tells, or None if that is too little
        """
        return _look(collection)[0]

    @classmethod
    def settled(
        cls, collection: Collection[Document], server: Server
    ) -> tuple[CollectionToken | None, bool]:
        """Looks at a collection, if possible at a moment at which no write to it is under way.

        Args:
            collection: a collection of a dataset
            server: what the server has just said of itself

        Returns:
            what the server tells, or None if that is too little; and whether it was such a moment
        """
        if server.is_replicated:
            return None, False
        for _ in range(_ATTEMPTS):
            # Who it was before its counters were read it is, or they prove nothing later
            found, writing = _look(collection, server)
            if not writing:
                return found, found is not None
            time.sleep(_PAUSE_SECONDS)
        return found, False

    def proves_no_write(self, later: CollectionToken | None) -> bool:
        """Returns whether a later look proves that nothing was written in between."""
        return later is not None and self.counters == later.counters and self.lasts_until(later)

    def to_document(self) -> Document:
        """Returns this as stored in the database."""
        return {**asdict(self), "counters": list(self.counters)}

    @classmethod
    def from_document(cls, document: Document) -> CollectionToken:
        """Reads what :meth:`to_document` wrote."""
        return cls(**{**document, "counters": tuple(document["counters"])})


def _look(
    collection: Collection[Document], server: Server | None = None
) -> tuple[CollectionToken | None, int]:
    """Returns the counters, and how many writes were under way after they were read."""
    database = collection.database
    if not engine.holds(Fact.COUNTS_WRITES, database, server):
        return None, 0
    counters = write_counters(collection)
    if counters is None or sum(counters[1:]) < _ENOUGH_WRITES:
        return None, 0
    try:
        status = database.command("serverStatus", repl=0, locks=0)
        told = Continuity.told(database, status, server)
        change_token = CollectionToken(**told, counters=counters)
        return change_token, writes_under_way(status)
    except (OperationFailure, KeyError):
        return None, 0
