"""Telling how far something is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[float, str], None]
"""Told how far an operation is: a fraction from 0 to 1, and what is being done."""


def silent(fraction: float, label: str) -> None:
    """A :data:`Progress` for callers that do not care."""
