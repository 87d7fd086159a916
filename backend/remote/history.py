"""Which snapshots a remote has of a dataset, and what comes after what."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from bson import ObjectId

from ..catalog import names
from ..catalog.record import SnapshotRecord
from . import edits, layout
from .layout import Commit
from .store import RemoteStore

_THREADS = 8


def read(store: RemoteStore, dataset_id: ObjectId) -> list[Commit]:
    """Reads the commits of a dataset.

    Args:
        store: the remote
        dataset_id: the dataset

    Returns:
        them, in order of creation; none if the remote does not know the dataset

    Raises:
        DamagedRemoteError: if one is not what was pushed
    """
    listed = store.listed(layout.commits(dataset_id))
    keys = [each.key for each in listed if layout.is_commit(each.key)]
    with ThreadPoolExecutor(_THREADS) as pool:
        found = [
            each for each in pool.map(lambda key: _read(store, key, dataset_id), keys) if each
        ]
    ids = [commit.id for commit in found]
    for commit in found:
        if ids.count(commit.id) > 1:
            source = store.describe(layout.commit_key(dataset_id, commit.name))
            raise layout.damaged(source, f"another commit is of the same snapshot {commit.id}")
    found = edits.applied(store, dataset_id, found)
    return sorted(found, key=lambda commit: (commit.header.created_at, commit.id))


def datasets(store: RemoteStore) -> list[ObjectId]:
    """Lists the datasets that a remote has something of."""
    return [ObjectId(name) for name in store.folders() if ObjectId.is_valid(name)]


def ancestors(commits: Iterable[Commit], ids: Iterable[ObjectId]) -> set[ObjectId]:
    """Returns some snapshots and those that came before them where they were created.

    Args:
        commits: the commits of the remote
        ids: the snapshots

    Returns:
        their ids, as far as the remote tells
    """
    parents = {commit.id: commit.parent_id for commit in commits}
    found: set[ObjectId] = set()
    for id_ in ids:
        wanted: ObjectId | None = id_
        while wanted is not None and wanted not in found:
            found.add(wanted)
            wanted = parents.get(wanted)
    return found


def line(records: Iterable[SnapshotRecord]) -> list[SnapshotRecord]:
    """Returns those snapshots of a dataset that lead to what it is now.

    Those that were pulled do not, unless the dataset was made of them.

    Args:
        records: the snapshots of a dataset

    Returns:
        those of its own, in order of creation
    """
    own = [each for each in records if each.pulled is None or each.pulled.is_ours]
    return sorted(own, key=lambda each: each.sequence)


def parent_of(record: SnapshotRecord, records: Iterable[SnapshotRecord]) -> ObjectId | None:
    """Returns the snapshot that came before another one where that was created.

    Args:
        record: a snapshot
        records: all snapshots of its dataset

    Returns:
        its id, or None if it was the first
    """
    if record.pulled is not None:
        return record.pulled.parent_id
    before = [each for each in line(records) if each.sequence < record.sequence]
    return before[-1].id if before else None


def taken(commits: Iterable[Commit]) -> dict[str, Commit]:
    """Returns commits by the form of their names that tells names apart."""
    return {names.slug(commit.name): commit for commit in commits}


def _read(store: RemoteStore, key: str, dataset_id: ObjectId) -> Commit | None:
    data = store.find(key)
    if data is None:
        # Listed late
        return None
    source = store.describe(key)
    commit = Commit.from_json(data, source)
    if commit.header.dataset_id != dataset_id:
        raise layout.damaged(source, "it is of another dataset")
    if layout.commit_key(dataset_id, commit.name) != key:
        raise layout.damaged(source, "it is of another snapshot than its name says")
    return commit
