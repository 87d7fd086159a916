"""The rows of the History panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from ..backend.access import Action
from ..backend.catalog.record import SampleChangeSummary, SnapshotState
from ..backend.diff.version_hash import Equality
from ..backend.operations.journal import Entry
from ..backend.search.history import HistoryEntry
from ..backend.search.lineage import RunKind, RunLineage
from ..backend.trackers.run import TrackedRun
from ..operators import menu as snapshot_menu
from ..operators.words import MINUS, ago, plural, size, until
from . import widgets
from .model import Shown

if TYPE_CHECKING:
    from .history import HistoryPanel

# Plotly's text follows the App's theme but for second axes: this is read on light and dark
_GREY = "#8f8f9f"
_AXIS = {"size": 12, "color": _GREY}

_RUNS_TOLD = 20


def snapshot(
    panel: HistoryPanel, page: types.Object, key: str, entry: HistoryEntry, shown: Shown
) -> None:
    """Adds a snapshot's row.

    Args:
        panel: the panel
        page: where to add it
        key: its name there
        entry: the snapshot
        shown: what else is shown
    """
    is_open = entry.name == shown.target.snapshot and not entry.is_in_trash
    style = {"gap": 1.5, "&:hover": {"borderColor": "text.tertiary"}}
    if is_open:
        style["borderColor"] = widgets.CHANGED
    box = widgets.card(
        page,
        key,
        still=True,
        style={**style, "flexDirection": "row", "alignItems": "center", "flexWrap": "wrap"},
        data_testid="history-row",
        data_snapshot=entry.name,
        role="group",
        aria_label=f"Snapshot {entry.name}",
    )
    _description(box, entry, shown, is_open)
    _actions(panel, box, entry, shown, is_open)


def _description(box: types.Object, entry: HistoryEntry, shown: Shown, is_open: bool) -> None:
    # In a narrow panel, what can be done goes below
    about = widgets.column(box, "about", gap=0.3, style={"item": {"flex": "1 1 220px"}})
    title = widgets.row(about, "title", gap=0.8, style={"flexWrap": "wrap"})
    widgets.text(title, "name", entry.name, bold=True, size="0.95rem")
    if is_open:
        widgets.chip(title, "open", "open", widgets.CHANGED)
    if entry.is_in_trash:
        left = f", {until(entry.expires_at)} left" if entry.expires_at else ""
        widgets.chip(title, "state", f"in trash{left}", widgets.DELETED)
    elif entry.state is SnapshotState.CREATING:
        percent = max((e.progress for e in shown.operations), default=0.0)
        widgets.chip(title, "state", f"creating {percent:.0%}", widgets.SECONDARY)
    elif shown.newest is not None and entry.name == shown.newest.name:
        widgets.chip(title, "newest", "newest", widgets.SECONDARY)
    if entry.archive is not None:
        hint = f"Archived {ago(entry.archive.archived_at)}; can be compared, but not opened"
        widgets.chip(title, "archived", "archived", widgets.SECONDARY, hint)
    if entry.pinned:
        hint = "Kept from automatic archival, pruning and expiring in the trash"
        widgets.chip(title, "pinned", "pinned", widgets.SECONDARY, hint)
    for number, tag in enumerate(entry.tags):
        widgets.chip(title, f"tag_{number}", tag, widgets.SECONDARY, "A tag of this snapshot")
    if not entry.is_in_trash:
        runs = [run for run in shown.overview.runs if run.snapshot_exists]
        of_entry = [run for run in runs if run.snapshot_name == entry.name]
        _runs(title, of_entry, shown.tracked.get(entry.id, ()))
    if entry.changes is not None and entry.state is not SnapshotState.CREATING:
        line = widgets.row(title, "changes", gap=1, style={"item": {"width": "auto", "ml": 0.5}})
        counts(line, entry.changes)
    if entry.description:
        look = {"item": {"sx": {"width": "100%", "minWidth": 0}}}
        view = types.ComponentView("SnapshotsFold", title=entry.description, componentsProps=look)
        about.view("description", view)
    facts = widgets.row(about, "facts", gap=0.5, style={"flexWrap": "wrap"})
    widgets.moment(facts, "created", entry.created_at, ago(entry.created_at), size="0.75rem")
    facts_shown: tuple[tuple[str, str, str | None], ...] = (
        ("creator", f"by {entry.created_by or 'unknown'}", None),
    )
    if entry.state is not SnapshotState.CREATING:
        facts_shown += (
            ("samples", plural(entry.sample_count, "sample"), None),
            ("size", *_size(entry)),
        )
    if entry.id in shown.looked_at:
        hint = "Their sizes and times are noted, to tell later whether they were replaced"
        facts_shown += (("media", "files are being looked at", hint),)
    for key, fact, about_it in facts_shown:
        widgets.text(facts, f"before_{key}", "·", color=widgets.SECONDARY, size="0.75rem")
        widgets.text(facts, key, fact, color=widgets.SECONDARY, size="0.75rem", title=about_it)


def _runs(title: types.Object, runs: list[RunLineage], tracked: Sequence[TrackedRun]) -> None:
    """Tells which runs were computed on a snapshot or trained on it, and which models are theirs.

    Args:
        title: where to tell it
        runs: FiftyOne's
        tracked: those of an experiment tracker
    """
    if not runs and not tracked:
        return
    lines = []
    for run in runs:
        what = "model applied to" if run.kind is RunKind.MODEL else run.kind.value
        since = "" if run.head is Equality.EQUAL else ", edited since"
        model = "" if run.model is None else f": {run.model[:80]}"
        lines.append(f"{what} {run.key}{since}{model}")
    for known in tracked:
        told = [", ".join(known.contexts), known.status.lower(), *known.models]
        lines.append(f"{known.run} '{known.name[:80]}': {', '.join(filter(None, told))[:200]}")
    count = plural(len(lines), "run")
    widgets.chip(title, "runs", count, widgets.SECONDARY, "\n".join(lines[:_RUNS_TOLD]))


def _size(entry: HistoryEntry) -> tuple[str, str]:
    if entry.archive is None:
        return size(entry.size_bytes), "Space that it takes in the database"
    return size(entry.archive.size_bytes), "Space that it takes in the archive"


def _actions(
    panel: HistoryPanel, box: types.Object, entry: HistoryEntry, shown: Shown, is_open: bool
) -> None:
    actions = widgets.row(box, "actions", gap=0.5, style={"item": {"flex": "0 0 auto"}})
    if entry.is_in_trash:
        refusal = shown.why_not(Action.RESTORE)
        widgets.button(
            actions,
            "restore",
            "Restore",
            panel.on_restore,
            icon="restore_from_trash",
            params={"name": entry.name},
            disabled=refusal is not None,
            hint=refusal,
        )
        return
    if entry.state is SnapshotState.CREATING:
        return
    refusal = shown.why_not(Action.LOAD)
    if entry.archive is None:
        hint = "This one is open" if is_open else "Open it, read-only"
        if entry.last_loaded_at is not None and not is_open:
            hint += f"; last opened {ago(entry.last_loaded_at)}"
    else:
        hint = "It is archived: bring it back first"
    widgets.button(
        actions,
        "browse",
        "Browse",
        panel.on_browse,
        icon="visibility",
        params={"name": entry.name},
        disabled=is_open or entry.archive is not None or refusal is not None,
        hint=refusal or hint,
        aria_label=f"Browse {entry.name}",
    )
    menu(panel, actions, entry, shown, f"More for {entry.name}")


def menu(
    panel: HistoryPanel, parent: types.Object, entry: HistoryEntry, shown: Shown, label: str
) -> None:
    """Adds the menu of what can be done with a snapshot.

    Args:
        panel: the panel
        parent: where to add it
        entry: the snapshot
        shown: what the panel shows
        label: what the menu is for
    """
    choices = snapshot_menu.choices(entry, shown.why_not)
    widgets.kebab(parent, "menu", label, choices, panel.on_menu)


def counts(line: types.Object, summary: SampleChangeSummary) -> None:
    """Adds how many samples were added, deleted and changed.

    Args:
        line: where to add them
        summary: the numbers
    """
    for key, sign, number, color in (
        ("added", "+", summary.num_samples_added, widgets.ADDED),
        ("deleted", MINUS, summary.num_samples_deleted, widgets.DELETED),
        ("changed", "~", summary.num_samples_changed, widgets.CHANGED),
    ):
        widgets.text(
            line,
            key,
            f"{sign}{number:,}",
            color=color if number else widgets.SECONDARY,
            bold=bool(number),
            style={"fontVariantNumeric": "tabular-nums", "whiteSpace": "nowrap"},
            title=f"{plural(number, 'sample')} {key}",
            data_testid=f"count-{key}",
        )


def under_way(panel: HistoryPanel, page: types.Object, shown: Shown) -> None:
    """Adds a row for everything that is under way.

    Args:
        panel: the panel
        page: where to add them
        shown: what is shown
    """
    for number, entry in enumerate(shown.operations):
        _operation(panel, page, f"operation_{number}", entry, shown)
    known = {str(entry.id) for entry in shown.operations}
    for number, task in enumerate(shown.tasks_under_way):
        if not known & set(task.operations):
            line = _running_row(page, f"task_{number}", task.job.label, "")
            line.float("progress", view=types.ProgressView())


def _operation(
    panel: HistoryPanel, page: types.Object, key: str, entry: Entry, shown: Shown
) -> None:
    verb = entry.verb.row.doing or entry.verb.value
    # What is exchanged for the state before a rollback is what that had made
    if entry.verb is Action.UNDO_REVERT and entry.details.get("discards_rolled_back") is False:
        verb = "Redoing a rollback"
    # Of a branch, its own name
    name = entry.details.get("name") or entry.details.get("snapshot_name")
    said = f"{verb} {name}" if name else verb
    if entry.is_cancelled:
        said += " (being cancelled)"
    line = _running_row(page, key, said, entry.label)
    line.float("progress", default=round(entry.progress, 3), view=_progress())
    can_end = not entry.is_committed and not entry.is_cancelled
    if can_end and shown.why_not(Action.CANCEL) is None:
        widgets.button(
            line,
            "cancel",
            "Cancel",
            panel.on_cancel,
            icon="cancel",
            params={"operation_id": str(entry.id)},
        )


def _running_row(page: types.Object, key: str, label: str, step: str) -> types.Object:
    line = widgets.card(
        page,
        key,
        still=True,
        style={"flexDirection": "row", "alignItems": "center", "gap": 1.5, "flexWrap": "wrap"},
        data_testid="history-running",
        role="status",
    )
    widgets.text(line, "label", label, bold=True)
    if step:
        widgets.text(line, "step", step.replace("_", " "), color=widgets.SECONDARY, size="0.8rem")
    return line


def _progress() -> types.ProgressView:
    return types.ProgressView(componentsProps={"item": {"sx": {"flex": "1 1 160px"}}})


def timeline(page: types.Object, ctx: ExecutionContext, shown: Shown) -> None:
    """Adds a plot of samples and changes over all versions.

    Args:
        page: where to add it
        ctx: the panel's context
        shown: what is shown
    """
    entries = shown.everything[::-1]
    names = [entry.name for entry in entries]
    changes = [entry.changes for entry in entries]
    traces = [
        {
            "type": "bar",
            "name": label,
            "x": names,
            "y": [getattr(change, attribute) if change else None for change in changes],
            "marker": {"color": color},
            "yaxis": "y2",
        }
        for label, attribute, color in (
            ("added", "num_samples_added", "#2e9e5b"),
            ("deleted", "num_samples_deleted", "#e0554f"),
            ("changed", "num_samples_changed", "#d18a12"),
        )
    ]
    traces.append(
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "samples",
            "x": names,
            "y": [entry.sample_count for entry in entries],
            "line": {"color": _GREY},
        }
    )
    layout = {
        "barmode": "group",
        "margin": {"l": 50, "r": 50, "t": 10, "b": 40},
        "xaxis": {"type": "category"},
        "yaxis": {"title": {"text": "samples", "font": _AXIS}, "rangemode": "tozero"},
        "yaxis2": {
            "title": {"text": "changes", "font": _AXIS},
            "overlaying": "y",
            "side": "right",
            "rangemode": "tozero",
            "showgrid": False,
        },
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.25},
    }
    plot(page, ctx, "timeline_plot", traces, layout, height=260)


def plot(
    page: types.Object,
    ctx: ExecutionContext,
    name: str,
    traces: list[dict[str, Any]],
    layout: dict[str, Any],
    height: int,
) -> None:
    """Adds a plot.

    Args:
        page: where to add it
        ctx: the panel's context
        name: its path on the page
        traces: Plotly's traces
        layout: Plotly's layout
        height: its height in pixels
    """
    ctx.panel.set_data(f"history.{name}", traces)
    # The App's theme colours plots; a figure's own template would be light in the dark
    shown = {key: value for key, value in layout.items() if key != "template"}
    page.plot(
        name.rpartition(".")[2],
        layout={**shown, "height": height},
        config={"displayModeBar": False},
        height=f"{height}px",
        componentsProps={"item": {"sx": {"minHeight": f"{height}px"}}},
    )
