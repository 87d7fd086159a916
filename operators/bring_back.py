"""The way to a dataset's history once all its samples are gone.

FiftyOne shows no panels of a dataset without samples, only operators and their forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from ..backend.trash.trash import TrashItem
from . import preview
from .base import PLUGIN, Plain, SnapshotOperator, Target, required
from .form import Form
from .lost import UNDO, ways_back
from .revert import PlanRevert, PlanUndo, discarded_state, show_dataset

_ASK = "ask"


class BringBackSamples(SnapshotOperator):
    """Offers what a dataset without samples can go back to."""

    NAME = "bring_back_samples"
    ACTION = Action.REVERT
    LABEL = "Bring back lost samples"
    DESCRIPTION = "Choose a snapshot to roll back to; also where a dataset has no samples any more"
    ICON = "settings_backup_restore"
    RISK = types.RiskLevel.DANGEROUS
    SUBMIT = "Rollback"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the version to go back to, and says what that would change."""
        target.head_only("roll it back")
        choices = ways_back(target.dataset)
        if not choices:
            raise InvalidRequestError(f"'{target.dataset}' has nothing to go back to")
        if not management.count_documents(target.dataset):
            said = f"'{target.dataset}' has no samples"
            form.say("what", types.AlertView(severity="warning", label=said))
        first = next(iter(choices))
        name = form.choice("name", "Go back to", list(choices), default=first, labels=choices)
        if name is None:
            return
        label = "Calculating exactly what that would change"
        if (state := _state(target.dataset, name)) is not None:
            plan = preview.ask(form, ctx, PlanUndo, {"operation_id": state.id}, label)
        else:
            plan = preview.ask(form, ctx, PlanRevert, {"name": name}, label)
        if plan is not None:
            form.say(
                "loss",
                types.AlertView(
                    severity="info",
                    label="This is what happens",
                    description=plan["message"],
                    caption="What the dataset is now goes to the trash, so this can be undone.",
                ),
            )

    def execute(self, ctx: ExecutionContext) -> Plain:
        """Rolls back, or opens the form for the App's script."""
        if ctx.params.get(_ASK):
            ctx.prompt(f"{PLUGIN}/{self.NAME}")
            return {"state": "asked"}
        return super().execute(ctx)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Rolls back."""
        name = params.get("name") or next(iter(ways_back(target.dataset)), None)
        if name is None:
            raise InvalidRequestError(f"'{target.dataset}' has nothing to go back to")
        name = required({"name": name}, "name")
        if (state := _state(target.dataset, name)) is not None:
            management.undo_revert(target.dataset, state.id)
        else:
            management.revert_dataset_to_snapshot(target.dataset, name)
        number = management.count_documents(target.dataset)
        return {"message": f"'{target.dataset}' has samples again" if number else "Done"}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Shows the dataset."""
        show_dataset(ctx, target)


def _state(dataset: str, name: str) -> TrashItem | None:
    """Returns the discarded state that a choice stands for; None if it is a snapshot's name."""
    if name != UNDO and not name.startswith(f"{UNDO} "):
        return None
    return discarded_state(dataset, name.removeprefix(UNDO).strip() or None)
