"""Whether snapshots can be opened at once."""

from __future__ import annotations

from collections.abc import Callable

from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..catalog.record import DatasetSnapshot, DatasetSnapshotStatus, SnapshotRecord, SnapshotState
from ..errors import SnapshotError
from ..mongo.database import Document
from ..operations import journal
from ..operations.entry import Entry, Start
from ..storage import registry


def public(database: Database[Document], record: SnapshotRecord) -> DatasetSnapshot:
    """Returns what the public API tells of a snapshot.

    Args:
        database: the database
        record: the snapshot

    Returns:
        a :class:`.model.DatasetSnapshot`
    """
    return record.public(_load_status(database, record))


def find(
    database: Database[Document], dataset_id: ObjectId, name: str, mend: Callable[[], bool]
) -> DatasetSnapshot | None:
    """Returns what the public API tells of the snapshot of a name.

    Args:
        database: the database
        dataset_id: the dataset
        name: the snapshot's name
        mend: mends what dead processes have left of the dataset; returns whether there was
            something to mend

    Returns:
        a :class:`.model.DatasetSnapshot`, or None if there is no such snapshot
    """
    start = Start.of(database, dataset_id, name)
    if start.unfinished and mend():
        start = Start.of(database, dataset_id, name)
    record = start.snapshot
    if record is None:
        return None
    return record.public(_load_status(database, record, start.unfinished))


def _load_status(
    database: Database[Document], record: SnapshotRecord, unfinished: list[Entry] | None = None
) -> DatasetSnapshotStatus:
    """Tells whether a snapshot can be opened at once, or is being made readable."""
    if record.state is not SnapshotState.READY or record.archive is not None:
        return record.load_status
    try:
        if registry.create(record.backend, database).is_materialised(record):
            return DatasetSnapshotStatus.LOADED
    except SnapshotError:
        # Damaged, or of a backend that is not installed: loading it will tell
        return DatasetSnapshotStatus.UNLOADED
    if unfinished is None:
        unfinished = journal.unfinished(database, record.dataset_id)
    loading = [
        entry
        for entry in unfinished
        if entry.verb is Action.LOAD and entry.details["snapshot_id"] == record.id
    ]
    return DatasetSnapshotStatus.LOADING if loading else DatasetSnapshotStatus.UNLOADED
