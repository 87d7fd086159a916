"""Deleting a snapshot, and bringing a deleted one back."""

from __future__ import annotations

from datetime import datetime

from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..catalog import holding, names
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord, SnapshotState
from ..config import Settings
from ..dataset.reference import DatasetReference
from ..diff import changes
from ..errors import NothingToUndoError, SnapshotNotFoundError
from ..mongo.database import Document, server_time
from ..operations.journal import Operation, operation, recovers
from ..projection import project
from ..trash import trash


def delete(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    snapshot_id: ObjectId | None = None,
) -> None:
    """Moves a snapshot to the trash, or destroys it if the trash is turned off.

    The summary of the snapshot after it is calculated anew, against the one before it.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        snapshot_id (None): its id, if another one that has the name by now is not meant

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        HeldSnapshotError: if it is the base of a branch
    """
    catalog = Catalog(database)
    with operation(
        database, dataset.id, Action.DELETE, snapshot_of=dataset.name, snapshot_name=name
    ) as running:
        record = running.snapshot
        if snapshot_id not in (None, record.id):
            raise SnapshotNotFoundError(f"Snapshot '{name}' is not the one that was chosen")
        holding.check_free(database, record)
        is_final = Settings.load().trash_days == 0
        with running.decided(snapshot_id=record.id, destroy=is_final):
            catalog.update(
                record.id,
                state=SnapshotState.TRASHED,
                trashed_at=server_time(database),
                trashed_by=running.id,
            )
        running.commit()
        _finish(running)


@recovers(Action.DELETE)
def _recover(running: Operation) -> None:
    """Finishes a deletion once the snapshot is marked; before that nothing has happened."""
    if "snapshot_id" not in running.details:
        return
    record = Catalog(running.database).by_id(running.details["snapshot_id"])
    if running.is_committed or (record is not None and record.trashed_by == running.id):
        running.commit()
        _finish(running)


def _finish(running: Operation) -> None:
    database = running.database
    record = Catalog(database).by_id(running.details["snapshot_id"])
    if record is None:
        return
    running.step("marked")
    project.remove(database, record.id)
    running.step("closed")
    summarize_following(database, record)
    running.step("summarized")
    if running.details["destroy"]:
        trash.destroy_snapshot(database, record)


def restore(database: Database[Document], dataset: DatasetReference, name: str) -> SnapshotRecord:
    """Brings the last deleted snapshot of a name back from the trash.

    Args:
        database: the database
        dataset: the dataset
        name: the name that it had

    Returns:
        the snapshot

    Raises:
        NothingToUndoError: if the trash holds no such snapshot
        DuplicateNameError: if another snapshot has the name by now
    """
    catalog = Catalog(database)
    with operation(database, dataset.id, Action.RESTORE, snapshot_name=name) as running:
        trashed = [record for record in catalog.list_trashed(dataset.id) if record.name == name]
        if not trashed:
            if catalog.find(dataset.id, name) is not None:
                raise NothingToUndoError(
                    f"Snapshot '{name}' of dataset '{dataset.name}' is not deleted"
                )
            known = list(dict.fromkeys(item.name for item in catalog.list_trashed(dataset.id)))
            nothing = f"The trash of dataset '{dataset.name}' holds no snapshot"
            raise NothingToUndoError(names.unknown(nothing, name, known, are="it holds"))
        record = max(trashed, key=lambda item: item.trashed_at or item.created_at)
        catalog.check_return(record)
        running.note(snapshot_id=record.id)
        running.committing("noted")
        revive(catalog, record.id)
        running.commit()
        _finish_restoring(database, record)
    return catalog.by_id(record.id) or record


@recovers(Action.RESTORE)
def _recover_restore(running: Operation) -> None:
    """Brings the summaries up to date, if the snapshot is back."""
    if "snapshot_id" not in running.details:
        return
    record = Catalog(running.database).by_id(running.details["snapshot_id"])
    if record is not None and record.is_live:
        running.commit()
        _finish_restoring(running.database, record)


def _finish_restoring(database: Database[Document], record: SnapshotRecord) -> None:
    holding.hold_merge(database, record)
    summarize_revived(database, record)


def summarize_revived(
    database: Database[Document], record: SnapshotRecord, now: datetime | None = None
) -> None:
    """Calculates anew what a snapshot that was just put back has changed, and the one after it.

    Args:
        database: the database
        record: the snapshot
        now (None): the time on the server, if it is known
    """
    if record.is_safety:
        # What it has changed was told of an operation, and stays so
        return
    catalog = Catalog(database)
    before, after = catalog.neighbours(record)
    catalog.update(record.id, changes=changes.since_previous(database, before, record, now=now))
    if after is not None:
        found = changes.since_previous(database, record, after, now=now)
        catalog.update(after.id, changes=found)


def revive(catalog: Catalog, snapshot_id: ObjectId) -> None:
    """Takes a snapshot out of the trash, if it is there.

    Args:
        catalog: the catalog
        snapshot_id: the snapshot

    Raises:
        DuplicateNameError: if another snapshot has its name by now
    """
    catalog.update(snapshot_id, state=SnapshotState.READY, trashed_at=None, trashed_by=None)


def summarize_following(
    database: Database[Document], record: SnapshotRecord, now: datetime | None = None
) -> None:
    """Calculates anew what the snapshot after one has changed.

    Args:
        database: the database
        record: a snapshot that was just removed from the history or put back
        now (None): the time on the server, if it is known
    """
    catalog = Catalog(database)
    before, after = catalog.neighbours(record)
    if after is not None:
        current = catalog.by_id(record.id)
        if current is not None and current.is_live:
            before = current
        found = changes.since_previous(database, before, after, now=now)
        catalog.update(after.id, changes=found)
