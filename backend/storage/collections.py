"""Collections that hold a part of a snapshot, as backends make them."""

from __future__ import annotations

import math

from bson import ObjectId
from pymongo import ASCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..dataset.parts import MOST_IDS, Documents, Part, State, chunks
from ..manifest.manifest import Manifest
from ..mongo import engine, fence
from ..mongo.counters import write_counters
from ..mongo.database import Document, create_compressed
from ..mongo.engine import Fact
from ..mongo.gate import Workers
from ..rawbson.ids import Ids, Keys

# Frames are always read by sample, and results by file: these are wanted from the first load on.
# Not unique, as FiftyOne's own are: a database that was brought back without indexes can have two
# frames of one number, and a snapshot holds what there is
_INDEXES = {
    Part.FRAMES: [IndexModel([("_sample_id", ASCENDING), ("frame_number", ASCENDING)])],
    Part.RESULT_CHUNKS: [IndexModel([("files_id", ASCENDING), ("n", ASCENDING)])],
}
_NAMESPACE_NOT_FOUND = 26
_DUPLICATE_KEY = 11000

_FEW = 1000
"""So many documents are not worth a second thread."""


def create(part: Part, database: Database[Document], name: str) -> Collection[Document]:
    """Makes an empty collection for a part, with the indexes that reading it needs from the start.

    Other indexes would cost a third of a copy's time, and can follow when they are needed.

    Args:
        part: the part
        database: the database
        name: the collection's name; a former one is dropped

    Returns:
        the collection
    """
    database.drop_collection(name)
    target = create_compressed(database, name)
    create_indexes(part, target)
    return target


def create_indexes(part: Part, target: Collection[Document]) -> None:
    """Makes the indexes that reading a part needs from the start.

    Args:
        part: the part
        target: the collection that holds it
    """
    if part in _INDEXES:
        target.create_indexes(_INDEXES[part])


def settle(part: Part, staged: Collection[Document], name: str) -> None:
    """Gives a staged collection the name that it stays under, with the indexes that it needs.

    Who takes over the dataset drops what is staged, so that from then on this fails. The indexes
    come first: built under the new name, they would bring an empty collection about once others
    have dropped that.

    Args:
        part: the part that it holds
        staged: the collection; gone, if it was renamed before a crash
        name: the name; what a former collection of that name holds is replaced

    Raises:
        LeaseLostError: if somebody else has taken over the dataset
        OperationFailure: if neither collection is there
    """
    database = staged.database
    query = {"name": {"$in": [staged.name, name]}}
    there = database.list_collection_names(filter=query)
    if name in there and staged.name not in there:
        return
    if staged.name in there:
        create_indexes(part, staged)
    # Others may have a whole one of that name
    fence.check(database)
    staged.rename(name, dropTarget=True)


def copy_all(
    part: Part, documents: Documents, database: Database[Document], name: str
) -> Collection[Document]:
    """Copies a part into a collection of its own.

    Args:
        part: the part
        documents: its documents
        database: the database
        name: the collection's name; what a former one holds is replaced

    Returns:
        the collection
    """
    # One document: making a collection for it takes longer than what compression spares
    is_one = part is Part.DATASET
    target = database[name] if is_one else create_compressed(database, name)
    create_indexes(part, target)
    documents.copy_to(target)
    return target


def put(documents: Documents, target: Collection[Document]) -> Manifest:
    """Makes a collection hold exactly these documents, which nobody changes.

    Args:
        documents: what to copy
        target: the collection to fill or replace, whose indexes are kept

    Returns:
        what the collection holds now
    """
    source = documents.collection
    is_counted = engine.holds(Fact.COUNTS_WRITES, source.database)
    before = write_counters(source) if is_counted else None
    with Workers(max_workers=1) as pool:
        reading = pool.submit(Manifest.read, documents)
        documents.copy_to(target)
        content = reading.result()
    if before is not None and write_counters(source) == before:
        return content
    # What was read need not be what was copied
    return Manifest.read(Documents(target))


def patch(
    target: Collection[Document],
    documents: Documents,
    changed: list[ObjectId],
    removed: list[ObjectId],
) -> None:
    """Copies some documents again into a copy, and removes others from it.

    Documents that stay are replaced where they lie, which keeps their order.

    Args:
        target: the copy
        documents: where to copy from
        changed: the documents to copy
        removed: the documents to remove
    """
    remove(target, removed)
    try:
        merge(target, documents, changed)
    except OperationFailure as error:
        if error.code != _DUPLICATE_KEY:
            raise
        _allow_equal_values(target)
        merge(target, documents, changed)


def _allow_equal_values(target: Collection[Document]) -> None:
    """Makes no index of a copy unique any more.

    Copies that earlier versions made have a unique index of frames, and those that were opened
    once have the dataset's. Frames that swap their numbers are in each other's way there.
    """
    for name, index in target.index_information().items():
        if index.get("unique"):
            target.drop_index(name)
            target.create_index(index["key"], name=name)


def remove(target: Collection[Document], ids: list[ObjectId]) -> None:
    """Removes documents from a copy.

    Args:
        target: the copy
        ids: which ones
    """
    for some in chunks(ids):
        target.delete_many({"_id": {"$in": some}})


def merge(target: Collection[Document], documents: Documents, ids: list[ObjectId]) -> None:
    """Copies documents in two threads of the server, each of which looks up one at a time.

    New documents mostly have the latest ids, and then are put in by one of them, in their order.

    Args:
        target: where to copy them, over former ones
        documents: where to copy from
        ids: which ones
    """
    ids = sorted(ids)
    size = min(MOST_IDS, max(_FEW, math.ceil(len(ids) / 2)))
    with Workers(max_workers=2) as pool:
        for done in [
            pool.submit(documents.merge_into, target, ids_) for ids_ in chunks(ids, size)
        ]:
            done.result()


def natural_order(collection: Collection[Document], keys: Keys) -> Keys:
    """Returns the ids of some documents in natural order.

    Args:
        collection: the collection
        keys: ids of documents that it has

    Returns:
        the same ids
    """
    numbers: dict[ObjectId, int] = {}
    for some in chunks(list(Ids(keys))):
        found = collection.find({"_id": {"$in": some}}, {"_id": 1}, show_record_id=True)
        numbers.update((document["_id"], document["$recordId"]) for document in found)
    return Ids.of(sorted(numbers, key=lambda id_: numbers[id_])).keys


def list_indexes(state: State) -> dict[Part, list[Document]]:
    """Returns the indexes of a dataset's samples and frames, as ``listIndexes`` tells.

    Args:
        state: where the dataset's documents are

    Returns:
        definitions by part
    """
    own = {part: docs for part, docs in state.items() if part.is_own_collection}
    return {part: _list_indexes(documents) for part, documents in own.items()}


def _list_indexes(documents: Documents) -> list[Document]:
    try:
        return [dict(index) for index in documents.collection.list_indexes()]
    except OperationFailure as error:
        if error.code == _NAMESPACE_NOT_FOUND:
            return []
        raise
