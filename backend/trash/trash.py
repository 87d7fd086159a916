"""The trash: what was discarded and can still be brought back.

Deleted snapshots stay where they are and are only marked. A dataset's own state, discarded by a
revert, is moved to collections of ours: its samples and frames by renaming, and copies of what it
kept among the documents of other datasets.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from ..access.actions import Action
from ..archive import location
from ..audit.recording import Recording, recording
from ..catalog.catalog import Catalog
from ..catalog.record import FORMAT_VERSION, SnapshotRecord, check_format
from ..config import Settings
from ..dataset.parts import RELATED, Documents, Part, State
from ..dataset.reference import current_name
from ..errors import DamagedSnapshotError, DatasetBusyError
from ..manifest import store as manifest_store
from ..manifest.manifest import Manifest
from ..mongo import fence, invalidate
from ..mongo.collections import TRASH, owned_collections, trashed_name
from ..mongo.database import Document, data_size, raw, server_process, server_time
from ..operations.journal import Operation, Verb, operation, recovers
from ..projection import project
from ..results.serialize import Record
from ..search import index as search_index
from ..storage import registry


class TrashKind(str, Enum):
    """What lies in the trash."""

    SNAPSHOT = "snapshot"
    HEAD = "head"


@dataclass(frozen=True)
class TrashItem(Record):
    """Something that was discarded, as the public API tells of it."""

    kind: TrashKind
    id: str
    dataset_id: str
    name: str
    """A snapshot's name, or for a HEAD the snapshot that it was reverted to."""
    trashed_at: datetime
    expires_at: datetime | None
    """None for a pinned snapshot, which stays until somebody empties the trash."""
    size_bytes: int
    dataset_name: str | None = None
    """The name that its dataset has now."""
    is_rolled_back: bool = False
    """Of a HEAD, whether it is what the revert had made, and an undo has discarded."""


@dataclass(frozen=True)
class TrashedHead:
    """A dataset's discarded state."""

    id: ObjectId
    """The operation that discarded it."""
    dataset_id: ObjectId
    trashed_at: datetime
    snapshot_name: str
    """The snapshot that it was reverted to."""
    snapshot_ids: list[ObjectId]
    """Newer snapshots that were discarded with it, and come back with it."""
    revived_ids: list[ObjectId]
    """Snapshots that came back when it was discarded, and are discarded when it comes back."""
    latest_changes: Document | None
    """What was known of its changes since the latest snapshot."""
    changes_since: ObjectId | None = None
    """The snapshot that was the latest one then, if that is known."""
    content: Document | None = None
    """What was in it when it was discarded, see :func:`content`; None if that is not known."""
    is_rolled_back: bool = False
    """Whether it is what the revert had made, so that bringing it back does the revert again."""

    def document(self, database: Database[Document]) -> Document:
        """Returns its dataset document.

        Args:
            database: the database

        Returns:
            the document

        Raises:
            DamagedSnapshotError: if it is gone
        """
        document = database[trashed_name(self.id, Part.DATASET)].find_one()
        if document is None:
            raise DamagedSnapshotError("The discarded dataset document is gone from the trash")
        return document

    def related(self, database: Database[Document]) -> State:
        """Returns where the copies of what it kept in shared collections are."""
        return trashed_related(database, self.id)

    def save(self, database: Database[Document]) -> None:
        """Writes the record down; again, if need be."""
        document = {
            "_id": self.id,
            "format": FORMAT_VERSION,
            "dataset_id": self.dataset_id,
            "trashed_at": self.trashed_at,
            "snapshot_name": self.snapshot_name,
            "snapshot_ids": self.snapshot_ids,
            "revived_ids": self.revived_ids,
            "latest_changes": self.latest_changes,
            "changes_since": self.changes_since,
            "content": self.content,
            "is_rolled_back": self.is_rolled_back,
        }
        fence.put(database[TRASH], document, if_there="replace")

    @classmethod
    def from_document(cls, document: Document) -> TrashedHead:
        """Reads what :meth:`save` wrote."""
        check_format(document)
        values: dict[str, Any] = {**document, "id": document["_id"]}
        for key in ("_id", "format"):
            del values[key]
        # Earlier versions did not write it down: only an undo brings snapshots back
        values.setdefault("is_rolled_back", bool(document["revived_ids"]))
        return cls(**values)


def shelve_document(running: Operation) -> RawBSONDocument | None:
    """Copies a dataset document to where the trash will find it.

    Args:
        running: the operation that discards the dataset's state

    Returns:
        the copy, or None if the dataset is gone
    """
    source = running.database["datasets"]
    target = running.database[trashed_name(running.id, Part.DATASET)]
    Documents(source, {"_id": running.dataset_id}).replace(target)
    return raw(target).find_one()


def shelve_again(running: Operation, document: RawBSONDocument) -> None:
    """Replaces the copy of a dataset document that was edited after it was shelved.

    Args:
        running: the operation that discards the dataset's state
        document: the document that was discarded
    """
    target = raw(running.database[trashed_name(running.id, Part.DATASET)])
    target.replace_one({"_id": running.dataset_id}, document)


def shelve_related(running: Operation, related: State) -> None:
    """Copies what a dataset keeps in shared collections to where the trash will find it.

    Args:
        running: the operation that discards the dataset's state
        related: what it keeps there
    """
    if running.is_recovery:
        # Of an attempt that was interrupted, when there was something that is not there now
        existing = owned_collections(running.database, running.id)
        for name in [trashed_name(running.id, part) for part in related]:
            if name in existing:
                fence.drop(running.database, name, existing[name])
    for part, documents in related.items():
        target = running.database[trashed_name(running.id, part)]
        if not documents.is_empty():
            documents.replace(target)
            running.step(f"shelved_{part.value}")


