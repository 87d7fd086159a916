"""The duplication backend: every snapshot is a full copy inside MongoDB.

Simple, and the quickest to open: the copy is what is opened. Costs a copy's time and space for
each snapshot, whatever changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import bson
from bson import ObjectId
from pymongo import ASCENDING, IndexModel
from pymongo.database import Database
from pymongo.errors import OperationFailure

from .base import Backend, Captured, Progress, silent, whole_collection
from .capture import capture
from .contents import Documents, Head, Part, State, chunks
from .database import Document, create_compressed, data_size, master_name, owned_collections
from .errors import DamagedSnapshotError
from .model import SnapshotRecord

# Frames are always read by sample, and results by file, so these are wanted from the first load on
_INDEXES = {
    Part.FRAMES: [
        IndexModel([("_sample_id", ASCENDING), ("frame_number", ASCENDING)], unique=True)
    ],
    Part.RESULT_CHUNKS: [IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)],
}
_NAMESPACE_NOT_FOUND = 26
_DUPLICATE_KEY = 11000


class DuplicationBackend(Backend):
    """Keeps every snapshot as collections of its own, which no dataset document points at."""

    name: ClassVar[str] = "duplication"

    def capture(self, record: SnapshotRecord, head: Head, progress: Progress = silent) -> Captured:
        """Copies the dataset into collections of the snapshot's own."""
        masters = _Masters(self.database, record.id)
        manifests = capture(head, masters, progress)
        # Most datasets have no runs or workspaces: no collection is made for those
        parts = [
            part for part, manifest in manifests.items() if manifest or part.is_own_collection
        ]
        own = {part: docs for part, docs in head.state().items() if part.is_own_collection}
        indexes = {part: _list_indexes(documents) for part, documents in own.items()}
        return Captured(manifests, storage=_storage(parts, indexes))

    def adopt(
        self,
        record: SnapshotRecord,
        staged: State,
        indexes: Mapping[Part, list[Document]],
        progress: Progress = silent,
    ) -> dict[str, Any]:
        """Keeps the collections, under the names of masters."""
        masters = _Masters(self.database, record.id)
        for part, documents in staged.items():
            masters.take_over(part, documents)
        return _storage(list(staged), indexes)

    def is_materialised(self, record: SnapshotRecord) -> bool:
        """Returns True: a copy is as readable as can be."""
        return True

    def state(self, record: SnapshotRecord, progress: Progress = silent) -> State:
        """Returns the copy."""
        remains = self.remains(record)
        missing = [part for part in record.storage["parts"] if Part(part) not in remains]
        if missing:
            raise DamagedSnapshotError(
                f"Snapshot '{record.name}' is damaged: its {', '.join(missing)} are gone from "
                "the database. Restore them from a backup of MongoDB, or delete the snapshot."
            )
        return remains

    def remains(self, record: SnapshotRecord, progress: Progress = silent) -> State:
        """Returns what is left of the copy."""
        existing = set(owned_collections(self.database, record.id))
        masters = _Masters(self.database, record.id)
        return {
            part: masters.copied(part)
            for part in map(Part, record.storage["parts"])
            if master_name(record.id, part) in existing
        }

    def indexes(self, record: SnapshotRecord, part: Part) -> list[Document]:
        """Returns the indexes that were captured."""
        stored = record.storage["indexes"].get(part.value, [])
        return [bson.decode(index) for index in stored]

    def size_bytes(self, record: SnapshotRecord) -> int:
        """Returns the size of the copy."""
        names = [master_name(record.id, part) for part in record.storage["parts"]]
        return data_size(self.database, names)

    def discard(self, snapshot_id: ObjectId) -> None:
        """Drops the copy."""
        prefix = master_name(snapshot_id, "")
        for name in owned_collections(self.database, snapshot_id):
            if name.startswith(prefix):
                self.database.drop_collection(name)


class _Masters:
    """The collections of one snapshot, as the target of a capture."""

    def __init__(self, database: Database[Document], snapshot_id: ObjectId) -> None:
        self._database = database
        self._snapshot_id = snapshot_id

    def copied(self, part: Part) -> Documents:
        return whole_collection(self._database[master_name(self._snapshot_id, part)])

    def copy(self, part: Part, documents: Documents) -> None:
        name = master_name(self._snapshot_id, part)
        self._database.drop_collection(name)
        target = create_compressed(self._database, name)
        # Other indexes would cost a third of the copy's time and can follow when they are needed
        if part in _INDEXES:
            target.create_indexes(_INDEXES[part])
        documents.copy_to(target)

    def take_over(self, part: Part, documents: Documents) -> None:
        name = master_name(self._snapshot_id, part)
        try:
            documents.collection.rename(name, dropTarget=True)
        except OperationFailure as error:
            # Else it was taken over before a crash
            if error.code != _NAMESPACE_NOT_FOUND or name not in owned_collections(
                self._database, self._snapshot_id
            ):
                raise
        if part in _INDEXES:
            self._database[name].create_indexes(_INDEXES[part])

    def patch(
        self, part: Part, documents: Documents, changed: list[ObjectId], removed: list[ObjectId]
    ) -> None:
        target = self.copied(part).collection
        # First what must not be in the way: a frame can come back under a new id. Documents that
        # stay are replaced where they lie, which keeps their order
        for ids in chunks(removed):
            target.delete_many({"_id": {"$in": ids}})
        for ids in chunks(changed):
            try:
                documents.merge_into(target, ids)
            except OperationFailure as error:
                if error.code != _DUPLICATE_KEY:
                    raise
                # Frames of a video that have swapped their numbers are in each other's way
                target.delete_many({"_id": {"$in": ids}})
                documents.merge_into(target, ids)


def _storage(parts: list[Part], indexes: Mapping[Part, list[Document]]) -> dict[str, Any]:
    return {
        "parts": [part.value for part in parts],
        # As BSON, because their dotted keys are awkward in documents
        "indexes": {
            part.value: [bson.encode(index) for index in found] for part, found in indexes.items()
        },
    }


def _list_indexes(documents: Documents) -> list[Document]:
    try:
        return [dict(index) for index in documents.collection.list_indexes()]
    except OperationFailure as error:
        if error.code == _NAMESPACE_NOT_FOUND:
            return []
        raise
