"""The reviews of planned merges: hidden datasets that hold the samples in conflict.

A review has the id of its plan, so nothing else says whose it is, and goes with the plan. FiftyOne
may delete one, as it may any dataset that it does not list; then it is made anew when it is opened
again. It is persistent nevertheless: else FiftyOne would delete it when one process ends, while
somebody else has it open.
"""

from __future__ import annotations

from typing import Any

from bson import ObjectId
from pymongo.database import Database

from ..dataset import instances, ownership
from ..dataset.parts import Part, owner_field, shared_collection
from ..dataset.reference import DatasetReference
from ..mongo.collections import MERGES, REVIEWS, review_name
from ..mongo.database import Document
from .record import MergeState

FIELDS = "_snapshots_review"
"""In the dataset document of a review, the fields that it has besides those of the target."""


def wanted_name(target: DatasetReference, plan_id: ObjectId) -> str:
    """Returns what the review of a merge is to be called."""
    return f"{target.name}.merge-{str(plan_id)[-6:]}"


def find(database: Database[Document], plan_id: ObjectId) -> Document | None:
    """Returns the dataset document of the review of a merge, if it was opened.

    Args:
        database: the database
        plan_id: the plan

    Returns:
        the document, or None
    """
    return database["datasets"].find_one(_own(plan_id))


def remove(database: Database[Document], plan_id: ObjectId) -> bool:
    """Removes the review of a merge, and all that somebody has added to it.

    Args:
        database: the database
        plan_id: the plan

    Returns:
        whether there was one
    """
    document: Document | None = database["datasets"].find_one_and_delete(_own(plan_id))
    if document is not None:
        instances.forget(document["name"])
        # Only what was saved in it: nothing of that kind comes with it
        _remove_related(database, plan_id)
    for part in (Part.SAMPLES, Part.FRAMES):
        database.drop_collection(review_name(plan_id, part))
    return document is not None


def leftovers(database: Database[Document]) -> set[ObjectId]:
    """Returns the plans of reviews that nobody needs: closed, gone, or without one of the sides.

    Args:
        database: the database

    Returns:
        their ids
    """
    # What exists is listed first, so that what comes to be meanwhile is not taken for left over
    query = {"sample_collection_name": {"$regex": f"^{REVIEWS}"}}
    found = set(database["datasets"].distinct("_id", query))
    pattern = rf"^(frames\.)?{REVIEWS}[0-9a-f]{{24}}$"
    for name in database.list_collection_names(filter={"name": {"$regex": pattern}}):
        found.add(ObjectId(name[-24:]))
    if not found:
        return found
    sides = ("target_id", "branch_id")
    wanted = {"_id": {"$in": list(found)}, "state": MergeState.OPEN.value}
    plans = list(database[MERGES].find(wanted, dict.fromkeys(sides, 1)))
    datasets = {plan[side] for plan in plans for side in sides}
    there = set(database["datasets"].distinct("_id", {"_id": {"$in": list(datasets)}}))
    return found - {plan["_id"] for plan in plans if all(plan[side] in there for side in sides)}


def remove_leftovers(database: Database[Document]) -> int:
    """Removes the reviews that nobody needs.

    Args:
        database: the database

    Returns:
        how many there were
    """
    found = leftovers(database)
    for plan_id in found:
        remove(database, plan_id)
    return len(found)


def _own(plan_id: ObjectId) -> Document:
    """Returns what finds the dataset document of a review, and nobody else's."""
    return {"_id": plan_id, "sample_collection_name": review_name(plan_id, Part.SAMPLES)}


def _remove_related(database: Database[Document], plan_id: ObjectId) -> None:
    runs = shared_collection(database, Part.RUNS)
    mine: dict[str, Any] = {owner_field(Part.RUNS): plan_id}
    results = [id_ for id_ in runs.distinct("results", mine) if id_ is not None]
    for part in ownership.OWNED:
        shared_collection(database, part).delete_many({owner_field(part): plan_id})
    if results:
        database["fs.files"].delete_many({"_id": {"$in": results}})
        database["fs.chunks"].delete_many({"files_id": {"$in": results}})
