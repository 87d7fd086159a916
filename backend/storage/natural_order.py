"""The natural order of a snapshot's samples or frames, without reading them."""

from __future__ import annotations

from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.parts import Documents, Part, Source
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..rawbson.ids import Keys
from . import scan
from .delta import order
from .delta.source import VirtualSource


def of(
    database: Database[Document],
    record: SnapshotRecord,
    part: Part,
    source: Source,
    manifest: Manifest,
) -> Keys | None:
    """Returns the ids of a part in natural order, if that takes less than reading the documents.

    Args:
        database: the database
        record: the snapshot
        part: samples or frames
        source: the documents
        manifest: what they are

    Returns:
        the keys, or None
    """
    if isinstance(source, VirtualSource):
        return order.load(database, record.id, part, manifest)
    if isinstance(source, Documents) and not source.query:
        return scan.natural(source.collection, manifest.keys)
    return None
