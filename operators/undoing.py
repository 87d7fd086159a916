"""Operators for operations that can be undone one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from .base import Plain, SnapshotOperator, Target
from .form import Form
from .plain import plain

_SIDES = {
    "ours": "Ours: as it is now",
    "theirs": "Theirs: as it was before the operation",
}

_UNSET = "unset"
_MODES = {
    "off": "Never",
    "auto": "If that takes little time and space",
    "on": "Always",
    _UNSET: "As FIFTYONE_SNAPSHOTS_UNDO says; never if it says nothing",
}


class ListUndoable(SnapshotOperator):
    """Lists operations."""

    ACTION = Action.LIST_UNDOABLE
    DESCRIPTION = "List the operations on this dataset that can be undone one by one"
    ICON = "undo"

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Lists them."""
        found = management.list_undoable(target.dataset)
        number = sum(each.is_undoable for each in found)
        return {"message": f"{number} operations can be undone", "operations": plain(found)}

    def show(self, outputs: types.Object, result: Plain) -> None:
        """Shows them as a table."""
        table = types.TableView()
        for key in ("what", "created_by", "created_at", "samples_changed", "is_undoable", "id"):
            table.add_column(key, label=key.replace("_", " ").capitalize())
        outputs.list("operations", types.Object(), view=table)


class SetUndoMode(SnapshotOperator):
    """Chooses what is made undoable without being asked."""

    ACTION = Action.SET_UNDO_MODE
    DESCRIPTION = (
        "Whether operators and calls of anybody that change much on this dataset can be undone"
    )
    ICON = "undo"
    RISK = types.RiskLevel.MEDIUM
    SUBMIT = "Save"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the mode."""
        target.head_only("choose what can be undone")
        setting = management.get_undo_mode(target.dataset)
        form.choice(
            "mode",
            "Keep the states around operators and calls that change much",
            list(_MODES),
            labels=_MODES,
            default=setting.dataset or _UNSET,
            description=f"Now: {setting}",
        )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Chooses it."""
        target.head_only("choose what can be undone")
        mode = params.get("mode") or _UNSET
        setting = management.set_undo_mode(target.dataset, None if mode == _UNSET else mode)
        said = f"Operations on '{target.dataset}' can be undone: {_MODES[setting.mode].lower()}"
        return {"message": said, "setting": plain(setting)}


class UndoOperation(SnapshotOperator):
    """Undoes one operation."""

    ACTION = Action.UNDO_OPERATION
    DESCRIPTION = "Undo one operation, and keep what was done since; that can be undone as well"
    ICON = "undo"
    RISK = types.RiskLevel.HIGH
    DELEGATABLE = True
    SUBMIT = "Undo"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the operation, and says what its undo changes."""
        target.head_only("undo an operation")
        found = [each for each in management.list_undoable(target.dataset) if each.is_undoable]
        if not found:
            raise InvalidRequestError("No operation can be undone")
        labels = {each.id: str(each) for each in found}
        chosen = form.choice(
            "operation", "Operation", list(labels), labels=labels, default=found[0].id
        )
        form.choice(
            "prefer",
            "Where it was changed again since",
            list(_SIDES),
            labels=_SIDES,
            required=False,
            description="By default, nothing is undone then, and each is for you to decide",
        )
        operation = next((each for each in found if each.id == chosen), None)
        if operation is not None:
            form.say("change", types.AlertView(severity="info", label=labels[operation.id]))

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Undoes it, or only tells what would change."""
        target.head_only("undo an operation")
        operation = params.get("operation")
        if not operation:
            raise InvalidRequestError("The parameter 'operation' is missing: which operation?")
        prefer = params.get("prefer") or None
        if params.get("dry_run"):
            plan = management.undo_operation(target.dataset, operation, prefer, dry_run=True)
            return {"message": str(plan), "merge": plain(plan)}
        done = management.undo_operation(target.dataset, operation, prefer)
        return {"message": str(done), "operation": plain(done), "operation_id": done.id}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Shows what there is now."""
        ctx.ops.reload_dataset()
