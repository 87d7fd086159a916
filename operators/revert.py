"""Operators that roll a dataset back, and undo that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from ..backend.revert.revert import RevertPlan
from ..backend.revert.undo_plan import UndoPlan
from ..backend.trash.trash import TrashItem, TrashKind
from . import preview
from .base import PLUGIN, Plain, SnapshotOperator, Target, choose_snapshot, snapshot_of
from .form import Form
from .plain import plain
from .preview import PreviewOperator
from .trash import TRASH_NOTICE
from .words import bring_back_name, exact, exchange, plural, trash_item


class PlanRevert(PreviewOperator):
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
        lost = _told(plan, " added since", " deleted since", " edited since will lose those edits")
        if plan.snapshots_to_delete:
            lost.append(
                f"The newer {_quoted('snapshot', plan.snapshots_to_delete)} will be deleted"
            )
        return {"message": _as_list(lost), "plan": plain(plan)}


class PlanUndo(PreviewOperator):
    """Tells what an undo would change."""

    NAME = "plan_undo"
    ACTION = Action.DIFF
    LABEL = "Preview undo"
    DESCRIPTION = "Tell exactly what undoing a rollback would change, and change nothing"
    ICON = "preview"

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Compares the dataset with what lies in the trash."""
        plan = management.undo_revert(target.dataset, _operation(params), dry_run=True)
        told = _told(plan, "", "", " will change back")
        if plan.snapshots_to_bring_back:
            told.append(f"The {_quoted('snapshot', plan.snapshots_to_bring_back)} will come back")
        if plan.snapshots_to_delete:
            told.append(f"The {_quoted('snapshot', plan.snapshots_to_delete)} will be deleted")
        return {"message": _as_list(told), "plan": plain(plan)}


class RevertToSnapshot(SnapshotOperator):
    """Rolls the dataset back."""

    ACTION = Action.REVERT
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
        label = "Calculating exactly what would be discarded"
        plan = preview.ask(form, ctx, PlanRevert, {"name": name}, label)
        if plan is not None:
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
    """Undoes the last rollback, or brings an earlier state back."""

    ACTION = Action.UNDO_REVERT
    DESCRIPTION = "Bring back exactly what the last rollback discarded, newer snapshots included"
    ICON = "undo"
    RISK = types.RiskLevel.HIGH
    DELEGATABLE = True
    SUBMIT = "Undo rollback"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Says what comes back."""
        states = discarded_states(target.dataset)
        if not states:
            raise InvalidRequestError(
                f"There is nothing to undo: '{target.dataset}' was not rolled back, or that was "
                "too long ago, or the trash was emptied"
            )
        labels = {
            state.id: f"{trash_item(state)}, {exact(state.trashed_at)}"
            for state in reversed(states)
        }
        last = states[-1].id
        if len(states) > 1 or form.params.get("operation_id"):
            chosen = form.choice(
                "operation_id", "Former state", list(labels), default=last, labels=labels
            )
        else:
            chosen = last
        state = next((state for state in states if state.id == chosen), None)
        if state is None:
            return
        name = bring_back_name(state, is_last=state.id == last)
        form.title = form.submit = name
        label = "Calculating exactly what that would change"
        plan = preview.ask(form, ctx, PlanUndo, {"operation_id": state.id}, label)
        if plan is not None:
            form.say(
                "what",
                types.AlertView(
                    severity="info",
                    label=f"{name}?",
                    description=plan["message"],
                    caption="What the dataset is now goes to the trash, so this can be taken "
                    "back as well.",
                ),
            )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Undoes it."""
        chosen = _operation(params)
        last = discarded_state(target.dataset)
        state = last if chosen is None else discarded_state(target.dataset, chosen)
        management.undo_revert(target.dataset, chosen)
        if state is None:
            return {"message": f"'{target.dataset}' is what it was before"}
        done, when = ("redone", "after") if state.is_rolled_back else ("undone", "before")
        what = f"{exchange(state)} '{state.name}'"
        if state != last:
            return {"message": f"'{target.dataset}' is what it was {when} the {what}"}
        return {"message": f"The {what} was {done}: '{target.dataset}' is as it was {when} it"}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Shows the dataset."""
        show_dataset(ctx, target)


def discarded_states(dataset: str) -> list[TrashItem]:
    """Returns the former states of a dataset that can be brought back, oldest first."""
    return [item for item in management.list_trash(dataset) if item.kind is TrashKind.HEAD]


def discarded_state(dataset: str, operation_id: str | None = None) -> TrashItem | None:
    """Returns the state that an undo brings back.

    Args:
        dataset: the name of the dataset
        operation_id (None): the operation that discarded it; by default, the last one

    Returns:
        the state, or None if there is none
    """
    states = discarded_states(dataset)
    found = [state for state in states if operation_id in (None, state.id)]
    return found[-1] if found else None


def _operation(params: Mapping[str, Any]) -> str | None:
    return params.get("operation_id") or None


def _told(plan: RevertPlan | UndoPlan, added: str, deleted: str, restored: str) -> list[str]:
    """Returns what would happen to samples and fields, one sentence each.

    Nobody need have touched anything since a rollback that is undone, so only the preview of a
    rollback says why samples differ.
    """
    told = [
        f"{plural(number, 'sample')}{text}"
        for number, text in (
            (plan.samples_to_remove, f"{added} will be removed"),
            (plan.samples_to_add_back, f"{deleted} will come back"),
            (plan.samples_to_restore, restored),
        )
        if number
    ]
    for fields, text in (
        (plan.fields_to_remove, "will be removed"),
        (plan.fields_to_add_back, "will come back"),
    ):
        if fields:
            told.append(f"The {_quoted('field', fields)} {text}")
    return told


def _quoted(noun: str, names: list[str]) -> str:
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"{noun if len(names) == 1 else f'{noun}s'} {quoted}"


def _as_list(told: list[str]) -> str:
    return "\n".join(f"- {line}" for line in told) or "- Nothing: it is the same"


def show_dataset(ctx: ExecutionContext, target: Target) -> None:
    """Has the App show a dataset whose contents were exchanged.

    Args:
        ctx: the operator's context
        target: the dataset
    """
    if target.snapshot is not None or target.merge is not None:
        ctx.ops.open_dataset(target.dataset)
    else:
        ctx.trigger(f"{PLUGIN}/show_content")
