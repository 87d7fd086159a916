"""Who is acting, and through which interface.

It is said in a context variable, which holds for the running thread and task only: the App's
server can act for one person in one thread and for another one in the next.
"""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum

from ..config import variable
from .arguments import checked


class Interface(str, Enum):
    """How somebody reaches the management SDK."""

    SDK = "SDK"
    OPERATOR = "operator"
    PANEL = "panel"
    DELEGATED = "delegated"
    CLI = "CLI"


@dataclass(frozen=True)
class Actor:
    """Somebody who asks for something."""

    user: str | None
    interface: Interface
    host: str

    def __str__(self) -> str:
        """Names them in a message."""
        return f"user '{self.user}'" if self.user else "an unknown user"


_user: ContextVar[str | None] = ContextVar("user", default=None)
_interface: ContextVar[Interface] = ContextVar("interface", default=Interface.SDK)


def current() -> Actor:
    """Returns who is acting.

    Returns:
        whoever :func:`acting_as` has named, else the user of this process
    """
    return Actor(_user.get() or process_user(), _interface.get(), platform.node())


@checked
@contextmanager
def acting_as(interface: Interface, user: str | None = None) -> Iterator[None]:
    """Says who acts, for the duration of a ``with`` block.

    Args:
        interface: how they reach the SDK
        user (None): who they are; by default, whoever was acting before

    Returns:
        a context manager
    """
    interface_token = _interface.set(interface)
    user_token = _user.set(user or _user.get())
    try:
        yield
    finally:
        _user.reset(user_token)
        _interface.reset(interface_token)


def process_user() -> str | None:
    """Returns who is using this process.

    Returns:
        ``FIFTYONE_SNAPSHOTS_USER`` if set, else the operating system's user, or None if it has
        no name for them
    """
    named = os.environ.get(variable("USER"), "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
