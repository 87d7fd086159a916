"""Whose documents those are that FiftyOne keeps side by side for all datasets.

A snapshot that comes from elsewhere may name any id. So before a state is put in place, what is
there under the ids of its documents is looked at; and what puts it in place replaces a document
only if it belongs to the same dataset, which the server decides at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bson import DBRef, ObjectId
from pymongo.database import Database

from ..errors import InvalidRequestError
from ..mongo.database import Document, raw
from .parts import Part, State, chunks, owner_field, shared_collection

OWNED = (Part.VIEWS, Part.WORKSPACES, Part.RUNS, Part.TAGS, Part.STORE)
"""Parts whose documents say which dataset they belong to."""

RUN_FIELDS = ("annotation_runs", "brain_methods", "evaluations", "runs")
"""Where a dataset document refers to runs."""

_REFERENCES = {
    Part.VIEWS: ("saved_views",),
    Part.WORKSPACES: ("workspaces",),
    Part.RUNS: RUN_FIELDS,
}

Missing = Mapping[Part, list[Any]]


def claim(
    database: Database[Document], dataset_id: ObjectId, wanted: State, document: Document
) -> Missing:
    """Makes sure that a state can become a dataset's without touching what belongs to others.

    Args:
        database: the database
        dataset_id: the dataset
        wanted: the state, whose documents name the dataset as their owner
        document: its dataset document

    Returns:
        the ids of those documents of the state that the dataset lacks, in their order

    Raises:
        InvalidRequestError: if documents of others have ids that the state uses; nothing was
            changed
    """
    missing: dict[Part, list[Any]] = {}
    for part in OWNED:
        ids = wanted[part].ids() if part in wanted else []
        named = _references(document, part).difference(ids)
        present = own_ids(database, dataset_id, part, [*ids, *named])
        missing[part] = [id_ for id_ in ids if id_ not in present]
    missing[Part.RESULT_FILES] = _claim_results(database, dataset_id, wanted)
    return missing


def own_ids(
    database: Database[Document], dataset_id: ObjectId, part: Part, ids: list[Any]
) -> set[Any]:
    """Looks up which documents a dataset has.

    Args:
        database: the database
        dataset_id: the dataset
        part: one of :data:`OWNED`
        ids: ids of documents

    Returns:
        those that there are

    Raises:
        InvalidRequestError: if one of them belongs to another dataset
    """
    found: set[Any] = set()
    for some in chunks(ids):
        documents = shared_collection(database, part).find(
            {"_id": {"$in": some}}, {owner_field(part): 1}
        )
        for document in documents:
            if document.get(owner_field(part)) != dataset_id:
                raise taken(part, document["_id"])
            found.add(document["_id"])
    return found


def _claim_results(database: Database[Document], dataset_id: ObjectId, wanted: State) -> list[Any]:
    runs = wanted[Part.RUNS].values(["results"]) if Part.RUNS in wanted else ()
    ids = {run["results"] for run in runs if run.get("results") is not None}
    files: dict[Any, bytes] = {}
    if Part.RESULT_FILES in wanted:
        files = {file["_id"]: file.raw for file in wanted[Part.RESULT_FILES].documents()}
    ids.update(files)
    if not ids:
        return []
    own, others = _referring(database, dataset_id, ids)
    present: set[Any] = set()
    for file in raw(database["fs.files"]).find({"_id": {"$in": list(ids)}}):
        id_ = file["_id"]
        # Files are never edited in place, so what is equal and nobody's may have been ours
        is_own = id_ in own or file.raw == files.get(id_)
        if id_ in others or "snapshot_id" in file or not is_own:
            raise taken(Part.RESULT_FILES, id_)
        present.add(id_)
    _check_chunks(database, wanted)
    return [id_ for id_ in files if id_ not in present]


def _check_chunks(database: Database[Document], wanted: State) -> None:
    if Part.RESULT_CHUNKS not in wanted:
        return
    files = {
        chunk["_id"]: chunk["files_id"]
        for chunk in wanted[Part.RESULT_CHUNKS].values(["files_id"])
    }
    for some in chunks(list(files)):
        for chunk in database["fs.chunks"].find({"_id": {"$in": some}}, {"files_id": 1}):
            if chunk["files_id"] != files[chunk["_id"]]:
                raise taken(Part.RESULT_CHUNKS, chunk["_id"])


def _referring(
    database: Database[Document], dataset_id: ObjectId, file_ids: Iterable[Any]
) -> tuple[set[Any], set[Any]]:
    """Returns the result files that runs of a dataset refer to, and those that others' do."""
    own: set[Any] = set()
    others: set[Any] = set()
    query = {"results": {"$in": list(file_ids)}}
    for run in database["runs"].find(query, {"results": 1, "_dataset_id": 1}):
        (own if run.get("_dataset_id") == dataset_id else others).add(run["results"])
    return own, others


def _references(document: Document, part: Part) -> set[Any]:
    """Returns the ids of documents of a part that a dataset document refers to."""
    return {
        reference.id if isinstance(reference, DBRef) else reference
        for field in _REFERENCES.get(part, ())
        for reference in _values(document.get(field))
        # Documents that FiftyOne has not migrated yet embed what later versions refer to
        if isinstance(reference, (ObjectId, DBRef))
    }


def _values(references: object) -> Iterator[Any]:
    if isinstance(references, dict):
        yield from references.values()
    elif isinstance(references, list):
        yield from references


def unshared(
    database: Database[Document], dataset_id: ObjectId, file_ids: Iterable[ObjectId]
) -> list[ObjectId]:
    """Leaves out the result files that must stay when a dataset does not need them any more.

    Args:
        database: the database
        dataset_id: the dataset
        file_ids: result files

    Returns:
        those that neither runs of other datasets nor loaded snapshots refer to
    """
    ids = list(file_ids)
    if not ids:
        return []
    shared = _referring(database, dataset_id, ids)[1]
    projected = database["fs.files"].distinct(
        "_id", {"_id": {"$in": ids}, "snapshot_id": {"$exists": True}}
    )
    return [id_ for id_ in ids if id_ not in shared and id_ not in projected]


def taken(part: Part, id_: object) -> InvalidRequestError:
    """Returns the error that says that an id is somebody else's.

    Args:
        part: the kind of document
        id_: its id

    Returns:
        the error
    """
    collection = {Part.RESULT_FILES: "fs.files", Part.RESULT_CHUNKS: "fs.chunks"}.get(part, part)
    return InvalidRequestError(
        f"The snapshot uses the id {id_} in FiftyOne's collection '{collection}', which belongs "
        "to something else here. Nothing was changed, as that would have been overwritten."
    )
