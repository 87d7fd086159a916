"""Bringing an archived snapshot back into the database, and saying that it must be."""

from __future__ import annotations

from contextlib import suppress

from pymongo.database import Database

from ..actions import Action
from ..archive import location
from ..archive.check import compare
from ..archive.read import Reader
from ..audit.recording import Recording, recording
from ..catalog.catalog import Catalog
from ..catalog.record import Archive, SnapshotRecord
from ..config import Settings, variable
from ..dataset.reference import DatasetReference
from ..errors import ArchivedSnapshotError, DamagedArchiveError, LeaseLostError
from ..mongo.database import Document, server_time
from ..operations.journal import Operation, operation, recovers
from ..storage import registry
from . import quota, staging


def unarchive(
    database: Database[Document], dataset: DatasetReference, name: str
) -> SnapshotRecord:
    """Brings a snapshot back from its archive; nothing happens if it is not in one.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot

    Returns:
        the snapshot

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        LimitExceededError: if there are as many snapshots as are allowed, and none that could be
            archived instead
        DamagedArchiveError: if the archive is not what was captured
        ArchiveNotFoundError: if the archive is gone
        ArchiveStorageError: if the store is out of reach, or refuses
    """
    catalog = Catalog(database)
    record = catalog.get(dataset.id, name, dataset.name)
    if record.archive is None:
        return record
    while True:
        quota.make(database, dataset)
        with (
            suppress(quota.RoomTakenError),
            operation(database, dataset.id, Action.UNARCHIVE, snapshot_name=name) as running,
        ):
            record = catalog.get(dataset.id, name, dataset.name)
            if record.archive is None:
                return record
            quota.check(database, dataset)
            running.note(
                snapshot_id=record.id,
                location=record.archive.location,
                key=record.archive.key,
                owner=record.archive.owner,
                backend=record.backend,
            )
            catalog.begin_move(record.id, running.id)
            running.step("noted")
            reader = location.read(record)
            staged, manifests = staging.stage(running, reader, "Bringing back")
            compare(database, record.id, manifests, record.archive.key)
            _check_unchanged(reader, record.archive)
            running.step("staged")
            backend = registry.create(record.backend, database)
            storage = backend.ingest(record, staged, reader.header.indexes)
            running.committing("adopted")
            if not catalog.end_move(
                record.id,
                running.id,
                archive=None,
                storage=storage,
                # Else the next snapshot could send it back before anybody has opened it
                last_loaded_at=server_time(database),
            ):
                raise LeaseLostError(f"Another process has undone the unarchiving of '{name}'")
            running.commit()
            _finish(running)
            return catalog.by_id(record.id) or record


def _check_unchanged(reader: Reader, written: Archive) -> None:
    """Makes sure that an archive holds nothing else than what was written, its indexes too."""
    if reader.checksum != written.checksum:
        raise DamagedArchiveError(
            f"The archive '{reader.source}' is not the file that was written, though it holds the "
            "same documents: something else in it differs. Nothing was changed. Bring the file "
            "back from a backup of its store."
        )


def available(
    database: Database[Document], dataset: DatasetReference, name: str
) -> SnapshotRecord:
    """Returns a snapshot whose documents are in the database, and brings them back if it may.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot

    Returns:
        the snapshot

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        ArchivedSnapshotError: if it is archived, and not to be brought back unasked
    """
    record = Catalog(database).get(dataset.id, name, dataset.name)
    if record.archive is not None and Settings.load().auto_unarchive:
        automatic = Recording(
            Action.UNARCHIVE, dataset.name, dataset.id, name, {"automatic": True}
        )
        with recording(database, automatic):
            record = unarchive(database, dataset, name)
    check_available(record, dataset)
    return record


def check_available(record: SnapshotRecord, dataset: DatasetReference) -> None:
    """Refuses a snapshot whose documents are in an archive.

    Args:
        record: the snapshot
        dataset: its dataset

    Raises:
        ArchivedSnapshotError: if it is archived
    """
    if record.archive is not None:
        raise ArchivedSnapshotError(
            f"Snapshot '{record.name}' of dataset '{dataset.name}' is archived. Bring it back "
            f"with unarchive_snapshot('{dataset.name}', '{record.name}'), or set "
            f"{variable('AUTO_UNARCHIVE')}=true to have that done whenever it is needed."
        )


@recovers(Action.UNARCHIVE)
def _recover(running: Operation) -> None:
    """Drops what was brought back, unless the catalog says that the snapshot is back."""
    if "snapshot_id" not in running.details:
        return
    catalog, details = Catalog(running.database), running.details
    given_up = catalog.end_move(details["snapshot_id"], running.id)
    record = catalog.by_id(details["snapshot_id"])
    if running.is_committed or (record is not None and record.archive is None and not given_up):
        running.commit()
        _finish(running)
        return
    running.step("given_up")
    staging.drop(running)
    registry.create(details["backend"], running.database).discard(details["snapshot_id"])


def _finish(running: Operation) -> None:
    details = running.details
    location.remove(running.database, details["location"], details["key"], details.get("owner"))
