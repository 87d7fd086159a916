"""The few building blocks that the History panel is made of.

FiftyOne's standard components, laid out with the style properties that they pass on to MUI
(``componentsProps``). Colours are those of the App's theme, so that light and dark both fit.
User's texts are only ever shown by components that do not interpret them, unlike Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fiftyone.operators import types

from ..operators.menu import Choice
from ..operators.plain import utc
from ..operators.words import exact, plural

Style = Mapping[str, Any]
Handler = Callable[..., Any]

SECONDARY = "text.secondary"
# Each theme has tones of its own, which js/index.js sets
ADDED = "var(--snapshots-added)"
DELETED = "var(--snapshots-deleted)"
CHANGED = "var(--snapshots-changed)"
INFO = "var(--snapshots-info)"

_BUTTON = {
    "px": 1.2,
    "py": 0.5,
    "minHeight": "34px",
    "whiteSpace": "nowrap",
    "textTransform": "none",
    "& .MuiTypography-root": {"fontSize": "0.85rem"},
    "& .MuiButton-startIcon": {"ml": 0, "mr": 0.6},
}
_ICON_BUTTON = {**_BUTTON, "px": 0.6, "minWidth": 0, "& .MuiButton-startIcon": {"mx": 0}}

_DANGER = {"&&": {"color": DELETED, "borderColor": DELETED}, "& span, & p": {"color": DELETED}}
_BORDER = "1px solid var(--fo-palette-divider, rgba(128, 128, 128, 0.3))"


def column(
    parent: types.Object, name: str, gap: float = 1, style: Style | None = None, **attributes: Any
) -> types.Object:
    """Adds a column of components.

    Args:
        parent: where to add it
        name: its name
        gap (1): the space between its components
        style (None): MUI styles
        **attributes: HTML attributes; underscores become hyphens

    Returns:
        the column
    """
    return _stack(parent, name, "column", gap, style, attributes)


def row(
    parent: types.Object, name: str, gap: float = 1, style: Style | None = None, **attributes: Any
) -> types.Object:
    """Adds a row of components; see :func:`column`."""
    styled = {"alignItems": "center", **(style or {})}
    return _stack(parent, name, "row", gap, styled, attributes)


def card(parent: types.Object, name: str, style: Style | None = None, **more: Any) -> types.Object:
    """Adds a framed column; see :func:`column`."""
    frame = {"border": _BORDER, "borderRadius": "4px", "p": 1.5, **(style or {})}
    return column(parent, name, style=frame, **more)


def text(
    parent: types.Object,
    name: str,
    content: str,
    *,
    color: str = "text.primary",
    size: str = "0.875rem",
    bold: bool = False,
    style: Style | None = None,
    item: Style | None = None,
    **attributes: Any,
) -> None:
    """Adds a text.

    Args:
        parent: where to add it
        name: its name
        content: the text, shown as it is
        color ("text.primary"): a colour of MUI's palette, or of CSS
        size ("0.875rem"): the font's size
        bold (False): whether it is bold
        style (None): further MUI styles
        item (None): MUI styles of its place in the row or column
        **attributes: HTML attributes; underscores become hyphens
    """
    look = {
        "color": color,
        "fontSize": size,
        "lineHeight": 1.4,
        "overflowWrap": "anywhere",
        **(style or {}),
    }
    if bold:
        look["fontWeight"] = 600
    view = types.TextView(
        title=content,
        padding=0,
        componentsProps={
            "text": {"sx": look},
            "container": _html(attributes),
            "item": {"sx": {"width": "auto", "minWidth": 0, **(item or {})}},
        },
    )
    parent.view(name, view)


def moment(
    parent: types.Object, name: str, time: datetime, said: str | None, size: str = "0.8rem"
) -> None:
    """Adds a point in time; pointed at, it is told exactly, in local time and UTC.

    Args:
        parent: where to add it
        name: its name
        time: the time
        said: what is shown, such as "calculated 3 minutes ago"; None for the local time of day
        size ("0.8rem"): the font's size
    """
    view = types.ComponentView(
        "SnapshotsTime",
        title=said,
        time=utc(time).isoformat(),
        exact=exact(time),
        size=size,
        componentsProps={"item": {"sx": {"width": "auto", "minWidth": 0}}},
    )
    parent.view(name, view)


def chip(parent: types.Object, name: str, label: str, color: str, hint: str = "") -> None:
    """Adds a small framed label."""
    text(
        parent,
        name,
        label,
        color=color,
        size="0.72rem",
        style={
            "border": "1px solid",
            "borderColor": color,
            "borderRadius": "10px",
            "px": 0.9,
            "whiteSpace": "nowrap",
        },
        title=hint or None,
    )


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
    html = _html(attributes)
    html.setdefault("aria-label", label or hint)
    look = _BUTTON if label else _ICON_BUTTON
    view = types.Button(
        label=label,
        icon=icon,
        operator=on_click,
        params=dict(params or {}),
        variant="contained" if primary else "outlined",
        disabled=disabled,
        description=hint,
        componentsProps={
            "button": {"sx": {**look, **(_DANGER if danger and not disabled else {})}, **html},
            "item": {"sx": {"width": "auto", "flexShrink": 0}},
        },
    )
    parent.view(name, view)


def field(
    parent: types.Object,
    name: str,
    placeholder: str,
    on_change: Handler | None = None,
    *,
    rows: int | None = None,
    error: str | None = None,
    item: Style | None = None,
) -> None:
    """Adds a text field whose content is the panel's state under its path.

    Args:
        parent: where to add it
        name: its name
        placeholder: what is to be filled in
        on_change (None): the panel's method to call while one types
        rows (None): the height of a field for more than one line
        error (None): what is wrong with its content
        item (None): MUI styles of its place
    """
    props: dict[str, Any] = {"inputProps": {"aria-label": placeholder}}
    if error:
        props.update(error=True, helperText=error)
    view = types.TextFieldView(
        placeholder=placeholder,
        multiline=rows is not None,
        rows=rows,
        componentsProps={"field": props, "item": {"sx": {"minWidth": 0, **(item or {})}}},
    )
    parent.str(name, view=view, on_change=on_change)


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


def alert(
    parent: types.Object,
    name: str,
    severity: str,
    content: str,
    *,
    width: str = "200px",
    **attributes: Any,
) -> types.Object:
    """Adds a coloured line that says something important, and has room for buttons.

    Args:
        parent: where to add it
        name: its name
        severity: "info", "success", "warning" or "error"
        content: what it says
        width ("200px"): what this needs at least; buttons for which no room is left go below
        **attributes: HTML attributes; underscores become hyphens

    Returns:
        the line
    """
    tone = {"info": INFO, "success": ADDED, "warning": CHANGED, "error": DELETED}[severity]
    line = row(
        parent,
        name,
        style={
            "borderLeft": f"4px solid {tone}",
            "background": "var(--fo-palette-background-level1)",
            "borderRadius": "4px",
            "px": 1.5,
            "py": 1,
            "flexWrap": "wrap",
        },
        role="alert" if severity == "error" else "status",
        **attributes,
    )
    text(line, "content", content, item={"flex": f"1 1 {width}"}, style={"whiteSpace": "pre-line"})
    return line


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
    line = row(parent, name, style={"justifyContent": "center"})
    button(line, "back", *back, icon="chevron_left", disabled=first == 0)
    text(line, "where", f"{first + 1}-{end} of {plural(total, noun)}", color=SECONDARY)
    button(line, "forth", *forth, icon="chevron_right", disabled=end >= total)


def _stack(
    parent: types.Object,
    name: str,
    direction: str,
    gap: float,
    style: Style | None,
    attributes: Mapping[str, Any],
) -> types.Object:
    item = dict(style or {}).pop("item", {})
    # FiftyOne gives every item the full width, which no flex basis overrides
    if "flex" in item:
        item = {**item, "width": "auto"}
    look = {key: value for key, value in (style or {}).items() if key != "item"}
    grid = {"display": "flex", "flexDirection": direction, "minWidth": 0, **look}
    make = parent.h_stack if direction == "row" else parent.v_stack
    stack: types.Object = make(
        name,
        gap=gap,
        componentsProps={
            "grid": {"sx": grid},
            "container": {"style": {"minWidth": 0}, **_html(attributes)},
            "item": {"sx": {"minWidth": 0, **item}},
        },
    )
    return stack


def _html(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key.replace("_", "-"): value for key, value in attributes.items() if value is not None}
