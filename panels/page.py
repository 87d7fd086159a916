"""The History panel's page: banner, create box, what is under way, the list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import DuplicateNameError, SnapshotError
from ..operators import browse, running
from ..operators.base import Target
from ..operators.words import ago
from . import activity, branches, comparing, discarded, merging, remotes, rows, saving, widgets
from .merging_state import merge_of
from .model import (
    ASKED,
    DESCRIPTION,
    NAME,
    PAGE_SIZE,
    PERIODS,
    SEARCH,
    Shown,
    compared,
    kept,
    state_of,
)

if TYPE_CHECKING:
    from .history import HistoryPanel

NAMELESS = "Give it a name first"
_SAVING = "It is being saved"

# How often the App's script asks for news
_IDLE_MILLISECONDS = 4000
_BUSY_MILLISECONDS = 1000

_PAGE_STYLE = {"p": 2, "maxWidth": "1080px", "margin": "0 auto", "width": "100%"}


def render(panel: HistoryPanel, ctx: ExecutionContext) -> types.Property:
    """Returns what the panel shows.

    Args:
        panel: the panel, whose methods are called when something is clicked
        ctx: the panel's context
    """
    root = types.Object()
    page = widgets.column(root, "history", gap=1.5, style=_PAGE_STYLE, data_testid="history-panel")
    try:
        shown = Shown.of(ctx)
    except SnapshotError as error:
        widgets.alert(page, "nothing", "info", str(error))
        return _finish(panel, root, page, ctx, None)

    if (merge := merge_of(ctx, shown)) is not None:
        merging.render(panel, page, ctx, shown, merge)
        return _finish(panel, root, page, ctx, shown)
    if compared(ctx, shown.target):
        comparing.render(panel, page, ctx, shown)
        return _finish(panel, root, page, ctx, shown)
    if state_of(ctx, "activity", False):
        activity.render(panel, page, ctx, shown)
        return _finish(panel, root, page, ctx, shown)
    if shown.target.snapshot is None:
        _create_box(panel, page, ctx, shown)
    rows.under_way(panel, page, shown)
    merging.banners(panel, page, shown)
    if shown.target.snapshot is None and (shown.history.total or shown.branches.branch):
        branches.section(panel, page, shown)
    _list(panel, page, ctx, shown)
    return _finish(panel, root, page, ctx, shown)


def verdict(ctx: ExecutionContext, shown: Shown | None = None) -> str:
    """Returns what is to be said of the name that is being typed; nothing if it can be used.

    Args:
        ctx: the panel's context
        shown: what is shown, if that has just been read
    """
    name = state_of(ctx, NAME, "")
    if not name:
        return NAMELESS
    if saving.is_saving(ctx, name):
        return _SAVING
    try:
        if shown is None:
            management.check_new_snapshot(Target.of(ctx).dataset, name)
        else:
            shown.overview.check_name(name)
    except DuplicateNameError as error:
        is_saved = saving.is_saved(ctx, name)
        return f"'{name}' is saved. Choose another name" if is_saved else str(error)
    except SnapshotError as error:
        return str(error)
    return ""


def _finish(
    panel: HistoryPanel,
    root: types.Object,
    page: types.Object,
    ctx: ExecutionContext,
    shown: Shown | None,
) -> types.Property:
    if shown is not None:
        _notices(panel, page, ctx, shown)
    notice = _last_notice(ctx)
    is_passing = notice.get("severity") in ("success", "info") and not notice.get("undo")
    watch = types.ComponentView(
        "SnapshotsHistoryWatch",
        history=shown.target.dataset if shown else None,
        version=shown.version if shown else browse.history_version(ctx),
        keep=kept(ctx),
        panels=browse.panels_of(ctx),
        is_named=bool(state_of(ctx, NAME, "")),
        # Answers may come in another order than what they are answers to
        asked={path: state_of(ctx, path, None) for path in ASKED},
        interval=_BUSY_MILLISECONDS if shown and shown.is_busy else _IDLE_MILLISECONDS,
        on_new=panel.on_poll,
        on_compare=panel.on_compare,
        passing=notice.get("at") if is_passing else None,
        on_passed=panel.on_dismiss,
    )
    root.view("watch", watch)
    # It is the App that scrolls: else nothing could stick to the lower edge
    style = {"display": "block", "width": "100%"}
    return types.Property(
        root, view=types.GridView(orientation="vertical", componentsProps={"grid": {"sx": style}})
    )


def _notices(panel: HistoryPanel, page: types.Object, ctx: ExecutionContext, shown: Shown) -> None:
    """Tells what came of the last action, and of those that had gone to the background.

    These outlive panels and browsers, so they are told until somebody has seen them.
    """
    notices: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
        "notice_line": (_last_notice(ctx), {})
    }
    for number, task in enumerate(shown.tasks_ended):
        if (outcome := _outcome(task)) is not None:
            notices[f"outcome_{number}"] = (outcome, {"task_id": task.id})
    # At the lower edge, where they move nothing that somebody is about to click
    style = {"item": {"position": "sticky", "bottom": 0, "zIndex": 2}}
    told = {name: found for name, found in notices.items() if found[0]}
    box = widgets.column(page, "notices", style=style) if told else page
    for name, (notice, params) in told.items():
        assert notice is not None
        line = widgets.alert(
            box, name, notice["severity"], notice["message"], data_testid="history-notice"
        )
        if at := notice.get("at"):
            widgets.moment(line, "at", datetime.fromisoformat(at), None)
        if undo := notice.get("undo"):
            said = {**params, "undo": undo}
            widgets.button(
                line,
                "undo",
                "Undo",
                panel.on_undo,
                icon="undo",
                params=said,
                hint="Also with Ctrl+Z (⌘Z), then Enter",
                data_undo="last",
            )
        widgets.button(
            line, "dismiss", None, panel.on_dismiss, icon="close", hint="Dismiss", params=params
        )


def _last_notice(ctx: ExecutionContext) -> dict[str, Any]:
    """Returns what came of the last action here; empty if there is nothing to tell."""
    found: dict[str, Any] = state_of(ctx, "notice", {})
    severity, at = found.get("severity"), found.get("at")
    try:
        # Whatever else it is, somebody has forged it
        is_whole = severity in widgets.TONES and isinstance(found.get("message"), str)
        is_whole = is_whole and (at is None or bool(datetime.fromisoformat(at).tzinfo))
    except (TypeError, ValueError):
        return {}
    return found if is_whole else {}


def _outcome(task: running.Task) -> dict[str, Any] | None:
    """Returns what is to be told of an action in the background, once it has ended."""
    if task.error is not None:
        found: dict[str, Any] | None = {
            "severity": "error",
            "message": f"{task.job.label}: {task.error}",
        }
    else:
        found = None if task.result is None else told(task.result)
    begun = datetime.fromtimestamp(task.started_at, timezone.utc)
    return found and {**found, "at": begun.isoformat()}


def told(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns what is to be told of an operator's result.

    Args:
        result: the result

    Returns:
        a message with its severity and what would undo the action, or None while it is under way
    """
    if not running.is_finished(dict(result)) or not result.get("message"):
        return None
    severity = "success" if result.get("ok", True) else "error"
    return {"severity": severity, "message": result["message"], "undo": result.get("undo")}


