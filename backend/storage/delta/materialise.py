"""Making a part of a snapshot a collection of its own."""

from __future__ import annotations

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

from ...dataset.parts import Part
from ...errors import DamagedSnapshotError
from ...manifest import store as manifest_store
from ...manifest.manifest import Manifest
from ...mongo.collections import delta_name
from ...mongo.database import Document, create_compressed
from ...progress import Progress, silent
from .. import collections
from . import order
from .chain import Chain, Link
from .places import Places
from .reconstruct import reconstruct


def materialise(
    database: Database[Document],
    chain: Chain,
    link: Link,
    part: Part,
    progress: Progress = silent,
    expected: Manifest | None = None,
) -> tuple[ObjectId, Manifest]:
    """Writes a part of a snapshot into a new collection; the caller holds the dataset's lease.

    Args:
        database: the database
        chain: the chain
        link: the snapshot
        part: samples or frames
        progress: told how far it is
        expected (None): the part's manifest, if it was read

    Returns:
        what the collection is called by, which nothing names yet, and what it holds
    """
    token = ObjectId()
    # Nobody has used the name before
    target = create_compressed(database, delta_name(chain.dataset_id, token, part))
    collections.create_indexes(part, target)
    return token, write(database, chain, link, part, target, progress, expected)


def write(
    database: Database[Document],
    chain: Chain,
    link: Link,
    part: Part,
    target: Collection[Document],
    progress: Progress = silent,
    expected: Manifest | None = None,
) -> Manifest:
    """Fills an empty collection with a part of a snapshot.

    Args:
        database: the database
        chain: the chain
        link: the snapshot
        part: samples or frames
        target: the collection
        progress: told how far it is
        expected (None): the part's manifest, if it was read

    Returns:
        what the collection holds now
    """
    places = Places.of(database, chain, link, part)
    manifest = expected or manifest_store.load(database, link.id, part)
    wanted = order.load(database, link.id, part, manifest)
    content = reconstruct(places.base, places.pre_images, wanted, target, progress)
    # Whatever became of the target meanwhile, and of what it was put together from
    written = target.estimated_document_count()
    if written != len(wanted):
        raise DamagedSnapshotError(
            f"{len(wanted)} {part.value} were to be put together, but {written} are there. The "
            "snapshot itself was not changed; see verify_snapshot()."
        )
    return content
