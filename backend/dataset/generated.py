"""Datasets that FiftyOne generates from snapshots, when patches, frames or clips are looked at.

FiftyOne does not note what a generated dataset was made from, so we do, in its dataset document,
which FiftyOne reads and saves without touching keys that it does not know
(fiftyone/core/odm/dataset.py:529, ``strict``). They show the snapshot's content, hence are
read-only as well, and go when the snapshot goes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from bson import ObjectId, json_util
from pymongo.database import Database

from ..mongo import invalidate
from ..mongo.database import Document
from . import instances
from .parts import Head

PREFIXES = ("patches.", "frames.", "clips.")
"""What the sample collections of generated datasets are called (fiftyone/core/dataset.py:10005).
Frames of ordinary videos are in ``frames.samples.*``."""

SOURCE = "_snapshot_id"
"""Our key in their dataset documents."""

_NAME_LENGTH = 16


def is_name(collection_name: str) -> bool:
    """Returns whether a collection holds the samples of a generated dataset."""
    return collection_name.startswith(PREFIXES) and not collection_name.startswith(
        "frames.samples."
    )


def name_for(snapshot_id: ObjectId, name: str) -> str:
    """Returns what a dataset is called that shows of a snapshot what another shows of HEAD.

    Views that share a generated dataset have to find each other's on the snapshot as well: only
    patches of the same generated dataset can be concatenated.

    Args:
        snapshot_id: the snapshot
        name: the name of the dataset that was generated from HEAD

    Returns:
        a name that no other dataset has
    """
    return f"{snapshot_id}-{hashlib.sha256(name.encode()).hexdigest()[:_NAME_LENGTH]}"


def mark(database: Database[Document], dataset_id: ObjectId, snapshot_id: ObjectId) -> None:
    """Notes what a dataset was generated from.

    Args:
        database: the database
        dataset_id: the generated dataset
        snapshot_id: the snapshot
    """
    database["datasets"].update_one({"_id": dataset_id}, {"$set": {SOURCE: snapshot_id}})


def remove(database: Database[Document], snapshot_id: ObjectId) -> None:
    """Removes everything that was generated from a snapshot.

    Args:
        database: the database
        snapshot_id: the snapshot
    """
    _remove(database, {"$or": [{SOURCE: snapshot_id}, _named(snapshot_id)]})


def remove_unmarked(database: Database[Document], snapshot_id: ObjectId) -> None:
    """Removes what processes without this package have generated while there was no projection.

    FiftyOne's clean-up generates patches anew in order to delete them, and then from nothing.

    Args:
        database: the database
        snapshot_id: the snapshot
    """
    _remove(database, unmarked(snapshot_id))


def unmarked(snapshot_id: ObjectId) -> Document:
    """Returns what finds them."""
    return {**_named(snapshot_id), SOURCE: {"$exists": False}}


def _named(snapshot_id: ObjectId) -> Document:
    """Returns what finds the datasets that have a name of :func:`name_for`."""
    return {
        "name": {"$regex": f"^{snapshot_id}-"},
        "sample_collection_name": {"$regex": f"^({'|'.join(map(re.escape, PREFIXES))})"},
    }


def _remove(database: Database[Document], own: Document) -> None:
    for document in list(database["datasets"].find(own)):
        # Else our key was put into a dataset that nobody generated
        if is_name(document["sample_collection_name"]):
            database["datasets"].delete_one({**own, "_id": document["_id"]})
            invalidate.replace(database, document["sample_collection_name"])
            instances.forget(document["name"])


def delete_generated_datasets(head: Head, views: Iterable[Document] | None = None) -> None:
    """Deletes what saved views have generated from another state than the dataset's.

    FiftyOne compares only the stages (fiftyone/core/stages.py, ``ToPatches.load_view``), and so
    would go on showing it.

    Args:
        head: the dataset
        views (None): its saved views, if they were read
    """
    database = head.database
    if views is None:
        views = database["views"].find({"_dataset_id": head.dataset_id}, {"view_stages": 1})
    for view in views:
        for stage in view.get("view_stages") or []:
            arguments = dict(json_util.loads(stage).get("kwargs", []))
            name = (arguments.get("_state") or {}).get("name")
            document = name and database["datasets"].find_one({"name": name})
            if document and document["sample_collection_name"].startswith(
                ("patches.", "frames.", "clips.")
            ):
                collection = document["sample_collection_name"]
                generated = {"_id": document["_id"], "sample_collection_name": collection}
                database["datasets"].delete_one(generated)
                database.drop_collection(collection)
