"""The comparison of two versions in the History panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from ..backend.diff import DatasetDiff
from ..backend.diff.records import LabelChanges
from ..operators import compare
from ..operators.words import MINUS, ago, plural
from . import changed_samples, rows, widgets
from .model import Shown, state_of

if TYPE_CHECKING:
    from .history import HistoryPanel

_MOST_FIELDS = 30
_TITLES = {"classes": "Labels by class", "confusion": "Relabelled: which class became which"}


def render(panel: HistoryPanel, page: types.Object, ctx: ExecutionContext, shown: Shown) -> None:
    """Adds the comparison.

    Args:
        panel: the panel
        page: where to add it
        ctx: the panel's context
        shown: what else is shown
    """
    versions = state_of(ctx, "compare", {})
    before, after = versions["before"], versions["after"]
    diff = compare.recall(shown.target.dataset, before, after)
    _head(panel, page, shown, diff)
    rows.under_way(panel, page, shown)
    if before == after:
        widgets.text(page, "same", "Choose two different versions.", color=widgets.SECONDARY)
    elif diff is not None:
        _samples(panel, page, diff)
        _fields(panel, page, diff)
        changed_samples.render(panel, page, ctx, diff)
        _around(page, diff)
        _media(page, diff)
        _plots(page, ctx, diff)
    elif not shown.is_busy:
        widgets.button(page, "compare", "Compare", panel.on_compare, icon="difference")


def _head(panel: HistoryPanel, page: types.Object, shown: Shown, diff: DatasetDiff | None) -> None:
    line = widgets.row(page, "versions", style={"flexWrap": "wrap"}, data_testid="history-compare")
    hint = "Back to the list"
    widgets.button(line, "close", None, panel.on_close_compare, icon="arrow_back", hint=hint)
    names = {name: name for name in shown.others}
    widgets.dropdown(line, "before", "Before", names, panel.on_compare, width="170px")
    widgets.text(line, "to", "→", color=widgets.SECONDARY)
    current = {compare.HEAD: "Current dataset"}
    widgets.dropdown(line, "after", "After", {**current, **names}, panel.on_compare, width="170px")
    widgets.button(line, "again", "Compare again", panel.on_compare, icon="refresh")
    if diff is not None:
        said = f"compared {ago(diff.compared_at)}"
        widgets.moment(line, "when", diff.compared_at, said)


def _samples(panel: HistoryPanel, page: types.Object, diff: DatasetDiff) -> None:
    box = widgets.card(page, "samples")
    if not diff:
        widgets.text(box, "none", "These versions are the same.", bold=True)
        return
    widgets.text(box, "title", "Samples", bold=True)
    for kind, sign, number, color in (
        ("added", "+", len(diff.added), widgets.ADDED),
        ("deleted", MINUS, len(diff.deleted), widgets.DELETED),
        ("changed", "~", len(diff.changed), widgets.CHANGED),
    ):
        if not number:
            continue
        line = widgets.row(box, kind)
        widgets.text(
            line,
            "number",
            f"{sign}{plural(number, 'sample')} {kind}",
            color=color,
            bold=True,
            item={"flex": "1 1 0", "width": "auto"},
            data_testid=f"compared-{kind}",
        )
        _show_button(panel, line, f"Show {kind} samples", kind=kind)
    if not (diff.added or diff.deleted or diff.changed):
        widgets.text(box, "none", "All samples are the same.", color=widgets.SECONDARY)


def _fields(panel: HistoryPanel, page: types.Object, diff: DatasetDiff) -> None:
    if not diff.fields:
        return
    box = widgets.card(page, "fields")
    widgets.text(box, "title", "Fields", bold=True)
    most = sorted(diff.fields.values(), key=lambda field: -field.samples)[:_MOST_FIELDS]
    for number, field in enumerate(most):
        line = widgets.row(box, f"field_{number}", style={"flexWrap": "wrap"})
        widgets.text(line, "path", field.path, item={"flex": "1 1 120px", "width": "auto"})
        facts = [plural(field.samples, "sample")] if field.samples else []
        if field.frames:
            facts.append(plural(field.frames, "frame"))
        if field.labels is not None:
            facts += _label_facts(field.labels)
        widgets.text(
            line,
            "facts",
            " · ".join(facts),
            color=widgets.SECONDARY,
            # What has no button keeps its place free, so that the columns stay columns
            item={"flex": "2 1 180px", "width": "auto", "mr": 0 if field.samples else "84px"},
        )
        if field.samples:
            about = f"Show samples whose {field.path} differs"
            _show_button(panel, line, about, kind="changed", field=field.path)
    if len(diff.fields) > _MOST_FIELDS:
        more = f"and {len(diff.fields) - _MOST_FIELDS} more"
        widgets.text(box, "more", more, color=widgets.SECONDARY)


def _label_facts(changes: LabelChanges) -> list[str]:
    """Returns what happened to labels; what was relabelled and moved, as parts of what changed."""
    facts = [
        f"{plural(number, 'label')} {what}"
        for number, what in ((changes.added, "added"), (changes.removed, "removed"))
        if number
    ]
    parts = {
        what: number
        for what, number in (("relabelled", changes.relabelled), ("moved", changes.moved))
        if number
    }
    if set(parts.values()) == {changes.changed}:
        # Each part is the whole
        facts.append(f"{plural(changes.changed, 'label')} {' and '.join(parts)}")
    elif changes.changed:
        said = f"{plural(changes.changed, 'label')} changed"
        if parts:
            told = ", ".join(f"{number:,} {what}" for what, number in parts.items())
            both = ", some both" if sum(parts.values()) > changes.changed else ""
            said += f" ({told}{both})"
        facts.append(said)
    return facts


def _show_button(panel: HistoryPanel, line: types.Object, about: str, **params: str) -> None:
    widgets.button(
        line,
        "show",
        "Show",
        panel.on_show_samples,
        icon="grid_view",
        params=params,
        aria_label=about,
    )


def _around(page: types.Object, diff: DatasetDiff) -> None:
    """Adds what differs besides samples: schema, properties, views, runs."""
    lines = [f"Field {change.path}: {change.kind.value}" for change in diff.schema]
    lines += [
        f"{change.path}: {_short(change.before)} → {_short(change.after)}"
        for change in diff.properties
    ]
    lines += [f"{item.item.capitalize()} {item.name}: {item.kind.value}" for item in diff.items]
    if lines:
        box = widgets.card(page, "around")
        widgets.text(box, "title", "Schema, saved views, runs and properties", bold=True)
        for number, said in enumerate(lines[:_MOST_FIELDS]):
            widgets.text(box, f"line_{number}", said, color=widgets.SECONDARY)


def _media(page: types.Object, diff: DatasetDiff) -> None:
    """Adds what became of the media files, if it was noted what they were."""
    if diff.media is None:
        return
    box = widgets.card(page, "media", data_testid="compared-media")
    widgets.text(box, "title", "Media files", bold=True)
    for number, said in enumerate(diff.media.lines()):
        widgets.text(box, f"line_{number}", said, color=widgets.SECONDARY)


def _plots(page: types.Object, ctx: ExecutionContext, diff: DatasetDiff) -> None:
    for name, figure in compare.figures(diff).items():
        if name == "versions":
            # The timeline shows those
            continue
        box = widgets.card(page, f"{name}_box")
        widgets.text(box, "title", _TITLES.get(name, name.capitalize()), bold=True)
        names = [
            str(each) for each in (figure["data"][0].get("y") or [] if figure["data"] else [])
        ]
        # However long the names of classes are, they are read as a whole
        left = max(60, min(170, 40 + 7 * max(map(len, names), default=0)))
        margin = {"l": left, "r": 20, "t": 30, "b": 45}
        # Beside the bars it would leave no room for them
        legend = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom"}
        layout = {**figure["layout"], "title": None, "showlegend": True, "margin": margin}
        layout["legend"] = legend
        if name == "classes":
            # The title says what they are, and in a narrow panel there is room for few numbers
            layout["yaxis"] = {**layout.get("yaxis", {}), "title": None}
            layout["xaxis"] = {**layout.get("xaxis", {}), "nticks": 4}
        height = max(240, min(600, 110 + 28 * len(names)))
        rows.plot(box, ctx, f"{name}_box.{name}", figure["data"], layout, height)


def _short(value: object, length: int = 60) -> str:
    said = "nothing" if value is None else str(value)
    return said if len(said) <= length else f"{said[: length - 1]}…"
