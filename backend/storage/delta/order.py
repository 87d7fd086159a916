"""The natural order of a snapshot's documents, which its manifest does not tell.

Kept as steps through the sorted ids. Documents mostly lie in the order of their ids, so that all
steps are one, and nothing is kept at all; where they do not, four bytes a document before
compression.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

from ...catalog.record import FORMAT_VERSION, check_format
from ...dataset.parts import Part
from ...errors import DamagedSnapshotError
from ...manifest.manifest import Manifest
from ...mongo import fence
from ...mongo.collections import ORDERS
from ...mongo.database import Document
from ...rawbson.ids import Keys, positions
from .. import scan
from .chain import Link

_STEP = np.dtype("<i4")
_PIECE_BYTES = 8 * 1024 * 1024


def save(
    database: Database[Document],
    snapshot_id: ObjectId,
    part: Part,
    read: Manifest,
    *,
    is_new: bool = False,
) -> None:
    """Stores the order of a part.

    Args:
        database: the database
        snapshot_id: the snapshot
        part: the part
        read: its manifest, as it was read
        is_new (False): whether nobody can have stored one before
    """
    assert read.places is not None
    if not is_new:
        delete(database, snapshot_id, part)
    _save(database, snapshot_id, part, np.argsort(read.places, kind="stable"))


def save_natural(
    database: Database[Document], snapshot_id: ObjectId, part: Part, natural: Keys
) -> None:
    """Stores the order of a part.

    Args:
        database: the database
        snapshot_id: the snapshot
        part: the part
        natural: its ids in natural order
    """
    delete(database, snapshot_id, part)
    _save(database, snapshot_id, part, positions(np.sort(natural), natural)[0])


def _save(
    database: Database[Document],
    snapshot_id: ObjectId,
    part: Part,
    order: npt.NDArray[np.int64],
) -> None:
    if np.array_equal(order, np.arange(len(order))):
        return
    data = zlib.compress(np.diff(order, prepend=0).astype(_STEP).tobytes(), 1)
    starts = range(0, len(data), _PIECE_BYTES)
    database[ORDERS].insert_many(
        {
            "snapshot_id": snapshot_id,
            "part": part.value,
            "number": number,
            "pieces": len(starts),
            "format": FORMAT_VERSION,
            "data": data[start : start + _PIECE_BYTES],
        }
        for number, start in enumerate(starts)
    )


def load(
    database: Database[Document], snapshot_id: ObjectId, part: Part, manifest: Manifest
) -> Keys:
    """Returns the ids of a part in natural order.

    Args:
        database: the database
        snapshot_id: the snapshot
        part: the part
        manifest: its manifest

    Returns:
        the keys

    Raises:
        DamagedSnapshotError: if what was stored is not complete
    """
    query = {"snapshot_id": snapshot_id, "part": part.value}
    pieces = list(database[ORDERS].find(query).sort("number", 1))
    if not pieces:
        return manifest.keys
    for piece in pieces:
        check_format(piece)
    steps = np.empty(0, _STEP)
    if len(pieces) == pieces[0]["pieces"]:
        steps = np.frombuffer(zlib.decompress(b"".join(p["data"] for p in pieces)), _STEP)
    if len(steps) != len(manifest):
        raise DamagedSnapshotError(
            f"The order of the {part.value} of snapshot {snapshot_id} is damaged"
        )
    return manifest.keys[np.cumsum(steps, dtype=np.int64)]


def delete(database: Database[Document], snapshot_id: ObjectId, part: Part | None = None) -> None:
    """Deletes the order of a part of a snapshot, or of all parts."""
    query: Document = {"snapshot_id": snapshot_id}
    if part is not None:
        query["part"] = part.value
    # The same snapshot may have been imported again meanwhile, by others
    fence.delete_found(database[ORDERS], query)


def now(
    previous: Link,
    part: Part,
    former: Manifest,
    collection: Collection[Document],
    existing: Keys,
    inserted: Keys | None,
) -> Keys:
    """Returns the natural order of a dataset's documents.

    Args:
        previous: the newest snapshot
        part: samples or frames
        former: its content
        collection: the dataset's collection
        existing: the documents that there are, sorted
        inserted: those that were inserted since, in natural order, if that is known

    Returns:
        the keys
    """
    if inserted is not None:
        before = load(collection.database, previous.id, part, former)
        if (natural := _reordered(before, existing, inserted)) is not None:
            return natural
    return scan.natural(collection, existing)


def _reordered(before: Keys, existing: Keys, inserted: Keys) -> Keys | None:
    """Returns the natural order of documents, by what it was and what was inserted since.

    Args:
        before: the documents that there were, in natural order
        existing: those that there are, sorted
        inserted: those that were inserted since, in natural order

    Returns:
        those that there are in natural order, or None if some are neither from before nor known
        to be inserted
    """
    place, exists = positions(existing, inserted)
    stayed = np.delete(existing, place[exists])
    natural = np.concatenate([before[positions(stayed, before)[1]], inserted[exists]])
    return natural if len(natural) == len(existing) else None
