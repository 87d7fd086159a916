"""A plan that is applied, with what was decided about its conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.reference import DatasetReference
from ..diff.versions import NoVersion, SnapshotVersion
from ..mongo.database import Document
from ..operations.journal import Operation
from . import store, stored_conflicts
from .conflicts import Conflict, ConflictKind, Resolution, Take
from .engine import Engine
from .outcome import Outcome
from .plan import short_name
from .side import Side
from .store import PlanRecord
from .stored_conflicts import Filter


@dataclass(frozen=True)
class Decided:
    """A plan that is being applied."""

    running: Operation
    plan: PlanRecord
    base: SnapshotRecord | None
    """The snapshot that both sides began with, if there is one."""
    merged: SnapshotRecord
    """What is merged."""
    ending: SnapshotRecord
    """The snapshot that there is to be at the end."""
    undone: str | None
    """What is taken back, if it is an operation that is undone."""
    outcome: Outcome
    """What was worked out for the plan, if it was made just now."""

    def details(self) -> Document:
        """Returns what a recovery needs to know, whichever way it is applied."""
        return {
            "plan_id": self.plan.id,
            "undone": self.undone,
            "made": [self.ending.id],
            "snapshot": self.ending.to_document(),
        }

    @cached_property
    def theirs(self) -> Side:
        """The side that is merged."""
        database = self.running.database
        return Side(database, SnapshotVersion(database, self.merged))

    def engine(self, ours: Side) -> Engine:
        """Returns what merges both sides, with what was decided.

        Args:
            ours: the target
        """
        database, plan = self.running.database, self.plan
        decided = stored_conflicts.resolutions(database, plan.id)
        former = NoVersion() if self.base is None else SnapshotVersion(database, self.base)
        target = DatasetReference(plan.target_id, str(ours.document["name"]))

        def decide(conflict: Conflict) -> Resolution | None:
            return decided.get(conflict.id)

        return Engine(
            base=Side(database, former),
            ours=ours,
            theirs=self.theirs,
            branch=short_name(DatasetReference(plan.branch_id, plan.branch_name), target),
            decide=decide,
            restored=_restored(database, plan),
            scope=store.scope(database, plan),
            progress=self.running.progress,
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
