"""A discarded HEAD: the state of a dataset that a revert or an undo has put away.

It lies in collections of ours: its samples and frames by renaming, and copies of what it kept
among the documents of other datasets.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from ..catalog.record import FORMAT_VERSION, check_format
from ..dataset.parts import RELATED, Documents, Part, State
from ..dataset.together import HeldDocuments, hold, ids_together
from ..errors import DamagedSnapshotError, NewerFormatError
from ..manifest.manifest import Manifest
from ..mongo import fence
from ..mongo.collections import TRASH, all_collections, owned_collections, trashed_name
from ..mongo.database import Document, data_sizes, raw
from ..operations.journal import Operation
from .seal import broken, seal


@dataclass(frozen=True)
class TrashedHead:
    """A dataset's discarded state."""

    id: ObjectId
    """The operation that discarded it."""
    dataset_id: ObjectId
    trashed_at: datetime
    snapshot_name: str
    """The snapshot that it was reverted to; of an undo, the operation that was undone."""
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
    merge_id: ObjectId | None = None
    """The merge that discarded it, or that made it, if that was a merge and no revert."""
    is_undo: bool = False
    """Whether that merge was the undo of an operation."""

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
            "merge_id": self.merge_id,
            "is_undo": self.is_undo,
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


def check_trash_format(document: Document, known: int) -> None:
    """Refuses a record of the trash that a newer version of this package wrote.

    Args:
        document: the record
        known: the format that this version writes, of that kind

    Raises:
        NewerFormatError: if its format is newer than that
    """
    if document["format"] > known:
        raise NewerFormatError(
            f"The trash holds records of format {document['format']}, but this version of "
            f"fiftyone-snapshots reads formats up to {known}. Upgrade it with: "
            "pip install --upgrade fiftyone-snapshots"
        )


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
    found = ids_together(running.database, related, most=1)
    for part in (part for part in related if found[part]):
        related[part].replace(running.database[trashed_name(running.id, part)])
        running.step(f"shelved_{part.value}")


def own_parts(operation_id: ObjectId, existing: Collection[str]) -> list[Part]:
    """Lists the parts of a discarded state that have collections of their own.

    Args:
        operation_id: the operation that discarded it
        existing: the names of the operation's collections, see :func:`.owned_collections`
    """
    own = [part for part in Part if part.is_own_collection]
    return [part for part in own if trashed_name(operation_id, part) in existing]


def trashed_related(
    database: Database[Document], operation_id: ObjectId, existing: Collection[str]
) -> State:
    """Returns where :func:`shelve_related` put everything.

    Args:
        database: the database
        operation_id: the operation that discarded the state
        existing: the names of the operation's collections, see :func:`.owned_collections`
    """
    names = {part: trashed_name(operation_id, part) for part in RELATED}
    return {part: Documents(database[name]) for part, name in names.items() if name in existing}


def dataset_document(database: Database[Document], operation_id: ObjectId) -> HeldDocuments:
    """Reads the dataset document of a discarded state.

    Args:
        database: the database
        operation_id: the operation that discarded it

    Returns:
        the document; none if it is gone
    """
    return hold(Documents(database[trashed_name(operation_id, Part.DATASET)]))


def only(kept: HeldDocuments) -> Document:
    """Returns the document that :func:`dataset_document` has read.

    Args:
        kept: what it returned

    Raises:
        DamagedSnapshotError: if it is gone
    """
    document = next(kept.decoded(), None)
    if document is None:
        raise DamagedSnapshotError("The discarded dataset document is gone from the trash")
    return document


def content(
    database: Database[Document],
    operation_id: ObjectId,
    existing: Collection[str],
    document: Documents,
    then: Document | None = None,
) -> Document:
    """Tells what is in a discarded state, without reading many samples and frames.

    Args:
        database: the database
        operation_id: the operation that discarded it
        existing: the names of the operation's collections, see :func:`.owned_collections`
        document: its dataset document
        then (None): what was told of it before

    Returns:
        by part, a hash of what small ones say, and of others what :mod:`.seal` tells
    """
    small = {Part.DATASET: document, **trashed_related(database, operation_id, existing)}
    large = [part for part in small if part is Part.RESULT_CHUNKS]
    others = [*own_parts(operation_id, existing), *large]
    names = {part.name: trashed_name(operation_id, part) for part in others}
    found = seal(database, names, then)
    for part in small.keys() - large:
        found[part.name] = Manifest.read(small[part]).fingerprint()
    return found


def check_content(then: Document | None, now: Document, what: str, unchanged: str) -> None:
    """Refuses to bring back from the trash what is not what was put there.

    Args:
        then: what was told of it when it was discarded; None if an earlier version did that
        now: what is told of it now
        what: what it is, the beginning of a sentence
        unchanged: what was not done, and how to go on, sentences for the error

    Raises:
        DamagedSnapshotError: if it is not
    """
    if then is not None and (damaged := broken(then, now)):
        raise DamagedSnapshotError(
            f"{what} is damaged in the trash: its {_named(damaged)} are not what was discarded. "
            f"{unchanged}"
        )


def _named(keys: Collection[str]) -> str:
    return ", ".join(key.lower().replace("_", " ") for key in keys)


def note_content(running: Operation, existing: Collection[str]) -> None:
    """Writes down what is in a state that is discarded by now, unless that is known.

    Args:
        running: the operation that discards it
        existing: the names of the operation's collections, see :func:`.owned_collections`
    """
    database, id_ = running.database, running.id
    query = {"_id": id_, "content": None}
    if not running.is_recovery or database[TRASH].find_one(query, {"_id": 1}) is not None:
        found = content(database, id_, existing, dataset_document(database, id_))
        database[TRASH].update_one(query, {"$set": {"content": found}})


def heads(database: Database[Document], dataset_id: ObjectId | None = None) -> list[TrashedHead]:
    """Lists discarded states of a dataset or of all, oldest first."""
    query: Document = {"kind": None}
    if dataset_id is not None:
        query["dataset_id"] = dataset_id
    found = database[TRASH].find(query).sort([("trashed_at", 1), ("_id", 1)])
    return [TrashedHead.from_document(document) for document in found]


def destroy_head(database: Database[Document], operation_id: ObjectId) -> None:
    """Destroys a discarded state, or what a restoration has overwritten, for good.

    Args:
        database: the database
        operation_id: the operation that discarded it
    """
    prefix = trashed_name(operation_id, "")
    for name, description in owned_collections(database, operation_id).items():
        if name.startswith(prefix):
            fence.drop(database, name, description)
    database[TRASH].delete_one({"_id": operation_id})


def sizes(
    database: Database[Document], operation_ids: Collection[ObjectId]
) -> dict[ObjectId, int]:
    """Returns how many bytes it takes what operations have discarded or overwritten.

    Args:
        database: the database
        operation_ids: the operations

    Returns:
        the sizes by operation
    """
    if not operation_ids:
        return {}
    prefixes = {trashed_name(operation_id, ""): operation_id for operation_id in operation_ids}
    length = len(next(iter(prefixes)))
    names = {
        name: prefixes[name[:length]]
        for name in all_collections(database)
        if name[:length] in prefixes
    }
    found = dict.fromkeys(operation_ids, 0)
    for name, size_bytes in data_sizes(database, list(names)).items():
        found[names[name]] += size_bytes
    return found
