"""Pinning a snapshot: keeping it from whatever is done to snapshots unasked."""

from __future__ import annotations

from dataclasses import replace

from pymongo.database import Database

from ..actions import Action
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.reference import DatasetReference
from ..mongo.database import Document
from ..operations.journal import Operation, operation, recovers


def pin(
    database: Database[Document], dataset: DatasetReference, name: str, pinned: bool
) -> SnapshotRecord:
    """Pins a snapshot, or unpins it.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        pinned: whether it is to be pinned

    Returns:
        the snapshot

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
    """
    with operation(
        database, dataset.id, Action.PIN, snapshot_of=dataset.name, snapshot_name=name
    ) as running:
        record = running.snapshot
        with running.decided(snapshot_id=record.id, pinned=pinned):
            Catalog(database).update(record.id, pinned=pinned)
        running.complete()
    return replace(record, pinned=pinned)


@recovers(Action.PIN)
def _recover(running: Operation) -> None:
    """Tells whether the one write was made; there is nothing else to undo or finish."""
    if "snapshot_id" not in running.details:
        return
    record = Catalog(running.database).by_id(running.details["snapshot_id"])
    if record is not None and record.pinned == running.details["pinned"]:
        running.commit()
