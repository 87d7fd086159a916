"""What is only read: texts, times, chips and lines that say something important."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fiftyone.operators import types

from ...operators.plain import utc
from ...operators.words import exact
from .layout import row
from .look import ADDED, CHANGED, DELETED, INFO, Style, html


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
            "container": html(attributes),
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
        **told_moment(time, said),
        size=size,
        componentsProps={"item": {"sx": {"width": "auto", "minWidth": 0}}},
    )
    parent.view(name, view)


def told_moment(time: datetime, said: str | None) -> dict[str, str | None]:
    """Returns what the App's script shows of a point in time; see :func:`moment`."""
    return {"title": said, "time": utc(time).isoformat(), "exact": exact(time)}


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


TONES = {"info": INFO, "success": ADDED, "warning": CHANGED, "error": DELETED}
"""What is told, by how bad it is, and its colour."""


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
        severity: one of :data:`TONES`
        content: what it says
        width ("200px"): what this needs at least; buttons for which no room is left go below
        **attributes: HTML attributes; underscores become hyphens

    Returns:
        the line
    """
    line = row(
        parent,
        name,
        style={
            "borderLeft": f"4px solid {TONES[severity]}",
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
