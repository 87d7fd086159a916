"""The merge of a plan that is applied: with what was decided about its conflicts."""

from __future__ import annotations

from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.reference import DatasetReference
from ..diff.versions import NoVersion, SnapshotVersion
from ..mongo.database import Document
from ..operations.journal import Operation
from . import store, stored_conflicts
from .conflicts import Conflict, ConflictKind, Resolution, Take
from .engine import Engine
from .plan import short_name
from .side import Side
from .store import PlanRecord
from .stored_conflicts import Filter


def engine_of(
    running: Operation,
    plan: PlanRecord,
    base: SnapshotRecord | None,
    ours: Side,
    theirs: Side,
) -> Engine:
    """Returns what merges two sides as a plan says, with what was decided.

    Args:
        running: the operation
        plan: the plan
        base: the snapshot that both sides began with, if there is one
        ours: the target
        theirs: what is merged
    """
    database = running.database
    decided = stored_conflicts.resolutions(database, plan.id)
    former = NoVersion() if base is None else SnapshotVersion(database, base)
    target = DatasetReference(plan.target_id, str(ours.document["name"]))

    def decide(conflict: Conflict) -> Resolution | None:
        return decided.get(conflict.id)

    return Engine(
        base=Side(database, former),
        ours=ours,
        theirs=theirs,
        branch=short_name(DatasetReference(plan.branch_id, plan.branch_name), target),
        decide=decide,
        restored=_restored(database, plan),
        scope=store.scope(database, plan),
        progress=running.progress,
    )


def _restored(database: Database[Document], plan: PlanRecord) -> dict[str, Take]:
    """Returns how fields were decided that one side deleted and the other one changed."""
    kinds = (ConflictKind.SCHEMA_DROPPED_MODIFIED, ConflictKind.SCHEMA_TYPE)
    found = (stored_conflicts.conflicts(database, plan.id, Filter(kind=kind)) for kind in kinds)
    return {
        conflict.path: Take(conflict.resolution)
        for conflicts in found
        for conflict in conflicts
        if conflict.resolution is not None
    }