def _create_box(
    panel: HistoryPanel, page: types.Object, ctx: ExecutionContext, shown: Shown
) -> None:
    box = widgets.card(page, "create", still=True, data_testid="history-create")
    widgets.text(box, "title", "Create snapshot", bold=True, size="1rem")
    _changes(panel, box, shown)
    refusal = shown.why_not(Action.CREATE)
    if refusal is not None:
        widgets.alert(box, "refusal", "info", refusal, data_testid="history-refusal")
        return
    if shown.overview.limit is not None:
        widgets.alert(box, "limit", "warning", str(shown.overview.limit))
        return
    name, problem = state_of(ctx, NAME, ""), verdict(ctx, shown)
    line = widgets.row(box, "fields", style={"flexWrap": "wrap", "alignItems": "flex-start"})
    widgets.field(
        line,
        "name",
        "Name",
        NAME,
        panel.on_type,
        first=True,
        error=problem if name and problem != _SAVING else None,
        shown=problem,
        item={"flex": "1 1 180px"},
    )
    about = "Description (optional)"
    widgets.field(line, "description", about, DESCRIPTION, item={"flex": "2 1 260px"})
    widgets.button(
        line,
        "save",
        "Save new snapshot",
        panel.on_create,
        icon="add_a_photo",
        primary=True,
        disabled=bool(problem),
        hint=problem or None,
    )


