"""Closing what reads something that is about to go.

Whoever has a snapshot open in another process, with this package or without, reads through views.
A view that is dropped reads as empty, and an evaluation would find nothing to evaluate. So views
are made to fail instead, with a reason, in the server.
"""

from __future__ import annotations

from calendar import timegm
from datetime import datetime
from typing import Any

from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

from .collections import CATALOG
from .database import Document, server_time
from .write_scope import Permission, grant

KEEP_DAYS = 30
"""How long a closed view is kept for those who still have the snapshot open."""

_GONE = (
    "This snapshot is not open any more: it was deleted, archived, or discarded by a rollback. If "
    "it is there, or was brought back, load it again with fo.load_dataset(dataset, snapshot=name)"
)

_NAMESPACE_NOT_FOUND = 26


@grant(Permission.PROJECTING)
def invalidate_views(database: Database[Document], collection: str, reason: str) -> None:
    """Lets all views over a collection fail with a reason, before it is changed or dropped.

    Replies that are under way are cut off by the server when the collection is dropped.

    Args:
        database: the database
        collection: the collection's name
        reason: what the server will say
    """
    if collection == CATALOG:
        # What was closed for good says why
        return
    for view in database.list_collections(filter={"options.viewOn": collection}):
        database.command("collMod", view["name"], viewOn=collection, pipeline=_failing(reason))


def close(database: Database[Document], *views: str, now: datetime | None = None) -> None:
    """Lets views fail for good, or until their snapshot is projected again.

    Args:
        database: the database
        *views: their names; there need not be any
        now (None): the time on the server, if it is known
    """
    closed = _closed(now or server_time(database))
    for view in views:
        try:
            database.command("collMod", view, **closed)
        except OperationFailure as error:
            if error.code != _NAMESPACE_NOT_FOUND:
                # Somebody else has made a collection of that name
                database.drop_collection(view)


def replace(database: Database[Document], collection: str) -> None:
    """Drops a collection, and lets whatever reads it from now on fail.

    Args:
        database: the database
        collection: the collection's name
    """
    database.drop_collection(collection)
    try:
        database.create_collection(
            collection, check_exists=False, **_closed(server_time(database))
        )
    except (CollectionInvalid, OperationFailure):
        # Another process has done the same
        return


def is_closed(description: Any) -> bool:
    """Returns whether a view was closed for good.

    Args:
        description: what the server tells of it in a list of collections
    """
    return bool(description.get("options", {}).get("viewOn") == CATALOG)


def is_failing(description: Any) -> bool:
    """Returns whether a view fails, for good or until somebody opens it again.

    Args:
        description: what the server tells of it in a list of collections
    """
    return "$match" in next(iter(description.get("options", {}).get("pipeline") or ()), {})


@grant(Permission.PROJECTING)
def drop_old(database: Database[Document], keep_days: int | None = None) -> None:
    """Drops the views that were closed so long ago that nobody needs them any more.

    Args:
        database: the database
        keep_days (None): how long ago, in days; by default, :data:`KEEP_DAYS`
    """
    kept = KEEP_DAYS if keep_days is None else keep_days
    found = list(database.list_collections(filter={"options.viewOn": CATALOG}))
    before = _seconds(server_time(database)) - kept * 24 * 3600 if found else 0
    for view in found:
        if _closed_at(view) <= before:
            database.drop_collection(view["name"])


def _failing(reason: str) -> list[Document]:
    # The server fails when it looks at the query already, whatever the view is over
    return [{"$match": {"$expr": {"$toInt": reason}}}]


def _closed(now: datetime) -> Document:
    """Returns what a view is that was closed for good: over something that is always there."""
    noted = {"$set": {"closed_at": _seconds(now)}}
    return {"viewOn": CATALOG, "pipeline": [*_failing(_GONE), noted]}


def _closed_at(view: Any) -> int:
    noted: Document = next((s for s in view["options"]["pipeline"] if "$set" in s), {})
    return int(noted.get("$set", {}).get("closed_at", 0))


def _seconds(time: datetime) -> int:
    """Returns a time as what needs no time zone in a list of collections."""
    return timegm(time.utctimetuple())
