"""Operators for merges: planning one, deciding its conflicts, applying it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from . import preview
from .base import Plain, SnapshotOperator, Target
from .form import Form
from .plain import plain
from .revert import PlanUndo, discarded_state, show_dataset
from .words import plural

_SIDES = {
    "ours": "Ours: as the target has it",
    "theirs": "Theirs: as the branch has it",
    "base": "As it was before",
    "both": "Both, where that is possible",
    "combine": "Both as one sample, where both added one of the same file",
}
_ALL, _VIEW = "all", "view"


class PlanMerge(SnapshotOperator):
    """Plans a merge."""

    ACTION = Action.PLAN_MERGE
    DESCRIPTION = "See what merging a branch would change, and what must be decided before"
    ICON = "merge"
    DELEGATABLE = True
    SUBMIT = "Plan merge"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the branch."""
        around = management.get_branches(target.dataset)
        names = [branch.dataset_name for branch in around.branches]
        if around.branch is not None:
            names.insert(0, target.dataset)
        if not names:
            raise InvalidRequestError(f"'{target.dataset}' has no branches, and is none itself")
        form.choice("branch", "Branch", names, default=names[0])
        branch = form.params.get("branch") or names[0]
        fields = management.mergeable_fields(branch)
        form.several("fields", "Only these fields", fields, "By default, everything")
        if ctx.has_custom_view:
            labels = {_ALL: "All samples", _VIEW: "Only the samples of the current view"}
            form.choice("samples", "Samples", list(labels), labels=labels, default=_ALL)
        form.choice(
            "prefer",
            "Where both have changed the same",
            ["ours", "theirs"],
            labels={"ours": _SIDES["ours"], "theirs": _SIDES["theirs"]},
            required=False,
            description="By default, each such conflict is for you to decide",
        )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Plans it."""
        branch = params.get("branch")
        if not branch:
            raise InvalidRequestError("The parameter 'branch' is missing: which branch?")
        into = None if branch == target.dataset else target.dataset
        plan = management.plan_merge(
            branch,
            into,
            fields=params.get("fields") or None,
            view=ctx.view if params.get("samples") == _VIEW else None,
            prefer=params.get("prefer") or None,
            progress=False,
        )
        return {"message": _message(plan), "merge": plain(plan)}


class ReviewMerge(SnapshotOperator):
    """Opens the review of a merge."""

    ACTION = Action.REVIEW_MERGE
    DESCRIPTION = "Look at the samples in conflict, as both sides have them, and edit them by hand"
    ICON = "rate_review"
    DELEGATABLE = True
    SUBMIT = "Review"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the merge."""
        _ask_merge(form, target)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Makes the dataset, unless it is there."""
        review = management.review_merge(_merge_id(params, target))
        return {
            "message": f"{plural(len(review), 'sample')} to look at, in dataset '{review.name}'",
            "dataset_name": review.name,
        }

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Opens it."""
        ctx.ops.open_dataset(result["dataset_name"])


class ResolveMerge(SnapshotOperator):
    """Decides conflicts."""

    ACTION = Action.RESOLVE_MERGE
    DESCRIPTION = "Decide conflicts of a planned merge, all of a kind at once"
    ICON = "rule"
    SUBMIT = "Decide"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks which conflicts, and what is to be."""
        plan = _ask_merge(form, target)
        if plan is None:
            return
        kinds = {str(count.kind): 0 for count in plan.counts if count.open}
        for count in plan.counts:
            if count.open:
                kinds[str(count.kind)] += count.open
        labels = {kind: f"{kind} ({number:,} open)" for kind, number in kinds.items()}
        labels = {_ALL: f"All ({plan.open_conflicts:,} open)", **labels}
        form.choice("kind", "Conflicts", list(labels), labels=labels, default=_ALL)
        form.choice("take", "Take", list(_SIDES), labels=_SIDES)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Decides them: those that are named, or else those that are open, or all if none is."""
        merge_id, kind = _merge_id(params, target), params.get("kind") or _ALL
        wanted: Any = params.get("conflicts")
        if wanted is None:
            like = {"field": params.get("field"), "label": params.get("label")}
            wanted = {"kind": None if kind == _ALL else kind, **like}
            if not params.get("decided"):
                wanted["resolved"] = False
        number = management.resolve_conflicts(merge_id, wanted, params.get("take"))
        plan = management.get_merge(merge_id)
        message = f"{plural(number, 'conflict')} decided, {plan.open_conflicts:,} open"
        return {"message": message, "merge": plain(plan)}


