"""Making documents lie in a wanted order, by moving some of them to the end."""

from __future__ import annotations

import numpy as np
from pymongo.collection import Collection

from ...dataset.parts import Documents
from ...mongo.database import Document, raw
from ...rawbson.ids import Ids, Keys, positions
from .reconstruct import by_id

_FEW = 0.05
_FEW_DOCUMENTS = 1000
_BATCH_DOCUMENTS = 1000


def to_move(actual: Keys, wanted: Keys) -> Keys:
    """Tells which documents have to be moved to the end, one after the other.

    Args:
        actual: the ids of a collection, in natural order
        wanted: the same ids in the wanted order

    Returns:
        the ids to move
    """
    by_key = np.argsort(actual, kind="stable")
    places = by_key[positions(actual[by_key], wanted)[0]]
    backwards = np.flatnonzero(np.diff(places) < 0)
    return wanted[backwards[0] + 1 :] if len(backwards) else wanted[:0]


def are_few(moving: Keys, wanted: Keys) -> bool:
    """Tells whether moving documents is cheaper than writing all of them anew."""
    return len(moving) <= max(_FEW_DOCUMENTS, _FEW * len(wanted))


def move_to_end(collection: Collection[Document], keys: Keys) -> None:
    """Moves documents to the end of a collection.

    Args:
        collection: the collection
        keys: the documents, in the order that they will have
    """
    documents = by_id(Documents(collection), keys)
    for start in range(0, len(keys), _BATCH_DOCUMENTS):
        ids = list(Ids(keys[start : start + _BATCH_DOCUMENTS]))
        collection.delete_many({"_id": {"$in": ids}})
    for start in range(0, len(documents), _BATCH_DOCUMENTS):
        raw(collection).insert_many(documents[start : start + _BATCH_DOCUMENTS])
