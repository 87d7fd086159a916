"""Where archives go, where to find them again, and getting rid of them."""

from __future__ import annotations

import importlib
import logging

from pymongo.database import Database

from .. import faults
from ..catalog import deployment
from ..catalog.record import SnapshotRecord
from ..config import Settings, variable
from ..errors import (
    ArchiveNotFoundError,
    ArchiveStorageError,
    InvalidSettingError,
    SnapshotError,
)
from ..mongo.collections import UNREMOVED
from ..mongo.database import Document
from .folder import FolderStore
from .read import Reader
from .store import Store, check_address

logger = logging.getLogger(__name__)

COPIED = (
    "Where it is the original, or took its place, call claim_archives(); where the original is in "
    "use, leave_archives()."
)
"""What to do in a copy of a database."""


def open_store(location: str) -> Store:
    """Opens a place for archives.

    Args:
        location: a folder, or a URL such as ``s3://bucket/prefix``

    Returns:
        the store

    Raises:
        InvalidSettingError: if it is neither, holds a password, or a package is missing
    """
    if "://" not in location or location.startswith("file://"):
        return FolderStore(location.removeprefix("file://"))
    check_address(location, "the place for archives")
    try:
        # Only those who use an object store need the library for it
        cloud = importlib.import_module(".cloud", __package__)
    except ImportError as error:
        raise InvalidSettingError(
            f"Archives in '{location}' need the package obstore, which is not installed. Install "
            "it with: pip install obstore"
        ) from error
    store: Store = cloud.CloudStore(location)
    return store


def configured() -> Store:
    """Opens the place for archives that the settings name.

    Returns:
        the store

    Raises:
        InvalidSettingError: if they name none, or one that cannot be used
    """
    location = Settings.load().archive_path
    if location is None:
        raise InvalidSettingError(
            f"Archives are turned off: set the environment variable {variable('ARCHIVE_PATH')} "
            "to a folder, or to the URL of one in an object store such as s3://bucket/snapshots"
        )
    return open_store(location)


def find(record: SnapshotRecord) -> tuple[Store, str]:
    """Finds the archive of a snapshot: where archives are now, or where it was written.

    So a store can be moved, or be mounted elsewhere on another machine.

    Args:
        record: an archived snapshot

    Returns:
        the store, and the archive's name there

    Raises:
        ArchiveNotFoundError: if it is in neither place
        ArchiveStorageError: if the store is out of reach, or refuses
    """
    archive = record.archive
    assert archive is not None
    problem: SnapshotError | None = None
    for location in _locations(archive.location):
        try:
            store = open_store(location)
            if store.exists(archive.key):
                return store, archive.key
            if store.is_empty():
                problem = problem or ArchiveStorageError(
                    f"The archive of snapshot '{record.name}', {archive.key}, is gone, or is not "
                    f"to be seen: '{location}' is empty. Mount what should be there, or bring "
                    "the file back from a backup of its store."
                )
        except SnapshotError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    raise ArchiveNotFoundError(
        f"The archive of snapshot '{record.name}', {archive.key}, is gone from "
        f"'{archive.location}'. Bring the file back from a backup of its store."
    )


def read(record: SnapshotRecord) -> Reader:
    """Opens the archive of a snapshot.

    Args:
        record: an archived snapshot

    Returns:
        a reader

    Raises:
        ArchiveNotFoundError: if it is gone
        ArchiveStorageError: if the store is out of reach, or refuses
        DamagedArchiveError: if it is damaged already where it begins
    """
    store, key = find(record)
    return Reader(store.read(key), store.describe(key))


def remove(database: Database[Document], location: str, key: str, owner: str | None) -> bool:
    """Removes an archive that nobody needs any more; if that fails now, it is done later.

    What another database has written is left alone, and nothing is removed outside of the place
    that is set now: in a copy of a database, all that it says of archives is about the original's.

    Args:
        database: the database
        location: the folder or URL that it was written to
        key: the archive's name there
        owner: the id of the database that wrote it; None if that is not known

    Returns:
        whether nothing is left to be done
    """
    faults.reach("archive.removing")
    problem = _why_left(database, location, key, owner)
    if problem is not None:
        logger.warning(
            "The archive %s in '%s' is not needed any more, but was not removed: %s",
            key,
            location,
            problem,
        )
        left = {"_id": key, "location": location, "owner": owner}
        database[UNREMOVED].replace_one({"_id": key}, left, upsert=True)
    return problem is None


def _why_left(
    database: Database[Document], location: str, key: str, owner: str | None
) -> str | None:
    """Removes an archive, or says why not if it is to be tried again."""
    mine = deployment.note(database)
    if mine.is_copy and not mine.has(owner):
        return (
            "this database is a copy of the one that it belongs to, or its server was moved. "
            f"{COPIED}"
        )
    if not mine.has(owner):
        return None
    try:
        set_now = Settings.load().archive_path
        if set_now is not None:
            store = open_store(set_now)
            was_there = store.exists(key)
            store.remove(key)
            if was_there or is_same(set_now, location):
                return None
        if not open_store(location).exists(key):
            return None
    except SnapshotError as error:
        return f"{error} recover() tries again."
    return (
        f"nothing is removed outside of {variable('ARCHIVE_PATH')}. Set that to '{location}' for "
        "a call of recover(), or remove the file yourself."
    )


def remove_again(database: Database[Document]) -> None:
    """Removes the archives that could not be removed when it was time.

    Args:
        database: the database
    """
    for document in list(database[UNREMOVED].find()):
        # Forgotten last, so that whoever dies in between leaves it to the next one
        if remove(database, document["location"], document["_id"], document.get("owner")):
            database[UNREMOVED].delete_one({"_id": document["_id"]})


def is_same(place: str | None, other: str) -> bool:
    """Returns whether two ways of writing a place are the same one."""
    return place is not None and _shortened(place) == _shortened(other)


def _shortened(place: str) -> str:
    return place.removeprefix("file://").rstrip("/")


def _locations(written_to: str) -> list[str]:
    """Returns where to look for an archive: where archives are now, and where it was written."""
    configured = Settings.load().archive_path
    return list(dict.fromkeys([configured or written_to, written_to]))
