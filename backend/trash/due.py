"""What is to be put right before somebody goes on, found by one command."""

from __future__ import annotations

from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database

from ..audit import recording
from ..mongo.collections import CATALOG, DATASETS, JOURNAL, TRASH
from ..mongo.database import Document
from ..operations.entry import UNFINISHED
from . import branches, trash


@dataclass(frozen=True)
class Due:
    """What is to be put right, as one command finds it."""

    deleted: frozenset[ObjectId]
    """Datasets that were deleted, by whichever process, but not their snapshots."""
    expired: frozenset[ObjectId]
    """Datasets in whose trash lies what has expired."""
    is_unfinished: bool
    """Whether the dataset that was asked for has operations that have not ended."""
    is_untold: bool
    """Whether it has some that have ended, and that the audit log may lack."""

    @classmethod
    def find(cls, database: Database[Document], dataset_id: ObjectId | None = None) -> Due:
        """Looks for it.

        Args:
            database: the database
            dataset_id (None): a dataset whose operations are looked at as well

        Returns:
            what there is to do
        """
        found = list(database[CATALOG].aggregate(_due_pipeline(dataset_id)))
        datasets = [each for each in found if "found" in each]
        entries = [each for each in found if "found" not in each]
        return cls(
            frozenset(e["_id"] for e in datasets if not e["found"] and not e.get("branch")),
            frozenset(each["_id"] for each in datasets if each["expired"]),
            any(each["state"] in UNFINISHED for each in entries),
            any(each["state"] not in UNFINISHED for each in entries),
        )


def _due_pipeline(dataset_id: ObjectId | None) -> list[Document]:
    """Returns what finds, begun on the catalog, the datasets and the entries of :class:`Due`."""
    is_old = trash.has_expired()
    is_held = {"$gt": [{"$size": {"$ifNull": ["$held_by", []]}}, 0]}
    is_kept = {"$or": [{"$eq": ["$pinned", True]}, is_held]}
    is_deleted_snapshot = {"$and": [{"$eq": ["$live", False]}, {"$not": is_kept}, is_old]}
    by_dataset = {"_id": "$dataset_id"}
    is_branch = {"$eq": ["$kind", branches.KIND]}
    of_trash: list[Document] = [
        {"$group": {**by_dataset, "expired": {"$max": is_old}, "branch": {"$max": is_branch}}}
    ]
    pipeline: list[Document] = [
        {"$group": {**by_dataset, "expired": {"$max": is_deleted_snapshot}}},
        {"$unionWith": {"coll": DATASETS, "pipeline": [{"$project": {"_id": 1}}]}},
        {"$unionWith": {"coll": TRASH, "pipeline": of_trash}},
        {
            "$group": {
                "_id": "$_id",
                "expired": {"$max": "$expired"},
                "branch": {"$max": "$branch"},
            }
        },
        # After all that is known, so that what comes to be meanwhile is not taken for gone
        {
            "$lookup": {
                "from": "datasets",
                "localField": "_id",
                "foreignField": "_id",
                "pipeline": [{"$project": {"_id": 1}}],
                "as": "found",
            }
        },
        {"$match": {"$or": [{"expired": True}, {"found": [], "branch": {"$ne": True}}]}},
    ]
    if dataset_id is not None:
        is_left: list[Document] = [{"state": {"$in": UNFINISHED}}, recording.UNTOLD]
        entries = [
            {"$match": {"dataset_id": dataset_id, "$or": is_left}},
            {"$project": {"state": 1}},
        ]
        pipeline.append({"$unionWith": {"coll": JOURNAL, "pipeline": entries}})
    return pipeline
