"""The menu for histories that servers share, where there is a remote to push to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fiftyone.operators import types

from ..backend.access import Action
from ..operators.base import SnapshotOperator
from ..operators.menu import Choice
from ..operators.remotes import PullSnapshots, PushSnapshots
from . import widgets
from .model import Shown

if TYPE_CHECKING:
    from .history import HistoryPanel

DIALOGS: dict[str, type[SnapshotOperator]] = {
    Action.PUSH.value: PushSnapshots,
    Action.PULL.value: PullSnapshots,
}
"""What opens a form."""

_LABELS = {Action.PUSH: "Push …", Action.PULL: "Pull …"}


def menu(panel: HistoryPanel, parent: types.Object, shown: Shown) -> None:
    """Adds the menu, if there is a remote and whoever looks may use it.

    Args:
        panel: the panel
        parent: where to add it
        shown: what the panel shows
    """
    choices = [
        Choice(action.value, label)
        for action, label in _LABELS.items()
        if shown.why_not(action) is None
    ]
    if shown.overview.remotes and choices:
        widgets.kebab(parent, "remotes", "Push or pull", choices, panel.on_remote)
