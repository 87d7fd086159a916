"""The merge page of the History panel: what a merge changes, and what must be decided before."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from ..backend.access import Action
from ..backend.merge.conflicts import TAKES, ConflictKind, Take
from ..backend.merge.open_merges import OpenMerge
from ..backend.merge.record import ConflictCount, MergePlan
from ..operators.words import MINUS, ago, exact, plural
from . import merging_conflict, rows, widgets
from .merging_state import Filter, chosen
from .model import Shown

if TYPE_CHECKING:
    from .history import HistoryPanel

_MOST_NOTES = 8

KINDS = {
    ConflictKind.SAMPLE_DELETED_MODIFIED: "One deleted it, the other changed it",
    ConflictKind.SAME_MEDIA: "Both added the same file",
    ConflictKind.GROUP_SLOT: "Both filled the same group slice",
    ConflictKind.VALUE: "Different values",
    ConflictKind.VALUE_DELETED_MODIFIED: "One cleared the value, the other changed it",
    ConflictKind.LABEL_DELETED_MODIFIED: "One deleted the label, the other changed it",
    ConflictKind.LABEL_CLASS: "Different classes",
    ConflictKind.LABEL_GEOMETRY: "Different places",
    ConflictKind.LABEL_ATTRIBUTE: "Different attributes",
    ConflictKind.LABELS_REPLACED: "All labels were replaced",
    ConflictKind.SCHEMA_TYPE: "Different types of a field",
    ConflictKind.SCHEMA_DROPPED_MODIFIED: "One deleted the field, the other changed its values",
    ConflictKind.SCHEMA_RENAME: "Different new names of a field",
    ConflictKind.CLASSES: "Different lists of classes",
    ConflictKind.MASK_TARGET: "Different mask targets",
    ConflictKind.RUN: "Different runs",
    ConflictKind.UNIQUE_INDEX: "A unique index would break",
}
"""What kinds of conflicts are called for people."""

_SIDES = {
    Take.OURS: "Ours",
    Take.THEIRS: "Theirs",
    Take.BASE: "Base",
    Take.BOTH: "Both",
    Take.COMBINE: "Combine",
}


def render(
    panel: HistoryPanel, page: types.Object, ctx: ExecutionContext, shown: Shown, merge: OpenMerge
) -> None:
    """Adds the page of a merge.

    Args:
        panel: the panel
        page: where to add it
        ctx: the panel's context
        shown: what else is shown
        merge: the merge
    """
    filter_ = chosen(ctx, merge)
    _head(panel, page, shown, merge)
    rows.under_way(panel, page, shown)
    _changes(page, merge)
    _conflicts(panel, page, shown, merge, filter_)
    if merge.plan.total_conflicts:
        merging_conflict.render(panel, page, ctx, shown, merge, filter_)
    _end(panel, page, shown, merge)


def banners(panel: HistoryPanel, page: types.Object, shown: Shown) -> None:
    """Adds what tells of planned merges, and leads to their pages.

    Args:
        panel: the panel
        page: where to add it
        shown: what is shown
    """
    for number, merge in enumerate(shown.merges):
        plan = merge.plan
        if plan.undoes is not None and not plan.total_conflicts:
            # Somebody has only looked at what it would change
            continue
        said = f"{_named_plan(plan)} is planned: "
        if plan.open_conflicts:
            said += f"{plural(plan.open_conflicts, 'conflict')} to decide."
        else:
            said += "nothing is left to decide."
        tone = "warning" if plan.open_conflicts else "info"
        line = widgets.alert(
            page, f"merge_{number}", tone, said, width="280px", data_testid="history-merge"
        )
        widgets.button(
            line,
            "open_merge",
            "Open merge",
            panel.on_open_merge,
            icon="merge",
            primary=True,
            params={"merge": plan.id},
            aria_label=f"Open merge of {plan.branch_name}",
        )


def _named_plan(plan: MergePlan) -> str:
    if plan.undoes is not None:
        return f"An undo in {plan.dataset_name}, back to {plan.branch_name},"
    return f"A merge of {plan.branch_name} into {plan.dataset_name}"


def _head(panel: HistoryPanel, page: types.Object, shown: Shown, merge: OpenMerge) -> None:
    plan, is_reviewed = merge.plan, shown.target.merge is not None
    line = widgets.row(page, "merge", style={"flexWrap": "wrap"}, data_testid="merge-page")
    hint = f"Back to {shown.target.dataset}" if is_reviewed else "Back to the list"
    widgets.button(line, "close", None, panel.on_close_merge, icon="arrow_back", hint=hint)
    about = widgets.column(line, "about", gap=0.2, style={"item": {"flex": "1 1 260px"}})
    title = f"Merge {plan.branch_name} into {plan.dataset_name}"
    if plan.undoes is not None:
        title = f"Undo in {plan.dataset_name}: back to {plan.branch_name}"
    widgets.text(about, "title", title, bold=True, size="1.05rem")
    base = f"since {plan.base_snapshot}" if plan.base_snapshot else "without a common past"
    facts = f"planned {ago(plan.created_at)} by {plan.created_by or 'unknown'} · {base}"
    widgets.text(
        about,
        "facts",
        facts,
        color=widgets.SECONDARY,
        size="0.75rem",
        title=exact(plan.created_at),
    )
    if is_reviewed:
        # What is in the grid is no dataset that people know
        field = next((each.field for each in plan.counts if each.field), "a field")
        said = (
            f"The grid shows the samples in conflict. Beside {field}, {field}_theirs is what "
            f"{plan.branch_name} has, and {field}_base what there was before. Edit {field} itself "
            "to decide by hand."
        )
        widgets.alert(page, "reviewing", "info", said, width="320px", data_testid="merge-review")
    elif _has_samples(merge):
        refusal = shown.why_not(Action.REVIEW_MERGE)
        widgets.button(
            line,
            "review",
            "Review samples",
            panel.on_review_merge,
            icon="rate_review",
            primary=bool(plan.open_conflicts),
            params={"merge": plan.id},
            disabled=refusal is not None,
            hint=refusal or "Show the samples in conflict, both sides over each other",
        )


def _has_samples(merge: OpenMerge) -> bool:
    """Returns whether a conflict may be about samples, and not only about the dataset."""
    return any(count.kind not in merging_conflict.OF_DATASET for count in merge.plan.counts)


def _changes(page: types.Object, merge: OpenMerge) -> None:
    plan, done = merge.plan, merge.plan.changes
    box = widgets.card(page, "what", data_testid="merge-changes")
    line = widgets.row(box, "line", gap=1.5, style={"flexWrap": "wrap"})
    widgets.text(line, "title", f"Changes of {plan.dataset_name}", bold=True)
    for what, added, deleted, changed in (
        ("sample", done.samples_added, done.samples_deleted, done.samples_changed),
        ("frame", done.frames_added, done.frames_deleted, done.frames_changed),
    ):
        if what == "frame" and not (added or deleted or changed):
            continue
        for key, sign, number, color in (
            ("added", "+", added, widgets.ADDED),
            ("deleted", MINUS, deleted, widgets.DELETED),
            ("changed", "~", changed, widgets.CHANGED),
        ):
            widgets.text(
                line,
                f"{what}_{key}",
                f"{sign}{plural(number, what)}",
                color=color if number else widgets.SECONDARY,
                bold=bool(number),
                style={"whiteSpace": "nowrap"},
                title=f"{plural(number, what)} {key}",
            )
    if plan.total_conflicts:
        about = "and as decided below"
        widgets.text(line, "more", about, color=widgets.SECONDARY, size="0.8rem")
    notes = list(plan.notes[:_MOST_NOTES])
    if len(plan.notes) > _MOST_NOTES:
        notes.append(f"and {len(plan.notes) - _MOST_NOTES} more")
    if plan.suspect_count:
        suspects = plural(plan.suspect_count, "label")
        notes.append(f"{suspects} may have been added on both sides for the same objects")
    for number, note in enumerate(notes):
        widgets.text(box, f"note_{number}", note, color=widgets.SECONDARY, size="0.8rem")


def _conflicts(
    panel: HistoryPanel, page: types.Object, shown: Shown, merge: OpenMerge, filter_: Filter
) -> None:
    """Adds the conflicts by kind, field and class."""
    plan = merge.plan
    box = widgets.card(page, "conflicts", data_testid="merge-conflicts")
    title = widgets.row(box, "title", gap=1, style={"flexWrap": "wrap"})
    widgets.text(title, "title", "To decide", bold=True, size="1rem")
    if not plan.total_conflicts:
        said = "Nothing: no two changes are about the same."
        widgets.text(title, "none", said, color=widgets.SECONDARY)
        return
    color = widgets.CHANGED if plan.open_conflicts else widgets.ADDED
    widgets.chip(title, "open", f"{plan.open_conflicts:,} of {plan.total_conflicts:,} open", color)
    widgets.row(title, "space", style={"item": {"flex": "1 1 0"}})
    if filter_ != Filter():
        widgets.button(
            title,
            "all",
            "Show all",
            panel.on_show_conflicts,
            icon="filter_alt_off",
            params={"merge": plan.id},
        )
    for number, (kind, group) in enumerate(groupby(plan.counts, key=lambda count: count.kind)):
        counts = list(group)
        part = widgets.column(box, f"kind_{number}", gap=0.3)
        if len(counts) == 1:
            _row(panel, part, "whole", shown, merge, counts, filter_, is_kind=True)
            continue
        _row(panel, part, "whole", shown, merge, counts, Filter(kind.value), is_kind=True)
        for place, count in enumerate(counts):
            _row(panel, part, f"row_{place}", shown, merge, [count], filter_)


def _row(
    panel: HistoryPanel,
    part: types.Object,
    key: str,
    shown: Shown,
    merge: OpenMerge,
    counts: list[ConflictCount],
    filter_: Filter,
    *,
    is_kind: bool = False,
) -> None:
    """Adds conflicts that are counted together: how many, a button to see them, and sides."""
    kind = counts[0].kind
    total, open_ = (sum(getattr(each, what) for each in counts) for what in ("total", "open"))
    own = Filter(kind.value)
    if len(counts) == 1:
        own = Filter(kind.value, counts[0].field, counts[0].label)
    names = [KINDS[kind]] if is_kind else []
    if len(counts) == 1:
        names += filter(None, (counts[0].field, counts[0].label))
    line = widgets.row(
        part,
        key,
        gap=0.8,
        style={
            "flexWrap": "wrap",
            "borderRadius": "4px",
            "pl": 1 if is_kind else 3,
            "borderLeft": "3px solid",
            "borderLeftColor": widgets.CHANGED if own == filter_ else "transparent",
        },
        role="group",
        data_testid="merge-row",
        aria_label=" · ".join(names),
    )
    about = widgets.row(line, "about", gap=0.8, style={"item": {"flex": "1 1 200px"}})
    for place, name in enumerate(names):
        is_first = is_kind and place == 0
        style = {"whiteSpace": "nowrap"} if is_first else {}
        color = "text.primary" if place == 0 else widgets.SECONDARY
        widgets.text(about, f"name_{place}", name, bold=is_first, color=color, style=style)
    state = f"{open_:,} of {total:,} open" if open_ else f"{total:,} decided"
    widgets.button(
        line,
        "show",
        state,
        panel.on_show_conflicts,
        icon="filter_alt",
        params={"merge": merge.plan.id, **own.params()},
        hint="Show these in the grid and below",
        aria_label=f"Show {' · '.join(names)}",
    )
    _takes(panel, line, shown, merge, own, kind, (open_, total))


def _takes(
    panel: HistoryPanel,
    line: types.Object,
    shown: Shown,
    merge: OpenMerge,
    wanted: Filter,
    kind: ConflictKind,
    numbers: tuple[int, int],
) -> None:
    open_, total = numbers
    refusal = shown.why_not(Action.RESOLVE_MERGE)
    for take, label in _SIDES.items():
        if take not in TAKES[kind] or take is Take.BASE:
            continue
        which = plural(open_, "open one") if open_ else f"all {total:,}, decided already"
        widgets.button(
            line,
            f"take_{take.value}",
            label,
            panel.on_take,
            params={
                "merge": merge.plan.id,
                "take": take.value,
                # Where nothing is open, all are decided anew
                "decided": not open_,
                **wanted.params(),
            },
            disabled=refusal is not None,
            hint=refusal or f"Take {label.lower()} for {which}",
            aria_label=f"Take {label.lower()} for {_named(wanted)}",
        )


def _named(wanted: Filter) -> str:
    names = (KINDS[ConflictKind(wanted.kind)] if wanted.kind else "", wanted.field, wanted.label)
    return " · ".join(filter(None, names))


def _end(panel: HistoryPanel, page: types.Object, shown: Shown, merge: OpenMerge) -> None:
    """Adds what ends a merge."""
    plan = merge.plan
    line = widgets.row(page, "end", style={"flexWrap": "wrap"}, data_testid="merge-end")
    if merge.review is not None:
        refusal = shown.why_not(Action.RESOLVE_MERGE)
        widgets.button(
            line,
            "use_edits",
            "Use my edits",
            panel.on_use_edits,
            icon="edit",
            params={"merge": plan.id},
            disabled=refusal is not None,
            hint=refusal or "Decide the conflicts that were edited by hand in the review",
        )
    widgets.row(line, "space", style={"item": {"flex": "1 1 0"}})
    refusal = shown.why_not(Action.DISCARD_MERGE)
    widgets.button(
        line,
        "discard",
        "Discard",
        panel.on_discard_merge,
        icon="delete",
        danger=True,
        params={"merge": plan.id},
        disabled=refusal is not None,
        hint=refusal or "Give the merge up; neither dataset changes",
    )
    refusal = shown.why_not(Action.APPLY_MERGE)
    if refusal is None and plan.open_conflicts:
        refusal = f"{plural(plan.open_conflicts, 'conflict')} must be decided before"
    is_undo = plan.undoes is not None
    widgets.button(
        line,
        "apply",
        "Undo" if is_undo else "Apply merge",
        panel.on_apply_merge,
        icon="undo" if is_undo else "merge",
        primary=True,
        params={"merge": plan.id},
        disabled=refusal is not None,
        hint=refusal
        or ("Undo as decided" if is_undo else f"Merge {plan.branch_name} into {plan.dataset_name}")
        + "; this can be undone",
    )
