"""A block of code as an operation: what :func:`fiftyone_snapshots.undoable` returns."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable
from contextlib import ContextDecorator, suppress
from types import TracebackType
from typing import Any, TypeVar, cast

import fiftyone.core.dataset as fod
from pymongo.errors import PyMongoError
from typing_extensions import Self

from ..backend.access import Action
from ..backend.dataset.reference import current_name
from ..backend.errors import InvalidArgumentError, SnapshotError
from ..backend.guard import under_way
from ..backend.guard.under_way import Running
from ..backend.mongo import database
from ..backend.undo import keep, store, undo
from ..backend.undo.record import OperationRecord, UndoableOperation
from .authorize import acting
from .datasets import change, read

logger = logging.getLogger(__name__)

REVERT = "revert"

F = TypeVar("F", bound=Callable[..., Any])


class Undoable(ContextDecorator):
    """Makes what a ``with`` block, or a function, does to a dataset an operation; may be reused.

    Args:
        dataset: the name of the dataset, or itself
        what: what is done, for people
        on_error: ``"revert"`` to undo what was done if an error is raised, or None
    """

    def __init__(self, dataset: str | fod.Dataset, what: str, on_error: str | None) -> None:
        if not what.strip():
            raise InvalidArgumentError("what must say what is done: it is what lists show")
        self.dataset = dataset
        self.what = what
        self.on_error = on_error
        self.operation: UndoableOperation | None = None
        """What was done, once the block has ended; None if nothing has changed."""
        self._records: list[OperationRecord] = []

    def _recreate_cm(self) -> Self:
        """Returns one for each call of a decorated function."""
        return type(self)(self.dataset, self.what, self.on_error)

    def __call__(self, func: F) -> F:
        """Makes each call of a function an operation, of which it is part what it does later.

        Args:
            func: the function, which may be a generator, asynchronous, or both

        Returns:
            what replaces it
        """
        if inspect.isgeneratorfunction(func):

            @functools.wraps(func)
            def steps(*args: Any, **kwargs: Any) -> Any:
                running = self._recreate_cm()._running()
                return (yield from under_way.each(func(*args, **kwargs), running))

            return cast("F", steps)
        if inspect.isasyncgenfunction(func):

            @functools.wraps(func)
            async def steps_async(*args: Any, **kwargs: Any) -> Any:
                running = await asyncio.to_thread(self._recreate_cm()._running)
                result = func(*args, **kwargs)
                async for item in under_way.each_async(result, running, asyncio.to_thread):
                    yield item

            return cast("F", steps_async)
        if inspect.iscoroutinefunction(func):

            @functools.wraps(func)
            async def task(*args: Any, **kwargs: Any) -> Any:
                # In other threads, as the loop's is one for everybody
                running = await asyncio.to_thread(self._recreate_cm()._running)
                error: BaseException | None = None
                try:
                    with under_way.inside(running.dataset_id):
                        return await func(*args, **kwargs)
                except BaseException as raised:
                    error = raised
                    raise
                finally:
                    await asyncio.to_thread(running.finish, error)

            return cast("F", task)
        return super().__call__(func)

    def _running(self) -> Running:
        return Running(self.begin().dataset_id, self.end)

    def begin(self) -> OperationRecord:
        """Keeps the state before what is done."""
        self.operation = None
        record = begin_operation(self.dataset, self.what)
        self._records.append(record)
        return record

    def end(self, error: BaseException | None) -> None:
        """Keeps the state after what was done, and undoes it if that is wanted.

        Args:
            error: what was raised
        """
        record = self._records.pop()
        # A dataset that was renamed meanwhile is the same one
        name = current_name(database.connect(), record.dataset_id)
        if name is None:
            return
        try:
            self.operation = end_operation(name, self.what, str(record.id), error)
        except Exception as problem:
            if error is None:
                raise
            # What was raised before says more
            logger.warning("What '%s' has done cannot be undone: %s", self.what, problem)
        if error is not None and self.on_error == REVERT and self.operation is not None:
            try:
                self.operation = undo_ended(name, self.operation.id)
            except (SnapshotError, PyMongoError) as problem:
                # Somebody has edited the same in the moment between, or it is not allowed
                logger.warning("'%s' has failed and is not undone: %s", self.what, problem)

    def __enter__(self) -> Self:
        under_way.enter(self.begin().dataset_id)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        under_way.leave(self._records[-1].dataset_id)
        self.end(error)


@acting(Action.BEGIN_OPERATION)
def begin_operation(dataset_name: str | fod.Dataset, what: str) -> OperationRecord:
    """Keeps the state before an operation, for :class:`Undoable`.

    Args:
        dataset_name: the name of the dataset
        what: what is about to be done

    Returns:
        the operation
    """
    connection, dataset = change(dataset_name)
    return keep.begin(connection, dataset, what)


@acting(Action.END_OPERATION)
def end_operation(
    dataset_name: str | fod.Dataset,
    what: str,  # noqa: ARG001 (for the audit log)
    operation_id: str,
    error: BaseException | None = None,
) -> UndoableOperation | None:
    """Keeps the state after an operation, for :class:`Undoable`.

    Args:
        dataset_name: the name of the dataset
        what: what was done, for the audit log
        operation_id: the operation
        error (None): what it has raised

    Returns:
        the operation, or None if nothing has changed
    """
    connection, dataset = read(dataset_name)
    record = store.find(connection, dataset, operation_id)
    try:
        ended = keep.end(connection, dataset, record, error)
    except BaseException as problem:
        with suppress(PyMongoError):
            store.end_unknown(connection, record, problem)
        raise
    return None if ended is None else store.told(connection, dataset, [ended])[0]


@acting(Action.UNDO_OPERATION)
def undo_ended(dataset_name: str | fod.Dataset, operation_id: str) -> UndoableOperation:
    """Undoes an operation that has failed, for :class:`Undoable`.

    Args:
        dataset_name: the name of the dataset
        operation_id: the operation

    Returns:
        the operation, which is undone
    """
    connection, dataset = change(dataset_name)
    undo.undo(connection, dataset, operation_id)
    return store.told(connection, dataset, [store.find(connection, dataset, operation_id)])[0]
