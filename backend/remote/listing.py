"""What there is in a remote."""

from __future__ import annotations

from bson import ObjectId

from ..dataset.reference import DatasetReference
from ..errors import (
    DamagedRemoteError,
    InvalidRequestError,
    NewerFormatError,
    SnapshotError,
    SnapshotNotFoundError,
)
from . import history, layout, plan
from .layout import Commit
from .results import RemoteSnapshot
from .store import open_store


def snapshots(location: str, dataset: str | None = None) -> list[RemoteSnapshot]:
    """Lists the snapshots in a remote.

    Args:
        location: the remote
        dataset (None): the name or id of a dataset in it; by default, all

    Returns:
        the snapshots, in order of creation within each dataset
    """
    store = open_store(location)
    layout.check_root(store)
    ids = history.datasets(store) if dataset is None else [find(location, dataset).id]
    return [_described(commit) for id_ in ids for commit in history.read(store, id_)]


def find(location: str, dataset: str) -> DatasetReference:
    """Finds a dataset in a remote.

    Args:
        location: the remote
        dataset: the name that it had when its newest snapshot was pushed, or its id

    Returns:
        the dataset as the remote knows it

    Raises:
        SnapshotNotFoundError: if the remote has no snapshots of such a dataset
        InvalidRequestError: if it has several of that name
    """
    store = open_store(location)
    layout.check_root(store)
    found: list[DatasetReference] = []
    ids = history.datasets(store)
    if ObjectId.is_valid(dataset) and ObjectId(dataset) in ids:
        ids = [ObjectId(dataset)]
    problem: SnapshotError | None = None
    for dataset_id in ids:
        try:
            newest = plan.newest(history.read(store, dataset_id))
        except (DamagedRemoteError, NewerFormatError) as error:
            # It may be any other dataset
            problem = problem or error
            continue
        if newest is not None and dataset in (newest.header.dataset_name, str(dataset_id)):
            found.append(DatasetReference(dataset_id, newest.header.dataset_name))
    if not found and problem is not None:
        raise problem
    if not found:
        raise SnapshotNotFoundError(
            f"The remote '{store.location}' has no snapshots of a dataset '{dataset}'; see "
            "list_remote()"
        )
    if len(found) > 1:
        ids_of = ", ".join(str(each.id) for each in found)
        raise InvalidRequestError(
            f"The remote '{store.location}' has several datasets '{dataset}': give the id of one "
            f"instead ({ids_of})"
        )
    return found[0]


def _described(commit: Commit) -> RemoteSnapshot:
    header = commit.header
    return RemoteSnapshot(
        dataset_id=str(header.dataset_id),
        dataset_name=header.dataset_name,
        id=str(header.snapshot_id),
        name=header.name,
        description=header.description,
        created_at=header.created_at,
        created_by=header.created_by,
        tags=header.tags,
        is_pinned=commit.is_pinned,
        sample_count=header.sample_count,
        size_bytes=header.size_bytes,
        parent_id=None if commit.parent_id is None else str(commit.parent_id),
    )
