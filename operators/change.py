"""Operators that change something besides: edit, clone, restore samples, verify, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import fiftyone.core.odm as foo
from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import DuplicateNameError, InvalidRequestError, LimitExceededError
from .base import Plain, SnapshotOperator, Target, choose_snapshot, required, snapshot_of
from .browse import entry_of
from .form import Form
from .plain import plain


class EditSnapshot(SnapshotOperator):
    """Renames a snapshot or changes its description."""

    ACTION = Action.EDIT
    DESCRIPTION = "Rename a snapshot or change its description; its contents never change"
    ICON = "edit"
    RISK = types.RiskLevel.MEDIUM
    SUBMIT = "Save"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the new name and description."""
        name = choose_snapshot(form, target)
        if name is None:
            return
        entry = entry_of(target, name)
        form.text(
            "new_name",
            "Name",
            default=name,
            check=lambda new: None if new == name else _check_rename(target, new),
        )
        form.text("description", "Description", rows=3, default=entry.description or "")

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Edits it."""
        changes = {}
        if "description" in params:
            changes["description"] = params["description"] or None
        snapshot = management.edit_snapshot(
            target.dataset, snapshot_of(params, target), params.get("new_name") or None, **changes
        )
        return {"message": f"Snapshot '{snapshot.name}' was edited", "snapshot": plain(snapshot)}


class CloneSnapshot(SnapshotOperator):
    """Makes a new dataset of a snapshot."""

    ACTION = Action.CLONE
    DESCRIPTION = "Make a new, editable dataset of a snapshot"
    ICON = "content_copy"
    RISK = types.RiskLevel.MEDIUM
    DELEGATABLE = True
    SUBMIT = "Clone"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the new dataset's name."""
        name = choose_snapshot(form, target)
        form.text(
            "new_dataset_name",
            "Name of the new dataset",
            required=True,
            check=_check_dataset_name,
            placeholder=f"{target.dataset}-{name}" if name else None,
        )
        form.say("note", types.Notice(label="The new dataset has no snapshots of its own."))

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Clones it."""
        name = snapshot_of(params, target)
        new_name = required(params, "new_dataset_name")
        _check_dataset_name(new_name)
        dataset = management.clone_snapshot(target.dataset, name, new_name)
        return {
            "message": f"Dataset '{dataset.name}' was made of snapshot '{name}'",
            "dataset_name": dataset.name,
        }


class VerifySnapshot(SnapshotOperator):
    """Proves that a snapshot is what was captured."""

    ACTION = Action.VERIFY
    DESCRIPTION = "Read every document of a snapshot and prove that it is what was captured"
    ICON = "verified"
    DELEGATABLE = True
    SUBMIT = "Verify"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot."""
        choose_snapshot(form, target)
        form.flag("media", "Also look for the media files", default=False)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Verifies it."""
        report = management.verify_snapshot(
            target.dataset, snapshot_of(params, target), params.get("media") or False
        )
        return {"message": str(report), "ok": bool(report), "report": plain(report)}


class CancelOperation(SnapshotOperator):
    """Gives up what is under way."""

    ACTION = Action.CANCEL
    DESCRIPTION = "Give up an operation that is under way, and undo what it has done"
    ICON = "cancel"
    RISK = types.RiskLevel.MEDIUM
    SUBMIT = "Cancel operation"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the operation."""
        entries = management.list_operations(target.dataset)
        if not entries:
            raise InvalidRequestError("No operation is under way")
        labels = {str(entry.id): entry.verb.value.replace("_", " ") for entry in entries}
        form.choice("operation_id", "Operation", list(labels), labels=labels)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Asks for it to be given up."""
        in_time = management.cancel_operation(required(params, "operation_id"))
        message = "It is given up at its next step" if in_time else "It was too late to cancel it"
        return {"message": message, "in_time": in_time}


def _check_rename(target: Target, name: str) -> None:
    # A rename adds no snapshot, so that reaching a limit does not matter
    with suppress(LimitExceededError):
        management.check_new_snapshot(target.dataset, name)


def _check_dataset_name(name: object) -> None:
    # MongoDB would take anything else for a query; the SDK says what is wrong with it, and with
    # half a character
    if not isinstance(name, str):
        return
    with suppress(UnicodeEncodeError):
        if foo.get_db_conn()["datasets"].find_one({"name": name}, {"_id": 1}):
            raise DuplicateNameError(f"A dataset named '{name}' already exists")