class UseReviewEdits(SnapshotOperator):
    """Decides conflicts as they were edited by hand."""

    NAME = "use_review_edits"
    ACTION = Action.RESOLVE_MERGE
    LABEL = "Use my edits"
    DESCRIPTION = "Decide the conflicts of a merge as you have edited them in its review"
    ICON = "edit"
    SUBMIT = "Use my edits"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the merge."""
        _ask_merge(form, target)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Takes the edits."""
        merge_id = _merge_id(params, target)
        edits = management.use_review_edits(merge_id)
        plan = management.get_merge(merge_id)
        said = f"{plural(edits.taken, 'conflict')} decided by edits, {plan.open_conflicts:,} open"
        if not edits.taken and not edits.not_taken:
            said = "Nothing was edited in the fields of the target"
        if edits.not_taken:
            said += (
                f". Edits of {plural(edits.not_taken, 'sample')} were not taken, because both "
                f"sides agree there: make them in '{target.dataset}' itself"
            )
        return {
            "message": said,
            "ok": not edits.not_taken,
            "edits": plain(edits),
            "merge": plain(plan),
        }


class ApplyMerge(SnapshotOperator):
    """Applies a merge."""

    ACTION = Action.APPLY_MERGE
    DESCRIPTION = "Apply a planned merge as one step, which can be undone"
    ICON = "merge"
    RISK = types.RiskLevel.HIGH
    DELEGATABLE = True
    SUBMIT = "Merge"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the merge, and says what it changes."""
        plan = _ask_merge(form, target)
        if plan is None:
            return
        if plan.open_conflicts:
            number = plural(plan.open_conflicts, "conflict")
            form.refuse(f"{number} must be decided before")
            return
        form.say(
            "change",
            types.AlertView(
                severity="info",
                label=f"Undo in '{plan.dataset_name}', back to {plan.branch_name}?"
                if plan.undoes
                else f"Merge '{plan.branch_name}' into '{plan.dataset_name}'?",
                description="\n".join(f"- {line}" for line in changes(plan)),
                caption=f"What '{plan.dataset_name}' is now goes to the trash, so this can be "
                "undone.",
            ),
        )
        if plan.undoes is None:
            form.text("snapshot", "Name of the snapshot that it ends with")
            form.text("description", "Description", rows=2)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Applies it."""
        made = management.apply_merge(
            _merge_id(params, target),
            params.get("snapshot") or None,
            params.get("description") or None,
        )
        if made.merged_from is None:
            return {"message": "Undone", "snapshot": plain(made)}
        return {
            "message": f"Merged '{made.merged_from.dataset_name}', as snapshot '{made.name}'",
            "snapshot": plain(made),
            "undo": {"action": "merge", "name": made.name},
        }

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Shows what there is now."""
        _leave_review(ctx, target)


class DiscardMerge(SnapshotOperator):
    """Gives a planned merge up."""

    ACTION = Action.DISCARD_MERGE
    DESCRIPTION = "Give a planned merge up, with what was decided; no dataset changes"
    ICON = "delete"
    RISK = types.RiskLevel.MEDIUM
    SUBMIT = "Discard"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the merge, and says what is lost."""
        plan = _ask_merge(form, target)
        if plan is None:
            return
        decided = plan.total_conflicts - plan.open_conflicts
        form.say(
            "loss",
            types.AlertView(
                severity="warning",
                label=f"Discard the undo in '{plan.dataset_name}', back to {plan.branch_name}?"
                if plan.undoes
                else f"Discard the merge of '{plan.branch_name}' into '{plan.dataset_name}'?",
                description=f"{plural(decided, 'decision')} and the edits in its review are lost. "
                "Neither dataset changes.",
            ),
        )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Gives it up."""
        management.discard_merge(_merge_id(params, target))
        return {"message": "The merge is discarded"}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Leaves the review, which is gone."""
        if target.merge is not None:
            _leave_review(ctx, target)


