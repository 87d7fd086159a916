"""The rows of the dataset's former states and samples, which lie in the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fiftyone.operators import types

from ..backend.access import Action
from ..backend.trash.trash import TrashItem
from ..operators.words import ago, exact, size, trash_item, undo_name, until
from . import widgets
from .model import Shown

if TYPE_CHECKING:
    from .history import HistoryPanel


def state(
    panel: HistoryPanel, page: types.Object, key: str, item: TrashItem, shown: Shown, is_last: bool
) -> None:
    """Adds the row of a former state of the dataset that lies in the trash.

    Args:
        panel: the panel
        page: where to add it
        key: its name there
        item: the state
        shown: what else is shown
        is_last: whether it is the one that an undo brings back
    """
    box = row(page, key, item, "discarded")
    if is_last:
        undo_button(panel, box, shown)
    elif shown.why_not(Action.UNDO_REVERT) is None:
        widgets.button(
            box,
            "bring_back",
            "Bring back",
            panel.on_undo_revert,
            icon="restore_from_trash",
            params={"operation_id": item.id},
            hint=f"Bring back: {trash_item(item)}",
        )


def samples(
    panel: HistoryPanel, page: types.Object, key: str, item: TrashItem, shown: Shown
) -> None:
    """Adds the row of what a restoration of samples has overwritten.

    Args:
        panel: the panel
        page: where to add it
        key: its name there
        item: what lies in the trash
        shown: what else is shown
    """
    box = row(page, key, item, "overwritten")
    if shown.why_not(Action.UNDO_RESTORE) is None:
        widgets.button(
            box,
            "undo_restore",
            "Undo restoring",
            panel.on_undo_restore,
            icon="undo",
            params={"operation_id": item.id},
            hint=f"Bring back: {trash_item(item)}",
        )


def row(page: types.Object, key: str, item: TrashItem, what: str) -> types.Object:
    """Adds the row of something in the trash that is no snapshot.

    Args:
        page: where to add it
        key: its name there
        item: what lies in the trash
        what: what became of it, such as ``discarded``

    Returns:
        the row, which has room for a button
    """
    box = widgets.card(
        page,
        key,
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
