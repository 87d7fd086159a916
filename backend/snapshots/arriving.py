"""What of a snapshot from elsewhere has arrived, and how it becomes a snapshot here.

Either all of it has, or what differs from a snapshot that is here; whether that will do is decided
under the lease.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part, State, chunks
from ..manifest import store as manifest_store
from ..manifest.cache import CachedPart
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..operations.journal import Operation
from ..rawbson.ids import Ids
from ..storage import registry
from ..storage.base import Beside
from . import staging
from .incoming import Changes, Incoming

_WHOLE_MANIFESTS = 16
"""Every so many manifests one is stored in full, so that reading one never needs many others."""

_LOOKED_UP = 500

_OF_FRAMES = ("_sample_id", "frame_number")
"""What FiftyOne has no two frames agree in."""

_OPTIONS = {"sparse", "partialFilterExpression", "collation"}
"""By which an index of them would be another one."""


@dataclass(frozen=True)
class Arrived:
    """What has arrived, in collections of the operation."""

    staged: State
    manifests: Mapping[Part, Manifest]
    """The content of the whole snapshot."""
    beside: Beside | None = None
    """The snapshot that this differs from, if not all of it has arrived."""
    others: Mapping[Part, Manifest] | None = None
    """What that holds of samples and frames."""
    changed: Mapping[Part, Manifest] | None = None
    """What has arrived of those, if not all has."""


def stage(running: Operation, incoming: Incoming, record: SnapshotRecord) -> Arrived:
    """Reads what is to be taken in, and checks that it is what it says of itself.

    Args:
        running: the operation
        incoming: the snapshot
        record: its record

    Returns:
        what has arrived

    Raises:
        DamagedSnapshotError: if it is damaged
    """
    arrived = None
    if incoming.changes is not None:
        arrived = _stage_changes(running, incoming, incoming.changes, record)
    if arrived is None:
        arrived = Arrived(*staging.stage(running, incoming.stream, incoming.doing))
    incoming.check_whole(arrived.staged, arrived.manifests)
    return arrived


def _stage_changes(
    running: Operation, incoming: Incoming, changes: Changes, record: SnapshotRecord
) -> Arrived | None:
    """Reads what differs from another snapshot; None if that will not do."""
    database = running.database
    other = Catalog(database).by_id(changes.other_id)
    if (
        other is None
        or not other.is_live
        or other.archive is not None
        or (other.dataset_id, other.backend) != (record.dataset_id, record.backend)
    ):
        return None
    backend = registry.create(record.backend, database)
    if not _is_told_by_changes(incoming.stream.header.indexes) or not backend.takes_in_beside(
        other, is_earlier=changes.is_earlier
    ):
        return None
    others = changes.other()
    if others is None:
        return None
    staged, read = staging.stage(running, changes.stream, incoming.doing)
    manifests = changes.whole(others, read)
    if manifests is None:
        staging.drop(running)
        return None
    beside = Beside(other, changes.is_earlier, changes.removed)
    changed = {part: each for part, each in read.items() if part.is_own_collection}
    return Arrived(staged, manifests, beside, others, changed)


def ingest(
    database: Database[Document],
    record: SnapshotRecord,
    arrived: Arrived,
    indexes: Mapping[Part, list[Document]],
) -> dict[str, Any]:
    """Has the backend take in what has arrived.

    Args:
        database: the database
        record: the snapshot
        arrived: what has arrived
        indexes: the indexes of samples and frames

    Returns:
        what the backend wants to be given with every later call
    """
    backend = registry.create(record.backend, database)
    if arrived.beside is None:
        return backend.ingest(record, arrived.staged, indexes)
    return backend.ingest_beside(
        record, arrived.beside, arrived.staged, arrived.manifests, indexes
    )


def save_manifests(database: Database[Document], record: SnapshotRecord, arrived: Arrived) -> None:
    """Stores what the snapshot holds.

    Args:
        database: the database
        record: the snapshot
        arrived: what has arrived
    """
    manifests = Incoming.of_all_parts(arrived.manifests)
    if arrived.beside is None or arrived.others is None or not record.sequence % _WHOLE_MANIFESTS:
        manifest_store.save(database, record.id, manifests)
        return
    base = arrived.beside.record.id
    known = {(base, part): CachedPart(each) for part, each in arrived.others.items()}
    manifest_store.save(database, record.id, manifests, base, known)


def unproved(
    database: Database[Document], arrived: Arrived, indexes: Mapping[Part, list[Document]]
) -> dict[Part, list[Document]]:
    """Returns those indexes of which it is not certain that they can be built of what has arrived.

    Args:
        database: the database
        arrived: what has arrived
        indexes: the indexes of samples and frames

    Returns:
        those that the other snapshot has not, or that could refuse documents
    """
    if arrived.beside is None:
        return dict(indexes)
    other = arrived.beside.record
    backend = registry.create(other.backend, database)
    return {
        part: [
            index
            for index in found
            if _could_refuse(index) or index not in backend.indexes(other, part)
        ]
        for part, found in indexes.items()
    }


def _could_refuse(index: Document) -> bool:
    """Returns whether there are documents of which an index cannot be built."""
    kinds = [*index["key"].values()]
    return _is_unique(index) or len(kinds) > 1 or kinds[0] not in (1, -1)


def check_unique(
    database: Database[Document],
    record: SnapshotRecord,
    arrived: Arrived,
    indexes: Mapping[Part, list[Document]],
) -> None:
    """Makes sure that unique indexes can be built, where not all documents have arrived.

    Those that have arrived were indexed on their own.

    Args:
        database: the database
        record: the snapshot, whose manifests are stored
        arrived: what has arrived
        indexes: the indexes of samples and frames

    Raises:
        ValueError: if two documents have one value
    """
    changed = (arrived.changed or {}).get(Part.FRAMES)
    if changed is None or not any(map(_is_unique, indexes.get(Part.FRAMES, []))):
        return
    source = registry.create(record.backend, database).source(record, Part.FRAMES)
    assert source is not None, "it was taken in just now"
    for ids in chunks(list(Ids(changed.keys)), _LOOKED_UP):
        values = [
            {field: document.get(field) for field in _OF_FRAMES}
            for document in source.decoded(ids)
        ]
        if len(source.search({"$or": values})) > len(ids):
            raise ValueError("two frames of one sample with the same number")


def _is_unique(index: Document) -> bool:
    """Returns whether an index, apart from that of the ids, allows no value twice."""
    return bool(index.get("unique")) and index.get("name") != "_id_"


def _is_told_by_changes(indexes: Mapping[Part, list[Document]]) -> bool:
    """Returns whether looking up what has arrived tells that indexes can be built."""
    return all(
        part is Part.FRAMES and tuple(index["key"]) == _OF_FRAMES and not {*index} & _OPTIONS
        for part, found in indexes.items()
        for index in filter(_is_unique, found)
    )
