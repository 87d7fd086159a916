"""Which snapshot two datasets have in common, that a merge of them begins with."""

from __future__ import annotations

from dataclasses import dataclass, field

from bson import ObjectId
from pymongo.database import Database

from ..branches.record import get_branch
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord, SnapshotState
from ..dataset.reference import DatasetReference
from ..errors import NoMergeBaseError, SnapshotNotFoundError
from ..mongo.database import Document

COMMON = "\0common"
"""Stands for the snapshot that two datasets have in common; no snapshot's name contains it."""


def find_base(
    database: Database[Document], target: DatasetReference, branch: DatasetReference
) -> SnapshotRecord:
    """Finds the newest snapshot that is in the history of both datasets.

    Args:
        database: the database
        target: a dataset
        branch: another one

    Returns:
        the snapshot, which may be archived

    Raises:
        NoMergeBaseError: if there is none, or there are several of which none is the newest
    """
    history = _History(database)
    ours, theirs = (history.of_dataset(each) for each in (target, branch))
    common = ours & theirs
    older: set[ObjectId] = set()
    for id_ in common:
        older |= history.before(id_)
    best = [history.records[id_] for id_ in common - older]
    if len(best) == 1:
        return best[0]
    if not best:
        raise NoMergeBaseError(
            f"'{branch.name}' and '{target.name}' have no snapshot in common. Say which snapshot "
            f"of '{target.name}' the other one was made of: base=\"...\". With base=None "
            "everything in which they differ is a conflict."
        )
    names = ", ".join(f"'{record.name}' ({record.id})" for record in best)
    raise NoMergeBaseError(
        f"'{branch.name}' and '{target.name}' have several snapshots in common and none of them "
        f'comes after the others: {names}. Say which one to begin with, by name or id: base="..."'
    )


def named(
    database: Database[Document], target: DatasetReference, branch: DatasetReference, name: str
) -> SnapshotRecord:
    """Finds the snapshot that a caller gives as the base.

    Args:
        database: the database
        target: the dataset to merge into
        branch: the dataset to merge
        name: the name of a snapshot of either, or its id

    Returns:
        the snapshot

    Raises:
        SnapshotNotFoundError: if neither has such a snapshot
    """
    catalog = Catalog(database)
    if ObjectId.is_valid(name):
        record = catalog.by_id(ObjectId(name))
        if record is not None and record.state is SnapshotState.READY:
            return record
    for dataset in (target, branch):
        if (found := catalog.find(dataset.id, name)) is not None:
            return found
    raise SnapshotNotFoundError(
        f"Neither '{target.name}' nor '{branch.name}' has a snapshot '{name}' to begin with. If "
        "it was deleted, bring it back with restore_snapshot(), or give another one that the "
        'branch began with: base="..."'
    )


def of_plan(
    database: Database[Document], base_id: ObjectId | None, name: str | None
) -> SnapshotRecord | None:
    """Returns the snapshot that a merge was planned with.

    Args:
        database: the database
        base_id: the snapshot, or None for none
        name: the name that it had then

    Returns:
        the snapshot, if there is one

    Raises:
        SnapshotNotFoundError: if it is gone
    """
    if base_id is None:
        return None
    record = Catalog(database).by_id(base_id)
    if record is None:
        raise SnapshotNotFoundError(
            f"The snapshot '{name}' that both sides began with was destroyed. Plan the merge "
            'again, with another base="..." that both have, or base=None if there is none'
        )
    if record.state is not SnapshotState.READY:
        raise SnapshotNotFoundError(
            f"The snapshot '{name}' that both sides began with was deleted. Bring it back with "
            "restore_snapshot(), or plan the merge again with another base=..."
        )
    return record


@dataclass
class _History:
    """The histories of datasets, also of those that were merged into them."""

    database: Database[Document]
    records: dict[ObjectId, SnapshotRecord] = field(default_factory=dict)
    _lines: dict[ObjectId, list[SnapshotRecord]] = field(default_factory=dict)
    _parents: dict[ObjectId, list[ObjectId]] = field(default_factory=dict)

    def of_dataset(self, dataset: DatasetReference) -> set[ObjectId]:
        """Returns the snapshots in the history of a dataset as it is now."""
        return self._closure(self._head(dataset.id))

    def before(self, id_: ObjectId) -> set[ObjectId]:
        """Returns the snapshots in the history of a snapshot, without it."""
        return self._closure(self._parents_of(id_))

    def _closure(self, waiting: list[ObjectId]) -> set[ObjectId]:
        found: set[ObjectId] = set()
        waiting = list(waiting)
        while waiting:
            id_ = waiting.pop()
            if id_ not in found:
                found.add(id_)
                waiting += self._parents_of(id_)
        return found

    def _head(self, dataset_id: ObjectId) -> list[ObjectId]:
        line = self._line(dataset_id)
        return [line[-1].id] if line else self._origin(dataset_id)

    def _line(self, dataset_id: ObjectId) -> list[SnapshotRecord]:
        if dataset_id not in self._lines:
            self._lines[dataset_id] = line = Catalog(self.database).list(dataset_id, safety=True)
            self.records.update({record.id: record for record in line})
        return self._lines[dataset_id]

    def _origin(self, dataset_id: ObjectId) -> list[ObjectId]:
        """Returns the snapshot that a branch was made of."""
        branch = get_branch(self.database, {"_id": dataset_id})
        return [] if branch is None else self._known(branch.base_snapshot_id)

    def _known(self, id_: ObjectId) -> list[ObjectId]:
        """Returns a snapshot if it is there to be used."""
        if id_ not in self.records:
            record = Catalog(self.database).by_id(id_)
            if record is None or record.state is not SnapshotState.READY:
                return []
            self._line(record.dataset_id)
        return [id_] if id_ in self.records else []

    def _parents_of(self, id_: ObjectId) -> list[ObjectId]:
        if id_ not in self._parents:
            record = self.records[id_]
            line = self._line(record.dataset_id)
            place = [other.id for other in line].index(id_)
            parents = [line[place - 1].id] if place else self._origin(record.dataset_id)
            merged = record.merged_from
            if merged is not None and merged.is_full:
                parents = [*parents, *self._known(merged.snapshot_id)]
            self._parents[id_] = parents
        return self._parents[id_]