def _changes(panel: HistoryPanel, box: types.Object, shown: Shown) -> None:
    line = widgets.row(box, "changes", gap=1.5, style={"flexWrap": "wrap"})
    if shown.newest is None and not shown.history.total:
        widgets.text(
            line,
            "none",
            "No snapshots yet. A snapshot keeps the whole dataset as it is now: samples, labels, "
            "fields, saved views, runs. You can look at it later, compare it, or roll back to it.",
            color=widgets.SECONDARY,
        )
        return
    if shown.newest is None:
        widgets.text(line, "first", "The first snapshot is under way", color=widgets.SECONDARY)
        return
    widgets.text(line, "since", f"Since {shown.newest.name}:", color=widgets.SECONDARY)
    if shown.changes is None:
        widgets.text(line, "unknown", "not calculated yet", color=widgets.SECONDARY)
    else:
        rows.counts(line, shown.changes)
        updated = shown.changes.updated_at
        when = f"calculated {ago(updated)}" if updated else ""
        # One in the place of the other: a line more would push the page under the mouse
        if shown.changes_are_stale:
            hint = f"{when.capitalize() or 'Calculated'}; the dataset seems to have changed since"
            widgets.chip(line, "stale", "out of date", widgets.CHANGED, hint)
        elif updated:
            widgets.moment(line, "calculated", updated, when)
    refusal = shown.why_not(Action.CALCULATE)
    widgets.button(
        line,
        "refresh",
        None,
        panel.on_refresh,
        icon="refresh",
        disabled=refusal is not None,
        hint=refusal or "Count again",
        aria_label="Refresh",
    )


def _list(panel: HistoryPanel, page: types.Object, ctx: ExecutionContext, shown: Shown) -> None:
    trash = state_of(ctx, "trash", False)
    if shown.history.total == 0 and not shown.trash:
        activity.button(panel, page, shown)
        remotes.menu(panel, page, shown)
        return
    _toolbar(panel, page, shown, trash)
    if state_of(ctx, "timeline", False):
        rows.timeline(page, ctx, shown)
    if trash and shown.page == 0:
        for number, item in enumerate(reversed(shown.discarded)):
            discarded.in_trash(panel, page, f"state_{number}", item, shown, is_last=number == 0)
        for number, item in enumerate(reversed(shown.overwritten)):
            discarded.in_trash(panel, page, f"samples_{number}", item, shown)
        for number, item in enumerate(reversed(shown.deleted_branches)):
            discarded.in_trash(panel, page, f"deleted_{number}", item, shown)
    others = shown.discarded or shown.overwritten or shown.deleted_branches
    if not shown.history.entries and not (trash and others):
        searched = "No snapshot fits the search." if shown.history.total else "No snapshots."
        widgets.text(
            page,
            "empty",
            "The trash is empty." if trash and not shown.trash else searched,
            color=widgets.SECONDARY,
        )
    if shown.history.entries:
        rows.snapshots(panel, page, shown)
    _pager(panel, page, shown)


def _toolbar(panel: HistoryPanel, page: types.Object, shown: Shown, trash: bool) -> None:
    bar = widgets.row(page, "search", style={"flexWrap": "wrap"})
    widgets.field(
        bar,
        "text",
        "Search snapshots",
        f"{SEARCH}.text",
        panel.on_search,
        item={"flex": "1 1 160px"},
    )
    creators = {"all": "Anyone", **{name: name for name in shown.history.creators}}
    if len(creators) > 2:
        widgets.dropdown(bar, "creator", "Created by", creators, panel.on_search)
    periods = {key: label for key, (label, _) in PERIODS.items()}
    widgets.dropdown(bar, "period", "Created", periods, panel.on_search)
    widgets.button(
        bar,
        "timeline",
        "Timeline",
        panel.on_toggle,
        icon="timeline",
        params={"key": "timeline"},
        hint="Samples and changes over all versions",
    )
    if shown.trash or trash:
        label = "Back to snapshots" if trash else f"Trash ({len(shown.trash)})"
        widgets.button(
            bar, "trash", label, panel.on_toggle, icon="delete", params={"key": "trash"}
        )
    activity.button(panel, bar, shown)
    remotes.menu(panel, bar, shown)
    if shown.discarded and not trash:
        discarded.undo_button(panel, bar, shown)
    if trash and shown.trash and shown.why_not(Action.EMPTY_TRASH) is None:
        icon = "delete_forever"
        widgets.button(bar, "empty", "Empty trash", panel.on_empty_trash, icon=icon, danger=True)


def _pager(panel: HistoryPanel, page: types.Object, shown: Shown) -> None:
    first = shown.page * PAGE_SIZE
    widgets.pager(
        page,
        "pager",
        (first, first + len(shown.history.entries), shown.history.matching),
        "snapshot",
        ("Newer", panel.on_previous_page),
        ("Older", panel.on_next_page),
    )
