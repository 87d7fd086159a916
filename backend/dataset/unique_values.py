"""Values that no two samples may have, and that a sample has which comes back."""

from __future__ import annotations

import re
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from ..errors import InvalidRequestError
from ..mongo.database import Document
from .parts import Documents, chunks

_INDEX = re.compile(r"index: (.+?) dup key")
_AT_ONCE = 10_000


def explained(
    error: DuplicateKeyError,
    here: Documents,
    there: Documents,
    ids: list[ObjectId],
    whose: str = "of the snapshot",
) -> InvalidRequestError:
    """Says which sample is in the way of a restored one, and what to do about it.

    The advice is not to drop the index: FiftyOne does not let anybody drop that of ``filepath``.

    Args:
        error: what the server said
        here: the dataset's samples
        there: the snapshot's samples
        ids: the samples that were to be restored
        whose ("of the snapshot"): what the samples are called that come back

    Returns:
        the error to raise
    """
    message = str((error.details or {}).get("errmsg", error))
    found = _conflict(message, here, there, ids)
    if found is None:
        return InvalidRequestError(
            "Another document of the dataset has a value by now that must be unique and that a "
            f"restored one had: {message}. Nothing was changed. Change or delete that one first, "
            "or restore other samples or fields."
        )
    other, restored, said = found
    return InvalidRequestError(
        f"Sample {other} of the dataset has the {said} by now, which must be unique and which "
        f"sample {restored} {whose} had. Nothing was changed. Delete the one, "
        f"dataset.delete_samples('{other}'), or leave the other out."
    )


def _conflict(
    message: str, here: Documents, there: Documents, ids: list[ObjectId]
) -> tuple[ObjectId, ObjectId, str] | None:
    """Returns a sample that is in the way, the one that it is in the way of, and the value."""
    name = _INDEX.search(message)
    index = here.collection.index_information().get(name[1]) if name else None
    if index is None:
        return None
    keys = [key for key, _ in index["key"]]
    restored = set(ids)
    for some in chunks(ids, _AT_ONCE):
        wanted = {
            _values(document, keys): document["_id"]
            for document in there.collection.find({"_id": {"$in": some}}, dict.fromkeys(keys, 1))
        }
        query = {keys[0]: {"$in": [values[0] for values in wanted]}}
        for other in here.collection.find(query, dict.fromkeys(keys, 1)):
            values = _values(other, keys)
            if other["_id"] not in restored and values in wanted:
                said = ", ".join(f"{k} {v!r}" for k, v in zip(keys, values, strict=True))
                return other["_id"], wanted[values], said
    return None


def _values(document: Document, keys: list[str]) -> tuple[Any, ...]:
    found: list[Any] = []
    for key in keys:
        value: Any = document
        for name in key.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        # Lists and the like are not compared
        found.append(value if isinstance(value, (str, int, float, ObjectId)) else None)
    return tuple(found)
