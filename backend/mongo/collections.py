"""Our collections in FiftyOne's database: what they are called, and their indexes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, IndexModel
from pymongo.database import Database

from .database import Document

PREFIX = "snapshots."
"""All our collections begin so. FiftyOne's clean-up drops unknown ``samples.*``, ``frames.*``,
``patches.*`` and ``clips.*`` (fiftyone/core/odm/database.py, ``drop_orphan_collections``)."""

CATALOG = PREFIX + "catalog"
MANIFESTS = PREFIX + "manifests"
JOURNAL = PREFIX + "journal"
LEASES = PREFIX + "leases"
TRASH = PREFIX + "trash"
FACTS = PREFIX + "facts"
LINEAGE = PREFIX + "lineage"
DATASETS = PREFIX + "datasets"
AUDIT = PREFIX + "audit"
AUDIT_HEAD = PREFIX + "audit_head"
DELTA = PREFIX + "delta"
ORDERS = PREFIX + "orders"
UNREMOVED = PREFIX + "unremoved"
DEPLOYMENT = PREFIX + "deployment"
SERVERS = PREFIX + "servers"
MERGES = PREFIX + "merges"
CONFLICTS = PREFIX + "conflicts"
OPERATIONS = PREFIX + "operations"
MEDIA = PREFIX + "media"

SCRATCH = PREFIX + "scratch."
"""Where a server is put to the test, see :mod:`.engine`."""

REVIEWS = "merge_reviews."
"""What the collections of datasets begin with in which conflicts of a merge are looked at. Not as
our own do: these are edited. And not as those of other datasets do, so FiftyOne lists none."""

_MASTERS = PREFIX + "masters."
_STAGING = PREFIX + "staging."
_TRASHED = PREFIX + "trashed."

_JOURNAL_DAYS = 30

_INDEXES: dict[str, list[IndexModel]] = {
    CATALOG: [
        # Two processes that create the same name at once: the server lets one of them win
        IndexModel(
            [("dataset_id", ASCENDING), ("slug", ASCENDING)],
            unique=True,
            partialFilterExpression={"live": True},
        ),
        IndexModel([("dataset_id", ASCENDING), ("sequence", ASCENDING)]),
        # What is searched for; all are multikey or few, so a query uses the one that is rarest
        IndexModel("created_at"),
        IndexModel("created_by"),
        IndexModel("tags"),
        IndexModel("fields"),
    ],
    LINEAGE: [IndexModel("dataset_id")],
    MANIFESTS: [
        IndexModel(
            [("snapshot_id", ASCENDING), ("part", ASCENDING), ("number", ASCENDING)], unique=True
        ),
        IndexModel("base", sparse=True),
    ],
    JOURNAL: [
        IndexModel([("dataset_id", ASCENDING), ("state", ASCENDING)]),
        IndexModel("finished_at", expireAfterSeconds=_JOURNAL_DAYS * 24 * 3600),
        # The few entries that the audit log has not told of yet
        IndexModel(
            "dataset_id", name="untold", partialFilterExpression={"untold": {"$exists": True}}
        ),
    ],
    AUDIT: [
        # No operation is told of twice, whoever else tells of it
        IndexModel(
            "operations",
            unique=True,
            partialFilterExpression={"operations.0": {"$exists": True}},
        ),
        IndexModel([("dataset_id", ASCENDING), ("_id", ASCENDING)]),
    ],
    DELTA: [IndexModel([("links.id", ASCENDING)])],
    ORDERS: [
        IndexModel(
            [("snapshot_id", ASCENDING), ("part", ASCENDING), ("number", ASCENDING)], unique=True
        ),
    ],
    MERGES: [IndexModel([("target_id", ASCENDING), ("state", ASCENDING)])],
    CONFLICTS: [IndexModel([("plan_id", ASCENDING), ("number", ASCENDING)])],
    MEDIA: [
        IndexModel("dataset_id"),
        IndexModel([("layer", ASCENDING), ("number", ASCENDING)], sparse=True),
    ],
    OPERATIONS: [IndexModel([("dataset_id", ASCENDING), ("_id", ASCENDING)])],
    TRASH: [IndexModel([("dataset_id", ASCENDING), ("trashed_at", ASCENDING)])],
}

_indexed: dict[tuple[int, str], dict[str, Any]] = {}
"""The collections that got their indexes by this process, by client and database."""


def ensure_indexes(database: Database[Document]) -> bool:
    """Creates the indexes of our collections, on some of which correctness rests.

    Called before every change, not once a process: somebody may have dropped the collections. So
    the server is asked, once, whether they still are those that got them.

    Args:
        database: the database

    Returns:
        whether this process has not seen these collections before
    """
    place = id(database.client), database.name
    if _indexed.get(place) == (found := _identities(database)) and len(found) == len(_INDEXES):
        return False
    for name, indexes in _INDEXES.items():
        database[name].create_indexes(indexes)
    _indexed[place] = _identities(database)
    return True


def _identities(database: Database[Document]) -> dict[str, Any]:
    """Returns the server's own ids of those of our collections that have indexes."""
    found = database.list_collections(filter={"name": {"$in": list(_INDEXES)}})
    return {each["name"]: each["info"].get("uuid") for each in found}


