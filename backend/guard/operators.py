"""Running operators of anybody so that what they do can be undone.

The hooks are on the one function that runs operators: in the App's server and in Python, and,
imported by name, in delegated workers. An operator that is not to be undone passes unchanged.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from . import under_way
from .under_way import Running

Begin: TypeAlias = Callable[[], Running | None]
"""Called before an operator is executed; returns None if it cannot be undone. It never fails."""

Around: TypeAlias = Callable[[Any, Any], Begin | None]
"""Told of an operator and its context; returns None if it is not to be undone. It never fails,
and takes no time, as most operators are none of those."""

_Function: TypeAlias = Callable[..., Awaitable[Any]]

OPERATION_ID = "operation_id"
"""The key in an operator's result by which what it did can be undone."""


def nothing(_operator: Any, _ctx: Any) -> Begin | None:
    """Makes no operator undoable."""
    return None


def execute(around: Around) -> Callable[[_Function], _Function]:
    """Makes the function that executes operators keep the states before and after.

    Args:
        around: keeps them

    Returns:
        what replaces it
    """

    def wrap(original: _Function) -> _Function:
        @functools.wraps(original)
        async def do_execute_operator(operator: Any, ctx: Any, *args: Any, **kwargs: Any) -> Any:
            begin = around(operator, ctx)
            # In another thread, as the server has one for everybody
            running = None if begin is None else await asyncio.to_thread(begin)
            if running is None:
                return await original(operator, ctx, *args, **kwargs)
            try:
                with under_way.inside(running.dataset_id):
                    result = await original(operator, ctx, *args, **kwargs)
            except BaseException as error:
                await asyncio.to_thread(running.finish, error)
                raise
            # Those do their work when somebody iterates over them
            if inspect.isgenerator(result):
                return under_way.each(result, running)
            if inspect.isasyncgen(result):
                return under_way.each_async(result, running, asyncio.to_thread)
            operation_id = await asyncio.to_thread(running.finish, None)
            return _with(result, operation_id)

        return do_execute_operator

    return wrap


def _with(result: Any, operation_id: str | None) -> Any:
    """Returns a result that tells the operation's id, where a result can."""
    if operation_id is None:
        return result
    if result is None:
        return {OPERATION_ID: operation_id}
    if isinstance(result, dict) and OPERATION_ID not in result:
        return {**result, OPERATION_ID: operation_id}
    return result
