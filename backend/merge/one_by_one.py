"""Looking at conflicts one by one, each with the file that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from bson import ObjectId
from pymongo.database import Database

from ..dataset.parts import Part
from ..mongo.database import Document
from ..rawbson.ids import Ids
from ..results.serialize import Record
from . import store, stored_conflicts
from .conflicts import Conflict
from .store import PlanRecord
from .stored_conflicts import Filter


@dataclass(frozen=True)
class ConflictInPlace(Record):
    """A conflict, and where people find it."""

    conflict: Conflict
    file: str | None
    """The name of the sample's file; None for what belongs to no sample."""


def read(
    database: Database[Document], plan: PlanRecord, wanted: Filter, number: int
) -> ConflictInPlace | None:
    """Returns one of some conflicts of a plan.

    Args:
        database: the database
        plan: the plan
        wanted: which conflicts
        number: which one of them, in their order

    Returns:
        the conflict, or None if there are not so many
    """
    conflict = stored_conflicts.conflict_at(database, plan.id, wanted, number)
    if conflict is None:
        return None
    return ConflictInPlace(conflict, _file(database, plan, conflict))


def _file(database: Database[Document], plan: PlanRecord, conflict: Conflict) -> str | None:
    if conflict.sample_id is None:
        return None
    sides = {"_id": {"$in": [plan.target_id, plan.branch_id]}}
    # The target may have deleted it
    for dataset in database["datasets"].find(sides, {"sample_collection_name": 1}):
        samples = database[dataset["sample_collection_name"]]
        found = samples.find_one({"_id": ObjectId(conflict.sample_id)}, {"filepath": 1})
        if found is not None:
            return PurePath(str(found.get("filepath"))).name
    return _file_before(database, plan, ObjectId(conflict.sample_id))


def _file_before(
    database: Database[Document], plan: PlanRecord, sample_id: ObjectId
) -> str | None:
    """Returns what the file was called before an operation that is taken back."""
    if plan.theirs_id is None:
        return None
    wanted = Ids.of([sample_id]).keys
    samples = store.theirs(database, plan).documents(Part.SAMPLES, wanted)
    for found in samples.decoded([sample_id]) if samples is not None else ():
        return PurePath(str(found.get("filepath"))).name
    return None
