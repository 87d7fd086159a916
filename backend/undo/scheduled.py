"""Snapshots that a scheduler of the system asks for: cron, a timer, or any other."""

from __future__ import annotations

from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.reference import DatasetReference, migrate
from ..mongo.database import Document
from . import keep, retention


def take(database: Database[Document], dataset: DatasetReference) -> SnapshotRecord | None:
    """Takes a safety snapshot, unless the dataset still is what its newest snapshot holds.

    Args:
        database: the database
        dataset: the dataset

    Returns:
        the snapshot; None if nothing has changed

    Raises:
        DatasetBusyError: if another operation holds the dataset for too long
        ConcurrentWritesError: if the dataset is written to all the time
    """
    migrate(dataset)
    catalog, snapshot_id = Catalog(database), ObjectId()
    seen = catalog.latest(dataset.id, safety=True)
    # Nobody is kept from a dataset that has not changed
    if seen is not None and keep.is_same(database, seen):
        return None
    with keep.held(database, dataset, Action.SCHEDULE, snapshot_id) as running:
        latest = catalog.latest(dataset.id, safety=True)
        is_news = latest is not None and (seen is None or latest.id != seen.id)
        if is_news and latest is not None and keep.is_same(database, latest):
            return None
        record = keep.capture(running, latest, "scheduled")
        retention.apply(running)
    return record
