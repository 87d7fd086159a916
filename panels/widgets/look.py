"""Colours, and how components are told what they look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Style: TypeAlias = Mapping[str, Any]
Handler: TypeAlias = Callable[..., Any]

SECONDARY = "text.secondary"
# Each theme has tones of its own, which js/index.js sets
ADDED = "var(--snapshots-added)"
DELETED = "var(--snapshots-deleted)"
CHANGED = "var(--snapshots-changed)"
INFO = "var(--snapshots-info)"


def html(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns attributes as HTML names them, without those that are None."""
    return {key.replace("_", "-"): value for key, value in attributes.items() if value is not None}
