"""The rows of the History panel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
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


def snapshots(panel: HistoryPanel, page: types.Object, shown: Shown) -> None:
    """Adds the list of snapshots, one row each.

    Args:
        panel: the panel
        page: where to add it
        shown: what is shown
    """
    view = types.ComponentView(
        "SnapshotsRows",
        rows=[_row(entry, shown) for entry in shown.history.entries],
        on_browse=panel.on_browse,
        on_restore=panel.on_restore,
        on_menu=panel.on_menu,
    )
    page.view("rows", view)


def _row(entry: HistoryEntry, shown: Shown) -> dict[str, Any]:
    """Returns what js/rows.js draws of a snapshot."""
    is_open = entry.name == shown.target.snapshot and not entry.is_in_trash
    is_there = entry.state is not SnapshotState.CREATING
    facts = [_Said(f"by {entry.created_by or 'unknown'}")]
    if is_there:
        facts += [_Said(plural(entry.sample_count, "sample")), _size(entry)]
    if entry.id in shown.looked_at:
        about_media = "Their sizes and times are noted, to tell later whether they were replaced"
        facts.append(_Said("files are being looked at", about_media))
    is_usable = is_there and not entry.is_in_trash
    return {
        "id": str(entry.id),
        "name": entry.name,
        "is_open": is_open,
        "chips": [asdict(each) for each in _chips(entry, shown, is_open)],
        "counts": _told(entry.changes) if entry.changes is not None and is_there else [],
        "description": entry.description,
        "created": widgets.told_moment(entry.created_at, ago(entry.created_at)),
        "facts": [asdict(each) for each in facts],
        "restore": _restore(shown) if entry.is_in_trash else None,
        "browse": _browse(entry, shown, is_open) if is_usable else None,
        "menu": _menu(entry, shown) if is_usable else [],
    }


@dataclass(frozen=True)
class _Said:
    """A text of a row."""

    text: str
    hint: str = ""
    tone: str = ""
    """One of the tones that js/index.js sets, or none."""


def _chips(entry: HistoryEntry, shown: Shown, is_open: bool) -> Iterator[_Said]:
    if is_open:
        yield _Said("open", tone="changed")
    if entry.is_in_trash:
        left = f", {until(entry.expires_at)} left" if entry.expires_at else ""
        yield _Said(f"in trash{left}", tone="deleted")
    elif entry.state is SnapshotState.CREATING:
        percent = max((e.progress for e in shown.operations), default=0.0)
        yield _Said(f"creating {percent:.0%}")
    elif shown.newest is not None and entry.name == shown.newest.name:
        yield _Said("newest")
    if entry.archive is not None:
        since = ago(entry.archive.archived_at)
        yield _Said("archived", f"Archived {since}; can be compared, but not opened")
    if entry.pinned:
        yield _Said("pinned", "Kept from automatic archival, pruning and expiring in the trash")
    for tag in entry.tags:
        yield _Said(tag, "A tag of this snapshot")
    if not entry.is_in_trash:
        runs = [run for run in shown.overview.runs if run.snapshot_exists]
        of_entry = [run for run in runs if run.snapshot_name == entry.name]
        yield from _runs(of_entry, shown.tracked.get(entry.id, ()))


def _runs(runs: list[RunLineage], tracked: Sequence[TrackedRun]) -> Iterator[_Said]:
    """Tells which runs were computed on a snapshot or trained on it, and which models are theirs.

    Args:
        runs: FiftyOne's
        tracked: those of an experiment tracker
    """
    lines = []
    for run in runs:
        what = "model applied to" if run.kind is RunKind.MODEL else run.kind.value
        since = "" if run.head is Equality.EQUAL else ", edited since"
        model = "" if run.model is None else f": {run.model[:80]}"
        lines.append(f"{what} {run.key}{since}{model}")
    for known in tracked:
        told = [", ".join(known.contexts), known.status.lower(), *known.models]
        lines.append(f"{known.run} '{known.name[:80]}': {', '.join(filter(None, told))[:200]}")
    if lines:
        yield _Said(plural(len(lines), "run"), "\n".join(lines[:_RUNS_TOLD]))


def _size(entry: HistoryEntry) -> _Said:
    if entry.archive is None:
        return _Said(size(entry.size_bytes), "Space that it takes in the database")
    return _Said(size(entry.archive.size_bytes), "Space that it takes in the archive")


def _restore(shown: Shown) -> dict[str, Any]:
    refusal = shown.why_not(Action.RESTORE)
    return {"disabled": refusal is not None, "hint": refusal}


def _browse(entry: HistoryEntry, shown: Shown, is_open: bool) -> dict[str, Any]:
    refusal = shown.why_not(Action.LOAD)
    if entry.archive is None:
        hint = "This one is open" if is_open else "Open it, read-only"
        if entry.last_loaded_at is not None and not is_open:
            hint += f"; last opened {ago(entry.last_loaded_at)}"
    else:
        hint = "It is archived: bring it back first"
    is_off = is_open or entry.archive is not None or refusal is not None
    return {"disabled": is_off, "hint": refusal or hint}


def _menu(entry: HistoryEntry, shown: Shown) -> list[dict[str, Any]]:
    return [asdict(choice) for choice in snapshot_menu.choices(entry, shown.why_not)]


def counts(line: types.Object, summary: SampleChangeSummary) -> None:
    """Adds how many samples were added, deleted and changed.

    Args:
        line: where to add them
        summary: the numbers
    """
    tones = {"added": widgets.ADDED, "deleted": widgets.DELETED, "changed": widgets.CHANGED}
    for told in _told(summary):
        key, is_some = told["key"], told["is_some"]
        widgets.text(
            line,
            key,
            told["text"],
            color=tones[key] if is_some else widgets.SECONDARY,
            bold=is_some,
            style={"fontVariantNumeric": "tabular-nums", "whiteSpace": "nowrap"},
            title=told["hint"],
            data_testid=f"count-{key}",
        )


def _told(summary: SampleChangeSummary) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "text": f"{sign}{number:,}",
            "is_some": bool(number),
            "hint": f"{plural(number, 'sample')} {key}",
        }
        for key, sign, number in (
            ("added", "+", summary.num_samples_added),
            ("deleted", MINUS, summary.num_samples_deleted),
            ("changed", "~", summary.num_samples_changed),
        )
    ]


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
