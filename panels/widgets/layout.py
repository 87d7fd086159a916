"""Columns, rows and cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types

from .look import Style, html

_BORDER = "1px solid var(--fo-palette-divider, rgba(128, 128, 128, 0.3))"
_AS_USUAL: Mapping[str, Any] = {}
_STILL = {"component": "SnapshotsStill"}


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
    parent: types.Object,
    name: str,
    gap: float = 1,
    style: Style | None = None,
    still: bool = False,
    **attributes: Any,
) -> types.Object:
    """Adds a row of components; see :func:`column` and :func:`card`."""
    styled = {"alignItems": "center", **(style or {})}
    return _stack(parent, name, "row", gap, styled, attributes, _STILL if still else _AS_USUAL)


def card(
    parent: types.Object,
    name: str,
    style: Style | None = None,
    still: bool = False,
    **more: Any,
) -> types.Object:
    """Adds a framed column; see :func:`column`.

    Args:
        parent: where to add it
        name: its name
        style (None): MUI styles
        still (False): whether it is drawn again only when something of it is different, as it
            can be if nothing in it is FiftyOne's and kept in the panel's state
        **more: as of a column

    Returns:
        the card
    """
    frame = {"border": _BORDER, "borderRadius": "4px", "p": 1.5, **(style or {})}
    gap, attributes = more.pop("gap", 1), more
    return _stack(parent, name, "column", gap, frame, attributes, _STILL if still else _AS_USUAL)


def _stack(
    parent: types.Object,
    name: str,
    direction: str,
    gap: float,
    style: Style | None,
    attributes: Mapping[str, Any],
    drawn_by: Mapping[str, Any] = _AS_USUAL,
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
        **drawn_by,
        componentsProps={
            "grid": {"sx": grid},
            "container": {"style": {"minWidth": 0}, **html(attributes)},
            "item": {"sx": {"minWidth": 0, **item}},
        },
    )
    return stack
