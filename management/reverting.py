"""Going back, to all of a snapshot or a part of it, and changing one's mind."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Literal, overload

import fiftyone.core.dataset as fod

from ..backend.access import Action
from ..backend.catalog import holding
from ..backend.catalog.record import DatasetSnapshot
from ..backend.dataset import selection
from ..backend.mongo import database
from ..backend.restore import plan as restore_plan
from ..backend.restore import restore
from ..backend.restore import undo as restore_undo
from ..backend.restore import undo_plan as restore_undo_plan
from ..backend.restore.plan import RestorePlan
from ..backend.restore.restore import RestoredSamples
from ..backend.restore.undo_plan import RestoreUndo
from ..backend.revert import revert, undo, undo_plan
from ..backend.revert.revert import RevertPlan
from ..backend.revert.undo_plan import UndoPlan
from ..backend.trash import branches, trash
from ..backend.trash.trash import TrashItem
from .authorize import acting, allows
from .datasets import change, find, name_of, read

logger = logging.getLogger(__name__)


@overload
def revert_dataset_to_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    *,
    dry_run: Literal[False] = False,
) -> None: ...


@overload
def revert_dataset_to_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    *,
    dry_run: Literal[True],
) -> RevertPlan: ...


@overload
def revert_dataset_to_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot, *, dry_run: bool
) -> RevertPlan | None: ...


@acting(Action.REVERT, dry_run=Action.DIFF)
def revert_dataset_to_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot, *, dry_run: bool = False
) -> RevertPlan | None:
    """Takes a dataset back to the state of a snapshot.

    All changes since then are discarded, and newer snapshots are deleted. Both can be brought
    back with :func:`undo_revert` for ``FIFTYONE_SNAPSHOTS_TRASH_DAYS``.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        dry_run (False): whether to only tell what would change

    Returns:
        a :class:`RevertPlan` if ``dry_run``, else None

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = (read if dry_run else change)(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    if dry_run:
        return revert.plan(connection, dataset, name)
    revert.revert(connection, dataset, name)
    return None


@overload
def undo_revert(
    dataset_name: str | fod.Dataset,
    operation_id: str | None = None,
    *,
    dry_run: Literal[False] = False,
) -> None: ...


@overload
def undo_revert(
    dataset_name: str | fod.Dataset, operation_id: str | None = None, *, dry_run: Literal[True]
) -> UndoPlan: ...


@acting(Action.UNDO_REVERT, dry_run=Action.DIFF)
def undo_revert(
    dataset_name: str | fod.Dataset, operation_id: str | None = None, *, dry_run: bool = False
) -> UndoPlan | None:
    """Brings back what the last :func:`revert_dataset_to_snapshot` of a dataset discarded.

    What the dataset is now goes to the trash in its turn, so that calling this again brings that
    back: it does the revert again. With ``operation_id``, any former state that is in the trash
    comes back, with the snapshots that were discarded with it; newer ones stay.

    Args:
        dataset_name: the name of the dataset
        operation_id (None): the id of the former state, as the trash lists it; by default, what
            was discarded last
        dry_run (False): whether to only tell what would change

    Returns:
        an :class:`UndoPlan` if ``dry_run``, else None

    Raises:
        ValueError: if there is nothing to bring back
    """
    # Not to change it: what has expired goes then, and may be what is wanted back
    connection, dataset = read(dataset_name)
    if dry_run:
        return undo_plan.plan(connection, dataset, operation_id)
    undo.undo(connection, dataset, operation_id)
    return None


@overload
def restore_samples(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    view_or_ids: object,
    fields: str | Iterable[str] | None = None,
    *,
    dry_run: Literal[False] = False,
) -> RestoredSamples: ...


@overload
def restore_samples(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    view_or_ids: object,
    fields: str | Iterable[str] | None = None,
    *,
    dry_run: Literal[True],
) -> RestorePlan: ...


@acting(Action.RESTORE_SAMPLES, dry_run=Action.DIFF)
def restore_samples(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    view_or_ids: object,
    fields: str | Iterable[str] | None = None,
    *,
    dry_run: bool = False,
) -> RestoredSamples | RestorePlan:
    """Brings samples, or some fields of them, back from a snapshot, keeping their ids.

    Deleted samples come back as they were, and changed ones become what they were, with all their
    frames and temporal tags. With ``fields``, only those fields of samples that still exist are
    set to what they were; frames that were deleted come back with the frame fields among them.
    Fields that were deleted from the dataset's schema come back to it.

    To bring back what was deleted, pass ids or a view on the loaded snapshot.

    What is overwritten can be brought back with :func:`undo_restore` for
    ``FIFTYONE_SNAPSHOTS_TRASH_DAYS``.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        view_or_ids: a sample or its id, several of them, or a view on the dataset or on the
            loaded snapshot; of grouped datasets, a view means all slices of its groups
        fields (None): a top-level field or several, those of frames with the prefix ``frames.``
        dry_run (False): whether to only tell what would change

    Returns:
        a :class:`RestoredSamples`, or a :class:`RestorePlan` if ``dry_run``

    Raises:
        ValueError: if there is no such dataset or snapshot, or samples or fields are not in it,
            or do not fit into the dataset any more; nothing was changed then
    """
    connection, dataset = (read if dry_run else change)(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    sample_ids, named = selection.sample_ids(connection, dataset, view_or_ids)
    wanted = [fields] if isinstance(fields, str) else None if fields is None else list(fields)
    if dry_run:
        return restore_plan.plan(connection, dataset, name, sample_ids, wanted)
    return restore.restore(connection, dataset, name, sample_ids, wanted, strict=named)


@acting(Action.UNDO_RESTORE, dry_run=Action.DIFF)
def undo_restore(
    dataset_name: str | fod.Dataset, operation_id: str | None = None, *, dry_run: bool = False
) -> RestoreUndo:
    """Brings back what a :func:`restore_samples` has overwritten.

    Samples, frames and tags that still are what the restoration made of them become what they
    were; samples that had come back are deleted again. What was edited since stays, and is told
    in numbers. Fields that had come back to the schema go, unless something uses them.

    To do the restoration again, restore the samples again.

    Args:
        dataset_name: the name of the dataset
        operation_id (None): the id of the restoration, as :class:`RestoredSamples` and the trash
            have it; by default, the last one that was not undone
        dry_run (False): whether to only tell what would change

    Returns:
        a :class:`RestoreUndo`

    Raises:
        ValueError: if there is nothing to undo, or the dataset was reverted since
    """
    # As undo_revert() does
    connection, dataset = read(dataset_name)
    if dry_run:
        return restore_undo_plan.preview(connection, dataset, operation_id)
    return restore_undo.undo(connection, dataset, operation_id)


@acting(Action.LIST)
def restorable_fields(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
) -> list[str]:
    """Lists the fields that :func:`restore_samples` can bring back by themselves.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        names of top-level fields of the snapshot, those of frames with the prefix ``frames.``

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = find(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    return restore_plan.restorable_fields(connection, dataset, name)


@acting(Action.LIST, each=True)
def list_trash(dataset_name: str | fod.Dataset | None = None) -> list[TrashItem]:
    """Lists what was discarded and can be brought back.

    Args:
        dataset_name (None): the name of a dataset; by default, all datasets

    Returns:
        a list of :class:`TrashItem`, oldest first

    Raises:
        ValueError: if there is no such dataset
    """
    if dataset_name is None:
        connection = database.connect()
        items = trash.items(connection)
        return [item for item in items if allows(Action.LIST, item.dataset_name)]
    connection, dataset = read(dataset_name)
    return trash.items(connection, dataset.id)


@acting(Action.EMPTY_TRASH)
def empty_trash(dataset_name: str | fod.Dataset) -> list[TrashItem]:
    """Destroys for good what lies in the trash of a dataset, deleted branches of it included.

    Snapshots that are the base of a branch stay, for as long as the branch does.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of the :class:`TrashItem` that were destroyed

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = change(dataset_name)
    # These first, so that their bases are free
    deleted = [item for item in branches.branches(connection) if item.parent_id == dataset.id]
    destroyed = [item for each in deleted for item in trash.empty(connection, each.dataset_id)]
    destroyed += trash.empty(connection, dataset.id)
    for item in trash.items(connection, dataset.id) if deleted or destroyed else ():
        if item.held_by:
            logger.warning(
                "Snapshot '%s' stays in the trash: it is the base of %s",
                item.name,
                holding.described(list(item.held_by)),
            )
    return destroyed
