"""Operations that can be undone by themselves: around a block of code, listed, taken back."""

from __future__ import annotations

import logging
from contextlib import ContextDecorator
from types import TracebackType
from typing import Literal, overload

import fiftyone.core.dataset as fod
from typing_extensions import Self

from ..backend.access import Action
from ..backend.dataset.reference import current_name
from ..backend.diff.bars import shown
from ..backend.errors import ConflictsRemainError, InvalidArgumentError
from ..backend.merge import plans
from ..backend.merge.prefer import Preference
from ..backend.merge.record import MergePlan
from ..backend.mongo import database
from ..backend.progress import Progress
from ..backend.undo import keep, store, undo
from ..backend.undo.record import OperationRecord, UndoableOperation
from .authorize import acting
from .datasets import change, read

logger = logging.getLogger(__name__)

_REVERT = "revert"


class Undoable(ContextDecorator):
    """Makes what a ``with`` block, or a function, does to a dataset an operation; may be reused.

    Args:
        dataset: the name of the dataset, or itself
        what: what is done, for people
        on_error: ``"revert"`` to undo what was done if an error is raised, or None
    """

    def __init__(self, dataset: str | fod.Dataset, what: str, on_error: str | None) -> None:
        self.dataset = dataset
        self.what = what
        self.on_error = on_error
        self.operation: UndoableOperation | None = None
        """What was done, once the block has ended; None if nothing has changed."""
        self._record: OperationRecord | None = None

    def _recreate_cm(self) -> Self:
        """Returns one for each call of a decorated function."""
        return type(self)(self.dataset, self.what, self.on_error)

    def __enter__(self) -> Self:
        self.operation = None
        self._record = begin_operation(self.dataset, self.what)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        record, self._record = self._record, None
        assert record is not None
        # A dataset that was renamed meanwhile is the same one
        name = current_name(database.connect(), record.dataset_id)
        if name is None:
            return
        self.operation = end_operation(name, self.what, str(record.id), error)
        if error is not None and self.on_error == _REVERT and self.operation is not None:
            try:
                undo_operation(name, self.operation.id)
            except ConflictsRemainError as conflict:
                # Somebody has edited the same in the moment between
                logger.warning("'%s' has failed and is not undone: %s", self.what, conflict)


@acting(Action.LIST)
def undoable(dataset_name: str | fod.Dataset, what: str, on_error: str | None = None) -> Undoable:
    """Makes what a block of code does to a dataset an operation that can be undone by itself.

    It is a context manager and a decorator. The states before and after are kept as safety
    snapshots, which count against no limit. Nothing is stored if nothing has changed. What others
    do to the dataset meanwhile is part of the operation.

    Args:
        dataset_name: the name of the dataset
        what: what is done, for people
        on_error (None): ``"revert"`` to undo what was done if the block raises an error; by
            default, it stays, and can be undone

    Returns:
        a context manager, whose ``operation`` is an :class:`UndoableOperation` once the block has
        ended, or None if nothing has changed

    Raises:
        ValueError: if there is no such dataset, or it cannot be versioned
    """
    if on_error not in (None, _REVERT):
        raise InvalidArgumentError(f"on_error must be 'revert' or None, not {on_error!r:.80}")
    return Undoable(dataset_name, what, on_error)


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
    ended = keep.end(connection, dataset, record, error)
    return None if ended is None else store.told(connection, dataset, [ended])[0]


@acting(Action.LIST_UNDOABLE)
def list_undoable(
    dataset_name: str | fod.Dataset, limit: int | None = None
) -> list[UndoableOperation]:
    """Lists the operations on a dataset that were made undoable, and their undos.

    Args:
        dataset_name: the name of the dataset
        limit (None): how many of the newest; by default, all that are kept

    Returns:
        a list of :class:`UndoableOperation`, newest first

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = read(dataset_name)
    return store.of_dataset(connection, dataset, limit)


@overload
def undo_operation(
    dataset_name: str | fod.Dataset,
    operation_id: str,
    prefer: str | dict[str, str] | None = None,
    progress: bool | Progress | None = False,
    *,
    dry_run: Literal[False] = False,
) -> UndoableOperation: ...


@overload
def undo_operation(
    dataset_name: str | fod.Dataset,
    operation_id: str,
    prefer: str | dict[str, str] | None = None,
    progress: bool | Progress | None = False,
    *,
    dry_run: Literal[True],
) -> MergePlan: ...


@acting(Action.UNDO_OPERATION, dry_run=Action.PLAN_MERGE)
def undo_operation(
    dataset_name: str | fod.Dataset,
    operation_id: str,
    prefer: str | dict[str, str] | None = None,
    progress: bool | Progress | None = False,
    *,
    dry_run: bool = False,
) -> UndoableOperation | MergePlan:
    """Undoes one operation, and keeps what was done since.

    What the operation has changed becomes what it was before. Where it was changed again since,
    somebody must decide, as in a merge: then nothing is undone, and the plan that ``dry_run``
    returns can be decided with ``resolve()`` and applied with :func:`apply_merge`. An undo is an
    operation as well, and can be undone.

    Args:
        dataset_name: the name of the dataset
        operation_id: the id of the operation, see :func:`list_undoable`
        prefer (None): what is taken where it was changed again since: ``"ours"`` for what it is
            now, ``"theirs"`` for what it was before the operation, or a dict of kinds of
            conflicts and fields to these; by default, nothing is decided
        progress (False): whether to render a progress bar, or a function to call instead
        dry_run (False): whether to only tell what would change

    Returns:
        the undo as an :class:`UndoableOperation`; a :class:`MergePlan` if ``dry_run``

    Raises:
        ValueError: if there is no such dataset or operation, it cannot be undone, or somebody
            must decide something before (:class:`ConflictsRemainError`)
    """
    preference = Preference.of(prefer)
    connection, dataset = (read if dry_run else change)(dataset_name)
    with shown(progress) as report:
        if dry_run:
            planned = undo.plan(connection, dataset, operation_id, preference, report)
            return plans.told(connection, planned)
        done, _ = undo.undo(connection, dataset, operation_id, preference, report)
    return store.told(connection, dataset, [done])[0]
