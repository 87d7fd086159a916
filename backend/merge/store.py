"""The plans of merges and their conflicts, as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import FORMAT_VERSION, check_format
from ..dataset.parts import Head
from ..diff.versions import HeadVersion, SnapshotVersion
from ..errors import InvalidRequestError, MergeNotFoundError, SnapshotNotFoundError
from ..mongo.collections import CONFLICTS, MERGES
from ..mongo.database import Document, server_time
from ..rawbson.ids import DTYPE, Keys
from . import reviews
from .record import DuplicateSuspect, MergeCounts, MergeState
from .scope import Scope
from .triple import in_chunks

_BATCH = 1000
_IDS_AT_ONCE = 500_000
_ORPHANED = timedelta(days=1)
"""How long the conflicts of a plan that is being made can be without it."""

MAX_SUSPECTS = 1000


@dataclass(frozen=True)
class PlanRecord:
    """A plan, as it is stored."""

    id: ObjectId
    target_id: ObjectId
    branch_id: ObjectId
    branch_name: str
    """The name that the branch had when the merge was planned."""
    base_id: ObjectId | None
    """The snapshot that both sides began with; None for none."""
    base_name: str | None
    ours: str
    """The hash of the target when the merge was planned."""
    theirs: str
    """The hash of the branch."""
    created_at: datetime
    created_by: str | None
    counts: MergeCounts
    notes: tuple[str, ...] = ()
    suspects: tuple[DuplicateSuspect, ...] = ()
    suspect_count: int = 0
    fields: tuple[str, ...] | None = None
    """The fields that are merged, if not all."""
    samples: int | None = None
    """How many samples are merged, if not all."""
    samples_hash: str | None = None
    """A hash of which ones."""
    state: MergeState = MergeState.OPEN
    snapshot_id: ObjectId | None = None
    """The snapshot that the merge ended with."""
    snapshot_name: str | None = None
    theirs_id: ObjectId | None = None
    """The snapshot that is merged, if it is not the branch as it is now."""
    undoes: ObjectId | None = None
    """The operation that is taken back, if it is no merge of a branch."""

    @property
    def is_full(self) -> bool:
        """Whether all of the branch is merged."""
        return self.fields is None and self.samples is None

    def is_about_the_same(self, other: PlanRecord) -> bool:
        """Returns whether two plans merge the same part of a branch."""
        return (self.fields, self.samples_hash) == (other.fields, other.samples_hash)

    def to_document(self) -> Document:
        """Returns the plan as it is stored."""
        document = {**asdict(self), "_id": self.id, "format": FORMAT_VERSION}
        del document["id"]
        fields = None if self.fields is None else list(self.fields)
        notes = list(self.notes)
        return {**document, "state": self.state.value, "notes": notes, "fields": fields}

    @classmethod
    def from_document(cls, document: Document) -> PlanRecord:
        """Reads what :meth:`to_document` wrote."""
        check_format(document)
        values = {key: item for key, item in document.items() if key not in ("_id", "format")}
        values["counts"] = MergeCounts(**document["counts"])
        values["suspects"] = tuple(DuplicateSuspect(**each) for each in document["suspects"])
        values["notes"] = tuple(document["notes"])
        values["state"] = MergeState(document["state"])
        fields = document.get("fields")
        values["fields"] = None if fields is None else tuple(fields)
        return cls(id=document["_id"], **values)


def add(database: Database[Document], plan: PlanRecord, samples: Keys | None = None) -> None:
    """Stores a plan whose conflicts are stored, and drops what plans that died have left.

    Args:
        database: the database
        plan: the plan
        samples (None): the samples that are merged, if not all
    """
    for number, some in enumerate([] if samples is None else in_chunks(samples, _IDS_AT_ONCE)):
        piece = {"plan_id": plan.id, "number": number, "samples": some.tobytes()}
        database[MERGES].insert_one({"_id": ObjectId(), **piece})
    database[MERGES].insert_one(plan.to_document())
    known = database[MERGES].distinct("_id")
    long_ago = ObjectId.from_datetime(server_time(database) - _ORPHANED)
    for name in (CONFLICTS, MERGES):
        database[name].delete_many({"plan_id": {"$nin": known, "$lt": long_ago}})


def scope(database: Database[Document], plan: PlanRecord) -> Scope:
    """Returns what of the branch a plan merges.

    Args:
        database: the database
        plan: the plan

    Returns:
        the fields and samples
    """
    if plan.samples is None:
        return Scope(plan.fields)
    pieces = database[MERGES].find({"plan_id": plan.id}).sort("number", 1)
    samples = np.frombuffer(b"".join(piece["samples"] for piece in pieces), DTYPE)
    if len(samples) != plan.samples:
        raise InvalidRequestError(f"The merge {plan.id} was discarded at this moment")
    return Scope(plan.fields, samples)


def theirs(database: Database[Document], plan: PlanRecord) -> HeadVersion | SnapshotVersion:
    """Returns what a plan merges.

    Args:
        database: the database
        plan: the plan

    Returns:
        the branch as it is now; of an undo, the snapshot before the operation

    Raises:
        SnapshotNotFoundError: if that snapshot is gone
    """
    if plan.theirs_id is None:
        return HeadVersion(Head(database, plan.branch_id))
    record = Catalog(database).by_id(plan.theirs_id)
    if record is None:
        raise SnapshotNotFoundError(
            f"The state that the merge {plan.id} brings is not kept any more"
        )
    return SnapshotVersion(database, record)


def get(database: Database[Document], merge_id: str) -> PlanRecord:
    """Returns a plan.

    Args:
        database: the database
        merge_id: its id

    Returns:
        the plan

    Raises:
        MergeNotFoundError: if there is none
    """
    found = None
    if ObjectId.is_valid(merge_id):
        found = database[MERGES].find_one({"_id": ObjectId(merge_id)})
    if found is None:
        raise MergeNotFoundError(f"There is no merge {merge_id!r}; list_merges() tells which are")
    return PlanRecord.from_document(found)


def select(database: Database[Document], query: Mapping[str, Any]) -> list[PlanRecord]:
    """Returns the plans that fit a query, oldest first."""
    # Ids of one second are in no order if several processes have made them
    found = database[MERGES].find(dict(query)).sort([("created_at", 1), ("_id", 1)])
    return [PlanRecord.from_document(document) for document in found]


def close(
    database: Database[Document], plan_id: ObjectId, state: MergeState, **values: Any
) -> bool:
    """Says that a plan is applied or discarded, unless it is closed already.

    Args:
        database: the database
        plan_id: the plan
        state: what became of it
        **values: what else is to be remembered of it

    Returns:
        whether it was open
    """
    found = database[MERGES].update_one(
        {"_id": plan_id, "state": MergeState.OPEN.value},
        {"$set": {"state": state.value, **values}},
    )
    if state is MergeState.DISCARDED:
        database[CONFLICTS].delete_many({"plan_id": plan_id})
    reviews.remove(database, plan_id)
    database[MERGES].delete_many({"plan_id": plan_id})
    return found.matched_count > 0


def forget(database: Database[Document], dataset_id: ObjectId) -> None:
    """Forgets the merges into a dataset that is gone.

    Args:
        database: the database
        dataset_id: the dataset
    """
    query = {"target_id": dataset_id}
    plans = database[MERGES].distinct("_id", query)
    for plan_id in plans:
        reviews.remove(database, plan_id)
    database[CONFLICTS].delete_many({"plan_id": {"$in": plans}})
    database[MERGES].delete_many({"$or": [query, {"plan_id": {"$in": plans}}]})
