"""Databases that are copies of others."""

from __future__ import annotations

from pymongo.database import Database

from .full import Document


def become_a_copy(database: Database[Document]) -> None:
    """Does to this database what a dump and its restoration do: the same in new collections."""
    for found in list(database.list_collections(filter={"type": "collection"})):
        name = found["name"]
        if name.startswith("snapshots."):
            documents = list(database[name].find())
            database.drop_collection(name)
            if documents:
                database[name].insert_many(documents)
