"""The gate that every command to MongoDB passes while an operation runs.

An operation may only send what it sends while it holds its lease. PyMongo cuts one call into many
commands (bulk writes, GridFS, the batches of a cursor), repeats some of them, and waits for
connections in between; a process may be stopped for an hour before any of these. So the question
is asked where a command leaves this process, and not where our code calls PyMongo.

What is asked is a context variable, so that one thread's operation is no business of another's.
Threads that work for an operation get it from :class:`Workers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any, TypeAlias, TypeVar

from pymongo.synchronous.pool import Connection

Question: TypeAlias = Callable[[], None]
"""Raises if no command may be sent any more."""

_T = TypeVar("_T")

_question: ContextVar[Question | None] = ContextVar("gate", default=None)

_SENDING = ("command", "send_message")
"""The methods of PyMongo's connections through which everything is sent."""


@contextmanager
def asking(question: Question | None) -> Iterator[None]:
    """Has a question asked before every command that a ``with`` block sends.

    Args:
        question: the question, or None to ask nothing

    Returns:
        a context manager
    """
    token = _question.set(question)
    try:
        yield
    finally:
        _question.reset(token)


class Workers(ThreadPoolExecutor):
    """Threads that pass the same gate as whoever gives them work."""

    def submit(self, function: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Has a function called by a thread, in the context of the caller."""
        return super().submit(copy_context().run, function, *args, **kwargs)


def _install() -> None:
    for name in _SENDING:
        send = getattr(Connection, name)
        # Modules can be executed again
        send = getattr(send, "_ungated", send)
        setattr(Connection, name, _gated(send))


def _gated(send: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(send)
    def gated(*args: Any, **kwargs: Any) -> Any:
        if (question := _question.get()) is not None:
            question()
        return send(*args, **kwargs)

    gated._ungated = send  # type: ignore[attr-defined]
    return gated


_install()
