"""Replacing documents of a dataset that still are what they were thought to be.

Others go on writing to a dataset while samples are restored, and after a restoration has died. So
documents are replaced and deleted on the condition that they are what was read before, inside the
server, one by one; what somebody else has changed is theirs and stays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, OperationFailure

from ..mongo import fence
from ..mongo.database import Document
from ..mongo.explanations import TOO_LARGE
from ..mongo.gate import Workers
from .parts import Documents, chunks

_CONDEMNED = "_condemned_by"
"""In a document that is about to be deleted, the operation that does so."""

_IN_ONE = 2500
"""So many documents are replaced by one command."""
_MOST_PIECES = 1000
"""Into about so many pieces documents are cut at most, to find those in each other's way."""
_AT_A_TIME = 2
"""So many commands replace documents: what a document still is, the server finds out slowly."""


def replace(
    target: Collection[Document],
    former: Documents,
    wanted: Documents,
    ids: list[ObjectId],
    removed: Collection[Document],
    nobody: ObjectId,
) -> None:
    """Replaces documents that are still what they were.

    Args:
        target: the dataset's collection
        former: what they were
        wanted: what they are to be
        ids: which ones
        removed: where it is noted which ones are deleted for a moment, being in each other's way
        nobody: the operation
    """
    replace_some = partial(_replace, target, former, wanted)
    try:
        with Workers(max_workers=_AT_A_TIME) as pool:
            # To the end: only then is it known whether all could be replaced
            list(pool.map(replace_some, chunks(ids, _IN_ONE)))
    except OperationFailure as error:
        if not _is_in_the_way(error):
            raise
    else:
        return
    few = len(ids) // _MOST_PIECES + 1
    # One may be in the way of another one until that is replaced
    before: list[ObjectId] = []
    while ids != before:
        before = ids
        ids = [id_ for some in chunks(ids, _IN_ONE) for id_ in _left(replace_some, some, few)]
    # What is left are documents in each other's way, such as two samples that swapped their paths;
    # or there is no room in one command for what a document was and what it is to be
    present = [id_ for some in chunks(ids) for id_ in _present(target, some)]
    note(removed, present)
    delete(target, former, present, nobody)
    insert(target, wanted, present)


def _left(
    replace_some: Callable[[list[ObjectId]], None], ids: list[ObjectId], few: int
) -> list[ObjectId]:
    """Replaces documents, and returns those that cannot be; so few are not told apart."""
    try:
        replace_some(ids)
    except OperationFailure as error:
        if not _is_in_the_way(error):
            raise
        if len(ids) <= few:
            return ids
        half = len(ids) // 2
        return _left(replace_some, ids[:half], few) + _left(replace_some, ids[half:], few)
    return []


def _is_in_the_way(error: OperationFailure) -> bool:
    return isinstance(error, DuplicateKeyError) or error.code in TOO_LARGE


def insert(target: Collection[Document], wanted: Documents, ids: list[ObjectId]) -> None:
    """Inserts documents that are not there."""
    for some in chunks(ids):
        wanted.merge_into(target, some, replace=False)


def delete(
    target: Collection[Document], former: Documents, ids: list[ObjectId], nobody: ObjectId
) -> None:
    """Deletes documents that are still what they were.

    Args:
        target: the dataset's collection
        former: what they were
        ids: which ones
        nobody: the operation
    """
    condemned = {"$mergeObjects": ["$$ROOT", {_CONDEMNED: nobody}]}
    for some in chunks(ids):
        stages: list[Document] = [
            {"$match": {"_id": {"$in": some}}},
            {"$replaceWith": {"_id": "$_id", "former": "$$ROOT"}},
        ]
        is_same = {"$eq": ["$$ROOT", "$$new.former"]}
        fence.write(former.collection, stages, _merge(target, is_same, condemned))
        target.delete_many({"_id": {"$in": some}, _CONDEMNED: nobody})


def clear(target: Collection[Document], ids: list[ObjectId], nobody: ObjectId) -> None:
    """Deletes what an attempt that was interrupted was just about to delete."""
    for some in chunks(ids):
        target.delete_many({"_id": {"$in": some}, _CONDEMNED: nobody})


def note(noted: Collection[Document], ids: list[ObjectId]) -> None:
    """Notes ids, those that are noted already as well."""
    known = set(Documents(noted).ids())
    for some in chunks([id_ for id_ in ids if id_ not in known]):
        noted.insert_many({"_id": id_} for id_ in some)


def set_values(
    collection: Collection[Document], id_: ObjectId, former: Document, wanted: Document
) -> None:
    """Sets those fields of a document that still are what they were.

    Args:
        collection: the collection
        id_: the document's id
        former: what the fields were; None for those that were missing
        wanted: what they are to be
    """
    if not wanted:
        return
    values: dict[str, Any] = {
        key: {
            "$cond": [
                {"$eq": [{"$ifNull": [f"${key}", None]}, f"$$new.former.{key}"]},
                f"$$new.wanted.{key}",
                f"${key}",
            ]
        }
        for key in wanted
    }
    document = {"_id": id_, "former": former, "wanted": wanted}
    fence.put(collection, document, if_there=[{"$set": values}], if_not="discard")


def _replace(
    target: Collection[Document], former: Documents, wanted: Documents, ids: list[ObjectId]
) -> None:
    known = {"from": former.collection.name, "localField": "_id", "foreignField": "_id"}
    stages: list[Document] = [
        {"$match": {"_id": {"$in": ids}}},
        {"$replaceWith": {"_id": "$_id", "wanted": "$$ROOT"}},
        {"$lookup": {**known, "as": "former"}},
    ]
    is_same = {"$in": ["$$ROOT", "$$new.former"]}
    fence.write(wanted.collection, stages, _merge(target, is_same, "$$new.wanted"))


def _merge(target: Collection[Document], condition: Document, result: Any) -> Document:
    matched = [{"$replaceWith": {"$cond": [condition, result, "$$ROOT"]}}]
    return {
        "$merge": {
            "into": target.name,
            "on": "_id",
            "whenMatched": matched,
            "whenNotMatched": "discard",
        }
    }


def _present(target: Collection[Document], ids: list[ObjectId]) -> list[ObjectId]:
    return Documents(target, {"_id": {"$in": ids}}).ids()
