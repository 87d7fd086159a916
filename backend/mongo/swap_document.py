"""Replacing a document only if it still is what was read, however large both are.

A command has room for little more than one document of MongoDB's largest size. So two small
documents are compared whole, and of larger ones as much as there is room for. What that leaves
unseen is not lost: the server hands out the very document that it has replaced.
"""

from __future__ import annotations

from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from .database import Document, raw

_COMMAND_BYTES = 16 * 1024 * 1024 + 16_000
"""What PyMongo sends and the server takes: the largest document and some 16 KB."""

_OVERHEAD_BYTES = 4096
"""For the rest of the command: names, options, session, cluster time."""


def swap(
    collection: Collection[Document], expected: RawBSONDocument, replacement: Document
) -> RawBSONDocument | None:
    """Replaces a document, if it still is what is expected.

    Args:
        collection: the collection
        expected: what the document is thought to be, of which ``_id`` decides which one is meant
        replacement: what it is to become

    Returns:
        the document that was replaced, or None if it was not. It differs from ``expected`` at
        most where two large values of equal size do
    """
    room = _COMMAND_BYTES - _OVERHEAD_BYTES - len(bson.encode(replacement))
    condition = _is_whole(expected)
    if len(bson.encode({"": condition})) <= room:
        query = {"_id": expected["_id"], "$expr": condition}
        replaced = collection.replace_one(query, replacement).matched_count > 0
        return expected if replaced else None
    query = {"_id": expected["_id"], "$expr": {"$and": _conditions(expected, room)}}
    # Raw for what it returns; what it writes is the same
    return raw(collection).find_one_and_replace(query, replacement)


def _is_whole(expected: RawBSONDocument) -> Document:
    return {"$eq": ["$$ROOT", {"$literal": expected}]}


def _conditions(expected: RawBSONDocument, room: int) -> list[Document]:
    """Returns what is true of the document that is expected, as much as there is room for."""
    found: list[Document] = [{"$eq": [{"$bsonSize": "$$ROOT"}, len(expected.raw)]}]
    room -= len(bson.encode({"": found}))
    whole = {key: _is(key, value) for key, value in expected.items()}
    for condition in sorted(whole.values(), key=_size):
        room -= _size(condition)
        if room < 0:
            break
        found.append(condition)
    return found


def _is(key: str, value: Any) -> Document:
    # A name may hold dots and dollars, which a path may not
    field = {"$getField": {"field": {"$literal": key}, "input": "$$ROOT"}}
    return {"$eq": [field, {"$literal": value}]}


def _size(condition: Document) -> int:
    # And some bytes for its place in the list
    return len(bson.encode(condition)) + 16