def master_name(snapshot_id: ObjectId, part: str) -> str:
    """Returns the name of the collection that holds a part of a snapshot."""
    return f"{_MASTERS}{snapshot_id}.{part}"


def staging_name(operation_id: ObjectId, part: str) -> str:
    """Returns the name of a collection in which an operation prepares a part."""
    return f"{_STAGING}{operation_id}.{part}"


def trashed_name(operation_id: ObjectId, part: str) -> str:
    """Returns the name of the collection that holds a part of a discarded state."""
    return f"{_TRASHED}{operation_id}.{part}"


def delta_name(dataset_id: ObjectId, token: ObjectId, part: str) -> str:
    """Returns the name of a collection in which the delta backend keeps something of a dataset."""
    return f"{DELTA}.{dataset_id}.{token}.{part}"


def delta_collections(
    database: Database[Document], dataset_id: ObjectId
) -> dict[str, Mapping[str, Any]]:
    """Lists the collections in which the delta backend keeps something of a dataset.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        a dict mapping names to the server's descriptions
    """
    query = {"name": {"$regex": f"^{re.escape(DELTA)}\\.{dataset_id}\\."}}
    return {found["name"]: found for found in database.list_collections(filter=query)}


def token_of(name: str) -> ObjectId:
    """Returns the token that a collection of the delta backend is called by."""
    return ObjectId(name[len(DELTA) + 1 :].split(".", maxsplit=2)[1])


def dataset_of(name: str) -> ObjectId:
    """Returns the dataset that a collection of the delta backend belongs to."""
    return ObjectId(name[len(DELTA) + 1 :].split(".", maxsplit=1)[0])


def view_name(snapshot_id: ObjectId, part: str) -> str:
    """Returns the name of the read-only view through which FiftyOne reads a part of a snapshot.

    FiftyOne derives class names from it, which is why it must be lowercase
    (fiftyone/core/odm/utils.py; mongoengine maps ``snapshots.MyName`` to ``snapshots._my_name``).
    """
    return f"{PREFIX}{snapshot_id}" if part == "samples" else f"{PREFIX}{snapshot_id}.{part}"


def review_name(plan_id: ObjectId, part: str) -> str:
    """Returns the name of the collection that holds a part of the review of a merge.

    FiftyOne derives the name of the frames from that of the samples when it deletes a dataset.
    """
    samples = f"{REVIEWS}{plan_id}"
    return samples if part == "samples" else f"frames.{samples}"


def owned_collections(
    database: Database[Document], owner: ObjectId
) -> dict[str, Mapping[str, Any]]:
    """Lists the collections and views that belong to one snapshot or operation.

    Args:
        database: the database
        owner: the snapshot's or operation's id

    Returns:
        a dict mapping names to the server's descriptions
    """
    found = all_collections(database)
    return {name: found[name] for name in sorted(found) if f".{owner}" in name}


def all_collections(database: Database[Document]) -> dict[str, Mapping[str, Any]]:
    """Lists all collections and views of ours.

    Args:
        database: the database

    Returns:
        a dict mapping names to the server's descriptions
    """
    found = database.list_collections(filter={"name": {"$regex": r"^snapshots\."}})
    return {description["name"]: description for description in found}


def owner_of(name: str) -> ObjectId | None:
    """Returns the id of the snapshot or operation that a collection of ours belongs to.

    Args:
        name: the collection's name

    Returns:
        the id, or None for collections that belong to all
    """
    for prefix in (_MASTERS, _STAGING, _TRASHED, PREFIX):
        if name.startswith(prefix):
            candidate = name[len(prefix) :].split(".", maxsplit=1)[0]
            return ObjectId(candidate) if ObjectId.is_valid(candidate) else None
    return None
