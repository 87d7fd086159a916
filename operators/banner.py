"""The banner that is above everything while a snapshot is open.

The App's script draws it (js/banner.js) and has no opinion: what it says and offers is told here,
and whatever is clicked in it comes here.
"""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import quote

from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from ..backend.search.history import HistoryEntry
from ..management.datasets import one_look
from . import browse, compare, menu
from .asking import asking
from .base import PLUGIN, Plain, PluginOperator, Target
from .words import ago, exact

BACK, OPEN, ALL = "back", "open", "all"

AT_ONCE = 50
"""How many snapshots the drop-down offers."""


class DescribeBanner(PluginOperator):
    """Tells the App's script what to say of the snapshot that is open."""

    NAME = "describe_banner"
    ACTION = Action.LIST
    LABEL = "Describe banner"
    DESCRIPTION = "Tell what to say of the snapshot that is open, and what to offer"
    ICON = "info"
    UNLISTED = True

    def execute(self, ctx: ExecutionContext) -> Plain:
        """Tells it; an empty text if no snapshot is open."""
        with asking(ctx), one_look():
            target = browse.quick_target(ctx)
            if target is None or target.snapshot is None:
                return {"snapshot": None}
            return describe(target)


class UseBanner(PluginOperator):
    """Does what was clicked in the banner."""

    NAME = "use_banner"
    ACTION = Action.LIST
    LABEL = "Use banner"
    DESCRIPTION = "Do what was chosen in the banner of the snapshot that is open"
    ICON = "touch_app"
    UNLISTED = True

    def execute(self, ctx: ExecutionContext) -> Plain:
        """Does it; the parameter ``value`` is "back", "all", "open/name", or one of the menu's."""
        value = ctx.params.get("value")
        chosen = menu.Chosen.of(value)
        if chosen.action in (BACK, OPEN):
            opens = browse.BackToLatest() if chosen.action == BACK else browse.BrowseSnapshot()
            opens.perform(ctx, dict(chosen.params))
            # What was opened is seen
            return {}
        if chosen.action == ALL:
            browse.OpenHistory().perform(ctx, {})
            return {}
        if chosen.versions:
            return _compare(ctx, *chosen.versions)
        if operator := menu.AT_ONCE.get(chosen.action):
            return operator().perform(ctx, chosen.params)
        if operator := menu.DIALOGS.get(chosen.action):
            ctx.prompt(f"{PLUGIN}/{operator.NAME}", params=dict(chosen.params))
            return {}
        raise InvalidRequestError(f"The banner has no '{value}'")


def describe(target: Target) -> Plain:
    """Returns what the banner says and offers.

    Args:
        target: what is open, which is a snapshot

    Returns:
        plain data
    """
    entries = management.get_history(target.dataset).entries
    names = [entry.name for entry in entries]
    place = names.index(target.snapshot) if target.snapshot in names else None
    opened = None if place is None else entries[place]
    # A drop-down of hundreds is of no use to anybody: those around the open one
    first = max(0, min((place or 0) - AT_ONCE // 2, len(entries) - AT_ONCE))
    told: Plain = {
        "snapshot": target.snapshot,
        "dataset": target.dataset,
        "about": "It is not in the history any more",
        "snapshots": [_other(entry) for entry in entries[first : first + AT_ONCE]],
        "total": len(entries),
        "menu": [],
        "link": f"{_quoted(target.dataset)}?snapshot={_quoted(str(target.snapshot))}",
    }
    if opened is not None:
        told["about"] = (
            f"Created {ago(opened.created_at)} by {opened.created_by or 'unknown'} "
            f"({exact(opened.created_at)})"
        )
        offered = menu.choices(opened, lambda action: management.why_not(action, target.dataset))
        told["menu"] = [asdict(choice) for choice in offered]
    return told


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _other(entry: HistoryEntry) -> Plain:
    is_archived = entry.archive is not None
    label = f"{entry.name} (archived)" if is_archived else entry.name
    return {"name": entry.name, "label": label, "can_be_opened": not is_archived}


def _compare(ctx: ExecutionContext, before: str, after: str) -> Plain:
    """Compares, and has the History panel show it."""
    params = {"before": before, "after": after}
    compare.CompareSnapshots().perform(ctx, params)
    with asking(ctx):
        versions = {**params, "dataset": Target.of(ctx).dataset}
    ctx.trigger(f"{PLUGIN}/show_comparison", {"versions": versions})
    return {}
