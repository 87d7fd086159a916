"""Reading what is stored of a snapshot, for those who look for damage."""

from __future__ import annotations

from bson import ObjectId
from pymongo.database import Database

from ...dataset.parts import Documents, Part
from ...manifest import store as manifest_store
from ...manifest.manifest import Manifest
from ...mongo.collections import delta_collections, delta_name
from ...mongo.database import Document
from ...rawbson.ids import positions
from . import chains
from .chain import Stored
from .places import Places
from .source import VirtualSource


def read(
    database: Database[Document], dataset_id: ObjectId, snapshot_id: ObjectId, part: Part
) -> list[Manifest]:
    """Reads a part of a snapshot wherever it is stored.

    Args:
        database: the database
        dataset_id: the dataset
        snapshot_id: the snapshot
        part: the part

    Returns:
        the content as the pre-images tell it, and that of the snapshot's own full copy
    """
    chain = chains.load(database, dataset_id)
    stored = chain.get(snapshot_id).parts.get(part)
    if stored is None:
        return []
    if not part.is_own_collection:
        return _full_copy(database, dataset_id, stored, part)
    source = VirtualSource(database, dataset_id, snapshot_id, part, is_canonical=True)
    held = chain.held(chain.get(snapshot_id))
    return [
        source.steadily(lambda places: _together(database, snapshot_id, part, places)),
        *(_full_copy(database, dataset_id, stored, part) if stored.full_copy in held else ()),
    ]


def _full_copy(
    database: Database[Document], dataset_id: ObjectId, stored: Stored, part: Part
) -> list[Manifest]:
    assert stored.full_copy is not None
    name = delta_name(dataset_id, stored.full_copy, part)
    is_there = name in delta_collections(database, dataset_id)
    return [Manifest.read(Documents(database[name]))] if is_there else []


def _together(
    database: Database[Document], snapshot_id: ObjectId, part: Part, places: Places
) -> Manifest:
    """Returns what the snapshot holds according to all the collections that tell it."""
    found = Manifest.read(Documents(places.base))
    if not places.is_own_copy:
        for pre_images in reversed(places.pre_images):
            found = found.updated(Manifest.read(Documents(pre_images)), [])
        # Whatever else is there belongs to other snapshots
        expected = manifest_store.load(database, snapshot_id, part).keys
        others = found.keys[~positions(expected, found.keys)[1]]
        found = found.without(others)
    return found
