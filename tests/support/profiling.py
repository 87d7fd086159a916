"""What MongoDB itself tells of the commands that it gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.database import Database

from .full import Document


@contextmanager
def profile(database: Database[Document]) -> Iterator[list[Document]]:
    """Has the server itself tell which commands it got, from whichever of FiftyOne's clients."""
    database.drop_collection("system.profile")
    database.create_collection("system.profile", capped=True, size=64 * 1024 * 1024)
    commands: list[Document] = []
    database.command("profile", 2)
    try:
        yield commands
    finally:
        database.command("profile", 0)
    commands += database["system.profile"].find({"ns": {"$not": re.compile("system")}})
    database.drop_collection("system.profile")


def documents_read(commands: list[Document], collection: str) -> int:
    """Returns how many documents of a collection a process has read, other than for their ids.

    Args:
        commands: what :func:`profile` has seen
        collection: the collection
    """
    return sum(
        each.get("docsExamined", 0)
        for each in commands
        if each["op"] in ("query", "getmore")
        and each["ns"].endswith(f".{collection}")
        and each["command"].get("projection") != {"_id": 1}
    )
