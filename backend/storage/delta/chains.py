"""The chains of the database: read once by whoever holds a dataset's lease, and changed by one.

A chain is replaced on the condition that nobody else has replaced it. Operations make it theirs
first, by the token of their lease, so that whoever has lost that changes nothing any more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from ...errors import SnapshotError
from ...mongo import fence
from ...mongo.collections import DELTA
from ...mongo.database import Document
from .chain import Chain

_ATTEMPTS = 100

_KEPT = "chain"
_AS_READ = fence.read_along(DELTA)
_keeping = threading.Lock()


def load(database: Database[Document], dataset_id: ObjectId) -> Chain:
    """Returns the chain of a dataset; an empty one if it has none."""
    chain = _read(dataset_id, database[DELTA].find_one({"_id": dataset_id}))
    _keep(chain)
    return chain


def _read(dataset_id: ObjectId, document: Document | None) -> Chain:
    return Chain(dataset_id) if document is None else Chain.from_document(document)


def known(database: Database[Document], dataset_id: ObjectId) -> Chain:
    """Returns the chain of a dataset as whoever holds its lease has read or written it last.

    Others may have opened full copies since, and nothing else: whoever must not miss that changes
    the chain, which fails then and is tried again. Who holds no lease reads it.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        the chain; an empty one if it has none
    """
    held = fence.current()
    if held is None or held.dataset_id != dataset_id:
        return load(database, dataset_id)
    if _KEPT not in held.kept:
        if _AS_READ not in held.kept:
            return load(database, dataset_id)
        _keep(_read(dataset_id, held.kept.pop(_AS_READ)))
    chain: Chain = held.kept[_KEPT]
    return chain


def taken(database: Database[Document], dataset_id: ObjectId) -> Chain:
    """Does the same for who is about to change it, and makes it theirs first."""
    held = fence.current()
    if held is not None and held.dataset_id == dataset_id and _KEPT not in held.kept:
        _take(database, dataset_id, held)
        # Until then, whoever had the lease before may have changed it
        held.kept.pop(_AS_READ, None)
    return known(database, dataset_id)


def _keep(chain: Chain) -> None:
    held = fence.current()
    if held is None or held.dataset_id != chain.dataset_id:
        return
    with _keeping:
        former = held.kept.get(_KEPT)
        # Threads of one operation may come in another order
        if former is None or former.version <= chain.version:
            held.kept[_KEPT] = chain


def _forget(dataset_id: ObjectId) -> None:
    if (held := fence.current()) is not None and held.dataset_id == dataset_id:
        held.kept.pop(_KEPT, None)
        held.kept.pop(_AS_READ, None)


def all_chains(database: Database[Document]) -> list[Chain]:
    """Returns the chains of all datasets."""
    return [Chain.from_document(document) for document in database[DELTA].find()]


def is_current(database: Database[Document], chain: Chain, snapshot_id: ObjectId) -> bool:
    """Returns whether a chain is what it was; one begun anew counts its versions from 1."""
    held = fence.current()
    if held is not None and held.dataset_id == chain.dataset_id:
        now = known(database, chain.dataset_id)
        return now.version == chain.version and now.find(snapshot_id) is not None
    query = {"_id": chain.dataset_id, "version": chain.version, "links.id": snapshot_id}
    return database[DELTA].find_one(query, {"_id": 1}) is not None


def of_snapshot(database: Database[Document], snapshot_id: ObjectId) -> Chain | None:
    """Returns the chain that a snapshot is in, or None."""
    document = database[DELTA].find_one({"links.id": snapshot_id})
    return None if document is None else Chain.from_document(document)


def change(
    database: Database[Document], dataset_id: ObjectId, edit: Callable[[Chain], Chain | None]
) -> Chain | None:
    """Changes the chain of a dataset, whoever else changes it at the same moment.

    Args:
        database: the database
        dataset_id: the dataset
        edit: gets the chain and returns the new one, or None to leave it; may be called again

    Returns:
        the new chain, or None if it was left
    """
    held = fence.current()
    for attempt in range(_ATTEMPTS):
        former = load(database, dataset_id) if attempt else known(database, dataset_id)
        if held is not None and former.holder != held.token:
            _take(database, dataset_id, held)
            continue
        edited = edit(former)
        if edited is None:
            return None
        edited = replace(edited, version=former.version + 1)
        query = {"_id": dataset_id, "version": former.version, "holder": former.holder}
        # Whatever becomes of it
        _forget(dataset_id)
        if not edited.links:
            database[DELTA].delete_one(query)
            return edited
        try:
            result = database[DELTA].replace_one(
                query, edited.to_document(), upsert=former.version == 0
            )
        except DuplicateKeyError:
            continue
        if result.matched_count or result.upserted_id is not None:
            _keep(edited)
            return edited
    raise SnapshotError(f"The chain of dataset {dataset_id} is changed by others all the time")


def _take(database: Database[Document], dataset_id: ObjectId, held: fence.Fence) -> None:
    """Makes the chain ours, so that nobody who had the lease before changes it any more."""
    new = replace(Chain(dataset_id), version=1, holder=held.token).to_document()
    # Its version stays, by which those who read tell whether it says something else
    fence.put(database[DELTA], new, if_there=[{"$set": {"holder": held.token}}])
