"""Appending to the audit log: one chain, whichever processes append to it at once.

The number of an event is its id, so the server lets only one of two writers have it; the other one
looks again and takes the next. How far the log has come is noted in a second place, so that it is
seen if somebody cuts off its end: what follows is numbered from the note on, and leaves the gap.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, PyMongoError

from .. import faults
from ..catalog.record import FORMAT_VERSION
from ..errors import SnapshotError
from ..mongo.collections import AUDIT, AUDIT_HEAD
from ..mongo.database import Document, server_time
from .event import BEGINNING, FIRST, digest

HEAD = "head"
"""The id of the document that tells how far the log has come."""

_ATTEMPTS = 200
_PAUSE_SECONDS = 0.005


@dataclass(frozen=True)
class _End:
    """The last event of the log, or one after it that was noted, as the next one needs it."""

    sequence: int
    hash: str
    now: datetime


def append(database: Database[Document], values: dict[str, Any]) -> None:
    """Appends an event, unless the log has one of the same operations already.

    Args:
        database: the database
        values: what happened: the fields of :class:`~.event.AuditEvent` that are not about its
            place in the log

    Raises:
        SnapshotError: if others append so much that there is no getting in between
        PyMongoError: if the database does not take it
    """
    faults.reach("audit.appending")
    for attempt in range(_ATTEMPTS):
        end = _end(database)
        if end.sequence < FIRST:
            # From the first event on there is a note, so that one that is missing was removed
            _note_head(database, end.sequence, end.hash, is_first=True)
        document: Document = {
            "_id": end.sequence + 1,
            "format": FORMAT_VERSION,
            "at": end.now,
            **values,
            "previous": end.hash,
        }
        document["hash"] = digest(document)
        try:
            database[AUDIT].insert_one(document)
        except DuplicateKeyError as error:
            if "operations" in (error.details or {}).get("keyPattern", {}):
                return
            # Another process has appended an event: this one comes after it
            time.sleep(random.random() * _PAUSE_SECONDS * min(attempt + 1, 20))  # noqa: S311
            continue
        faults.reach("audit.appended")
        _note_head(database, document["_id"], document["hash"])
        return
    raise SnapshotError(f"The audit log was not free for {_ATTEMPTS} attempts")


def _end(database: Database[Document]) -> _End:
    """Returns the end and, in the same breath, the server's time.

    The note is read after the log, so that it is ahead of it also where another process has
    appended meanwhile: then too the next event comes after the one that is noted.
    """
    shape = {"hash": 1, "now": "$$NOW"}
    noted = [{"$match": {"_id": HEAD}}, {"$project": {**shape, "sequence": 1}}]
    found = database[AUDIT].aggregate(
        [
            {"$sort": {"_id": -1}},
            {"$limit": 1},
            {"$project": {**shape, "sequence": "$_id"}},
            {"$unionWith": {"coll": AUDIT_HEAD, "pipeline": noted}},
        ]
    )
    # Of the same number, the event's own hash counts
    ends = [_End(each["sequence"], each["hash"], each["now"]) for each in found]
    if not ends:
        return _End(FIRST - 1, BEGINNING, server_time(database))
    return max(ends, key=lambda end: end.sequence)


def _note_head(
    database: Database[Document], sequence: int, hash_: str, *, is_first: bool = False
) -> None:
    head = {"sequence": sequence, "hash": hash_}
    earlier = {"_id": HEAD, "sequence": {"$lt": sequence}}
    try:
        database[AUDIT_HEAD].update_one(earlier, {"$set": head}, upsert=is_first)
    except DuplicateKeyError:
        # Later events have been noted already
        return
    except PyMongoError:
        # The event is there, and the next one notes how far the log has come
        return
