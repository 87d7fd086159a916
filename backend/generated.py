"""Datasets that FiftyOne generates from snapshots, when patches, frames or clips are looked at.

FiftyOne does not note what a generated dataset was made from, so we do, in its dataset document,
which FiftyOne reads and saves without touching keys that it does not know
(fiftyone/core/odm/dataset.py:529, ``strict``). They show the snapshot's content, hence are
read-only as well, and go when the snapshot goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bson import ObjectId, json_util
from pymongo.database import Database

from . import loaded, withdraw
from .database import Document

PREFIXES = ("patches.", "frames.", "clips.")
"""What the sample collections of generated datasets are called (fiftyone/core/dataset.py:10005).
Frames of ordinary videos are in ``frames.samples.*``."""

SOURCE = "_snapshot_id"
"""Our key in their dataset documents."""


def is_name(collection_name: str) -> bool:
    """Returns whether a collection holds the samples of a generated dataset."""
    return collection_name.startswith(PREFIXES) and not collection_name.startswith(
        "frames.samples."
    )


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
    for document in list(database["datasets"].find({SOURCE: snapshot_id})):
        database["datasets"].delete_one({"_id": document["_id"]})
        # The frames of clips are those of the snapshot itself
        if is_name(document["sample_collection_name"]):
            withdraw.replace(database, document["sample_collection_name"])
        loaded.forget(document["name"])


def saved_view_projector(
    database: Database[Document], snapshot_id: ObjectId
) -> Callable[[Document], Document]:
    """Makes saved views generate their patches, frames or clips from the snapshot.

    The dataset generated for HEAD is named in the stage's ``_state``
    (fiftyone/core/stages.py:8168, ``ToPatches.load_view``), and is HEAD's. One that was already
    generated from the snapshot stays true, because the snapshot does.

    Args:
        database: the database
        snapshot_id: the snapshot

    Returns:
        a function that gets a captured view and returns the projected one
    """
    names = set(database["datasets"].distinct("name", {SOURCE: snapshot_id}))
    known: dict[Any, list[Any]] = {}
    if names:
        for view in database["views"].find({"_dataset_id": snapshot_id}):
            known[view.get("slug")] = [_state(json_util.loads(s)) for s in view["view_stages"]]

    def project(view: Document) -> Document:
        stages = [json_util.loads(stage) for stage in view.get("view_stages") or []]
        states = known.get(view.get("slug"), [])
        for number, stage in enumerate(stages):
            state = states[number] if number < len(states) else None
            usable = isinstance(state, dict) and state.get("name") in names
            for argument in stage.get("kwargs", []):
                if argument[0] == "_state":
                    argument[1] = state if usable else None
        return {**view, "view_stages": [json_util.dumps(stage) for stage in stages]}

    return project


def _state(stage: Document) -> Any:
    return dict(stage.get("kwargs", [])).get("_state")
