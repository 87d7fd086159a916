"""Operators that undo restoring samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from ..backend.restore.undo_plan import RestoreUndo
from ..backend.trash.trash import TrashItem, TrashKind
from . import preview
from .base import PLUGIN, Plain, SnapshotOperator, Target
from .form import Form
from .plain import plain
from .preview import PreviewOperator
from .words import exact, plural


class PlanUndoRestore(PreviewOperator):
    """Tells what undoing a restoration would change."""

    NAME = "plan_undo_restore"
    ACTION = Action.DIFF
    LABEL = "Preview undoing a restoration"
    DESCRIPTION = "Tell what undoing a restoration of samples would change, and change nothing"
    ICON = "preview"

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Compares the samples with what the restoration made of them."""
        plan = management.undo_restore(target.dataset, _operation(params), dry_run=True)
        return {
            "message": "\n".join(f"- {line}" for line in _lines(plan)),
            "plan": plain(plan),
        }


class UndoRestore(SnapshotOperator):
    """Undoes a restoration of samples."""

    ACTION = Action.UNDO_RESTORE
    DESCRIPTION = "Bring back what restoring samples has overwritten; what was edited since stays"
    ICON = "undo"
    RISK = types.RiskLevel.HIGH
    DELEGATABLE = True
    SUBMIT = "Undo"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the restoration, and says what would change."""
        items = restorations(target.dataset)
        if not items:
            raise InvalidRequestError(
                f"There is nothing to undo: no samples of '{target.dataset}' were restored, or "
                "that was too long ago, or the trash was emptied"
            )
        labels = {
            item.id: f"From snapshot '{item.name}', {exact(item.trashed_at)}" for item in items
        }
        operation_id = form.choice(
            "operation_id", "Restoration", list(labels), default=items[0].id, labels=labels
        )
        if operation_id is None:
            return
        label = "Calculating what would change"
        plan = preview.ask(form, ctx, PlanUndoRestore, {"operation_id": operation_id}, label)
        if plan is not None:
            form.say(
                "what",
                types.AlertView(
                    severity="info",
                    label=f"Undo restoring samples of '{target.dataset}'?",
                    description=plan["message"],
                ),
            )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Undoes it."""
        undone = management.undo_restore(target.dataset, _operation(params))
        return {
            "message": f"Undone, restoring from '{undone.snapshot_name}': "
            f"{', '.join(_lines(undone))}",
            "undone": plain(undone),
        }

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Shows the samples as they are now."""
        if target.snapshot is None:
            ctx.trigger(f"{PLUGIN}/show_content")


def restorations(dataset: str) -> list[TrashItem]:
    """Lists the restorations of samples that can be undone, newest first.

    Args:
        dataset: the name of the dataset

    Returns:
        what they have overwritten
    """
    items = management.list_trash(dataset)
    return [item for item in reversed(items) if item.kind is TrashKind.SAMPLES]


def _operation(params: Mapping[str, Any]) -> str | None:
    return params.get("operation_id") or None


def _lines(undo: RestoreUndo) -> list[str]:
    """Returns what an undo changes, in words that fit before and after."""
    told = [
        f"{plural(number, noun)} {what}"
        for number, noun, what in (
            (undo.samples_changed, "sample", "as before the restoration"),
            (undo.samples_removed, "sample", "deleted that had come back"),
            (undo.samples_kept, "sample", "kept that were edited since"),
            (undo.frames_changed, "frame", "as before the restoration"),
            (undo.frames_added, "frame", "brought back"),
            (undo.frames_removed, "frame", "deleted that had come back"),
            (undo.frames_kept, "frame", "kept that were edited since"),
        )
        if number
    ]
    for fields, what in (
        (undo.fields_removed, "removed that had come back"),
        (undo.fields_kept, "kept that are in use by now"),
    ):
        if fields:
            told.append(f"fields {what}: {', '.join(fields)}")
    return told or ["nothing to change: all of it was edited since"]
