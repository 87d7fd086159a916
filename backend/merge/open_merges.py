"""The merges that are planned, as a list of them shows them: read in one aggregation.

Whoever shows such a list asks again and again, so duplicate suspects, which are many, are left
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from ..mongo.collections import CONFLICTS
from ..mongo.database import Document
from . import plans, stored_conflicts
from .record import MergePlan, MergeState
from .store import PlanRecord

_LOOKED_UP = ("target", "branch", "review", "conflicts")


@dataclass(frozen=True)
class OpenMerge:
    """A planned merge that is neither applied nor discarded."""

    plan: MergePlan
    """What it is about, without duplicate suspects."""
    review: str | None
    """The name of its review, if that was opened."""


def looking(dataset_id: ObjectId) -> list[Document]:
    """Returns an aggregation over the plans of merges that finds what :func:`told` reads.

    Args:
        dataset_id: a dataset that is merged, or merged into
    """
    return [
        {
            "$match": {
                "$or": [{"target_id": dataset_id}, {"branch_id": dataset_id}],
                "state": MergeState.OPEN.value,
            }
        },
        {"$sort": {"_id": 1}},
        {"$set": {"suspects": []}},
        _named("target_id", "target"),
        _named("branch_id", "branch"),
        _named("_id", "review"),
        {
            "$lookup": {
                "from": CONFLICTS,
                "localField": "_id",
                "foreignField": "plan_id",
                "pipeline": list(stored_conflicts.COUNTING),
                "as": "conflicts",
            }
        },
    ]


def told(documents: Iterable[Mapping[str, Any]]) -> list[OpenMerge]:
    """Returns the merges that were found.

    Args:
        documents: what :func:`looking` has found

    Returns:
        those of which the target still exists
    """
    return [_told(document) for document in documents if document["target"]]


def _told(document: Mapping[str, Any]) -> OpenMerge:
    looked_up = {key: document[key] for key in _LOOKED_UP}
    plan = PlanRecord.from_document({k: v for k, v in document.items() if k not in looked_up})
    names = {
        key: next((each["name"] for each in looked_up[key]), None)
        for key in ("target", "branch", "review")
    }
    counts = stored_conflicts.read_counts(looked_up["conflicts"])
    return OpenMerge(plans.public(plan, names["target"], names["branch"], counts), names["review"])


def _named(field: str, to: str) -> Document:
    return {
        "$lookup": {
            "from": "datasets",
            "localField": field,
            "foreignField": "_id",
            "pipeline": [{"$project": {"name": 1}}],
            "as": to,
        }
    }
