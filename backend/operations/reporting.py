"""What is told of an operation while it is under way: that it has begun, and how far it is.

Whoever calls a verb listens in a context of its own, so nothing is passed through the verbs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..access.arguments import checked
from ..progress import Progress, silent
from .entry import Entry

_on_begin: ContextVar[Callable[[Entry], None] | None] = ContextVar("on_begin", default=None)


@contextmanager
def announcing(listener: Callable[[Entry], None]) -> Iterator[None]:
    """Tells a caller further up which operations are begun, so that it can follow them.

    Args:
        listener: called with the entry of each operation that this context begins

    Returns:
        a context manager
    """
    token = _on_begin.set(listener)
    try:
        yield
    finally:
        _on_begin.reset(token)


_on_progress: ContextVar[Progress] = ContextVar("on_progress", default=silent)


@checked
@contextmanager
def reporting(progress: Progress) -> Iterator[None]:
    """Tells a caller further up how far operations are, each from 0 to 1.

    Args:
        progress: called with the fraction that is done and what is being done

    Returns:
        a context manager
    """
    token = _on_progress.set(progress)
    try:
        yield
    finally:
        _on_progress.reset(token)


def reporter() -> Progress:
    """Returns what tells a caller further up, if there is one, how far something is."""
    return _on_progress.get()


def begun(entry: Entry) -> None:
    """Tells a caller further up, if there is one, that an operation has begun."""
    if listener := _on_begin.get():
        listener(entry)
