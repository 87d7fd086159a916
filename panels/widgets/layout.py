"""Columns, rows and cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types

from .look import Style, html

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
            "container": {"style": {"minWidth": 0}, **html(attributes)},
            "item": {"sx": {"minWidth": 0, **item}},
        },
    )
    return stack
