"""What the catalog is asked for, also together with other collections."""

from __future__ import annotations

from bson import ObjectId

from ..mongo.database import Document
from .names import slug
from .record import SnapshotKind, SnapshotState

NAMED: Document = {"kind": {"$ne": SnapshotKind.SAFETY.value}}
"""Finds the records of snapshots that somebody asked for by name."""


def usable(dataset_id: ObjectId, name: str) -> Document:
    """Returns what finds the record of a snapshot that can be used.

    Args:
        dataset_id: the dataset
        name: the snapshot's name
    """
    return {"dataset_id": dataset_id, "name": name, "state": SnapshotState.READY.value}


def same_slug(dataset_id: ObjectId, name: str, renamed: ObjectId | None = None) -> Document:
    """Returns what finds the snapshot that keeps another one from having a name.

    Args:
        dataset_id: the dataset
        name: a valid name
        renamed (None): a snapshot that may have the name already
    """
    return {"dataset_id": dataset_id, "slug": slug(name), "live": True, "_id": {"$ne": renamed}}


def counting(dataset_id: ObjectId) -> list[Document]:
    """Returns what yields a document of what :meth:`.Catalog.counts` tells.

    It yields none if there are no snapshots at all.

    Args:
        dataset_id: the dataset
    """
    is_own = {"$cond": [{"$eq": ["$dataset_id", dataset_id]}, 1, 0]}
    return [
        {"$match": {"live": True, "archive": None, **NAMED}},
        {"$group": {"_id": None, "own": {"$sum": is_own}, "all": {"$sum": 1}}},
    ]
