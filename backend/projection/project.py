"""Projecting: making a snapshot's documents appear to FiftyOne as a dataset.

A projection is a dataset document, hidden from FiftyOne's lists because its samples are not in
``samples.*``, whose sample and frame collections are MongoDB views over the snapshot's documents.
So the server refuses every write, and reading costs what it costs on a collection. It is
disposable: whatever happens to it, the next load makes it again. The snapshot's id serves as the
id of the projected dataset.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

import bson
from bson import DBRef, ObjectId
from pymongo import ASCENDING
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, CollectionInvalid, DuplicateKeyError, OperationFailure

from ..catalog.record import SnapshotRecord
from ..dataset import generated, instances, ownership
from ..dataset.parts import Documents, Part, State, chunks, owner_field, shared_collection
from ..dataset.view_stages import StageTranslation
from ..errors import InvalidRequestError, SnapshotError
from ..mongo import invalidate
from ..mongo.collections import all_collections, view_name
from ..mongo.database import Document
from ..mongo.write_scope import Permission, grant

_REFERENCE_FIELDS = ("saved_views", "workspaces")
_MAX_NAMES = 1000
_MAX_ATTEMPTS = 10
_PAUSE_SECONDS = 0.05

_NAMESPACE_EXISTS, _BULK_WRITE, _DUPLICATE_KEY = 48, 65, 11000
_SOMEBODY_WAS_QUICKER = {_NAMESPACE_EXISTS, _BULK_WRITE, _DUPLICATE_KEY}

# Longer strings cannot be ids, so large values need not be searched
_ID_LENGTH = 24


@grant(Permission.PROJECTING)
def project(
    database: Database[Document], record: SnapshotRecord, state: State, dataset_name: str
) -> str:
    """Makes, or puts right, the projection of a snapshot.

    Args:
        database: the database
        record: the snapshot
        state: where its documents are
        dataset_name: the name of the dataset it was taken of

    Returns:
        the name under which FiftyOne loads it
    """
    _check_own(database, record.id)
    identities = _Identities(record, state)
    for attempt in range(_MAX_ATTEMPTS):
        try:
            _project_views(database, record.id, state)
            document = _captured(record, state)
            _project_related(database, identities, state, _translation(record, document))
            return _project_dataset(database, identities, record, state, document, dataset_name)
        except (CollectionInvalid, OperationFailure) as error:
            if getattr(error, "code", _NAMESPACE_EXISTS) not in _SOMEBODY_WAS_QUICKER:
                raise
            # Another process is loading it as well, and has written the same
            time.sleep(attempt * _PAUSE_SECONDS)
    raise SnapshotError(f"Snapshot '{record.name}' is being changed by others all the time")


@grant(Permission.PROJECTING)
def remove(database: Database[Document], snapshot_id: ObjectId) -> None:
    """Removes the projection of a snapshot, if there is one.

    Whoever has it open gets an error from the server from now on.

    Args:
        database: the database
        snapshot_id: the snapshot
    """
    generated.remove(database, snapshot_id)
    document = database["datasets"].find_one_and_delete(_own_document(snapshot_id))
    if document is not None:
        instances.forget(document["name"])
    if not _is_foreign(database, snapshot_id):
        for part in ownership.OWNED:
            shared_collection(database, part).delete_many({owner_field(part): snapshot_id})
    _remove_results(database, snapshot_id, keep=set())
    for part in (Part.SAMPLES, Part.FRAMES):
        invalidate.close(database, view_name(snapshot_id, part))


def _own_document(snapshot_id: ObjectId) -> Document:
    """Returns what finds the projection's dataset document, and nobody else's."""
    return {
        "_id": snapshot_id,
        "sample_collection_name": view_name(snapshot_id, Part.SAMPLES),
    }


def _is_foreign(database: Database[Document], snapshot_id: ObjectId) -> bool:
    """Returns whether the id of a snapshot is that of a dataset that is no projection."""
    document = database["datasets"].find_one({"_id": snapshot_id}, {"sample_collection_name": 1})
    own = view_name(snapshot_id, Part.SAMPLES)
    return document is not None and document.get("sample_collection_name") != own


def _check_own(database: Database[Document], snapshot_id: ObjectId) -> None:
    if _is_foreign(database, snapshot_id):
        raise InvalidRequestError(
            f"A dataset has the id of the snapshot, {snapshot_id}, and would be overwritten by "
            "loading it. Nothing was changed. Export the snapshot, delete it, and import it into "
            "another database."
        )


def _project_views(database: Database[Document], snapshot_id: ObjectId, state: State) -> None:
    existing = all_collections(database)
    for part in (Part.SAMPLES, Part.FRAMES):
        name = view_name(snapshot_id, part)
        wanted = state[part].collection.name if part in state else None
        found = existing.get(name, {}).get("options", {})
        if wanted is not None and "viewOn" in found:
            if found["viewOn"] != wanted or found.get("pipeline"):
                # Leaves no moment without a view
                database.command("collMod", name, viewOn=wanted, pipeline=[])
            continue
        if name in existing:
            database.drop_collection(name)
        if wanted is not None:
            database.create_collection(name, viewOn=wanted, pipeline=[])


def _captured(record: SnapshotRecord, state: State) -> Document:
    """Returns the dataset document as it was captured."""
    document = state[Part.DATASET].collection.find_one()
    if document is None:
        raise SnapshotError(f"Snapshot '{record.name}' has no dataset document")
    return document


def _translation(record: SnapshotRecord, captured: Document) -> StageTranslation:
    names = {
        captured.get("sample_collection_name"): view_name(record.id, Part.SAMPLES),
        captured.get("frame_collection_name"): view_name(record.id, Part.FRAMES),
    }
    collections = {former: view for former, view in names.items() if former}
    ids = frozenset({str(record.dataset_id), str(captured["_id"])})
    return StageTranslation(ids, captured["name"], record.id, collections)


def _project_dataset(
    database: Database[Document],
    identities: _Identities,
    record: SnapshotRecord,
    state: State,
    document: Document,
    dataset_name: str,
) -> str:
    for field in _REFERENCE_FIELDS:
        document[field] = [identities.of_reference(item) for item in document.get(field) or []]
    for field in ownership.RUN_FIELDS:
        runs = document.get(field) or {}
        document[field] = {key: identities.of_reference(run) for key, run in runs.items()}
    document.update(
        _id=record.id,
        # No name has such a slug, so no user's dataset can clash with it
        slug=f"snapshot-{record.id}",
        sample_collection_name=view_name(record.id, Part.SAMPLES),
        frame_collection_name=view_name(record.id, Part.FRAMES) if Part.FRAMES in state else None,
        persistent=True,
    )
    for number in range(_MAX_NAMES):
        suffix = f" ({number + 1})" if number else ""
        document["name"] = f"{dataset_name}@{record.name}{suffix}"
        try:
            previous: Document | None = database["datasets"].find_one_and_replace(
                _own_document(record.id), document, projection={"name": 1}, upsert=True
            )
        except DuplicateKeyError as error:
            _check_own(database, record.id)
            if "name" in (error.details or {}).get("keyPattern", {}):
                # A user's dataset has that name
                continue
            raise
        if previous is None:
            generated.remove_unmarked(database, record.id)
        elif previous["name"] != document["name"]:
            instances.forget(previous["name"])
        return str(document["name"])
    raise SnapshotError(f"No name of the form '{dataset_name}@{record.name} (n)' is free")


def _project_related(
    database: Database[Document],
    identities: _Identities,
    state: State,
    stages: StageTranslation,
) -> None:
    """Gives the projection saved views, workspaces, runs and the like of its own."""

    def with_stages(document: Document) -> Document:
        # A run on a whole dataset has none
        if document.get("view_stages") is None:
            return dict(document)
        return {**document, "view_stages": stages.translate(document["view_stages"])}

    project_document: dict[Part, Callable[[Document], Document]] = {
        Part.VIEWS: with_stages,
        Part.RUNS: with_stages,
        Part.STORE: identities.translate,
    }
    for part in (Part.VIEWS, Part.WORKSPACES, Part.RUNS, Part.TAGS, Part.STORE):
        wanted: dict[ObjectId, Document] = {}
        for document in state[part].collection.find() if part in state else ():
            projected = project_document.get(part, dict)(document)
            projected["_id"] = identities.of(document["_id"])
            projected[owner_field(part)] = identities.snapshot_id
            if part is Part.RUNS and document.get("results") is not None:
                projected["results"] = identities.of(document["results"])
            wanted[projected["_id"]] = projected
        own = {owner_field(part): identities.snapshot_id}
        _put_right(part, Documents(shared_collection(database, part), own), wanted)
    _project_results(database, identities, state)


def _put_right(part: Part, present: Documents, wanted: dict[ObjectId, Document]) -> None:
    """Makes a part of the projection what it must be; writes nothing if it is."""
    stale: list[ObjectId] = []
    for document in present.documents():
        expected = wanted.get(document["_id"])
        if expected is not None and bson.encode(expected) == document.raw:
            del wanted[document["_id"]]
        else:
            stale.append(document["_id"])
    # These first: they may hold keys that must be unique
    for ids in chunks(stale):
        present.collection.delete_many({**present.query, "_id": {"$in": ids}})
    if wanted:
        try:
            present.collection.insert_many(wanted.values(), ordered=False)
        except BulkWriteError:
            _check_free(part, present, list(wanted))
            raise


def _check_free(part: Part, present: Documents, ids: list[ObjectId]) -> None:
    """Makes sure that documents with some ids are the projection's, if there are any."""
    foreign = {key: {"$ne": value} for key, value in present.query.items()}
    for some in chunks(ids):
        other = present.collection.find_one({**foreign, "_id": {"$in": some}}, {"_id": 1})
        if other is not None:
            raise ownership.taken(part, other["_id"])


