"""Operations that can be undone by themselves: around a block of code, listed, taken back."""

from __future__ import annotations

from typing import Literal, overload

import fiftyone.core.dataset as fod

from ..backend.access import Action
from ..backend.catalog.record import DatasetSnapshot
from ..backend.config import MediaLevel, Settings, UndoMode
from ..backend.diff.bars import shown
from ..backend.errors import InvalidArgumentError
from ..backend.media import later
from ..backend.merge import plans
from ..backend.merge.prefer import Preference
from ..backend.merge.record import MergePlan
from ..backend.progress import Progress
from ..backend.snapshots import info
from ..backend.undo import mode as modes
from ..backend.undo import scheduled, store, undo
from ..backend.undo.mode import UndoSetting
from ..backend.undo.record import UndoableOperation
from .authorize import acting
from .block import REVERT, Undoable
from .datasets import change, read


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
    if on_error not in (None, REVERT):
        raise InvalidArgumentError(f"on_error must be 'revert' or None, not {on_error!r:.80}")
    return Undoable(dataset_name, what, on_error)


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


@acting(Action.LIST_UNDOABLE)
def get_undo_mode(dataset_name: str | fod.Dataset) -> UndoSetting:
    """Tells whether what changes much on a dataset is made undoable without being asked.

    Args:
        dataset_name: the name of the dataset

    Returns:
        an :class:`UndoSetting`: what holds in this process, and what says so

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = read(dataset_name)
    settings, said = Settings.load(), modes.chosen(connection, dataset.id)
    return UndoSetting(
        dataset_name=dataset.name,
        mode=modes.in_force(settings, said).value,
        dataset=None if said is None else said.value,
        environment=None if settings.undo is None else settings.undo.value,
    )


@acting(Action.SET_UNDO_MODE)
def set_undo_mode(dataset_name: str | fod.Dataset, mode: str | None) -> UndoSetting:
    """Chooses whether what changes much on a dataset is made undoable without being asked.

    It holds for whoever works with the dataset, some seconds later at the latest, unless
    ``FIFTYONE_SNAPSHOTS_UNDO`` is ``off`` in their process.

    Args:
        dataset_name: the name of the dataset
        mode: ``"on"``, ``"off"``, ``"auto"`` for what takes little time and space, or None to go
            by the environment

    Returns:
        an :class:`UndoSetting`: what holds in this process now, and what says so

    Raises:
        ValueError: if there is no such dataset or mode
    """
    known = [each.value for each in UndoMode]
    if mode is not None and mode not in known:
        told = ", ".join(f"'{each}'" for each in known)
        raise InvalidArgumentError(f"mode must be one of {told} or None, not {mode!r:.80}")
    connection, dataset = change(dataset_name)
    modes.choose(connection, dataset.id, None if mode is None else UndoMode(mode))
    return get_undo_mode(dataset_name)


@acting(Action.SCHEDULE)
def take_scheduled_snapshot(dataset_name: str | fod.Dataset) -> DatasetSnapshot | None:
    """Takes a safety snapshot of a dataset that has changed, for a scheduler of the system.

    It goes by the rules of safety snapshots, which tell how long it is kept, and counts against no
    limit. Its media files are looked at in the background, unless ``FIFTYONE_SNAPSHOTS_MEDIA`` is
    ``none``.

    Args:
        dataset_name: the name of the dataset

    Returns:
        the snapshot; None if the dataset still is what its newest snapshot holds

    Raises:
        ValueError: if there is no such dataset, or it cannot be versioned
    """
    connection, dataset = change(dataset_name)
    level = Settings.load().media
    record = scheduled.take(connection, dataset)
    if record is None:
        return None
    snapshot = info.public(connection, record)
    if level is not MediaLevel.NONE:
        later.look_later(connection, dataset, snapshot)
    return snapshot
