"""Proof that a collection was not written to since a snapshot, without reading it.

The storage engine counts the writes to each collection. Its counters begin anew when the server
starts, and when the engine closes the collection because nobody used it, which the server counts
as well. So if nothing was restarted or closed and the counters are what they were, nothing was
written. A ``validate`` may reset them unseen: therefore they are believed only if they stand for
so many writes that nobody makes exactly as many of each kind again. Else the documents are read.
"""

from __future__ import annotations

from typing import Any

from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from ..database import Document, server_process, write_counters

_ENOUGH_WRITES = 1000


def of(collection: Collection[Document]) -> list[Any] | None:
    """Returns what is equal later if nothing was written meanwhile.

    Args:
        collection: a collection of a dataset

    Returns:
        values to store and compare, or None where the server tells too little
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
    return [str(server_process(database)), closed, *counters]
