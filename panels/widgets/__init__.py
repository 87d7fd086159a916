"""The few building blocks that the panels are made of.

FiftyOne's standard components, laid out with the style properties that they pass on to MUI
(``componentsProps``). Colours are those of the App's theme, so that light and dark both fit.
User's texts are only ever shown by components that do not interpret them, unlike Markdown.
"""

from __future__ import annotations

from .controls import button, dropdown, field, kebab, pager
from .layout import card, column, row
from .look import ADDED, CHANGED, DELETED, INFO, SECONDARY
from .texts import TONES, alert, chip, moment, text, told_moment

__all__ = [
    "ADDED",
    "CHANGED",
    "DELETED",
    "INFO",
    "SECONDARY",
    "TONES",
    "alert",
    "button",
    "card",
    "chip",
    "column",
    "dropdown",
    "field",
    "kebab",
    "moment",
    "pager",
    "row",
    "text",
    "told_moment",
]
