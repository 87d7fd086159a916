"""Saving space: manifests too are kept as differences."""

from __future__ import annotations

from itertools import pairwise

from bson import ObjectId
from pymongo.database import Database

from ...manifest import store as manifest_store
from ...mongo.collections import MANIFESTS
from ...mongo.database import Document
from . import chains

FULL_MANIFESTS = 16
"""Every so many manifests one stays in full, so that reading one never needs many others."""


def compact(database: Database[Document], dataset_id: ObjectId) -> None:
    """Stores the manifests of a dataset's snapshots as the difference to the one before.

    Those of new snapshots are stored like that from the start; others have come from elsewhere.
    Nobody who reads is blocked: what is stored anew replaces what was there when it is complete.

    Args:
        database: the database
        dataset_id: the dataset
    """
    chain = chains.known(database, dataset_id)
    links = [link for link in chain.links if link.is_complete and not link.is_apart]
    ids = [link.id for link in links]
    # What is told by another one already is not even looked at
    full = database[MANIFESTS].find(
        {"snapshot_id": {"$in": ids}, "base": None}, {"snapshot_id": 1, "part": 1}
    )
    todo = {(piece["snapshot_id"], piece["part"]) for piece in full}
    for older, newer in pairwise(links):
        for part in newer.parts if newer.sequence % FULL_MANIFESTS else ():
            # What is kept as a full copy differs much from what follows
            is_like = part in older.parts and not older.parts[part].is_kept
            if part.is_own_collection and is_like and (newer.id, part.value) in todo:
                manifest_store.rebase(database, newer.id, part, older.id)
