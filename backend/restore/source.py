"""Where the documents that are restored come from, and whether they are what was captured."""

from __future__ import annotations

import numpy as np
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.parts import Documents, Part, State, chunks
from ..manifest import as_captured
from ..manifest import store as manifest_store
from ..manifest.manifest import Manifest
from ..mongo.collections import staging_name
from ..mongo.database import Document, raw
from ..operations.journal import Operation
from ..rawbson.ids import Ids, common
from ..storage import registry
from .staging import ADJUNCTS, PARTS, of_samples

_FETCHED_SAMPLES = 500


def captured(running: Operation, record: SnapshotRecord, sample_ids: list[ObjectId]) -> State:
    """Returns where a snapshot's documents are, or copies of those that are wanted.

    Args:
        running: the operation
        record: the snapshot
        sample_ids: the samples to restore

    Returns:
        the documents of each part
    """
    backend = registry.create(record.backend, running.database)
    state = dict(backend.related(record))
    for part in (Part.SAMPLES, Part.FRAMES):
        source = backend.source(record, part)
        if isinstance(source, Documents):
            state[part] = source
        elif source is not None:
            target = running.database[staging_name(running.id, f"captured.{part}")]
            target.create_index("_sample_id")
            for some in chunks(sample_ids, _FETCHED_SAMPLES):
                wanted = some
                if part is Part.FRAMES:
                    wanted = source.search({"_sample_id": {"$in": some}})
                if found := source.fetch(wanted):
                    raw(target).insert_many(map(RawBSONDocument, found.values()))
            state[part] = Documents(target)
    return state


def check(
    database: Database[Document],
    record: SnapshotRecord,
    captured: State,
    sample_ids: list[ObjectId],
    fields: list[str] | None,
) -> None:
    """Refuses what is not what was captured.

    Args:
        database: the database
        record: the snapshot
        captured: where its documents are
        sample_ids: the samples to restore
        fields: the fields to restore, or None for whole samples

    Raises:
        DamagedSnapshotError: if documents are missing or altered
    """
    small = manifest_store.load_small(database, record.id)
    nothing = Manifest.empty()
    schema_ = {Part.DATASET: Manifest.read(captured[Part.DATASET])}
    if fields is None:
        parts = [part for part in PARTS if part in captured]
    else:
        are_frames = {field.startswith("frames.") for field in fields}
        parts = [p for p in (Part.SAMPLES, Part.FRAMES) if (p is Part.FRAMES) in are_frames]
        parts = [part for part in parts if part in captured]
    found = {part: content(captured[part], part, sample_ids) for part in parts}
    wanted = np.unique(Ids.of(sample_ids).keys)
    for part, there in {**schema_, **found}.items():
        if part.is_own_collection:
            expected = manifest_store.load(database, record.id, part)
        else:
            expected = small.get(part, nothing)
        if part is Part.SAMPLES:
            expected = expected.only(common(expected.keys, wanted))
        elif part in ADJUNCTS:
            expected = expected.only(expected.keys[np.isin(expected.owners, wanted)])
        as_captured.compare(record, part, expected, there, "Nothing was changed.")


def content(documents: Documents, part: Part, sample_ids: list[ObjectId]) -> Manifest:
    """Reads the content of some samples.

    Args:
        documents: the documents of a part
        part: the part
        sample_ids: the samples

    Returns:
        the manifest of their documents
    """
    manifest = Manifest.empty()
    for ids in chunks(sample_ids):
        manifest = manifest.updated(Manifest.read(of_samples(documents, part, ids)), [])
    return manifest
