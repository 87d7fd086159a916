"""Histories outside MongoDB, shared by servers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta

import fiftyone.core.dataset as fod

from ..backend import maintenance
from ..backend.access import Action
from ..backend.catalog.catalog import Catalog
from ..backend.dataset.reference import DatasetReference
from ..backend.mongo import database
from ..backend.operations.reporting import reporter
from ..backend.remote import known, listing, upkeep
from ..backend.remote import pull as pulling
from ..backend.remote import push as pushing
from ..backend.remote import verify as verifying
from ..backend.remote.results import (
    PullResult,
    PushResult,
    RemoteGcResult,
    RemoteSnapshot,
    RemoteVerifyResult,
)
from .authorize import acting, allows, enter, require
from .datasets import change, find, read

_HOUR = timedelta(hours=1)


@acting(Action.PUSH)
def push(
    dataset_name: str | fod.Dataset,
    remote: str | os.PathLike[str],
    names: Iterable[str] | None = None,
    dry_run: bool = False,
) -> PushResult:
    """Copies the snapshots that a remote lacks to it.

    Only what changed travels. They keep their ids, order, names, descriptions, tags, pins and
    creators. What is there is never overwritten. If it is broken off, the same call goes on.

    Args:
        dataset_name: the name of the dataset
        remote: a folder, or a URL such as ``s3://bucket/histories``; many datasets and servers
            may share one
        names (None): the names of snapshots; by default, all
        dry_run (False): whether to only tell what would be pushed

    Returns:
        a :class:`PushResult`

    Raises:
        ValueError: if there is no such dataset or snapshot
        RemoteConflictError: if a name is taken by another snapshot there; nothing was pushed then
        RemoteStorageError: if the remote is full, out of reach, or refuses
        DamagedSnapshotError: if a snapshot is not what was captured
    """
    connection, dataset = (read if dry_run else change)(dataset_name)
    return pushing.push(connection, dataset, os.fspath(remote), _listed(names), dry_run=dry_run)


@acting(Action.PULL)
def pull(
    remote: str | os.PathLike[str],
    dataset_name: str | fod.Dataset,
    names: Iterable[str] | None = None,
    branch: str | None = None,
    dry_run: bool = False,
) -> PullResult:
    """Copies the snapshots that a remote has of a dataset, and that are not here, from it.

    The dataset itself is not changed. Where both sides have gone on since the last snapshot that
    they share, what was pulled can be made a branch, and merged with :func:`plan_merge`.

    Args:
        remote: a folder, or a URL such as ``s3://bucket/histories``
        dataset_name: the name of the dataset
        names (None): the names of snapshots; by default, all
        branch (None): a name for a branch of the newest one, made only if both sides have gone on
        dry_run (False): whether to only tell what would be pulled

    Returns:
        a :class:`PullResult`

    Raises:
        ValueError: if there is no such dataset, or no such snapshot there
        RemoteConflictError: if a name is taken by another snapshot here; nothing was pulled then
        RemoteStorageError: if the remote is out of reach, or refuses
        DamagedRemoteError: if the remote is not what was pushed to it
        LimitExceededError: if there are as many snapshots as are allowed
    """
    connection, dataset = (read if dry_run else change)(dataset_name)
    return pulling.pull(
        connection, dataset, os.fspath(remote), _listed(names), branch=branch, dry_run=dry_run
    )


@acting(Action.LIST)
def known_remotes(dataset_name: str | fod.Dataset) -> list[str]:
    """Lists the remotes that operators offer for a dataset.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of folders and URLs: that in ``FIFTYONE_SNAPSHOTS_REMOTE``, and the one that it was
        pushed to or pulled from last

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = find(dataset_name)
    return known.told(Catalog(connection).dataset_facts(dataset.id))


@acting(Action.CLONE_FROM, each=True)
def clone_from(
    remote: str | os.PathLike[str],
    dataset: str,
    new_dataset_name: str | None = None,
    names: Iterable[str] | None = None,
    dry_run: bool = False,
) -> PullResult:
    """Makes a dataset of one in a remote: as its newest snapshot is, with those before it.

    It has the id of the one that it was pushed from, so that both can push and pull from then on.

    Args:
        remote: a folder, or a URL such as ``s3://bucket/histories``
        dataset: the name that the dataset has there, or its id
        new_dataset_name (None): a name for the dataset; by default, that one
        names (None): the names of snapshots; by default, all
        dry_run (False): whether to only tell what would be pulled

    Returns:
        a :class:`PullResult`

    Raises:
        ValueError: if there is no such dataset there, or it is here already, or a name is taken
        RemoteStorageError: if the remote is out of reach, or refuses
        DamagedRemoteError: if the remote is not what was pushed to it
        LimitExceededError: if there are as many snapshots as are allowed
    """
    connection = database.connect()
    there = listing.find(os.fspath(remote), dataset)
    enter(Action.CLONE_FROM, DatasetReference(there.id, new_dataset_name or there.name))
    # Else it could be had under a name that one may use
    require(Action.LIST_REMOTE, there.name)
    if not dry_run:
        maintenance.purge_deleted_datasets(connection)
    return pulling.clone_from(
        connection, os.fspath(remote), there, new_dataset_name, _listed(names), dry_run=dry_run
    )


@acting(Action.LIST_REMOTE, each=True)
def list_remote(
    remote: str | os.PathLike[str], dataset: str | None = None
) -> list[RemoteSnapshot]:
    """Lists the snapshots in a remote.

    Args:
        remote: a folder, or a URL such as ``s3://bucket/histories``
        dataset (None): the name or id of a dataset in it; by default, all

    Returns:
        a list of those :class:`RemoteSnapshot` whose dataset one may see

    Raises:
        ValueError: if it is no remote, or has no such dataset
        RemoteStorageError: if it is out of reach, or refuses
        DamagedRemoteError: if it is not what was pushed to it
    """
    found = listing.snapshots(os.fspath(remote), dataset)
    return [each for each in found if allows(Action.LIST_REMOTE, each.dataset_name)]


@acting(Action.GC_REMOTE)
def gc_remote(
    remote: str | os.PathLike[str], older_than: timedelta = _HOUR, dry_run: bool = True
) -> RemoteGcResult:
    """Removes what no snapshot in a remote needs, or only tells what that is.

    That is what pushes have left that were broken off. What a push that is under way may need is
    kept, and so is what a broken off one has sent, for when it is repeated.

    Args:
        remote: a folder, or a URL such as ``s3://bucket/histories``
        older_than (1 hour): keep what is not older than this, by the remote's clock
        dry_run (True): whether to only tell what would be removed

    Returns:
        a :class:`RemoteGcResult`

    Raises:
        ValueError: if it is no remote, or ``older_than`` is negative
        RemoteStorageError: if it is out of reach, or refuses
        DamagedRemoteError: if it cannot be told what is needed; nothing is removed then
    """
    return upkeep.collect(os.fspath(remote), spared=older_than, dry_run=dry_run)


@acting(Action.VERIFY_REMOTE)
def verify_remote(
    remote: str | os.PathLike[str], dataset: str | None = None
) -> RemoteVerifyResult:
    """Reads everything that the snapshots in a remote need, and compares it with what was pushed.

    Args:
        remote: a folder, or a URL such as ``s3://bucket/histories``
        dataset (None): the name or id of a dataset in it; by default, all

    Returns:
        a :class:`RemoteVerifyResult`

    Raises:
        ValueError: if it is no remote, or has no such dataset
        RemoteStorageError: if it is out of reach, or refuses
    """
    return verifying.verify(os.fspath(remote), dataset, reporter())


def _listed(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else list(names)
