"""What a push or a pull would have to do, and whether it can."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from bson import ObjectId
from pymongo.database import Database

from ..catalog import names
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord, SnapshotState
from ..dataset.reference import DatasetReference
from ..errors import RemoteConflictError, SnapshotNotFoundError
from ..mongo.database import Document
from ..results import times
from . import history, layout
from .layout import Commit
from .store import RemoteStore

_SHOWN = 5

T = TypeVar("T", SnapshotRecord, Commit)


@dataclass(frozen=True)
class ToPush:
    """What of a dataset's snapshots a remote lacks."""

    records: list[SnapshotRecord]
    """All snapshots of the dataset."""
    missing: list[SnapshotRecord]
    """Those to push, in order."""
    there: list[Commit]
    asked: int
    both: list[tuple[SnapshotRecord, Commit]]
    """Those that were asked for and are on both sides."""


@dataclass(frozen=True)
class ToPull:
    """What of a remote's snapshots is not here."""

    commits: list[Commit]
    """All that the remote has."""
    missing: list[Commit]
    """Those to pull, in order."""
    asked: list[Commit]
    both: list[tuple[SnapshotRecord, Commit]]
    """Those that were asked for and are on both sides."""


def to_push(
    database: Database[Document],
    dataset: DatasetReference,
    store: RemoteStore,
    wanted: Collection[str] | None,
) -> ToPush:
    """Finds out what is to be pushed.

    Args:
        database: the database
        dataset: the dataset
        store: the remote
        wanted: the names of snapshots, or None for all

    Returns:
        what is to be done

    Raises:
        SnapshotNotFoundError: if there is no snapshot of such a name
        RemoteConflictError: if a name is taken by another snapshot
        DamagedRemoteError: if the remote has another snapshot of the same id
    """
    records = Catalog(database).list(dataset.id)
    asked = _named(records, wanted, f"Dataset '{dataset.name}'")
    there = history.read(store, dataset.id)
    by_id, by_name = {commit.id: commit for commit in there}, history.taken(there)
    missing: list[SnapshotRecord] = []
    conflicts: list[str] = []
    both: list[tuple[SnapshotRecord, Commit]] = []
    for record in asked:
        if (same := by_id.get(record.id)) is not None:
            _check_same(store, record, same)
            both.append((record, same))
        elif names.slug(record.name) in by_name:
            conflicts.append(record.name)
        else:
            missing.append(record)
    _refuse(conflicts, f"the remote '{store.location}'", "Pull first, and rename yours: edit")
    return ToPush(records, missing, there, len(asked), both)


def to_pull(
    database: Database[Document],
    dataset: DatasetReference,
    store: RemoteStore,
    wanted: Collection[str] | None,
) -> ToPull:
    """Finds out what is to be pulled.

    Args:
        database: the database
        dataset: the dataset, which need not be here
        store: the remote
        wanted: the names of snapshots, or None for all

    Returns:
        what is to be done

    Raises:
        SnapshotNotFoundError: if the remote has no snapshot of such a name
        RemoteConflictError: if a name is taken by another snapshot here
        DamagedRemoteError: if the remote has another snapshot of the same id
    """
    commits = history.read(store, dataset.id)
    asked = _named(commits, wanted, f"The remote '{store.location}', of '{dataset.name}',")
    here = {each.id: each for each in Catalog(database).list_all(dataset.id)}
    slugs = {each.slug for each in here.values() if each.is_live}
    missing: list[Commit] = []
    conflicts: list[str] = []
    both: list[tuple[SnapshotRecord, Commit]] = []
    for commit in asked:
        if (same := here.get(commit.id)) is not None:
            if same.state is not SnapshotState.CREATING:
                _check_same(store, same, commit)
            if same.state is SnapshotState.READY:
                both.append((same, commit))
        elif names.slug(commit.name) in slugs:
            conflicts.append(commit.name)
        else:
            missing.append(commit)
    _refuse(conflicts, f"dataset '{dataset.name}'", "Rename yours first: edit")
    return ToPull(commits, missing, asked, both)


def _named(found: list[T], wanted: Collection[str] | None, where: str) -> list[T]:
    if wanted is None:
        return list(found)
    by_slug = {names.slug(each.name): each for each in found}
    unknown = [name for name in wanted if names.slug(name) not in by_slug]
    if unknown:
        raise SnapshotNotFoundError(f"{where} has no snapshot '{unknown[0]}'")
    slugs = {names.slug(name) for name in wanted}
    return [each for each in found if names.slug(each.name) in slugs]


def _check_same(store: RemoteStore, record: SnapshotRecord, commit: Commit) -> None:
    """Makes sure that what has the same id is the same, as far as can be told at once."""
    header = commit.header
    is_same_moment = times.zoned(record.created_at) == times.zoned(header.created_at)
    if not is_same_moment or record.sample_count != header.sample_count:
        raise layout.damaged(
            store.describe(layout.commit_key(header.dataset_id, header.name)),
            f"it has the id {commit.id} of snapshot '{record.name}', but is not the same",
        )


def _refuse(conflicts: list[str], where: str, hint: str) -> None:
    if conflicts:
        shown = ", ".join(f"'{name}'" for name in conflicts[:_SHOWN])
        more = f" and {len(conflicts) - _SHOWN} more" if len(conflicts) > _SHOWN else ""
        raise RemoteConflictError(
            f"Other snapshots of {where} are called {shown}{more}. {hint}_snapshot(new_name=...). "
            "Nothing was overwritten."
        )


def newest(commits: Iterable[Commit]) -> Commit | None:
    """Returns the newest of some commits, or None."""
    return max(commits, key=lambda each: (each.header.created_at, each.id), default=None)


def base_of(commits: list[Commit], tip: ObjectId, own: list[SnapshotRecord]) -> ObjectId | None:
    """Returns the newest of a dataset's own snapshots that another one comes after.

    Args:
        commits: the commits of the remote
        tip: the other snapshot
        own: the snapshots that lead to the dataset as it is

    Returns:
        its id, or None if there is none
    """
    before = history.ancestors(commits, [tip])
    common = [each.id for each in own if each.id in before]
    return common[-1] if common else None
