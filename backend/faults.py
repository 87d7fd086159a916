"""Named points at which tests make an operation fail.

In the product every point is inert. A test arms one in its own process with :func:`arm`, or in a
child process through the environment (``FIFTYONE_SNAPSHOTS_FAULT=<point>:raise|kill|pause``), and
the operation then dies exactly there, as often as the test likes to repeat it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_VARIABLE = "FIFTYONE_SNAPSHOTS_FAULT"
_PAUSE_SECONDS = 3600.0

_armed: dict[str, Callable[[], None]] = {}
_observers: list[Callable[[str], None]] = []


class InjectedFault(BaseException):
    """Raised at an armed point.

    A :class:`BaseException`, so that no ``except Exception`` can swallow it by accident, as
    none could stop a power cut.
    """


def reach(point: str) -> None:
    """Marks a point that an operation passes.

    Args:
        point: its name, ``<verb>.<what was just done>``
    """
    for observer in _observers:
        observer(point)
    if action := _armed.get(point):
        action()


@contextmanager
def arm(point: str, action: Callable[[], None] | None = None) -> Iterator[None]:
    """Arms a point for the duration of a ``with`` block.

    Args:
        point: the point's name
        action (None): what to do there; the default raises :class:`InjectedFault`

    Returns:
        a context manager
    """
    _armed[point] = action or _raise
    try:
        yield
    finally:
        _armed.pop(point, None)


@contextmanager
def observe(observer: Callable[[str], None]) -> Iterator[None]:
    """Reports every point that is reached while a ``with`` block runs.

    Args:
        observer: called with each point's name

    Returns:
        a context manager
    """
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def _raise() -> None:
    raise InjectedFault


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _pause() -> None:
    print("paused", flush=True)  # noqa: T201 (tells the parent test that the point is reached)
    time.sleep(_PAUSE_SECONDS)


def _arm_from_environment() -> None:
    point, _, action = os.environ.get(_VARIABLE, "").partition(":")
    if point:
        _armed[point] = {"raise": _raise, "kill": _kill, "pause": _pause}[action]


_arm_from_environment()
