"""The tags of snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from .base import Plain, SnapshotOperator, Target, choose_snapshot, snapshot_of
from .browse import entry_of
from .form import Form
from .plain import plain
from .words import plural


class TagSnapshot(SnapshotOperator):
    """Says which tags a snapshot has."""

    ACTION = Action.TAG
    DESCRIPTION = "Say which tags a snapshot has; they are searched for, and do not change it"
    ICON = "sell"
    RISK = types.RiskLevel.LOW
    SUBMIT = "Save"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the tags."""
        name = choose_snapshot(form, target)
        if name is None:
            return
        known = sorted({tag for each in management.get_history(target.dataset).entries
                        for tag in each.tags})  # fmt: skip
        form.words("tags", "Tags", known, default=list(entry_of(target, name).tags))

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Adds and removes what differs."""
        name, wanted = snapshot_of(params, target), params.get("tags") or []
        had = set(entry_of(target, name).tags)
        snapshot = management.tag_snapshot(target.dataset, name, wanted)
        if gone := sorted(had - set(wanted)):
            snapshot = management.untag_snapshot(target.dataset, name, gone)
        said = plural(len(snapshot.tags), "tag")
        return {"message": f"Snapshot '{name}' has {said}", "snapshot": plain(snapshot)}
