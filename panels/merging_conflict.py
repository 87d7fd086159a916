"""One conflict on the merge page: what both sides have, and buttons to decide it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.merge.conflicts import TAKES, Conflict, ConflictKind, Take
from ..backend.merge.open_merges import OpenMerge
from ..backend.merge.review_documents import COLORS
from ..operators.words import plural
from . import widgets
from .merging_state import NUMBER, Filter, numbers
from .model import Shown, state_of

if TYPE_CHECKING:
    from .history import HistoryPanel

OF_DATASET = {
    ConflictKind.SCHEMA_TYPE,
    ConflictKind.SCHEMA_DROPPED_MODIFIED,
    ConflictKind.SCHEMA_RENAME,
    ConflictKind.CLASSES,
    ConflictKind.MASK_TARGET,
    ConflictKind.RUN,
    ConflictKind.UNIQUE_INDEX,
}
"""Kinds that are about no sample."""

_SIDES = {Take.OURS: "Ours", Take.BASE: "Before", Take.THEIRS: "Theirs"}
_LONGEST = 160
_MOST_CLASSES = 6


def render(
    panel: HistoryPanel,
    page: types.Object,
    ctx: ExecutionContext,
    shown: Shown,
    merge: OpenMerge,
    wanted: Filter,
) -> None:
    """Adds one of the conflicts that are wanted: of those that are open, if any is.

    Args:
        panel: the panel
        page: where to add it
        ctx: the panel's context
        shown: what else is shown
        merge: the merge
        wanted: which conflicts
    """
    open_, total = numbers(merge, wanted)
    there = open_ or total
    # The last one that was there is decided
    number = max(0, min(state_of(ctx, NUMBER, 0), there - 1))
    resolved = False if open_ else None
    found = management.read_conflict(merge.plan.id, number, **wanted.params(), resolved=resolved)
    if found is None:
        return
    conflict = found.conflict
    box = widgets.card(page, "conflict", data_testid="merge-conflict")
    head = widgets.row(box, "head", gap=1, style={"flexWrap": "wrap"})
    what = "Open conflict" if open_ else "Conflict"
    widgets.text(head, "where", f"{what} {number + 1:,} of {there:,}", bold=True)
    about = [each for each in (found.file, _place(conflict)) if each]
    widgets.text(
        head,
        "about",
        " · ".join(about),
        color=widgets.SECONDARY,
        item={"flex": "1 1 160px", "width": "auto"},
    )
    if conflict.resolution is not None:
        by = "by hand" if conflict.resolution == Take.VALUE else conflict.resolution
        widgets.chip(head, "decided", f"decided: {by}", widgets.ADDED)
    _walk(panel, head, conflict, number, there)
    sides = widgets.row(box, "sides", gap=1, style={"flexWrap": "wrap", "alignItems": "stretch"})
    for take, label in _SIDES.items():
        _side(panel, sides, shown, merge, conflict, (take, label, COLORS[take]))
    if Take.BOTH in TAKES[conflict.kind]:
        line = widgets.row(box, "both")
        _take(panel, line, shown, merge, conflict, Take.BOTH, "Take both")
    if Take.COMBINE in TAKES[conflict.kind]:
        line = widgets.row(box, "combine", gap=0.8)
        _take(panel, line, shown, merge, conflict, Take.COMBINE, "Combine into one")


def _place(conflict: Conflict) -> str:
    place = conflict.path
    if conflict.frame_number is not None:
        place += f", frame {conflict.frame_number}"
    return f"{place} ({conflict.label})" if conflict.label else place


def _walk(
    panel: HistoryPanel, head: types.Object, conflict: Conflict, number: int, there: int
) -> None:
    if conflict.sample_id is not None:
        widgets.button(
            head,
            "open_sample",
            None,
            panel.on_open_sample,
            icon="open_in_full",
            params={"sample_id": conflict.sample_id},
            hint="Open this sample",
        )
    for key, icon, hint, step in (
        ("previous", "chevron_left", "Previous conflict", -1),
        ("next", "chevron_right", "Next conflict", 1),
    ):
        widgets.button(
            head,
            key,
            None,
            panel.on_step_conflict,
            icon=icon,
            params={"number": number + step},
            disabled=not 0 <= number + step < there,
            hint=hint,
        )


def _side(
    panel: HistoryPanel,
    sides: types.Object,
    shown: Shown,
    merge: OpenMerge,
    conflict: Conflict,
    side: tuple[Take, str, str],
) -> None:
    take, label, color = side
    box = widgets.column(
        sides,
        take.value,
        gap=0.6,
        style={
            "borderTop": f"3px solid {color}",
            "background": "var(--fo-palette-background-level1)",
            "borderRadius": "4px",
            "p": 1,
            "height": "100%",
            "item": {"flex": "1 1 150px"},
        },
        data_testid=f"merge-{take.value}",
    )
    names = {Take.OURS: merge.plan.dataset_name, Take.THEIRS: merge.plan.branch_name}
    name = names.get(take, merge.plan.base_snapshot)
    line = widgets.row(box, "head", gap=0.8, style={"flexWrap": "wrap"})
    widgets.text(line, "label", label, bold=True, color=color)
    widgets.text(line, "name", name or "", color=widgets.SECONDARY, size="0.75rem")
    value = getattr(conflict, take.value)
    widgets.text(
        box, "value", said(value), size="0.95rem", style={"minHeight": "1.4em"}, title=said(value)
    )
    if take in TAKES[conflict.kind]:
        buttons = widgets.row(box, "buttons", gap=0.6, style={"flexWrap": "wrap"})
        text = "Take as it was" if take is Take.BASE else f"Take {take.value}"
        _take(panel, buttons, shown, merge, conflict, take, text)


def _take(
    panel: HistoryPanel,
    line: types.Object,
    shown: Shown,
    merge: OpenMerge,
    conflict: Conflict,
    take: Take,
    text: str,
) -> None:
    """Adds the buttons that decide a conflict, and all that are like it."""
    refusal = shown.why_not(Action.RESOLVE_MERGE)
    taken = {"merge": merge.plan.id, "take": take.value}
    widgets.button(
        line,
        f"take_{take.value}",
        text,
        panel.on_take,
        icon="check" if conflict.resolution == take.value else None,
        params={**taken, "conflicts": [conflict.id]},
        disabled=refusal is not None,
        hint=refusal,
    )
    like = _like(conflict)
    open_, total = numbers(merge, like)
    if total > 1:
        number = open_ or total
        widgets.button(
            line,
            f"all_{take.value}",
            f"For all {number:,} like this",
            panel.on_take,
            params={**taken, "decided": not open_, **like.params()},
            disabled=refusal is not None,
            hint=refusal or "For the same kind of conflict in the same field, of the same class",
            aria_label=f"{text} for all like this",
        )


def _like(conflict: Conflict) -> Filter:
    """Returns what finds the conflicts that are counted with one."""
    top, _, rest = conflict.path.partition(".")
    field = f"{top}.{rest.partition('.')[0]}" if top == "frames" and rest else top
    return Filter(conflict.kind.value, field, conflict.label)


def said(value: Any) -> str:
    """Returns a value of one side in words.

    Args:
        value: the value

    Returns:
        a short text
    """
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return _short(_label(value))
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        classes = [str(each.get("label")) for each in value if each.get("label") is not None]
        more = ", …" if len(classes) > _MOST_CLASSES else ""
        told = ", ".join(classes[:_MOST_CLASSES])
        return f"{plural(len(value), 'label')}: {told}{more}" if told else f"{len(value):,} labels"
    return _short(str(value) if isinstance(value, str) else _json(value))


def _label(value: Mapping[str, Any]) -> str:
    told = []
    if value.get("label") is not None:
        confidence = value.get("confidence")
        is_number = isinstance(confidence, (int, float))
        told.append(f"{value['label']} ({confidence:.2f})" if is_number else str(value["label"]))
    box = value.get("bounding_box")
    if isinstance(box, list) and len(box) == 4:
        x, y, width, height = (f"{100 * side:.0f}%" for side in box)
        told.append(f"{width} × {height} at {x}, {y}")
    if value.get("mask") is not None or value.get("mask_path"):
        told.append("mask")
    if isinstance(value.get("points"), list):
        told.append(plural(sum(map(_count, value["points"])), "point"))
    return " · ".join(told) or _json(value)


def _count(points: Any) -> int:
    is_line = isinstance(points, list) and points and isinstance(points[0], list)
    return len(points) if is_line else 1


def _json(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
