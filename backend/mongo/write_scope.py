"""Who may write what belongs to a snapshot.

:mod:`.guard` refuses every write in this process that would reach a snapshot. The two exceptions
are said here, in a context variable: it holds for the running thread and task only, so that one
thread that projects a snapshot opens no door for another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum


class Permission(IntEnum):
    """What the running code may write."""

    NONE = 0
    GENERATING = 1
    """What FiftyOne generates from a snapshot: patches, frames, clips, and where they are."""
    PROJECTING = 2
    """The projection itself."""


_current: ContextVar[Permission] = ContextVar("permission", default=Permission.NONE)


def current() -> Permission:
    """Returns what the running code may write."""
    return _current.get()


@contextmanager
def grant(permission: Permission) -> Iterator[None]:
    """Permits more, for the duration of a ``with`` block or of a function decorated with this.

    Args:
        permission: what may be written; never takes back what is permitted already

    Returns:
        a context manager
    """
    token = _current.set(max(permission, _current.get()))
    try:
        yield
    finally:
        _current.reset(token)
