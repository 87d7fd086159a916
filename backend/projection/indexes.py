"""Indexes of snapshots.

A capture builds next to none, because they would cost a third of its time. But a snapshot has the
indexes that its dataset had, and the server gives the same answers in another order without. So
they are built where its documents lie when it is loaded, those of a large one in the background;
and at once where something cannot be answered without. Building twice, or again after a kill, is
nothing to the server.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Any

from bson import ObjectId
from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part, State
from ..mongo.database import Document
from ..storage import registry

logger = logging.getLogger(__name__)

FEW = 5000
"""Snapshots of no more samples than this are indexed in no time worth speaking of."""

_building: set[ObjectId] = set()


def captured(database: Database[Document], snapshot_id: ObjectId, part: Part) -> list[Document]:
    """Returns the indexes that a snapshot has.

    Args:
        database: the database
        snapshot_id: the snapshot
        part: samples or frames

    Returns:
        definitions as ``listIndexes`` gives them; empty if there is no such snapshot
    """
    record = Catalog(database).by_id(snapshot_id)
    return [] if record is None else _captured(database, record, part)


def models(indexes: Iterable[Document]) -> list[IndexModel]:
    """Returns what to create, to get the same indexes again.

    Args:
        indexes: definitions as ``listIndexes`` gives them

    Returns:
        models, without that of ``_id``, which every collection has
    """
    created: list[IndexModel] = []
    for index in indexes:
        options: dict[str, Any] = {
            key: value for key, value in index.items() if key not in ("key", "v", "ns")
        }
        if options.get("name") != "_id_":
            created.append(IndexModel(list(index["key"].items()), **options))
    return created


def build(database: Database[Document], snapshot_id: ObjectId) -> None:
    """Builds the indexes of a snapshot, and waits for them.

    Args:
        database: the database
        snapshot_id: the snapshot
    """
    record = Catalog(database).by_id(snapshot_id)
    if record is None or record.archive is not None:
        return
    # There is nothing to index if it was made virtual again meanwhile
    state = registry.create(record.backend, database).ready(record) or {}
    _build_missing(database, record, state)


def _build_missing(database: Database[Document], record: SnapshotRecord, state: State) -> None:
    for part in (Part.SAMPLES, Part.FRAMES):
        if part not in state:
            continue
        master = state[part].collection
        existing = master.index_information()
        if not existing:
            # It was dropped meanwhile, and an index would bring an empty one about
            continue
        missing = [
            model.document
            for model in models(_captured(database, record, part))
            if model.document["name"] not in existing
        ]
        # An index with a time to live would delete documents of the snapshot
        for index in missing:
            index.pop("expireAfterSeconds", None)
        if missing:
            _build(master, missing)


def provide(database: Database[Document], record: SnapshotRecord, state: State) -> None:
    """Sees to it that a snapshot has its indexes: at once if it is small, else soon.

    Args:
        database: the database
        record: the snapshot
        state: where its documents are
    """
    if record.sample_count <= FEW:
        _build_missing(database, record, state)
        return
    if record.id in _building:
        return
    _building.add(record.id)

    def run() -> None:
        try:
            build(database, record.id)
        except Exception:
            # Reading goes on without them, and the next process tries again
            logger.warning("Could not index snapshot '%s'", record.name, exc_info=True)
            _building.discard(record.id)

    threading.Thread(target=run, name=f"index-{record.id}", daemon=True).start()


def _captured(database: Database[Document], record: SnapshotRecord, part: Part) -> list[Document]:
    return registry.create(record.backend, database).indexes(record, part)


def _build(master: Collection[Document], wanted: list[Document]) -> None:
    try:
        master.database.command("createIndexes", master.name, indexes=wanted)
    except PyMongoError as error:
        if len(wanted) > 1:
            # One of them may be of a kind that this server no longer knows
            for index in wanted:
                _build(master, [index])
        else:
            logger.warning("Index %s of %s: %s", wanted[0]["name"], master.name, error)
