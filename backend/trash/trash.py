"""The trash: what was discarded and can still be brought back.

Deleted snapshots stay where they are and are only marked. A dataset's own state that was discarded
is moved, see :mod:`.discarded`. What a restoration of samples has overwritten is
:mod:`.overwritten`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..archive import location
from ..audit.recording import Recording, recording
from ..catalog import holding
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..config import Settings
from ..dataset.reference import current_name
from ..errors import DatasetBusyError
from ..manifest import store as manifest_store
from ..media import store as media_store
from ..mongo import fence, invalidate
from ..mongo.collections import TRASH
from ..mongo.database import Document, server_time
from ..operations.journal import Operation, operation, recovers
from ..projection import project
from ..results.serialize import Record
from ..search import index as search_index
from ..search import lineage
from ..storage import registry
from . import branches
from .branches import TrashedBranch
from .discarded import TrashedHead, destroy_head, sizes
from .overwritten import KIND as SAMPLES
from .overwritten import Overwritten


class TrashKind(str, Enum):
    """What lies in the trash."""

    SNAPSHOT = "snapshot"
    HEAD = "head"
    SAMPLES = "samples"
    BRANCH = "branch"


@dataclass(frozen=True)
class TrashItem(Record):
    """Something that was discarded, as the public API tells of it."""

    kind: TrashKind
    id: str
    dataset_id: str
    name: str
    """A snapshot's or a branch's name, or for a HEAD the snapshot that it was reverted to, and for
    SAMPLES that from which they were restored."""
    trashed_at: datetime
    expires_at: datetime | None
    """None for a snapshot that is pinned, and so stays until somebody empties the trash, or is the
    base of branches, and stays as long as they do."""
    size_bytes: int
    dataset_name: str | None = None
    """The name that its dataset has now."""
    is_rolled_back: bool = False
    """Of a HEAD, whether it is what the revert had made, and an undo has discarded."""
    is_merge: bool = False
    """Of a HEAD, whether a merge has discarded or made it, and no revert."""
    is_undo: bool = False
    """Of a HEAD, whether the undo of an operation has, which ``name`` then is."""
    held_by: tuple[str, ...] = ()
    """Of a snapshot, the branches whose base it is."""


def items(database: Database[Document], dataset_id: ObjectId | None = None) -> list[TrashItem]:
    """Lists everything in the trash of a dataset or of all, oldest first.

    Args:
        database: the database
        dataset_id (None): a dataset

    Returns:
        the items
    """
    records = Catalog(database).list_trashed(dataset_id)
    recorded = _recorded(database, dataset_id)
    known = [*records, *(item for item in recorded if not isinstance(item, TrashedBranch))]
    owners = {item.dataset_id for item in known}
    names = {owner: current_name(database, owner) for owner in owners}
    return told(database, records, recorded, names)


def told(
    database: Database[Document],
    records: Iterable[SnapshotRecord],
    recorded: Sequence[TrashedHead | Overwritten | TrashedBranch],
    names: Mapping[ObjectId, str | None],
) -> list[TrashItem]:
    """Returns what the public API tells of what lies in the trash.

    Args:
        database: the database
        records: the deleted snapshots
        recorded: what else lies there
        names: the names that their datasets have now; a deleted branch has its own

    Returns:
        the items, oldest first
    """
    keep = timedelta(days=Settings.load().trash_days)
    bytes_of = sizes(database, [item.id for item in recorded])
    discarded = [item for item in recorded if not isinstance(item, TrashedBranch)]
    deleted = [item for item in recorded if isinstance(item, TrashedBranch)]
    found = [
        TrashItem(
            TrashKind.HEAD if isinstance(item, TrashedHead) else TrashKind.SAMPLES,
            str(item.id),
            str(item.dataset_id),
            item.snapshot_name,
            item.trashed_at,
            item.trashed_at + keep,
            bytes_of[item.id],
            names[item.dataset_id],
            isinstance(item, TrashedHead) and item.is_rolled_back,
            isinstance(item, TrashedHead) and item.merge_id is not None and not item.is_undo,
            is_undo=isinstance(item, TrashedHead) and item.is_undo,
        )
        for item in discarded
    ]
    found += [
        TrashItem(
            TrashKind.BRANCH,
            str(item.id),
            str(item.dataset_id),
            item.name,
            item.trashed_at,
            item.trashed_at + keep,
            bytes_of[item.id],
            item.dataset_name,
        )
        for item in deleted
    ]
    for record in records:
        trashed_at = record.trashed_at or record.created_at
        found.append(
            TrashItem(
                TrashKind.SNAPSHOT,
                str(record.id),
                str(record.dataset_id),
                record.name,
                trashed_at,
                None if record.pinned or record.held_by else trashed_at + keep,
                record.size_bytes,
                names[record.dataset_id],
                held_by=tuple(holding.holders(database, record)),
            )
        )
    return sorted(found, key=lambda item: item.trashed_at)


def empty(
    database: Database[Document], dataset_id: ObjectId, expired_only: bool = False
) -> list[TrashItem]:
    """Destroys what lies in the trash of a dataset, for good, but for the bases of branches.

    A deleted branch of the dataset is not in its own trash, but in that of the branch.

    Args:
        database: the database
        dataset_id: the dataset
        expired_only (False): whether to keep what can still be brought back, and to leave it for
            another time if the dataset is busy

    Returns:
        what was destroyed

    Raises:
        DatasetBusyError: if another operation holds the dataset for too long
    """
    wait = 0 if expired_only else None
    with operation(database, dataset_id, Action.EMPTY_TRASH, wait_seconds=wait) as running:
        now = server_time(database)
        found = [
            item
            for item in items(database, dataset_id)
            if item.dataset_id == str(dataset_id)
            and not item.held_by
            and (not expired_only or (item.expires_at is not None and item.expires_at <= now))
        ]
        running.committing("listed")
        # From here on it is too late for a change of mind: parts of it may be gone
        running.commit(
            heads=[
                ObjectId(item.id)
                for item in found
                if item.kind in (TrashKind.HEAD, TrashKind.SAMPLES)
            ],
            branches=[ObjectId(item.id) for item in found if item.kind is TrashKind.BRANCH],
            snapshots=[ObjectId(item.id) for item in found if item.kind is TrashKind.SNAPSHOT],
        )
        _destroy_listed(running)
    return found


def has_expired() -> Document:
    """Returns an expression: whether a document tells that it has been trashed for too long."""
    age = {"startDate": "$$NOW", "unit": "day", "amount": Settings.load().trash_days}
    return {"$lte": ["$trashed_at", {"$dateSubtract": age}]}


def expire(database: Database[Document], dataset_ids: Iterable[ObjectId]) -> None:
    """Destroys what has been in the trash for too long, of those datasets that are not busy.

    Args:
        database: the database
        dataset_ids: the datasets in whose trash there is such
    """
    for dataset_id in dataset_ids:
        expiry = Recording(
            Action.EXPIRE, current_name(database, dataset_id), dataset_id, is_incidental=True
        )
        with suppress(DatasetBusyError), recording(database, expiry):
            expiry.result = empty(database, dataset_id, expired_only=True)


@recovers(Action.EMPTY_TRASH)
def _recover(running: Operation) -> None:
    """Goes on destroying what was listed; before that nothing has happened."""
    if running.is_committed:
        _destroy_listed(running)


def _destroy_listed(running: Operation) -> None:
    catalog = Catalog(running.database)
    for operation_id in running.details["heads"]:
        destroy_head(running.database, operation_id)
        running.step("destroyed_head")
    for snapshot_id in running.details["snapshots"]:
        if record := catalog.by_id(snapshot_id):
            destroy_snapshot(running.database, record)
            running.step("destroyed_snapshot")
    # An operation that an earlier version of this package began has noted none
    for operation_id in running.details.get("branches", []):
        destroy_branch(running.database, running.dataset_id, operation_id)
        running.step("destroyed_branch")


def destroy_branch(
    database: Database[Document], dataset_id: ObjectId, operation_id: ObjectId
) -> None:
    """Destroys a deleted branch with all that is known of it; may be repeated.

    Args:
        database: the database
        dataset_id: the dataset that it was
        operation_id: the operation that deleted it
    """
    for branch in branches.branches(database, dataset_id):
        if branch.id == operation_id:
            for name in Catalog(database).dataset_facts(dataset_id).get("former_names", []):
                # Views, which keep those away who woke up too late
                database.drop_collection(name)
            destroy_everything(database, dataset_id)
            lineage.forget(database, dataset_id)
            branches.forget(database, branch)


def destroy_everything(database: Database[Document], dataset_id: ObjectId) -> None:
    """Destroys all that is known of a dataset that is gone; may be repeated.

    Args:
        database: the database
        dataset_id: the dataset
    """
    for item in _recorded(database, dataset_id):
        if not isinstance(item, TrashedBranch):
            destroy_head(database, item.id)
    for record in Catalog(database).list_all(dataset_id):
        destroy_snapshot(database, record)


def destroy_snapshot(database: Database[Document], record: SnapshotRecord) -> None:
    """Destroys a snapshot for good; the record goes last, so that it can be done again.

    Args:
        database: the database
        record: the snapshot
    """
    fence.check(database)
    project.remove(database, record.id)
    registry.create(record.backend, database).discard(record.id)
    if record.archive is not None:
        archive = record.archive
        location.remove(database, archive.location, archive.key, archive.owner)
    manifest_store.delete(database, record.id)
    media_store.delete(database, record.id, record.dataset_id)
    search_index.delete(database, [record.id])
    holding.forget_merge(database, record)
    Catalog(database).remove([record.id])
    invalidate.drop_old(database)


def _recorded(
    database: Database[Document], dataset_id: ObjectId | None
) -> list[TrashedHead | Overwritten | TrashedBranch]:
    """Reads, at one look, what the trash has records of: everything but snapshots.

    Args:
        database: the database
        dataset_id: a dataset, of which deleted branches are told too; None for all

    Returns:
        what is there, oldest first
    """
    query = {} if dataset_id is None else in_trash_of(dataset_id)
    return read_records(database[TRASH].find(query).sort([("trashed_at", 1), ("_id", 1)]))


def in_trash_of(dataset_id: ObjectId) -> Document:
    """Returns the query for what lies in the trash of a dataset, but for snapshots."""
    of_parent = {"kind": branches.KIND, "parent_id": dataset_id}
    return {"$or": [{"dataset_id": dataset_id}, of_parent]}


def read_records(
    documents: Iterable[Document],
) -> list[TrashedHead | Overwritten | TrashedBranch]:
    """Reads what the trash has records of; everything but snapshots.

    Args:
        documents: the records

    Returns:
        what they say, in the same order
    """
    readers: dict[str | None, Callable[[Document], TrashedHead | Overwritten | TrashedBranch]] = {
        None: TrashedHead.from_document,
        SAMPLES: Overwritten.from_document,
        branches.KIND: TrashedBranch.from_document,
    }
    # What else a newer version may keep there, it looks after
    known = ((readers.get(document.get("kind")), document) for document in documents)
    return [reader(document) for reader, document in known if reader is not None]
