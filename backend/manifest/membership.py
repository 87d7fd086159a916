"""Which snapshots hold some documents, without making up the manifest of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..dataset.parts import Part
from ..errors import DamagedSnapshotError
from ..mongo.collections import MANIFESTS
from ..mongo.database import Document
from ..rawbson.ids import Keys, positions
from .manifest import Patch
from .stored import Stored


def holding(
    database: Database[Document],
    snapshot_ids: Iterable[ObjectId],
    part: Part,
    keys: Keys,
    nearby: Iterable[ObjectId] = (),
) -> dict[ObjectId, Keys]:
    """Tells which of some documents each of some snapshots has.

    What is stored as a difference to another snapshot is followed from one to the next, so that
    of all manifests only one is read that tells every document.

    Args:
        database: the database
        snapshot_ids: the snapshots
        part: the part of them
        keys: the ids of the documents
        nearby (()): other snapshots to which they may be stored as differences

    Returns:
        those that each snapshot has

    Raises:
        DamagedSnapshotError: if a manifest is missing or not what was stored
    """
    wanted = set(snapshot_ids)
    look = partial(_read, database, wanted, part, set(nearby) - wanted)
    try:
        patches = look()
    except DamagedSnapshotError:
        # One that tells others may have been deleted at this moment: then another one does
        patches = look()
    return {snapshot_id: _held(patches, snapshot_id, keys) for snapshot_id in wanted}


def _read(
    database: Database[Document],
    snapshot_ids: set[ObjectId],
    part: Part,
    nearby: set[ObjectId],
) -> Mapping[ObjectId, tuple[Patch, ObjectId | None]]:
    """Reads manifests as differences, and what they differ from."""
    found: dict[ObjectId, tuple[Patch, ObjectId | None]] = {}
    missing = together = snapshot_ids
    while missing:
        pieces: dict[ObjectId, list[Document]] = {each: [] for each in together}
        query = {"snapshot_id": {"$in": list(together)}, "part": part.value}
        for piece in database[MANIFESTS].find(query).sort("number", 1):
            pieces[piece["snapshot_id"]].append(piece)
        for snapshot_id, some in pieces.items():
            try:
                stored = Stored.joined(some, snapshot_id, part)
            except DamagedSnapshotError:
                if snapshot_id in missing:
                    raise
            else:
                found[snapshot_id] = stored.patch(), stored.base
        missing = _bases(found, snapshot_ids) - found.keys()
        # What tells one of them is told by another one: all at once, that is one round trip
        together, nearby = missing | nearby, set()
    return found


def _bases(
    found: Mapping[ObjectId, tuple[Patch, ObjectId | None]], snapshot_ids: set[ObjectId]
) -> set[ObjectId]:
    """Returns what tells some manifests, as far as that is known."""
    bases: set[ObjectId] = set()
    left = set(snapshot_ids)
    while left:
        some = {found[each][1] for each in left if each in found}
        left = {each for each in some if each is not None} - bases
        bases |= left
    return bases


def _held(
    patches: Mapping[ObjectId, tuple[Patch, ObjectId | None]], snapshot_id: ObjectId, keys: Keys
) -> Keys:
    held, open_ = np.zeros(len(keys), bool), np.ones(len(keys), bool)
    at: ObjectId | None = snapshot_id
    while at is not None and open_.any():
        patch, at = patches[at]
        here = open_ & positions(patch.manifest.keys, keys)[1]
        held |= here
        open_ &= ~here & ~positions(patch.removed, keys)[1]
    found: Keys = keys[held]
    return found
