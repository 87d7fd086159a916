"""Projecting: making a snapshot's documents appear to FiftyOne as a dataset.

A projection is a dataset document, hidden from FiftyOne's lists because its samples are not in
``samples.*``, whose sample and frame collections are MongoDB views over the snapshot's documents.
So the server refuses every write, and reading costs what it costs on a collection. It is
disposable: whatever happens to it, the next load makes it again. The snapshot's id serves as the
id of the projected dataset.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import bson
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, CollectionInvalid, DuplicateKeyError, OperationFailure

from ..catalog.record import SnapshotRecord
from ..dataset import generated, instances, ownership
from ..dataset.parts import Documents, Part, State, chunks, owner_field, shared_collection
from ..dataset.together import ids_together
from ..dataset.view_stages import StageTranslation
from ..errors import InvalidRequestError, SnapshotError
from ..mongo import invalidate
from ..mongo.collections import view_name
from ..mongo.database import Document
from ..mongo.write_scope import Permission, grant
from .found import Found
from .identities import Identities

_AS_THEY_ARE: Mapping[Part, list[Document]] = {}

_MAX_NAMES = 1000
_MAX_ATTEMPTS = 10
_PAUSE_SECONDS = 0.05

_NAMESPACE_EXISTS, _BULK_WRITE, _DUPLICATE_KEY = 48, 65, 11000
_SOMEBODY_WAS_QUICKER = {_NAMESPACE_EXISTS, _BULK_WRITE, _DUPLICATE_KEY}


@dataclass(frozen=True)
class Projected:
    """A projection that is there."""

    name: str
    """The name under which FiftyOne loads it."""
    is_new: bool
    """Whether there was none before."""


@grant(Permission.PROJECTING)
def project(
    database: Database[Document],
    record: SnapshotRecord,
    state: State,
    dataset_name: str,
    shown: Mapping[Part, list[Document]] = _AS_THEY_ARE,
) -> Projected:
    """Makes, or puts right, the projection of a snapshot.

    Args:
        database: the database
        record: the snapshot
        state: where its documents are
        dataset_name: the name of the dataset it was taken of
        shown: stages that its views have, of those parts that are not shown as they are

    Returns:
        the projection
    """
    for attempt in range(_MAX_ATTEMPTS):
        found = Found.read(database, record, state)
        if found.is_foreign:
            raise _taken(record.id)
        identities = Identities(record, found)
        try:
            is_first = not found.present[Part.DATASET]
            _project_views(database, record.id, state, shown, is_first=is_first)
            document = found.dataset(record)
            _project_related(database, identities, state, found, _translation(record, document))
            return _project_dataset(database, identities, record, found, document, dataset_name)
        except (CollectionInvalid, OperationFailure) as error:
            if getattr(error, "code", _NAMESPACE_EXISTS) not in _SOMEBODY_WAS_QUICKER:
                raise
            # Another process is loading it as well, and has written the same
            time.sleep(attempt * _PAUSE_SECONDS)
    raise SnapshotError(f"Snapshot '{record.name}' is being changed by others all the time")


@grant(Permission.PROJECTING)
def remove(
    database: Database[Document], snapshot_id: ObjectId, now: datetime | None = None
) -> None:
    """Removes the projection of a snapshot, if there is one.

    Whoever has it open gets an error from the server from now on.

    Args:
        database: the database
        snapshot_id: the snapshot
        now (None): the time on the server, if it is known
    """
    generated.remove(database, snapshot_id)
    document: Document | None = database["datasets"].find_one_and_delete(
        _own_document(snapshot_id)
    )
    if document is not None:
        instances.forget(document["name"])
    own = {
        part: Documents(shared_collection(database, part), {owner_field(part): snapshot_id})
        for part in ownership.OWNED
    }
    own[Part.RESULT_FILES] = Documents(database["fs.files"], {"snapshot_id": snapshot_id})
    # No projection any more, but perhaps a dataset of somebody else's
    own[Part.DATASET] = Documents(database["datasets"], {"_id": snapshot_id})
    found = ids_together(database, own)
    _delete_results(database, snapshot_id, found[Part.RESULT_FILES])
    if not found[Part.DATASET] or not _is_foreign(database, snapshot_id):
        for part in (part for part in ownership.OWNED if found[part]):
            own[part].collection.delete_many(own[part].query)
    has_frames = document is None or document.get("frame_collection_name") is not None
    parts = [Part.SAMPLES, Part.FRAMES] if has_frames else [Part.SAMPLES]
    invalidate.close(database, *(view_name(snapshot_id, part) for part in parts), now=now)


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


def _taken(snapshot_id: ObjectId) -> InvalidRequestError:
    return InvalidRequestError(
        f"A dataset has the id of the snapshot, {snapshot_id}, and would be overwritten by "
        "loading it. Nothing was changed. Export the snapshot, delete it, and import it into "
        "another database."
    )


def _project_views(
    database: Database[Document],
    snapshot_id: ObjectId,
    state: State,
    shown: Mapping[Part, list[Document]],
    *,
    is_first: bool,
) -> None:
    """Makes the views, or puts them right.

    Args:
        database: the database
        snapshot_id: the snapshot
        state: where its documents are
        shown: stages that they have
        is_first: whether there is no projection yet, and so most likely no views
    """
    if is_first:
        # What is there already is another view, such as one that was closed
        with suppress(CollectionInvalid, OperationFailure):
            for part in (part for part in (Part.SAMPLES, Part.FRAMES) if part in state):
                name, behind = view_name(snapshot_id, part), state[part].collection.name
                _create_view(database, name, behind, shown.get(part, []))
            return
    names = [view_name(snapshot_id, part) for part in (Part.SAMPLES, Part.FRAMES)]
    listed = database.list_collections(filter={"name": {"$in": names}})
    existing = {each["name"]: each for each in listed}
    for part in (Part.SAMPLES, Part.FRAMES):
        name = view_name(snapshot_id, part)
        wanted = state[part].collection.name if part in state else None
        found = existing.get(name, {}).get("options", {})
        if wanted is not None and "viewOn" in found:
            stages = shown.get(part, [])
            if found["viewOn"] != wanted or found.get("pipeline", []) != stages:
                # Leaves no moment without a view
                database.command("collMod", name, viewOn=wanted, pipeline=stages)
            continue
        if name in existing:
            database.drop_collection(name)
        if wanted is not None:
            _create_view(database, name, wanted, shown.get(part, []))


def _create_view(
    database: Database[Document], name: str, behind: str, stages: list[Document]
) -> None:
    # The server looks itself whether there is one
    database.create_collection(name, check_exists=False, viewOn=behind, pipeline=stages)


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
    identities: Identities,
    record: SnapshotRecord,
    found: Found,
    document: Document,
    dataset_name: str,
) -> Projected:
    identities.refer(document)
    document.update(
        _id=record.id,
        # No name has such a slug, so no user's dataset can clash with it
        slug=f"snapshot-{record.id}",
        sample_collection_name=view_name(record.id, Part.SAMPLES),
        frame_collection_name=view_name(record.id, Part.FRAMES) if found.has_frames else None,
        persistent=True,
    )
    for number in range(_MAX_NAMES):
        suffix = f" ({number + 1})" if number else ""
        document["name"] = f"{dataset_name}@{record.name}{suffix}"
        if [bson.encode(document)] == [each.raw for each in found.present[Part.DATASET]]:
            return Projected(document["name"], is_new=False)
        try:
            previous: Document | None = database["datasets"].find_one_and_replace(
                _own_document(record.id), document, projection={"name": 1}, upsert=True
            )
        except DuplicateKeyError as error:
            if _is_foreign(database, record.id):
                raise _taken(record.id) from error
            if "name" in (error.details or {}).get("keyPattern", {}):
                # A user's dataset has that name
                continue
            raise
        if previous is not None and previous["name"] != document["name"]:
            instances.forget(previous["name"])
        return Projected(document["name"], is_new=previous is None)
    raise SnapshotError(f"No name of the form '{dataset_name}@{record.name} (n)' is free")


def _project_related(
    database: Database[Document],
    identities: Identities,
    state: State,
    found: Found,
    stages: StageTranslation,
) -> None:
    """Gives the projection saved views, workspaces, runs and the like of its own."""
    for part in ownership.OWNED:
        wanted: dict[ObjectId, Document] = {}
        for document in found.documents(part):
            projected = identities.own(part, document, stages)
            wanted[projected["_id"]] = projected
        own = {owner_field(part): identities.snapshot_id}
        own_documents = Documents(shared_collection(database, part), own)
        _put_right(part, own_documents, found.present[part], wanted)
    _project_results(database, identities, state, found)


def _put_right(
    part: Part,
    present: Documents,
    found: list[RawBSONDocument],
    wanted: dict[ObjectId, Document],
) -> None:
    """Makes a part of the projection what it must be; writes nothing if it is."""
    stale: list[ObjectId] = []
    for document in found:
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


def _project_results(
    database: Database[Document], identities: Identities, state: State, found: Found
) -> None:
    wanted: dict[ObjectId, Document] = {}
    originals: dict[ObjectId, ObjectId] = {}
    for file in found.documents(Part.RESULT_FILES):
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
        stored_chunks = _count_chunks(stored, list(wanted))
        # As GridFS itself does; without it, nothing can be merged by file and number
        stored.create_index([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)
        for new_id, original in originals.items():
            if stored_chunks.get(new_id) != expected.get(original):
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
    present = found.present[Part.RESULT_FILES]
    stale = [file["_id"] for file in present if file["_id"] not in wanted]
    _delete_results(database, identities.snapshot_id, stale)
    # The records last: they are what tells that the bytes are all there
    _put_right(Part.RESULT_FILES, files, present, wanted)


def _count_chunks(chunks_: Collection[Document], file_ids: list[ObjectId]) -> dict[ObjectId, int]:
    """Counts the chunks of files; the index answers that, however large they are."""
    groups = chunks_.aggregate(
        [
            {"$match": {"files_id": {"$in": file_ids}}},
            {"$group": {"_id": "$files_id", "count": {"$sum": 1}}},
        ]
    )
    return {group["_id"]: group["count"] for group in groups}


def _delete_results(
    database: Database[Document], snapshot_id: ObjectId, file_ids: list[ObjectId]
) -> None:
    if file_ids:
        database["fs.chunks"].delete_many({"files_id": {"$in": file_ids}})
        own = {"snapshot_id": snapshot_id, "_id": {"$in": file_ids}}
        database["fs.files"].delete_many(own)
