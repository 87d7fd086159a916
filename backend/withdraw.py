"""Closing what reads a collection that is about to go."""

from __future__ import annotations

from pymongo.database import Database

from .database import Document
from .permission import Permission, grant


@grant(Permission.PROJECTING)
def withdraw(database: Database[Document], collection: str, reason: str) -> None:
    """Lets all views over a collection fail with a reason, before it is changed or dropped.

    Else those who read through them would be shown something else, or nothing. Replies that are
    under way are cut off by the server when the collection is dropped.

    Args:
        database: the database
        collection: the collection's name
        reason: what the server will say
    """
    # The server fails when it looks at the query already, whatever the view is over
    failing = [{"$match": {"$expr": {"$toInt": reason}}}]
    for view in database.list_collections(filter={"options.viewOn": collection}):
        database.command("collMod", view["name"], viewOn=collection, pipeline=failing)
