"""On which datasets an operation is under way of which the code that runs now is a part.

So that what calls something else that would be an operation makes one, and not two. It holds for
the running thread and task, and is carried on to where FiftyOne runs operators.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

_under_way: ContextVar[tuple[ObjectId, ...]] = ContextVar("under_way", default=())


@dataclass(frozen=True)
class Running:
    """An operation that has begun."""

    dataset_id: ObjectId
    finish: Callable[[BaseException | None], str | None]
    """Called once it has ended, with what it has raised; returns its id, if anything has changed.
    It never fails."""


def is_part(dataset_id: ObjectId) -> bool:
    """Returns whether what is done to a dataset here is part of an operation on it."""
    return dataset_id in _under_way.get()


def enter(dataset_id: ObjectId) -> None:
    """Says that an operation on a dataset has begun."""
    _under_way.set((*_under_way.get(), dataset_id))


def leave(dataset_id: ObjectId) -> None:
    """Says that an operation on a dataset has ended, perhaps elsewhere than it has begun."""
    left = [*_under_way.get()]
    if dataset_id in left:
        left.remove(dataset_id)
        _under_way.set(tuple(left))


@contextmanager
def inside(dataset_id: ObjectId) -> Iterator[None]:
    """Says that what runs in a ``with`` block is part of an operation on a dataset."""
    enter(dataset_id)
    try:
        yield
    finally:
        leave(dataset_id)


def each(result: Iterator[Any], running: Running) -> Iterator[Any]:
    """Follows an operation that does its work while somebody iterates over it.

    Args:
        result: what it does step by step
        running: the operation

    Returns:
        an iterator over the same
    """
    error: BaseException | None = None
    try:
        while True:
            try:
                with inside(running.dataset_id):
                    item = next(result)
            except StopIteration as end:
                return end.value
            yield item
    except GeneratorExit:
        # Whoever iterates has had enough, which is no failure
        with inside(running.dataset_id):
            result.close()  # type: ignore[attr-defined]
        raise
    except BaseException as raised:
        error = raised
        raise
    finally:
        running.finish(error)


async def each_async(
    result: AsyncIterator[Any], running: Running, in_thread: Callable[..., Awaitable[Any]]
) -> AsyncIterator[Any]:
    """Does the same as :func:`each` for what is asynchronous.

    Args:
        result: what it does step by step
        running: the operation
        in_thread: calls a function without making others wait

    Returns:
        an iterator over the same
    """
    error: BaseException | None = None
    try:
        while True:
            try:
                with inside(running.dataset_id):
                    item = await anext(result)
            except StopAsyncIteration:
                return
            yield item
    except GeneratorExit:
        with inside(running.dataset_id):
            await result.aclose()  # type: ignore[attr-defined]
        raise
    except BaseException as raised:
        error = raised
        raise
    finally:
        await in_thread(running.finish, error)


def carry_on(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Makes what FiftyOne runs in another thread part of the operation that it belongs to."""

    @functools.wraps(original)
    async def run_sync_task(func: Any, *args: Any) -> Any:
        if not _under_way.get():
            return await original(func, *args)
        return await original(copy_context().run, func, *args)

    return run_sync_task
