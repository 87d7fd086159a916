"""The slices of a grouped dataset, when single samples come back to it."""

from __future__ import annotations

from collections import Counter

from bson import ObjectId

from ..errors import InvalidRequestError
from ..mongo.database import Document
from .parts import Documents, chunks

KEYS = ("group_field", "group_media_types", "default_group_slice")
"""What the dataset's document says of its slices."""


def changes(
    current: Document,
    captured: Document,
    here: Documents,
    there: Documents,
    ids: list[ObjectId],
) -> Document:
    """Returns what the dataset's document must say of its slices when samples are back.

    Slices that the samples bring with them come back. Those that lose all their samples by that
    go, as they were renamed since: no sample would be in them.

    Args:
        current: the dataset's document
        captured: that of the snapshot
        here: the dataset's samples
        there: the snapshot's samples
        ids: the samples that come back

    Returns:
        the keys to set, and their values

    Raises:
        InvalidRequestError: if a slice holds other media by now
    """
    now = current.get("group_media_types") or {}
    then = captured.get("group_media_types") or {}
    for name in set(now).intersection(then):
        if now[name] != then[name]:
            raise InvalidRequestError(
                f"Group slice '{name}' holds {now[name]} media now and held {then[name]} media "
                "in the snapshot: roll the whole dataset back instead"
            )
    coming = _count(there, captured.get("group_field"), ids)
    leaving = _count(here, current.get("group_field"), ids)
    emptied = {
        name
        for name, count in leaving.items()
        if name not in then and count == _size(here, current["group_field"], name)
    }
    back = {name: then[name] for name in then if name in coming and name not in now}
    after = {name: media for name, media in now.items() if name not in emptied} | back
    changed: Document = {}
    if after != now:
        changed["group_media_types"] = after
        # Deleting the last slice leaves no default (fiftyone/core/dataset.py)
        if current.get("default_group_slice") not in after:
            former = captured.get("default_group_slice")
            changed["default_group_slice"] = former if former in after else next(iter(after), None)
    return changed


def check(here: Documents, field: str | None, ids: list[ObjectId]) -> None:
    """Makes sure that no group has two samples of one slice now.

    Args:
        here: the dataset's samples
        field: the group field, if there is one
        ids: the samples that came back

    Raises:
        InvalidRequestError: if one has
    """
    if not field:
        return
    samples = here.collection
    for some in chunks(ids):
        groups = samples.distinct(f"{field}._id", {"_id": {"$in": some}})
        crowded = samples.aggregate(
            [
                {"$match": {f"{field}._id": {"$in": groups}}},
                {"$group": {"_id": [f"${field}._id", f"${field}.name"], "n": {"$sum": 1}}},
                {"$match": {"n": {"$gt": 1}}},
                {"$limit": 1},
            ],
            allowDiskUse=True,
        )
        for found in crowded:
            group_id, slice_name = found["_id"]
            raise InvalidRequestError(
                f"Slice '{slice_name}' of group {group_id} has another sample by now. Nothing was "
                "changed. Delete that one first, or leave its predecessor out."
            )


def _count(samples: Documents, field: str | None, ids: list[ObjectId]) -> Counter[str]:
    """Counts samples by their slices."""
    counts: Counter[str] = Counter()
    for some in chunks(ids) if field else ():
        found = samples.collection.aggregate(
            [
                {"$match": {"_id": {"$in": some}, f"{field}.name": {"$type": "string"}}},
                {"$group": {"_id": f"${field}.name", "count": {"$sum": 1}}},
            ]
        )
        counts.update({group["_id"]: group["count"] for group in found})
    return counts


def _size(samples: Documents, field: str, name: str) -> int:
    return samples.collection.count_documents({f"{field}.name": name})
