"""Operators that bring single samples, or fields of them, back from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from ..backend.restore.restore import RestoredSamples
from . import preview
from .base import PLUGIN, Plain, SnapshotOperator, Target, choose_snapshot, snapshot_of
from .form import Form
from .plain import plain
from .preview import PreviewOperator
from .words import plural

_SELECTED, _VIEW, _ALL = "selected", "view", "all"


class PlanRestore(PreviewOperator):
    """Tells what restoring samples would change."""

    NAME = "plan_restore_samples"
    ACTION = Action.DIFF
    LABEL = "Preview restoring samples"
    DESCRIPTION = "Tell what restoring samples would change, and change nothing"
    ICON = "preview"

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Compares the samples with those of the snapshot."""
        name, fields = snapshot_of(params, target), _fields(params)
        plan = management.restore_samples(
            target.dataset, name, _samples(params, ctx), fields, dry_run=True
        )
        edited = plural(plan.samples_to_restore, "sample")
        told = []
        if plan.samples_to_add_back:
            told.append(f"{plural(plan.samples_to_add_back, 'deleted sample')} will come back")
        if plan.samples_to_restore and fields is None:
            told.append(f"{edited} edited since will lose those edits")
        elif plan.samples_to_restore:
            told.append(
                f"{edited} edited since: {', '.join(fields or [])} will be what it was there; "
                "everything else stays"
            )
        if plan.fields_to_add_back:
            told.append(f"Fields will come back: {', '.join(plan.fields_to_add_back)}")
        if plan.samples_unchanged:
            told.append(f"{plural(plan.samples_unchanged, 'sample')} will stay the same")
        if plan.samples_skipped:
            told.append(f"{plural(plan.samples_skipped, 'sample')} cannot be restored from it")
        return {
            "message": "\n".join(f"- {line}" for line in told) or "- No samples are chosen",
            "plan": plain(plan),
        }


class RestoreSamples(SnapshotOperator):
    """Brings samples back from a snapshot."""

    ACTION = Action.RESTORE_SAMPLES
    DESCRIPTION = "Make the selected samples, or those of the current view, what they once were"
    ICON = "restore_page"
    RISK = types.RiskLevel.HIGH
    DELEGATABLE = True
    SUBMIT = "Restore samples"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot, the samples and the fields, and says what would change."""
        name = choose_snapshot(form, target)
        labels = {}
        if ctx.selected:
            labels[_SELECTED] = f"The {plural(len(ctx.selected), 'selected sample')}"
        if ctx.has_custom_view:
            labels[_VIEW] = "All samples of the current view"
        where = f"snapshot {target.snapshot}" if target.snapshot else "the dataset"
        labels[_ALL] = f"All samples of {where}"
        default = None if list(labels) == [_ALL] else next(iter(labels))
        which = form.choice(
            "which",
            "Samples",
            list(labels),
            default=default,
            # Callers from Python may name samples instead
            required=bool(ctx.prompt_id),
            labels=labels,
            description="To bring deleted samples back, browse the snapshot and select them there",
        )
        if name is None:
            return
        known = management.restorable_fields(target.dataset, name)
        form.several("fields", "Only these fields", known, description="By default, whole samples")
        if which is None:
            return
        wanted = {"name": name, "which": which, "fields": _fields(form.params)}
        label = "Calculating what would change"
        plan = preview.ask(form, ctx, PlanRestore, wanted, label)
        if plan is not None:
            form.say(
                "loss",
                types.AlertView(
                    severity="warning",
                    label=f"Restore samples of '{target.dataset}' from snapshot '{name}'?",
                    description=plan["message"],
                    caption="What is overwritten goes to the trash, so this can be undone for "
                    "some days.",
                ),
            )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Restores them."""
        name = snapshot_of(params, target)
        samples = _samples(params, ctx)
        restored = management.restore_samples(target.dataset, name, samples, _fields(params))
        return {
            "message": f"From snapshot '{name}': {_told(restored)}",
            "restored": plain(restored),
            "undo": restored.operation_id
            and {"action": "restore_samples", "operation_id": restored.operation_id},
        }

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Shows the samples as they are now."""
        if target.snapshot is None:
            ctx.trigger(f"{PLUGIN}/show_content")


def _samples(params: Mapping[str, Any], ctx: ExecutionContext) -> object:
    """Returns the samples that are meant; never all of them unless that is said."""
    if params.get("sample_ids"):
        return params["sample_ids"]
    which = params.get("which")
    if which is None:
        which = _SELECTED if ctx.selected else _VIEW
    if which == _SELECTED and ctx.selected:
        return ctx.selected
    if which == _VIEW and ctx.has_custom_view:
        return ctx.view
    if which == _ALL:
        return ctx.dataset.view()
    raise InvalidRequestError(
        "Which samples? Select some, set a view, or ask for all of them (which='all')"
    )


def _fields(params: Mapping[str, Any]) -> list[str] | None:
    fields = params.get("fields") or None
    if isinstance(fields, str):
        fields = [field.strip() for field in fields.split(",") if field.strip()]
    return fields or None


def _told(restored: RestoredSamples) -> str:
    """Returns what was done, in words."""
    told = [
        f"{plural(number, noun)} {what}"
        for number, noun, what in (
            (restored.samples_added, "sample", "came back"),
            (restored.samples_changed, "sample", "restored"),
            (restored.samples_unchanged, "sample", "the same already"),
            (restored.samples_skipped, "sample", "left out"),
            (restored.frames_added, "frame", "came back"),
            (restored.frames_changed, "frame", "restored"),
            (restored.frames_removed, "frame", "removed"),
        )
        if number
    ]
    if restored.fields_added:
        told.append(f"fields came back: {', '.join(restored.fields_added)}")
    return ", ".join(told) or "nothing to restore"
