"""Operators that delete snapshots, bring them back, or destroy them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from .base import Plain, SnapshotOperator, Target, choose_snapshot, snapshot_of
from .browse import entry_of
from .form import Form
from .plain import plain
from .words import plural, size, trash_item

TRASH_NOTICE = "All of this can be brought back from the trash for some days."


class DeleteSnapshot(SnapshotOperator):
    """Deletes a snapshot."""

    ACTION = Action.DELETE
    DESCRIPTION = "Move a snapshot to the trash, from where it can be brought back for some days"
    ICON = "delete"
    RISK = types.RiskLevel.HIGH
    SUBMIT = "Delete snapshot"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Says what is lost."""
        name = choose_snapshot(form, target)
        if name is None:
            return
        entry = entry_of(target, name)
        form.say(
            "loss",
            types.AlertView(
                severity="warning",
                label=f"Delete snapshot '{name}' of '{target.dataset}'?",
                description=f"It holds {plural(entry.sample_count, 'sample')} "
                f"({size(entry.size_bytes)}). The dataset itself is not touched, nor are other "
                "snapshots.",
                caption="It can be brought back from the trash for some days.",
            ),
        )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Deletes it."""
        name = snapshot_of(params, target)
        management.delete_snapshot(target.dataset, name)
        return {
            "message": f"Snapshot '{name}' was moved to the trash",
            "name": name,
            "undo": {"action": "delete", "name": name},
        }

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Leaves the snapshot if it was open."""
        if target.snapshot == result["name"]:
            ctx.ops.open_dataset(target.dataset)


class RestoreSnapshot(SnapshotOperator):
    """Brings a deleted snapshot back."""

    ACTION = Action.RESTORE
    DESCRIPTION = "Bring a deleted snapshot back from the trash"
    ICON = "restore_from_trash"
    RISK = types.RiskLevel.MEDIUM
    SUBMIT = "Restore"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot."""
        trashed = [
            item.name
            for item in reversed(management.list_trash(target.dataset))
            if item.kind.value == "snapshot"
        ]
        if not trashed:
            raise InvalidRequestError(f"The trash of '{target.dataset}' holds no snapshots")
        form.choice("name", "Snapshot", list(dict.fromkeys(trashed)))

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Brings it back."""
        snapshot = management.restore_snapshot(target.dataset, snapshot_of(params, target))
        return {"message": f"Snapshot '{snapshot.name}' is back", "snapshot": plain(snapshot)}


class EmptyTrash(SnapshotOperator):
    """Empties the trash."""

    ACTION = Action.EMPTY_TRASH
    DESCRIPTION = "Destroy for good what lies in the trash of this dataset"
    ICON = "delete_forever"
    RISK = types.RiskLevel.DANGEROUS
    SUBMIT = "Destroy for good"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Says what is lost."""
        everything = management.list_trash(target.dataset)
        # The bases of branches stay, unless the branches go as well
        items = [item for item in everything if not item.held_by]
        if not items:
            raise InvalidRequestError(
                f"What lies in the trash of '{target.dataset}' is needed by branches"
                if everything
                else f"The trash of '{target.dataset}' is empty"
            )
        lines = [f"{trash_item(item)} ({size(item.size_bytes)})" for item in items]
        form.say(
            "loss",
            types.AlertView(
                severity="error",
                label="This cannot be undone",
                description="\n".join(f"- {line}" for line in lines),
            ),
        )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Empties it."""
        items = management.empty_trash(target.dataset)
        freed = size(sum(item.size_bytes for item in items))
        return {
            "message": f"{plural(len(items), 'item')} destroyed, {freed} freed",
            "items": plain(items),
        }
