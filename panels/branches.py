"""The section of the History panel that is about branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fiftyone.operators import types

from ..backend.access import Action
from ..backend.branches.record import Branch
from ..operators.menu import Choice
from ..operators.words import ago, exact
from . import widgets
from .model import Shown

if TYPE_CHECKING:
    from .history import HistoryPanel

_NONE = "None yet. A branch is a dataset of its own, to edit without touching what others use."


def section(panel: HistoryPanel, page: types.Object, shown: Shown) -> None:
    """Adds the branches of the dataset that is open, and what it is a branch of.

    Args:
        panel: the panel
        page: where to add them
        shown: what is shown
    """
    own, found = shown.branches.branch, shown.branches.branches
    box = widgets.card(page, "branches", still=True, data_testid="history-branches")
    head = widgets.row(box, "head", style={"flexWrap": "wrap"})
    widgets.text(head, "title", "Branches", bold=True, size="1rem")
    if own is None and not found:
        about = {"flex": "1 1 220px"}
        widgets.text(head, "none", _NONE, color=widgets.SECONDARY, size="0.8rem", item=about)
    else:
        widgets.row(head, "space", style={"item": {"flex": "1 1 0"}})
    refusal = shown.why_not(Action.CREATE_BRANCH)
    widgets.button(
        head,
        "create_branch",
        "Create branch",
        panel.on_create_branch,
        icon="call_split",
        disabled=refusal is not None,
        hint=refusal,
    )
    if own is not None:
        _parent(panel, box, own)
    for number, branch in enumerate(found):
        _row(panel, box, f"branch_{number}", branch, shown)


def _parent(panel: HistoryPanel, box: types.Object, own: Branch) -> None:
    line = widgets.row(box, "own", style={"flexWrap": "wrap"})
    said = f"This is branch {own.name} of {own.parent_name}, made of snapshot {own.base_snapshot}."
    if not own.has_parent:
        said += " That dataset is deleted."
    elif not own.has_base:
        said += " That snapshot is gone."
    widgets.text(line, "said", said, item={"flex": "1 1 220px"})
    if own.has_parent:
        widgets.button(
            line,
            "merge_own",
            f"Merge into {own.parent_name}",
            panel.on_plan_merge,
            icon="merge",
            params={"branch": own.dataset_name},
            hint="See what that would change, and what must be decided before",
        )
        widgets.button(
            line,
            "open_parent",
            f"Open {own.parent_name}",
            panel.on_open_dataset,
            icon="keyboard_return",
            params={"dataset": own.parent_name},
        )


def _row(panel: HistoryPanel, box: types.Object, key: str, branch: Branch, shown: Shown) -> None:
    line = widgets.row(
        box,
        key,
        gap=1.5,
        style={"flexWrap": "wrap"},
        data_testid="history-branch",
        data_branch=branch.name,
        role="group",
        aria_label=f"Branch {branch.name}",
    )
    about = widgets.column(line, "about", gap=0.3, style={"item": {"flex": "1 1 160px"}})
    title = widgets.row(about, "title", gap=0.8, style={"flexWrap": "wrap"})
    widgets.text(title, "name", branch.name, bold=True, size="0.95rem")
    base = f"from {branch.base_snapshot}{'' if branch.has_base else ', gone'}"
    widgets.chip(title, "base", base, widgets.SECONDARY, "The snapshot that it was made of")
    if branch.description:
        widgets.text(title, "description", branch.description, color=widgets.SECONDARY)
    widgets.text(
        about,
        "facts",
        f"dataset {branch.dataset_name} · created {ago(branch.created_at)} by "
        f"{branch.created_by or 'unknown'}",
        color=widgets.SECONDARY,
        size="0.75rem",
        title=exact(branch.created_at),
    )
    actions = widgets.row(line, "actions", gap=0.5, style={"item": {"flex": "0 0 auto"}})
    widgets.button(
        actions,
        "open_branch",
        "Open",
        panel.on_open_dataset,
        icon="open_in_new",
        params={"dataset": branch.dataset_name},
        hint=f"Open dataset {branch.dataset_name}",
        aria_label=f"Open branch {branch.name}",
    )
    widgets.kebab(
        actions,
        "menu",
        f"More for branch {branch.name}",
        [Choice(f"merge/{branch.dataset_name}", f"Merge into {branch.parent_name}")],
        panel.on_plan_merge,
    )
    if shown.may_delete(branch):
        widgets.button(
            actions,
            "delete_branch",
            None,
            panel.on_delete_branch,
            icon="delete",
            danger=True,
            params={"branch": branch.dataset_name},
            hint="Delete this branch",
            aria_label=f"Delete branch {branch.name}",
        )
