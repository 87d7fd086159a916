"""Writing a snapshot to a file, to be imported elsewhere or kept."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pymongo.database import Database

from ..actions import Action
from ..archive.folder import FolderStore, absolute
from ..catalog import deployment
from ..catalog.catalog import Catalog
from ..dataset.reference import DatasetReference
from ..errors import ArchiveStorageError, InvalidRequestError, LeaseLostError, SnapshotError
from ..media import packing, unpacking
from ..mongo.database import Document
from ..operations.journal import Operation, operation, recovers
from ..operations.reporting import reporter
from .archive import write_checked


def export(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    path: Path,
    *,
    media: bool = False,
) -> Path:
    """Writes a snapshot to a file, archived ones too; the snapshot stays where it is.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        path: a file that does not exist yet
        media (False): whether its media files go with it

    Returns:
        the file

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        InvalidRequestError: if the file exists, or its folder does not, or may not be entered, or
            some of the media files are not to be had any more
        ArchiveStorageError: if the file could not be written
        DamagedSnapshotError: if the snapshot is not what was captured
    """
    catalog = Catalog(database)
    first = catalog.get(dataset.id, name, dataset.name)
    path = absolute(path)
    _check(path)
    # Files are read while nobody is kept from working on the dataset
    packed = packing.gather(database, first, reporter()) if media else None
    store = FolderStore(str(path.parent))
    with operation(database, dataset.id, Action.EXPORT, snapshot_name=name) as running:
        record = catalog.get(dataset.id, name, dataset.name)
        if packed is not None and (record.id, record.archive) != (first.id, first.archive):
            raise ArchiveStorageError(
                f"Snapshot '{name}' was archived, brought back or replaced while its media were "
                "read. Nothing was written; try again."
            )
        # Its own name only when it is complete, and so that a recovery removes nothing of others
        key = f".{path.name}.{running.id}"
        running.note(folder=store.location, key=key, owner=deployment.note(database).id)
        running.step("noted")
        try:
            write_checked(running, record, dataset.name, store, key, packed)
            if packed is not None:
                unpacking.check(path.parent / key, running.progress)
            running.committing("checked")
        except LeaseLostError:
            # Whoever took over may have removed it before it was there
            with suppress(SnapshotError):
                store.remove(key)
            raise
        _check(path)
        try:
            (path.parent / key).rename(path)
        except OSError as error:
            raise ArchiveStorageError(
                f"'{path}' could not be written: {error.strerror}"
            ) from error
        running.commit()
    return path


@recovers(Action.EXPORT)
def _recover(running: Operation) -> None:
    """Removes what was written, if that is on this machine, and not by what this is a copy of."""
    details = running.details
    if "key" in details and deployment.note(running.database).has(details.get("owner")):
        with suppress(SnapshotError):
            FolderStore(details["folder"]).remove(details["key"])


def _check(path: Path) -> None:
    if path.exists():
        raise InvalidRequestError(f"'{path}' exists: choose another name, or remove it first")
    if not path.parent.is_dir():
        raise InvalidRequestError(f"The folder '{path.parent}' does not exist")
