"""What is clicked or filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fiftyone.operators import types

from ...operators.menu import Choice
from ...operators.words import plural
from .layout import row
from .look import SECONDARY, Handler, Style, html
from .texts import text


def button(
    parent: types.Object,
    name: str,
    label: str | None,
    on_click: Handler,
    *,
    icon: str | None = None,
    primary: bool = False,
    disabled: bool = False,
    danger: bool = False,
    hint: str | None = None,
    params: Mapping[str, Any] | None = None,
    **attributes: Any,
) -> None:
    """Adds a button.

    Args:
        parent: where to add it
        name: its name
        label: what it says, None for an icon alone
        on_click: the panel's method to call
        icon (None): an icon of the Material font
        primary (False): whether it stands out
        disabled (False): whether it cannot be used
        danger (False): whether it discards something
        hint (None): what it does
        params (None): parameters for the method
        **attributes: HTML attributes; underscores become hyphens
    """
    named = html(attributes)
    named.setdefault("aria-label", label or hint)
    view = types.ComponentView(
        "SnapshotsButton",
        label=label,
        icon=icon,
        look="primary" if primary else "danger" if danger else None,
        disabled=disabled,
        hint=hint,
        attributes=named,
        params=dict(params or {}),
        on_click=on_click,
        componentsProps={"item": {"sx": {"width": "auto", "flexShrink": 0}}},
    )
    parent.view(name, view)


def field(
    parent: types.Object,
    name: str,
    placeholder: str,
    keep: str,
    on_change: Handler | None = None,
    *,
    first: bool = False,
    error: str | None = None,
    shown: str | None = None,
    item: Style | None = None,
) -> None:
    """Adds a text field.

    Args:
        parent: where to add it
        name: its name
        placeholder: what is to be filled in
        keep: where the panel's state keeps its content
        on_change (None): the panel's method to call when somebody who types pauses, or is done
        first (False): whether it has the focus in a panel that is opened
        error (None): what is wrong with its content
        shown (None): what is shown of its content, which the method is told as ``shown``
        item (None): MUI styles of its place
    """
    view = types.ComponentView(
        "SnapshotsField",
        placeholder=placeholder,
        keep=keep,
        on_change=on_change,
        is_first=first,
        error=error or None,
        shown=shown,
        componentsProps={"item": {"sx": {"minWidth": 0, **(item or {})}}},
    )
    parent.view(name, view)


def dropdown(
    parent: types.Object,
    name: str,
    label: str,
    choices: Mapping[str, str],
    on_change: Handler,
    *,
    default: str | None = None,
    width: str = "150px",
) -> None:
    """Adds a drop-down whose choice is the panel's state under its path.

    Args:
        parent: where to add it
        name: its name
        label: what is chosen, shown until something is
        choices: values and what to show for them
        on_change: the panel's method to call
        default (None): what is chosen at first
        width ("150px"): its width
    """
    view = types.DropdownView(
        compact=True,
        placeholder=label,
        label=label,
        componentsProps={
            "select": {"inputProps": {"aria-label": label}},
            "item": {"sx": {"width": width, "flexShrink": 0}},
        },
    )
    for value, shown in choices.items():
        view.add_choice(value, label=shown)
    parent.str(name, view=view, default=default, on_change=on_change)


def kebab(
    parent: types.Object, name: str, label: str, choices: Sequence[Choice], on_choose: Handler
) -> None:
    """Adds a menu behind three dots, whose choices are events and no state.

    Args:
        parent: where to add it
        name: its name
        label: what the menu is for
        choices: what it offers, group by group
        on_choose: the panel's method to call with the value, in the window where it was chosen
    """
    view = types.ComponentView(
        "SnapshotsMenu",
        label=label,
        choices=[asdict(choice) for choice in choices],
        on_choose=on_choose,
        componentsProps={"item": {"sx": {"width": "auto", "flexShrink": 0}}},
    )
    parent.view(name, view)


def pager(
    parent: types.Object,
    name: str,
    part: tuple[int, int, int],
    noun: str,
    back: tuple[str, Handler],
    forth: tuple[str, Handler],
) -> None:
    """Adds buttons to page through something that has more than one page.

    Args:
        parent: where to add them
        name: their name
        part: the number of the first thing that is shown, of the one after the last, and of all
        noun: what the things are
        back: what the button to the page before says, and the panel's method to call
        forth: the same for the next page
    """
    first, end, total = part
    if first == 0 and end == total:
        return
    line = row(parent, name, style={"justifyContent": "center"}, still=True)
    button(line, "back", *back, icon="chevron_left", disabled=first == 0)
    text(line, "where", f"{first + 1}-{end} of {plural(total, noun)}", color=SECONDARY)
    button(line, "forth", *forth, icon="chevron_right", disabled=end >= total)
