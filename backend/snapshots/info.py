"""Whether snapshots can be opened at once."""

from __future__ import annotations

from pymongo.database import Database

from ..actions import Action
from ..catalog.record import DatasetSnapshot, DatasetSnapshotStatus, SnapshotRecord, SnapshotState
from ..errors import SnapshotError
from ..mongo.database import Document
from ..operations import journal
from ..storage import registry


def public(database: Database[Document], record: SnapshotRecord) -> DatasetSnapshot:
    """Returns what the public API tells of a snapshot.

    Args:
        database: the database
        record: the snapshot

    Returns:
        a :class:`.model.DatasetSnapshot`
    """
    return record.public(load_status(database, record))


def load_status(database: Database[Document], record: SnapshotRecord) -> DatasetSnapshotStatus:
    """Tells whether a snapshot can be opened at once.

    Args:
        database: the database
        record: the snapshot

    Returns:
        LOADED if it can, LOADING while it is made readable, else UNLOADED
    """
    if record.state is not SnapshotState.READY or record.archive is not None:
        return record.load_status
    try:
        if registry.create(record.backend, database).is_materialised(record):
            return DatasetSnapshotStatus.LOADED
    except SnapshotError:
        # Damaged, or of a backend that is not installed: loading it will tell
        return DatasetSnapshotStatus.UNLOADED
    loading = [
        entry
        for entry in journal.unfinished(database, record.dataset_id)
        if entry.verb is Action.LOAD and entry.details["snapshot_id"] == record.id
    ]
    return DatasetSnapshotStatus.LOADING if loading else DatasetSnapshotStatus.UNLOADED
