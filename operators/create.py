"""Operators that make snapshots, or tell what a new one would hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from .base import Plain, SnapshotOperator, Target, required
from .form import Form
from .plain import plain
from .words import change_counts, plural


class CreateSnapshot(SnapshotOperator):
    """Creates a snapshot."""

    ACTION = Action.CREATE
    DESCRIPTION = "Keep the dataset as it is now, for ever, under a name"
    ICON = "add_a_photo"
    RISK = types.RiskLevel.MEDIUM
    DELEGATABLE = True
    SUBMIT = "Save new snapshot"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for a name and a description."""
        target.head_only("create a snapshot")
        form.text(
            "name",
            "Name",
            required=True,
            check=lambda name: management.check_new_snapshot(target.dataset, name),
            description="Unique within the dataset, such as v1 or before-relabeling",
        )
        form.text("description", "Description", rows=3)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Creates it."""
        target.head_only("create a snapshot")
        snapshot = management.create_snapshot(
            target.dataset, required(params, "name"), params.get("description") or None
        )
        if ctx.delegated:
            # Nobody waits for a worker, and some end their process without letting anything finish
            management.wait_for_media()
        total = (
            snapshot.linear_change_summary.total_samples if snapshot.linear_change_summary else 0
        )
        return {
            "message": f"Snapshot '{snapshot.name}' holds {plural(total, 'sample')} of "
            f"'{target.dataset}'",
            "snapshot": plain(snapshot),
        }


class RefreshChanges(SnapshotOperator):
    """Calculates what has changed since the latest snapshot."""

    ACTION = Action.CALCULATE
    DESCRIPTION = "Count the samples that were added, deleted and changed since then, exactly"
    ICON = "refresh"
    DELEGATABLE = True

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Needs nothing to be filled in."""
        target.head_only("see what has changed in it")

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Calculates them."""
        target.head_only("see what has changed in it")
        summary = management.calculate_dataset_latest_changes_summary(target.dataset)
        return {
            "message": f"Since the latest snapshot: {change_counts(summary)}",
            "changes": plain(summary),
        }
