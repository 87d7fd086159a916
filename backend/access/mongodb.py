"""A MongoDB role for those who may edit datasets and read snapshots, but never write one.

MongoDB grants rights on a whole database or on collections by their full names, not by a prefix,
and takes none back. So such a role names the collections that there are: it must be made anew when
datasets were added, and those who have it cannot make datasets themselves.
"""

from __future__ import annotations

from typing import Any

from pymongo.database import Database

from ..mongo.collections import AUDIT, AUDIT_HEAD, PREFIX
from ..mongo.database import Document

_FIFTYONE = ("annotation.schemas", "config", "datasets", "delegated_ops", "execution_store",
             "fs.chunks", "fs.files", "ontologies", "runs", "tags", "views",
             "workspaces")  # fmt: skip
"""What FiftyOne has besides the collections of each dataset, whether it is there yet or not."""

_WRITE = ["insert", "update", "remove", "createIndex", "dropIndex"]


def role(database: Database[Document], name: str) -> dict[str, Any]:
    """Returns the command that creates the role.

    Args:
        database: the database
        name: the role's name

    Returns:
        a ``createRole`` command; as ``updateRole`` it brings the role up to date
    """
    existing = [
        found["name"]
        for found in database.list_collections(filter={"type": "collection"})
        if not found["name"].startswith((PREFIX, "system."))
    ]
    privileges = [
        _privilege(database, collection, _WRITE) for collection in sorted({*existing, *_FIFTYONE})
    ]
    # Loading makes views, through which nothing can be written
    privileges.append(_privilege(database, "", ["createCollection"]))
    # Nobody can take back or alter what they have done
    privileges.append(_privilege(database, AUDIT, ["insert"]))
    privileges.append(_privilege(database, AUDIT_HEAD, ["insert", "update"]))
    reading = {"role": "read", "db": database.name}
    return {"createRole": name, "privileges": privileges, "roles": [reading]}


def _privilege(database: Database[Document], collection: str, actions: list[str]) -> Document:
    return {"resource": {"db": database.name, "collection": collection}, "actions": actions}
