"""Keeping snapshots from everything that takes them away by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from .base import Plain, SnapshotOperator, Target, snapshot_of
from .form import Form
from .plain import plain


class PinSnapshot(SnapshotOperator):
    """Keeps a snapshot from automatic archival, pruning, and expiring in the trash."""

    ACTION = Action.PIN
    DESCRIPTION = "Keep a snapshot from automatic archival, pruning, and expiring in the trash"
    ICON = "push_pin"
    RISK = types.RiskLevel.LOW
    SUBMIT = "Pin"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot."""
        _choose(form, target, pinned=False)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Pins it."""
        snapshot = management.pin_snapshot(target.dataset, snapshot_of(params, target))
        return {"message": f"Snapshot '{snapshot.name}' is pinned", "snapshot": plain(snapshot)}


class UnpinSnapshot(SnapshotOperator):
    """Takes a pin back."""

    ACTION = Action.UNPIN
    DESCRIPTION = "Let a snapshot be archived automatically, pruned, and expire in the trash again"
    ICON = "push_pin"
    RISK = types.RiskLevel.MEDIUM
    SUBMIT = "Unpin"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot."""
        _choose(form, target, pinned=True)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Unpins it."""
        snapshot = management.unpin_snapshot(target.dataset, snapshot_of(params, target))
        message = f"Snapshot '{snapshot.name}' is no longer pinned"
        return {"message": message, "snapshot": plain(snapshot)}


def _choose(form: Form, target: Target, pinned: bool) -> None:
    """Adds a choice among the snapshots that are pinned, or that are not."""
    entries = management.get_history(target.dataset).entries
    names = [entry.name for entry in entries if entry.pinned == pinned]
    if not names:
        which = "pinned snapshots" if pinned else "snapshots that are not pinned"
        raise InvalidRequestError(f"Dataset '{target.dataset}' has no {which}")
    default = target.snapshot if target.snapshot in names else None
    form.choice("name", "Snapshot", names, default=default)
