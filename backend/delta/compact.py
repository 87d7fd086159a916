"""Saving space: of older snapshots the manifests too are kept as differences."""

from __future__ import annotations

from itertools import pairwise

from bson import ObjectId
from pymongo.database import Database

from .. import manifest
from ..contents import Part
from ..database import MANIFESTS, Document
from . import chain as chains

_FULL = 32
"""Every so many manifests one stays in full, so that reading one never needs many others."""


def compact(database: Database[Document], dataset_id: ObjectId) -> None:
    """Stores the manifests of a dataset's snapshots as the difference to the next one's.

    Nobody who reads is blocked: what is stored anew replaces what was there when it is complete.

    Args:
        database: the database
        dataset_id: the dataset
    """
    chain = chains.load(database, dataset_id)
    links = [link for link in chain.links if link.is_complete and not link.is_apart]
    ids = [link.id for link in links]
    # What is told by another one already is not even looked at
    full = database[MANIFESTS].find(
        {"snapshot_id": {"$in": ids}, "base": None}, {"snapshot_id": 1, "part": 1}
    )
    todo = {(piece["snapshot_id"], piece["part"]) for piece in full}
    for older, newer in reversed(list(pairwise(links))):
        for part in older.parts if older.sequence % _FULL else ():
            is_told = part.is_own_collection and not older.parts[part].is_kept
            if is_told and (older.id, part.value) in todo:
                manifest.rebase(database, older.id, Part(part), newer.id)
