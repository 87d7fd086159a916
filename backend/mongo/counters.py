"""What the storage engine tells of the writes to a collection, whoever has sent them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from .database import Document

COUNTERS: list[Document] = [
    {"$collStats": {"storageStats": {}}},
    {"$project": {"storageStats": {"count": 1, "wiredTiger": {"uri": 1, "cursor": 1}}}},
]
"""An aggregation over a collection, for :func:`counters_in` and :func:`count_in`."""


def counters_in(found: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Returns the storage engine's count of writes to a collection.

    Args:
        found: what :data:`COUNTERS` has yielded

    Returns:
        comparable counters, or None where the server does not tell
    """
    try:
        engine = found["storageStats"]["wiredTiger"]
        cursor = engine["cursor"]
        return (
            engine["uri"],
            cursor["insert calls"],
            cursor["bulk loaded cursor insert calls"],
            cursor["modify"],
            cursor["update calls"],
            cursor["remove calls"],
            cursor["truncate calls"],
        )
    except KeyError:
        return None


def count_in(found: Mapping[str, Any]) -> int:
    """Returns how many documents a collection has, about.

    Args:
        found: what :data:`COUNTERS` has yielded

    Returns:
        the number; 0 where the server does not tell
    """
    return int(found.get("storageStats", {}).get("count", 0))


def write_counters(collection: Collection[Document]) -> tuple[Any, ...] | None:
    """Returns the storage engine's own count of writes to a collection.

    Every write reaches the table through one of these cursor operations, whichever client sent
    it and whether or not it moved a timestamp; so equal counters mean that nothing was written.

    Args:
        collection: a collection

    Returns:
        comparable counters, or None where the server does not tell
    """
    try:
        return counters_in(next(iter(collection.aggregate(COUNTERS))))
    except (OperationFailure, StopIteration):
        return None


def writes_under_way(status: Mapping[str, Any]) -> int:
    """Returns how many writes may have been counted that others did not see yet.

    Those of a transaction are counted when they are made, and seen when it ends.

    Args:
        status: what ``serverStatus`` has told

    Returns:
        the number of writes that the server was at, and of transactions that were open

    Raises:
        KeyError: if it does not tell
    """
    # MongoDB 8 has moved the tickets that every write takes
    queues = status["wiredTiger"].get("concurrentTransactions") or status["queues"]["execution"]
    transactions = status.get("transactions", {}).get("currentOpen", 0)
    return int(queues["write"]["out"]) + int(transactions)
