"""Holding a snapshot, as a pin does, for as long as somebody depends on it.

The record of a snapshot lists the datasets of the branches that need it: because it is their base,
or because it tells of a merge that the next one begins with. So whoever reads the record anyway
knows. It is the branch that says for good: what is known of it goes when its dataset is deleted,
whoever deletes that, or when its time in the trash is over.
"""

from __future__ import annotations

from bson import ObjectId
from pymongo.database import Database

from ..errors import HeldSnapshotError
from ..mongo import fence
from ..mongo.collections import CATALOG, DATASETS
from ..mongo.database import Document
from .record import SnapshotRecord

_NOTHING: list[ObjectId] = []


def hold(database: Database[Document], snapshot_id: ObjectId, holder: ObjectId) -> None:
    """Holds a snapshot; again, if need be.

    Args:
        database: the database
        snapshot_id: the snapshot
        holder: the dataset of the branch
    """
    _change(database, snapshot_id, {"$setUnion": [_HELD_BY, [holder]]})


def release(database: Database[Document], snapshot_id: ObjectId, holder: ObjectId) -> None:
    """Does not hold a snapshot any more; may be repeated, also when the snapshot is gone.

    Args:
        database: the database
        snapshot_id: the snapshot
        holder: the dataset of the branch
    """
    _change(database, snapshot_id, {"$setDifference": [_HELD_BY, [holder]]})


def release_all(database: Database[Document], holder: ObjectId) -> None:
    """Does not hold anything any more; may be repeated.

    Args:
        database: the database
        holder: the dataset of the branch
    """
    for record in database[CATALOG].find({"held_by": holder}, {"_id": 1}):
        release(database, record["_id"], holder)


def hold_merge(database: Database[Document], record: SnapshotRecord) -> None:
    """Holds what tells where the next merge of a branch begins, if a merge ended with a snapshot.

    Args:
        database: the database
        record: the snapshot
    """
    merged = record.merged_from
    if merged is not None and merged.is_full:
        for needed in (record.id, merged.snapshot_id):
            hold(database, needed, merged.dataset_id)


def release_merge(database: Database[Document], record: SnapshotRecord) -> None:
    """Does not hold the snapshot of a merge that was taken back; it is in the trash as others are.

    That of the branch is needed for as long as this one can come back.

    Args:
        database: the database
        record: the snapshot
    """
    merged = record.merged_from
    if merged is not None and merged.is_full:
        release(database, record.id, merged.dataset_id)


def forget_merge(database: Database[Document], record: SnapshotRecord) -> None:
    """Does not hold the branch's snapshot of a merge any more, if no other one needs it.

    Args:
        database: the database
        record: the snapshot that the merge ended with, which is about to be destroyed
    """
    merged = record.merged_from
    if merged is None or not merged.is_full:
        return
    others = {"merged_from.snapshot_id": merged.snapshot_id, "_id": {"$ne": record.id}}
    if database[CATALOG].find_one(others, {"_id": 1}) is None:
        release(database, merged.snapshot_id, merged.dataset_id)


_HELD_BY: Document = {"$ifNull": ["$held_by", _NOTHING]}


def _change(database: Database[Document], snapshot_id: ObjectId, value: Document) -> None:
    changed: list[Document] = [{"$set": {"held_by": value}}]
    fence.put(database[CATALOG], {"_id": snapshot_id}, if_there=changed, if_not="discard")


def holders(database: Database[Document], record: SnapshotRecord) -> list[str]:
    """Tells which branches hold a snapshot; takes no command if none was made of it.

    Args:
        database: the database
        record: the snapshot

    Returns:
        the names of their datasets, those in the trash included
    """
    if not record.held_by:
        return []
    look: list[Document] = [
        {"$match": {"_id": {"$in": list(record.held_by)}}},
        {
            "$lookup": {
                "from": "datasets",
                "localField": "_id",
                "foreignField": "_id",
                "pipeline": [{"$project": {"name": 1}}],
                "as": "own",
            }
        },
        {"$project": {"own": 1, "dataset_name": "$branch.dataset_name"}},
        # A branch in the trash is one that can come back
        {"$match": {"$or": [{"own": {"$ne": []}}, {"dataset_name": {"$exists": True}}]}},
    ]
    found = database[DATASETS].aggregate(look)
    return sorted(
        each["own"][0]["name"] if each["own"] else each["dataset_name"] for each in found
    )


def check_free(database: Database[Document], record: SnapshotRecord) -> None:
    """Refuses to let go of a snapshot that a branch needs.

    Args:
        database: the database
        record: the snapshot

    Raises:
        HeldSnapshotError: if a branch needs it
    """
    if names := holders(database, record):
        raise HeldSnapshotError(
            f"Snapshot '{record.name}' is the base of {described(names)}, and is needed to merge. "
            "Delete the branch first, and if it is in the trash, empty that."
        )


def described(names: list[str]) -> str:
    """Names branches in a sentence.

    Args:
        names: the names of their datasets

    Returns:
        such as ``branch 'street.night'``
    """
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"branch {quoted}" if len(names) == 1 else f"branches {quoted}"
