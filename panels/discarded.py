"""The rows of what lies in the trash besides snapshots: former states, samples, branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from ..backend.access import Action
from ..backend.trash.trash import TrashItem, TrashKind
from ..operators.words import ago, exact, size, trash_item, undo_name, until
from . import widgets
from .model import Shown

if TYPE_CHECKING:
    from .history import HistoryPanel


class _WayBack(NamedTuple):
    """How something comes back from the trash."""

    what: str
    """What became of it."""
    action: Action
    button: str
    label: str
    icon: str
    handler: Callable[[ExecutionContext], None]
    params: dict[str, Any]


def in_trash(
    panel: HistoryPanel,
    page: types.Object,
    key: str,
    item: TrashItem,
    shown: Shown,
    *,
    is_last: bool = False,
) -> None:
    """Adds the row of something in the trash that is no snapshot.

    Args:
        panel: the panel
        page: where to add it
        key: its name there
        item: what lies in the trash
        shown: what else is shown
        is_last (False): whether it is the former state that an undo brings back
    """
    way = _way_back(panel, item)
    box = _row(page, key, item, way.what)
    if is_last:
        undo_button(panel, box, shown)
    elif shown.why_not(way.action) is None:
        widgets.button(
            box,
            way.button,
            way.label,
            way.handler,
            icon=way.icon,
            params=way.params,
            hint=f"Bring back: {trash_item(item)}",
        )


def _way_back(panel: HistoryPanel, item: TrashItem) -> _WayBack:
    bin_, params = "restore_from_trash", {"operation_id": item.id}
    if item.kind is TrashKind.SAMPLES:
        action, on_click = Action.UNDO_RESTORE, panel.on_undo_restore
        return _WayBack(
            "overwritten", action, "undo_restore", "Undo restoring", "undo", on_click, params
        )
    if item.kind is TrashKind.BRANCH:
        action, on_click = Action.RESTORE_BRANCH, panel.on_restore_branch
        params["branch"] = str(item.dataset_name)
        return _WayBack("deleted", action, "restore_branch", "Restore", bin_, on_click, params)
    action, on_click = Action.UNDO_REVERT, panel.on_undo_revert
    return _WayBack("discarded", action, "bring_back", "Bring back", bin_, on_click, params)


def _row(page: types.Object, key: str, item: TrashItem, what: str) -> types.Object:
    box = widgets.card(
        page,
        key,
        still=True,
        style={"flexDirection": "row", "alignItems": "center", "gap": 1.5},
        data_testid="history-state",
        role="group",
    )
    about = widgets.column(box, "about", gap=0.3, style={"item": {"flex": "1 1 0"}})
    title = widgets.row(about, "title", gap=0.8, style={"flexWrap": "wrap"})
    widgets.text(title, "name", trash_item(item), bold=True, size="0.95rem")
    left = f", {until(item.expires_at)} left" if item.expires_at else ""
    widgets.chip(title, "state", f"in trash{left}", widgets.DELETED)
    widgets.text(
        about,
        "facts",
        f"{what} {ago(item.trashed_at)} · {size(item.size_bytes)}",
        color=widgets.SECONDARY,
        size="0.75rem",
        title=exact(item.trashed_at),
    )
    return box


def undo_button(panel: HistoryPanel, parent: types.Object, shown: Shown) -> None:
    """Adds the button that brings the last discarded state back, if whoever looks may do that.

    Args:
        panel: the panel
        parent: where to add it
        shown: what is shown
    """
    last = shown.discarded[-1]
    if shown.why_not(Action.UNDO_REVERT) is None:
        widgets.button(
            parent,
            "undo",
            undo_name(last),
            panel.on_undo_revert,
            icon="redo" if last.is_rolled_back else "undo",
            hint=f"Bring back: {trash_item(last)}",
        )
