"""Telling what belongs to a snapshot, from the names and ids that FiftyOne uses."""

from __future__ import annotations

import re
from typing import Any

import fiftyone.core.dataset as fod
import fiftyone.core.odm.database as food
import mongoengine.connection
from bson import ObjectId
from pymongo.database import Database

from ..dataset import generated
from ..mongo.collections import PREFIX
from ..mongo.database import Document

_VIEW = re.compile(re.escape(PREFIX) + r"([0-9a-f]{24})(\.frames)?")

# What a dataset is never changes, so it is looked up once
_known: dict[ObjectId, tuple[ObjectId | None, bool]] = {}
_known_generated: dict[str, ObjectId | None] = {}


def is_fiftyones(database: Database[Document]) -> bool:
    """Returns whether a database is the one that FiftyOne uses, through a client of FiftyOne's.

    FiftyOne has one client and mongoengine another (fiftyone/core/odm/database.py:217, 224).
    """
    clients = (food._client, mongoengine.connection._connections.get("default"))
    # Clients compare equal if their servers are the same
    is_theirs = any(database.client is client for client in clients)
    return is_theirs and database.name == food.fo.config.database_name


def of_view(collection_name: str) -> ObjectId | None:
    """Returns the snapshot that a MongoDB view shows, or None for other collections."""
    match = _VIEW.fullmatch(collection_name)
    return ObjectId(match[1]) if match else None


def of_dataset_id(database: Database[Document], dataset_id: ObjectId) -> ObjectId | None:
    """Returns the snapshot that a dataset shows, or that it was generated from."""
    return _look_up(database, dataset_id)[0]


def is_generated(database: Database[Document], dataset_id: ObjectId) -> bool:
    """Returns whether a dataset was generated from a snapshot."""
    return _look_up(database, dataset_id)[1]


def of_generated(database: Database[Document], collection_name: str) -> ObjectId | None:
    """Returns the snapshot that the samples of a generated dataset were made from, if any."""
    if collection_name not in _known_generated:
        document = database["datasets"].find_one(
            {"sample_collection_name": collection_name}, {generated.SOURCE: 1}
        )
        if document is None:
            return None
        _known_generated[collection_name] = document.get(generated.SOURCE)
    return _known_generated[collection_name]


def of_collection(collection: Any) -> ObjectId | None:
    """Returns the snapshot that a dataset or view of FiftyOne's shows, or None.

    Args:
        collection: a :class:`fiftyone.core.collections.SampleCollection`

    Returns:
        the snapshot's id, or None
    """
    dataset: fod.Dataset = collection._root_dataset
    name: str = dataset._doc.sample_collection_name
    if generated.is_name(name):
        return of_generated(food.get_db_conn(), name)
    return of_view(name)


def shown(database: Database[Document]) -> list[ObjectId]:
    """Returns the snapshots that are projected."""
    query = {"sample_collection_name": {"$regex": "^" + re.escape(PREFIX)}}
    found: list[ObjectId] = database["datasets"].distinct("_id", query)
    return found


def learn_generated(dataset: fod.Dataset, snapshot_id: ObjectId) -> None:
    """Remembers what a dataset was generated from."""
    _known[dataset._doc.id] = (snapshot_id, True)
    _known_generated[dataset._doc.sample_collection_name] = snapshot_id


def _look_up(database: Database[Document], dataset_id: ObjectId) -> tuple[ObjectId | None, bool]:
    if dataset_id not in _known:
        document = database["datasets"].find_one(
            {"_id": dataset_id}, {"sample_collection_name": 1, generated.SOURCE: 1}
        )
        if document is None:
            # Perhaps it is about to be created
            return None, False
        source = document.get(generated.SOURCE)
        shown_here = of_view(document.get("sample_collection_name") or "")
        _known[dataset_id] = (source or shown_here, source is not None)
    return _known[dataset_id]
