"""Whoever uses the App: for whom operators and panels act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fiftyone.operators.executor import ExecutionContext

from ..backend.access import Interface, acting_as


@contextmanager
def asking(ctx: ExecutionContext) -> Iterator[None]:
    """Says who asks, for the duration of a ``with`` block.

    Args:
        ctx: the context of an operator or panel

    Returns:
        a context manager
    """
    if ctx.delegated:
        interface = Interface.DELEGATED
    else:
        interface = Interface.PANEL if ctx.panel_id else Interface.OPERATOR
    with acting_as(interface, _name(ctx.user)):
        yield


def _name(user: Any) -> str | None:
    """Returns what to call a user of a FiftyOne that has users; the open-source one has none."""
    names = (getattr(user, key, None) for key in ("email", "name", "id"))
    return next((str(name) for name in names if name), None)
