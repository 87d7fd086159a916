"""Branches: datasets to work on beside the one that others use."""

from __future__ import annotations

from dataclasses import replace

import fiftyone.core.dataset as fod

from ..backend.access import Action
from ..backend.branches import create, delete, record
from ..backend.branches.record import Branch, Branches
from ..backend.catalog.record import DatasetSnapshot
from ..backend.mongo import database
from .authorize import acting, allows
from .datasets import change, find, name_of, read


@acting(Action.CREATE_BRANCH)
def create_branch(
    dataset_name: str | fod.Dataset,
    name: str,
    snapshot: str | DatasetSnapshot | None = None,
    description: str | None = None,
) -> Branch:
    """Makes a branch of a dataset: another dataset, to be edited and merged back.

    It is called ``<dataset>.<name>``, with a number behind it if that is taken, and is what the
    snapshot holds: the same samples, frames, labels and groups with the same ids, and copies of
    saved views, workspaces and runs with their results. It has snapshots of its own. The snapshot
    is its base, and is kept for as long as the branch exists, in the trash too; it may be
    archived.

    Args:
        dataset_name: the name of the dataset
        name: a name for the branch, unique among those of the dataset
        snapshot (None): the snapshot to make it of; by default, the dataset as it is now, for
            which a snapshot is created unless the newest one is the same
        description (None): what the branch is for

    Returns:
        a :class:`Branch`

    Raises:
        ValueError: if there is no such dataset or snapshot, or the name is invalid or taken
        LimitExceededError: if a snapshot is needed, and there are as many as are allowed
    """
    connection, dataset = change(dataset_name)
    base = None if snapshot is None else name_of(connection, dataset, snapshot)
    return create.create(connection, dataset, name, base, description)


@acting(Action.LIST_BRANCHES)
def list_branches(dataset_name: str | fod.Dataset) -> list[Branch]:
    """Lists the branches of a dataset.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of those :class:`Branch` that one may see, in order of creation; branches of
        branches are not among them

    Raises:
        ValueError: if there is no such dataset
    """
    return get_branches(dataset_name).branches


@acting(Action.LIST_BRANCHES)
def get_branches(dataset_name: str | fod.Dataset) -> Branches:
    """Tells what branches a dataset has, and what it is a branch of itself.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a :class:`Branches`, with those branches that one may see

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = read(dataset_name)
    found = record.around(connection, dataset.id)
    return replace(
        found,
        branches=[b for b in found.branches if allows(Action.LIST_BRANCHES, b.dataset_name)],
    )


@acting(Action.LIST_BRANCHES)
def get_branch_info(dataset_name: str | fod.Dataset) -> Branch | None:
    """Tells what a dataset is a branch of.

    Args:
        dataset_name: the name of the branch's dataset

    Returns:
        a :class:`Branch`, or None if the dataset is not a branch

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = read(dataset_name)
    return record.get_branch(connection, dataset)


@acting(Action.LIST_BRANCHES)
def check_new_branch(dataset_name: str | fod.Dataset, name: str) -> None:
    """Checks whether a branch could be called so, and creates nothing.

    Args:
        dataset_name: the name of the dataset
        name: the name that the branch would have

    Raises:
        ValueError: if there is no such dataset, or the name is invalid or taken
    """
    connection, dataset = find(dataset_name)
    create.check_name(connection, dataset, name)


@acting(Action.DELETE_BRANCH)
def delete_branch(dataset_name: str | fod.Dataset) -> Branch:
    """Moves a branch to the trash, with all its snapshots.

    It can be brought back with :func:`restore_branch` for ``FIFTYONE_SNAPSHOTS_TRASH_DAYS``, and
    holds its base for as long. A branch that has branches itself is not deleted. Deleting the
    dataset with FiftyOne destroys the branch at once, as it does any dataset.

    Args:
        dataset_name: the name of the branch's dataset

    Returns:
        the :class:`Branch` that was deleted

    Raises:
        ValueError: if there is no such dataset, it is not a branch, or it has branches itself
    """
    connection, dataset = change(dataset_name)
    return delete.delete(connection, dataset)


@acting(Action.RESTORE_BRANCH)
def restore_branch(dataset_name: str, operation_id: str | None = None) -> Branch:
    """Brings a deleted branch back from the trash, with all its snapshots.

    Args:
        dataset_name: the name that the branch's dataset had; if another dataset has it by now, it
            gets a number behind it
        operation_id (None): the id of the deleted branch, as the trash lists it; by default, the
            one of that name that was deleted last

    Returns:
        the :class:`Branch`

    Raises:
        ValueError: if the trash holds no such branch, or its parent has another one of its name
    """
    connection = database.connect()
    return delete.restore(connection, dataset_name, operation_id)