def _project_results(database: Database[Document], identities: _Identities, state: State) -> None:
    wanted: dict[ObjectId, Document] = {}
    originals: dict[ObjectId, ObjectId] = {}
    for file in state[Part.RESULT_FILES].collection.find() if Part.RESULT_FILES in state else ():
        new_id = identities.of(file["_id"])
        wanted[new_id] = {**file, "_id": new_id, "snapshot_id": identities.snapshot_id}
        originals[new_id] = file["_id"]

    stored = database["fs.chunks"]
    own = {"snapshot_id": identities.snapshot_id}
    files = Documents(database["fs.files"], own)
    if wanted:
        # Before any bytes are added to what would be somebody else's
        _check_free(Part.RESULT_FILES, files, list(wanted))
        captured = state[Part.RESULT_CHUNKS].collection
        expected = _count_chunks(captured, list(originals.values()))
        found = _count_chunks(stored, list(wanted))
        # As GridFS itself does; without it, nothing can be merged by file and number
        stored.create_index([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)
        for new_id, original in originals.items():
            if found.get(new_id) != expected.get(original):
                captured.aggregate(
                    [
                        {"$match": {"files_id": original}},
                        {"$set": {"files_id": new_id}},
                        {"$unset": "_id"},
                        # Another process may be doing the same
                        {
                            "$merge": {
                                "into": stored.name,
                                "on": ["files_id", "n"],
                                "whenMatched": "keepExisting",
                            }
                        },
                    ]
                )
    _remove_results(database, identities.snapshot_id, keep=set(wanted))
    # The records last: they are what tells that the bytes are all there
    _put_right(Part.RESULT_FILES, files, wanted)


def _count_chunks(chunks_: Collection[Document], file_ids: list[ObjectId]) -> dict[ObjectId, int]:
    """Counts the chunks of files; the index answers that, however large they are."""
    groups = chunks_.aggregate(
        [
            {"$match": {"files_id": {"$in": file_ids}}},
            {"$group": {"_id": "$files_id", "count": {"$sum": 1}}},
        ]
    )
    return {group["_id"]: group["count"] for group in groups}


def _remove_results(
    database: Database[Document], snapshot_id: ObjectId, keep: set[ObjectId]
) -> None:
    own = {"snapshot_id": snapshot_id}
    files = database["fs.files"].find(own, {"_id": 1})
    stale = [file["_id"] for file in files if file["_id"] not in keep]
    database["fs.chunks"].delete_many({"files_id": {"$in": stale}})
    database["fs.files"].delete_many({**own, "_id": {"$in": stale}})


class _Identities:
    """Ids for the projection's own documents: new ones, but the same at every load."""

    def __init__(self, record: SnapshotRecord, state: State) -> None:
        self.snapshot_id = record.id
        runs = state[Part.RUNS].ids() if Part.RUNS in state else []
        self._translations = {str(run): str(self.of(run)) for run in runs}
        self._translations[str(record.dataset_id)] = str(record.id)

    def of(self, original: ObjectId) -> ObjectId:
        seed = self.snapshot_id.binary + original.binary
        return ObjectId(hashlib.sha256(seed).digest()[:12])

    def of_reference(self, reference: Any) -> Any:
        # Documents that FiftyOne has not migrated yet embed what later versions refer to
        if isinstance(reference, DBRef):
            reference = reference.id
        return self.of(reference) if isinstance(reference, ObjectId) else reference

    def translate(self, store_record: Document) -> Document:
        """Keeps an execution store readable: panels key what they keep by the ids of runs."""
        return {
            **store_record,
            "key": self._translate(store_record.get("key")),
            "value": self._translate(store_record.get("value")),
        }

    def _translate(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._translate(key): self._translate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._translate(item) for item in value]
        if isinstance(value, ObjectId):
            return ObjectId(self._translations.get(str(value), value))
        # Large values are never ids, and are not worth a look-up
        if isinstance(value, str) and len(value) == _ID_LENGTH:
            return self._translations.get(value, value)
        return value
