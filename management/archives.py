"""Where snapshots are kept, and for how long."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from pathlib import Path

import fiftyone.core.dataset as fod

from ..backend import maintenance
from ..backend.access import Action
from ..backend.archive import ownership
from ..backend.archive.folder import absolute
from ..backend.catalog.record import DatasetSnapshot
from ..backend.config import Settings
from ..backend.media import unpacking
from ..backend.mongo import database
from ..backend.snapshots import archive, convert, export, import_, pin, prune, unarchive
from ..backend.snapshots import export_table as tables
from ..backend.snapshots.prune import PruneResult
from .authorize import acting, enter
from .datasets import change, name_of, read
from .repointing import unpacking_media

logger = logging.getLogger(__name__)


@acting(Action.ARCHIVE)
def archive_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
) -> None:
    """Moves a snapshot from the database to ``FIFTYONE_SNAPSHOTS_ARCHIVE_PATH``.

    It stays listed and can be compared, but not opened, by nobody, also not by those who have it
    open now; :func:`unarchive_snapshot` brings it back. It no longer counts against the limits.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Raises:
        ValueError: if there is no such dataset or snapshot, or archives are turned off
        ArchiveStorageError: if the archive could not be written; the snapshot is as before
    """
    connection, dataset = change(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    archive.archive(connection, dataset, name)


def archives_are_on() -> bool:
    """Tells whether there is a place for archives; see :func:`archive_snapshot`.

    Returns:
        True/False
    """
    return Settings.load().archive_path is not None


@acting(Action.UNARCHIVE)
def unarchive_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
) -> None:
    """Brings an archived snapshot back into the database.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Raises:
        ValueError: if there is no such dataset or snapshot
        LimitExceededError: if there are as many snapshots as are allowed
        DamagedSnapshotError: if the archive is gone, or not what was captured
        ArchiveStorageError: if the archive is out of reach
    """
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    unarchive.unarchive(connection, dataset, name)


@acting(Action.CLAIM_ARCHIVES)
def claim_archives() -> int:
    """Makes the archives that a copied database speaks of its own.

    A database that was copied, or restored from a backup, removes no archive of the original, as
    it may be in use. Call this where the original is gone; :func:`leave_archives` where it is not.

    Returns:
        how many archives are its own now

    Raises:
        ValueError: if the database is no copy, or has its archives already
    """
    return ownership.claim(database.connect())


@acting(Action.LEAVE_ARCHIVES)
def leave_archives() -> int:
    """Leaves the archives that a copied database speaks of to the original.

    They can still be read here, and are never removed. What is archived from here on is the copy's
    own. :func:`claim_archives` takes it back.

    Returns:
        how many archives are the original's

    Raises:
        ValueError: if the database is no copy
    """
    return ownership.leave(database.connect())


@acting(Action.EXPORT)
def export_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    path: str | os.PathLike[str],
    *,
    media: bool = False,
) -> Path:
    """Writes a snapshot to a file, which :func:`import_snapshot` takes in on any server.

    Archived snapshots can be exported as well. Media files are in it only if that is asked for:
    those that were captured, with the content that they had then, or else as they are now.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        path: a file that does not exist yet, such as ``digits-v1.tar``
        media (False): whether the media files, masks, maps and scenes go with it

    Returns:
        the file

    Raises:
        ValueError: if there is no such dataset or snapshot, or the file exists, or media files
            are not what they were, and there are no copies of them
        ArchiveStorageError: if the file could not be written
    """
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    return export.export(connection, dataset, name, Path(path), media=media)


@acting(Action.IMPORT, each=True)
def import_snapshot(
    path: str | os.PathLike[str],
    dataset_name: str | None = None,
    *,
    media_to: str | os.PathLike[str] | None = None,
) -> DatasetSnapshot:
    """Takes in a snapshot that :func:`export_snapshot` wrote, once all of it was checked.

    If its dataset is on this server it becomes a snapshot of that, at its place in the history.
    Else a new dataset is made, which is what the snapshot is. Media files that are in the file are
    put into a folder if one is given, beside what is there: nothing is overwritten. A new dataset
    refers to them then; the snapshot is what it was, and shows them when it is opened.

    Args:
        path: the file
        dataset_name (None): a name for a new dataset; by default, the name that it had
        media_to (None): a folder for the media files, which is made if it is not there

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if the file is no archive, or carries no media where a folder is given, the
            snapshot is here already, or a name is taken
        ArchiveStorageError: if the folder could not be written to
        DamagedSnapshotError: if the file is damaged
        LimitExceededError: if there are as many snapshots as are allowed
    """
    connection = database.connect()
    # Whoever may not import destroys nothing
    enter(Action.IMPORT, import_.destination(connection, Path(path), dataset_name))
    maintenance.purge_deleted_datasets(connection)
    file = absolute(Path(path))
    if media_to is not None:
        return unpacking_media(connection, file, dataset_name, absolute(Path(media_to)))
    snapshot = import_.import_(connection, file, dataset_name).public()
    if unpacking.has_media(file):
        logger.warning(
            "'%s' carries media files, which were not unpacked: the snapshot refers to the paths "
            "that they had. import_snapshot(..., media_to=...) puts them into a folder.",
            file,
        )
    return snapshot


@acting(Action.EXPORT)
def export_table(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    path: str | os.PathLike[str],
) -> Path:
    """Writes the labels of a snapshot to a Parquet file, for DuckDB, pandas and training code.

    One row a label, and one for each sample or frame without: ids, file, tags, field, class, box,
    confidence, other attributes as JSON, and which version it is. Archived ones too.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        path: a file that does not exist yet, whose name ends with ``.parquet``

    Returns:
        the file

    Raises:
        ValueError: if there is no such dataset or snapshot, or the file exists
        MissingPackageError: if PyArrow is not installed
        ArchiveStorageError: if the file could not be written
    """
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    return tables.export_table(connection, dataset, name, Path(path))


@acting(Action.PIN)
def pin_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
) -> DatasetSnapshot:
    """Keeps a snapshot from automatic archival, from pruning, and from expiring in the trash.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = change(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    return pin.pin(connection, dataset, name, pinned=True).public()


@acting(Action.UNPIN)
def unpin_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
) -> DatasetSnapshot:
    """Takes back :func:`pin_snapshot`.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = change(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    return pin.pin(connection, dataset, name, pinned=False).public()


@acting(Action.PRUNE, dry_run=Action.LIST)
def prune_snapshots(
    dataset_name: str | fod.Dataset,
    keep_last: int | None = None,
    keep_daily: int | None = None,
    keep_weekly: int | None = None,
    older_than: timedelta | None = None,
    dry_run: bool = True,
) -> PruneResult:
    """Deletes the snapshots that no rule keeps, or only tells which those are.

    The newest snapshot, pinned ones and the bases of branches are always kept. What is deleted
    goes to the trash, as with :func:`delete_snapshot`.

    Args:
        dataset_name: the name of the dataset
        keep_last (None): keep so many newest snapshots
        keep_daily (None): keep the newest snapshot of each of the last so many days that have any
        keep_weekly (None): keep the newest snapshot of each of the last so many weeks that have
            any
        older_than (None): keep all snapshots that are not older than this
        dry_run (True): whether to only tell what would be deleted

    Returns:
        a :class:`PruneResult`

    Raises:
        ValueError: if there is no such dataset, or no rule is given
    """
    connection, dataset = (read if dry_run else change)(dataset_name)
    rules = prune.Rules(keep_last, keep_daily, keep_weekly, older_than)
    return prune.prune(connection, dataset, rules, dry_run)


@acting(Action.CONVERT)
def convert_snapshots(dataset_name: str | fod.Dataset, backend: str) -> int:
    """Moves the history of a dataset to another backend, and keeps new snapshots there as well.

    Each snapshot is read back and compared with its manifest before the old one is dropped. If it
    is interrupted, some snapshots are moved and others are not; all of them can be used. Call it
    again then.

    Args:
        dataset_name: the name of the dataset
        backend: ``"duplication"``, ``"delta"``, or the name of another backend that is installed

    Returns:
        the number of snapshots that were moved

    Raises:
        ValueError: if there is no such dataset or backend
        DamagedSnapshotError: if a snapshot is not what was captured; it stays where it is
    """
    connection, dataset = change(dataset_name)
    return convert.convert(connection, dataset, backend)