def own_parts(database: Database[Document], operation_id: ObjectId) -> list[Part]:
    """Lists the parts of a discarded state that have collections of their own."""
    existing = set(owned_collections(database, operation_id))
    own = [part for part in Part if part.is_own_collection]
    return [part for part in own if trashed_name(operation_id, part) in existing]


def trashed_related(database: Database[Document], operation_id: ObjectId) -> State:
    """Returns where :func:`shelve_related` put everything."""
    existing = set(owned_collections(database, operation_id))
    names = {part: trashed_name(operation_id, part) for part in RELATED}
    return {part: Documents(database[name]) for part, name in names.items() if name in existing}


def content(database: Database[Document], operation_id: ObjectId) -> Document:
    """Tells what is in a discarded state, without reading its samples and frames.

    Args:
        database: the database
        operation_id: the operation that discarded it

    Returns:
        by part, a hash of what small ones say and how many documents large ones have. That is
        the server's own count, which a crash of it can put wrong: so which process it was
    """
    process = server_process(database)
    found: Document = {}
    document = Documents(database[trashed_name(operation_id, Part.DATASET)])
    small = {Part.DATASET: document, **trashed_related(database, operation_id)}
    large = [part for part in small if part is Part.RESULT_CHUNKS]
    for part in (*own_parts(database, operation_id), *large):
        count = database[trashed_name(operation_id, part)].estimated_document_count()
        found[part.name] = {"count": count, "process": process}
    for part in small.keys() - large:
        found[part.name] = Manifest.read(small[part]).fingerprint()
    return found


def note_content(database: Database[Document], operation_id: ObjectId) -> None:
    """Writes down what is in a state that is discarded by now, unless that is known."""
    query = {"_id": operation_id, "content": None}
    if database[TRASH].find_one(query, {"_id": 1}) is not None:
        changes = {"$set": {"content": content(database, operation_id)}}
        database[TRASH].update_one(query, changes)


def heads(database: Database[Document], dataset_id: ObjectId | None = None) -> list[TrashedHead]:
    """Lists discarded states of a dataset or of all, oldest first."""
    query = {} if dataset_id is None else {"dataset_id": dataset_id}
    found = database[TRASH].find(query).sort([("trashed_at", 1), ("_id", 1)])
    return [TrashedHead.from_document(document) for document in found]


def items(database: Database[Document], dataset_id: ObjectId | None = None) -> list[TrashItem]:
    """Lists everything in the trash of a dataset or of all, oldest first.

    Args:
        database: the database
        dataset_id (None): a dataset

    Returns:
        the items
    """
    keep = timedelta(days=Settings.load().trash_days)
    records = Catalog(database).list_trashed(dataset_id)
    discarded = list(heads(database, dataset_id))
    owners = {item.dataset_id for item in records} | {item.dataset_id for item in discarded}
    names = {owner: current_name(database, owner) for owner in owners}
    found = [
        TrashItem(
            TrashKind.HEAD,
            str(head.id),
            str(head.dataset_id),
            head.snapshot_name,
            head.trashed_at,
            head.trashed_at + keep,
            _head_size(database, head),
            names[head.dataset_id],
            head.is_rolled_back,
        )
        for head in discarded
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
                None if record.pinned else trashed_at + keep,
                record.size_bytes,
                names[record.dataset_id],
            )
        )
    return sorted(found, key=lambda item: item.trashed_at)


def empty(
    database: Database[Document], dataset_id: ObjectId, expired_only: bool = False
) -> list[TrashItem]:
    """Destroys what lies in the trash of a dataset, for good.

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
    with operation(database, dataset_id, Verb.EMPTY_TRASH, wait_seconds=wait) as running:
        now = server_time(database)
        found = [
            item
            for item in items(database, dataset_id)
            if not expired_only or (item.expires_at is not None and item.expires_at <= now)
        ]
        running.committing("listed")
        # From here on it is too late for a change of mind: parts of it may be gone
        running.commit(
            heads=[ObjectId(item.id) for item in found if item.kind is TrashKind.HEAD],
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


@recovers(Verb.EMPTY_TRASH)
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


def destroy_everything(database: Database[Document], dataset_id: ObjectId) -> None:
    """Destroys all that is known of a dataset that is gone; may be repeated.

    Args:
        database: the database
        dataset_id: the dataset
    """
    for head in heads(database, dataset_id):
        destroy_head(database, head.id)
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
    search_index.delete(database, [record.id])
    Catalog(database).remove([record.id])
    invalidate.drop_old(database)


def destroy_head(database: Database[Document], operation_id: ObjectId) -> None:
    """Destroys a discarded state for good.

    Args:
        database: the database
        operation_id: the operation that discarded it
    """
    prefix = trashed_name(operation_id, "")
    for name, description in owned_collections(database, operation_id).items():
        if name.startswith(prefix):
            fence.drop(database, name, description)
    database[TRASH].delete_one({"_id": operation_id})


def _head_size(database: Database[Document], head: TrashedHead) -> int:
    prefix = trashed_name(head.id, "")
    names = [name for name in owned_collections(database, head.id) if name.startswith(prefix)]
    return data_size(database, names)
