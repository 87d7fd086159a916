"""The activity in the History panel: what the audit log tells of this dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.audit import AuditEvent, Outcome
from ..backend.results.times import zoned
from ..operators.words import ago, plural, undone_name
from . import widgets
from .model import EVENTS, Shown, state_of

if TYPE_CHECKING:
    from .history import HistoryPanel

_OPERATIONS = (Action.END_OPERATION, Action.UNDO_OPERATION)
_PAGE_SIZE = 20
_ALL = "all"
_COLORS = {
    Outcome.DONE: widgets.ADDED,
    Outcome.REFUSED: widgets.CHANGED,
    Outcome.FAILED: widgets.DELETED,
}


def button(panel: HistoryPanel, bar: types.Object, shown: Shown) -> None:
    """Adds the button that shows the activity, if whoever looks may see it.

    Args:
        panel: the panel
        bar: where to add it
        shown: what is shown
    """
    if shown.why_not(Action.READ_LOG) is None:
        widgets.button(
            bar,
            "activity",
            "Activity",
            panel.on_toggle,
            icon="receipt_long",
            params={"key": "activity"},
            hint="Who did what, and when",
        )


def render(panel: HistoryPanel, page: types.Object, ctx: ExecutionContext, shown: Shown) -> None:
    """Adds the activity.

    Args:
        panel: the panel
        page: where to add it
        ctx: the panel's context
        shown: what else is shown
    """
    dataset = shown.target.dataset
    bar = widgets.row(page, "events", style={"flexWrap": "wrap"}, data_testid="history-activity")
    widgets.button(
        bar,
        "close",
        None,
        panel.on_toggle,
        icon="arrow_back",
        params={"key": "activity"},
        hint="Back to the list",
    )
    widgets.text(bar, "title", "Activity", bold=True, size="1rem")
    users = {_ALL: "Anybody", **{name: name for name in management.list_event_users(dataset)}}
    widgets.dropdown(bar, "user", "User", users, panel.on_search)
    recorded = [action.value for action in Action if action.row.is_recorded]
    actions = {_ALL: "Any action", **{name: _words(name) for name in recorded}}
    widgets.dropdown(bar, "action", "Action", actions, panel.on_search, width="170px")

    if shown.target.snapshot is None and shown.why_not(Action.SET_UNDO_MODE) is None:
        mode = management.get_undo_mode(dataset).mode
        widgets.button(
            bar,
            "undo_mode",
            f"Undo of operations: {mode}",
            panel.on_set_undo_mode,
            icon="undo",
            hint="Whether operators and calls of anybody that change much can be undone",
        )

    number = max(0, state_of(ctx, "page", 0))
    # One more tells whether there is another page
    found = management.list_events(
        dataset,
        user=_chosen(ctx, "user"),
        action=_chosen(ctx, "action"),
        limit=_PAGE_SIZE + 1,
        offset=number * _PAGE_SIZE,
    )
    if not found:
        widgets.text(
            page, "nothing", "Nothing of that kind has happened.", color=widgets.SECONDARY
        )
    undoable = _undoable(shown, found)
    for place, event in enumerate(found[:_PAGE_SIZE]):
        title = _event(page, f"event_{place}", event)
        operation = undoable(event)
        if operation is not None:
            widgets.button(
                title,
                "undo_operation",
                "Undo",
                panel.on_undo_operation,
                icon="undo",
                params={"operation": operation.id},
                hint="Undo this operation, and keep what was done since",
            )
    if number or len(found) > _PAGE_SIZE:
        line = widgets.row(page, "pager", style={"justifyContent": "center"})
        widgets.button(
            line,
            "newer",
            "Newer",
            panel.on_previous_page,
            icon="chevron_left",
            disabled=number == 0,
        )
        widgets.button(
            line,
            "older",
            "Older",
            panel.on_next_page,
            icon="chevron_right",
            disabled=len(found) <= _PAGE_SIZE,
        )


def _undoable(
    shown: Shown, events: list[AuditEvent]
) -> Callable[[AuditEvent], management.UndoableOperation | None]:
    """Returns what tells which operation an event is of, if that can be undone here."""
    is_head = shown.target.snapshot is None
    found: list[management.UndoableOperation] = []
    if is_head and any(event.action in _OPERATIONS for event in events):
        found = management.list_undoable(shown.target.dataset)
    if not found or shown.why_not(Action.UNDO_OPERATION) is not None:
        return lambda _: None

    def of(event: AuditEvent) -> management.UndoableOperation | None:
        id_ = event.parameters.get("operation_id")
        for each in found:
            is_own = (
                each.id == id_
                if event.action == Action.END_OPERATION
                else (
                    event.action == Action.UNDO_OPERATION
                    and each.undoes == id_
                    and zoned(each.created_at) <= zoned(event.at)
                )
            )
            if is_own:
                return each if each.is_undoable else None
        return None

    return of


def _event(page: types.Object, key: str, event: AuditEvent) -> types.Object:
    line = widgets.card(
        page,
        key,
        still=True,
        style={"gap": 0.3, "py": 1},
        data_testid="history-event",
        data_sequence=str(event.sequence),
    )
    title = widgets.row(line, "title", gap=0.8, style={"flexWrap": "wrap"})
    widgets.text(title, "action", _title(event), bold=True)
    if event.snapshot:
        widgets.text(title, "snapshot", event.snapshot)
    widgets.chip(title, "outcome", event.outcome.value, _COLORS[event.outcome])
    counts = [
        f"{name.removeprefix('num_').replace('_', ' ')}: {number:,}"
        for name, number in event.counts.items()
        if number
    ]
    if counts:
        said = ", ".join(counts)
        widgets.text(title, "counts", said, color=widgets.SECONDARY, size="0.8rem")
    if event.error:
        widgets.text(line, "error", event.error, color=widgets.SECONDARY, size="0.8rem")
    facts = [
        f"by {event.user or 'unknown'}",
        f"{event.interface} on {event.host}",
    ]
    if event.seconds is not None:
        facts.append(_duration(event.seconds))
    about = widgets.row(line, "facts", gap=0.7, style={"flexWrap": "wrap"})
    widgets.moment(about, "when", event.at, ago(event.at))
    widgets.text(about, "who", "· " + " · ".join(facts), color=widgets.SECONDARY, size="0.8rem")
    return title


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else plural(int(seconds // 60), "minute")


def _title(event: AuditEvent) -> str:
    said = event.parameters
    if event.action == Action.END_OPERATION and said.get("what"):
        return str(said["what"])
    # Earlier versions did not note what was undone
    if event.action == Action.UNDO_REVERT and said.get("of"):
        return undone_name(str(said["of"]), str(said["to"]), bool(said["is_redo"]))
    return _words(event.action)


def _words(action: str) -> str:
    """Returns what the operators call an action as well."""
    label = next((each.row.label for each in Action if each == action), "")
    return label or action.replace("_", " ").capitalize()


def _chosen(ctx: ExecutionContext, key: str) -> str | None:
    value: str = state_of(ctx, f"{EVENTS}.{key}", _ALL)
    return None if value in ("", _ALL) else value