def changes(plan: management.MergePlan) -> list[str]:
    """Returns what a merge changes in its target, in numbers.

    Args:
        plan: the merge

    Returns:
        one text a line
    """
    done = plan.changes
    told = [
        f"{plural(number, noun)} {what}"
        for number, noun, what in (
            (done.samples_added, "sample", "added"),
            (done.samples_deleted, "sample", "deleted"),
            (done.samples_changed, "sample", "changed"),
            (done.frames_added, "frame", "added"),
            (done.frames_deleted, "frame", "deleted"),
            (done.frames_changed, "frame", "changed"),
        )
        if number
    ]
    if plan.total_conflicts:
        told.append(f"{plural(plan.total_conflicts, 'conflict')} as decided")
    return told or ["Nothing but what belongs to no sample"]


def _leave_review(ctx: ExecutionContext, target: Target) -> None:
    """Shows the target of a merge whose review may be open, and is gone."""
    if target.merge is None:
        ctx.ops.reload_dataset()
    else:
        ctx.ops.open_dataset(target.dataset)


class UndoMerge(SnapshotOperator):
    """Takes the last merge back."""

    ACTION = Action.UNDO_MERGE
    DESCRIPTION = "Take the last merge back whole; what the dataset is now goes to the trash"
    ICON = "undo"
    RISK = types.RiskLevel.HIGH
    DELEGATABLE = True
    SUBMIT = "Undo merge"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Says what goes."""
        state = discarded_state(target.dataset)
        if state is None or not state.is_merge or state.is_rolled_back:
            raise InvalidRequestError(
                f"What was done last to all of '{target.dataset}' is no merge that could be undone"
            )
        label = "Calculating exactly what that would change"
        plan = preview.ask(form, ctx, PlanUndo, {"state": state.id}, label)
        if plan is not None:
            form.say(
                "what",
                types.AlertView(
                    severity="info",
                    label=f"Undo merge '{state.name}'?",
                    description=plan["message"],
                ),
            )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Undoes it."""
        management.undo_merge(target.dataset)
        return {"message": f"The merge was taken back: '{target.dataset}' is what it was before"}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Shows the dataset."""
        show_dataset(ctx, target)


def _ask_merge(form: Form, target: Target) -> management.MergePlan | None:
    """Asks for an open merge, and returns it."""
    found = [plan for plan in management.list_merges(target.dataset) if plan.state == "open"]
    if not found:
        raise InvalidRequestError("No merge is planned; plan one first")
    labels = {
        plan.id: f"{plan.dataset_name}, back to {plan.branch_name}"
        if plan.undoes
        else f"{plan.branch_name} into {plan.dataset_name}"
        for plan in found
    }
    first = target.merge if target.merge in labels else found[-1].id
    chosen = form.choice("merge", "Merge", list(labels), labels=labels, default=first)
    return next((plan for plan in found if plan.id == chosen), None)


def _merge_id(params: Mapping[str, Any], target: Target) -> str:
    """Returns which merge is meant: the one that is named, else the one whose review is open."""
    merge_id = params.get("merge") or target.merge
    if not merge_id:
        raise InvalidRequestError("The parameter 'merge' is missing: which merge?")
    return str(merge_id)


def _message(plan: management.MergePlan) -> str:
    said = plural(plan.changes.samples_changed, "sample") + " would change"
    if plan.open_conflicts:
        return f"{said}; {plural(plan.open_conflicts, 'conflict')} must be decided before"
    return f"{said}; nothing is left to decide"
