"""Snapshots as tests want them: made, loaded, and compared with what was there before."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.dataset.parts import Part
from fiftyone_snapshots.backend.mongo.database import Document
from fiftyone_snapshots.backend.storage import registry
from support.calls.sandbox import LOADED, Change

SNAPSHOT = "v1"


def snapshot_of(dataset: fo.Dataset, name: str = SNAPSHOT) -> fo.Dataset:
    """Takes a snapshot of a dataset and loads it.

    Args:
        dataset: the dataset
        name ("v1"): the snapshot's name

    Returns:
        the snapshot
    """
    dataset.persistent = True
    fos.create_snapshot(dataset, name)
    return fos.load_snapshot(dataset, name)


def collection_of(database: Database[Document], snapshot_id: ObjectId, part: Part) -> str:
    """Returns the name of the collection that holds a part of a snapshot.

    Args:
        database: the database
        snapshot_id: the snapshot, which can be opened at once
        part: the part
    """
    record = Catalog(database).by_id(snapshot_id)
    assert record is not None
    state = registry.create(record.backend, database).ready(record)
    assert state is not None
    return state[part].collection.name


def stored_snapshots(database: Database[Document]) -> set[ObjectId]:
    """Returns the snapshots of which backends have something, whether or not they should."""
    chained = set(database["snapshots.delta"].distinct("links.id"))
    names = database.list_collection_names(filter={"name": {"$regex": r"^snapshots\.masters\."}})
    return chained | {ObjectId(name.split(".")[2]) for name in names}


def harm(changes: list[Change], *owners: ObjectId) -> list[Change]:
    """Selects changes that nobody may make by using a snapshot.

    Args:
        changes: what is different in the database
        *owners: the ids of the snapshot and of its dataset

    Returns:
        what was changed or removed, and what was added to the datasets with these ids. FiftyOne
        may make other datasets, and note when something was loaded; masters may get indexes
    """
    return [
        change
        for change in changes
        if change.is_more_than(LOADED) and not _is_harmless(change, owners)
    ]


def _is_harmless(change: Change, owners: tuple[ObjectId, ...]) -> bool:
    added: dict[str, Any] = change.after or {}
    if change.before is not None:
        return False
    if change.collection.startswith("snapshots."):
        return "index" in added
    if change.collection.startswith("fs."):
        return False
    if change.collection == "datasets" or "." in change.collection:
        # Another dataset, and its samples
        return True
    return added.get("_dataset_id", added.get("dataset_id")) not in owners


def stored(collection: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns documents as the database has them."""
    found: list[dict[str, Any]] = list(foo.get_db_conn()[collection].find(query))
    return found


def stored_names() -> list[str]:
    """Returns the names of all datasets that the database has, those of snapshots included."""
    return [document["name"] for document in stored("datasets", {})]
