"""Following operations from outside: what is under way, how far it is, and giving it up."""

from __future__ import annotations

from datetime import datetime, timedelta

from bson import ObjectId
from pymongo.database import Database

from ..mongo.collections import JOURNAL
from ..mongo.database import Document, server_time
from . import journal
from .journal import Entry, OperationState


def recent(database: Database[Document], dataset_id: ObjectId, seconds: int) -> list[Entry]:
    """Lists the operations on a dataset that are under way or ended not long ago.

    Args:
        database: the database
        dataset_id: the dataset
        seconds: how long ago is not long

    Returns:
        their journal entries, oldest first
    """
    now = server_time(database)
    try:
        moment = now - timedelta(seconds=seconds)
    except OverflowError:
        # No operation was begun before that
        moment = datetime(1970, 1, 1, tzinfo=now.tzinfo)
    return since(database, dataset_id, moment)


def since(database: Database[Document], dataset_id: ObjectId, moment: datetime) -> list[Entry]:
    """Lists the operations on a dataset that were under way at a moment or later.

    Args:
        database: the database
        dataset_id: the dataset
        moment: the moment, on the server's clock

    Returns:
        their journal entries, oldest first
    """
    query: Document = {
        "dataset_id": dataset_id,
        "$or": [{"finished_at": {"$exists": False}}, {"finished_at": {"$gte": moment}}],
    }
    found = database[JOURNAL].find(query).sort([("started_at", 1), ("_id", 1)])
    return [Entry.from_document(document) for document in found]


def cancel(database: Database[Document], operation_id: str) -> bool:
    """Asks whoever runs an operation, in whatever process, to give it up and undo it.

    Args:
        database: the database
        operation_id: the operation's id

    Returns:
        whether it was still time for that; it is given up at its next step

    Raises:
        OperationNotFoundError: if there is no such operation
    """
    entry = journal.get(database, operation_id)
    found = database[JOURNAL].update_one(
        {"_id": entry.id, "state": OperationState.RUNNING.value}, {"$set": {"cancelled": True}}
    )
    return found.matched_count > 0
