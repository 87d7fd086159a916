"""Operators that roll a dataset back, and undo that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from .base import PLUGIN, Plain, SnapshotOperator, Target, choose_snapshot, snapshot_of
from .form import Form
from .plain import plain
from .trash import TRASH_NOTICE
from .words import plural


class PlanRevert(SnapshotOperator):
    """Tells what a rollback would discard."""

    NAME = "plan_revert"
    ACTION = Action.DIFF
    LABEL = "Preview rollback"
    DESCRIPTION = "Tell exactly what rolling back to a snapshot would discard, and change nothing"
    ICON = "preview"
    DELEGATABLE = True

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot."""
        choose_snapshot(form, target)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Compares the dataset with the snapshot."""
        plan = management.revert_dataset_to_snapshot(
            target.dataset, snapshot_of(params, target), dry_run=True
        )
        lost = [
            text
            for number, text in (
                (plan.samples_to_remove, "added since will be removed"),
                (plan.samples_to_add_back, "deleted since will come back"),
                (plan.samples_to_restore, "edited since will lose those edits"),
            )
            if number
            for text in [f"{plural(number, 'sample')} {text}"]
        ]
        for fields, text in (
            (plan.fields_to_remove, "added since will be removed"),
            (plan.fields_to_add_back, "deleted since will come back"),
        ):
            if fields:
                noun = "Field" if len(fields) == 1 else "Fields"
                lost.append(f"{noun} {', '.join(fields)} {text}")
        if plan.snapshots_to_delete:
            names = ", ".join(f"'{name}'" for name in plan.snapshots_to_delete)
            noun = "snapshot" if len(plan.snapshots_to_delete) == 1 else "snapshots"
            lost.append(f"The newer {noun} {names} will be deleted")
        return {
            "message": "\n".join(f"- {line}" for line in lost) or "- Nothing: it is the same",
            "plan": plain(plan),
        }


class RevertToSnapshot(SnapshotOperator):
    """Rolls the dataset back."""

    NAME = "revert_to_snapshot"
    ACTION = Action.REVERT
    LABEL = "Rollback to snapshot"
    DESCRIPTION = "Take the dataset back to a snapshot; it can be undone for some days"
    ICON = "settings_backup_restore"
    RISK = types.RiskLevel.DANGEROUS
    DELEGATABLE = True
    SUBMIT = "Rollback"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Says exactly what is discarded."""
        name = choose_snapshot(form, target)
        if name is None:
            return
        if ctx.prompt_id:
            # Calculated aside: forms are made by the thread that serves the whole App
            form.inputs.loader(
                "preview",
                type=types.Object(),
                operator=f"{PLUGIN}/{PlanRevert.NAME}",
                params={"name": name},
                label="Calculating exactly what would be discarded…",
                dependencies=["name"],
            )
        preview = form.params.get("preview") or {}
        plan = preview.get("data") or {}
        if preview.get("state") == "loaded" and plan.get("plan", {}).get("snapshot_name") == name:
            form.say(
                "loss",
                types.AlertView(
                    severity="warning",
                    label=f"Take '{target.dataset}' back to snapshot '{name}'?",
                    description=plan["message"],
                    caption=TRASH_NOTICE,
                ),
            )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Rolls back."""
        name = snapshot_of(params, target)
        management.revert_dataset_to_snapshot(target.dataset, name)
        return {
            "message": f"'{target.dataset}' was rolled back to snapshot '{name}'",
            "name": name,
            "undo": {"action": "revert", "name": name},
        }

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Shows the dataset."""
        show_dataset(ctx, target)


class UndoRevert(SnapshotOperator):
    """Undoes the last rollback."""

    NAME = "undo_revert"
    ACTION = Action.UNDO_REVERT
    LABEL = "Undo rollback"
    DESCRIPTION = "Bring back exactly what the last rollback discarded, newer snapshots included"
    ICON = "undo"
    RISK = types.RiskLevel.HIGH
    DELEGATABLE = True
    SUBMIT = "Undo rollback"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Says what comes back."""
        states = [i for i in management.list_trash(target.dataset) if i.kind.value == "head"]
        if not states:
            raise InvalidRequestError(
                f"There is nothing to undo: '{target.dataset}' was not rolled back, or that was "
                "too long ago, or the trash was emptied"
            )
        form.say(
            "what",
            types.AlertView(
                severity="info",
                label=f"Bring back what '{target.dataset}' was before the last rollback or undo?",
                description="It comes back exactly, with the snapshots that were deleted by it. "
                "What the dataset is now goes to the trash in its turn, so this can be undone.",
            ),
        )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Undoes it."""
        management.undo_revert(target.dataset)
        return {"message": f"'{target.dataset}' is what it was before"}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Shows the dataset."""
        show_dataset(ctx, target)


def show_dataset(ctx: ExecutionContext, target: Target) -> None:
    """Has the App show a dataset whose contents were exchanged.

    Args:
        ctx: the operator's context
        target: the dataset
    """
    if target.snapshot is not None:
        ctx.ops.open_dataset(target.dataset)
    else:
        ctx.ops.reload_dataset()
