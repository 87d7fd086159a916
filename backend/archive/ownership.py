"""Whose archives these are, after the database was copied."""

from __future__ import annotations

from pymongo.database import Database

from ..catalog import deployment
from ..catalog.catalog import Catalog
from ..catalog.record import Archive
from ..mongo.collections import UNREMOVED
from ..mongo.database import Document
from . import location


def claim(database: Database[Document]) -> int:
    """Makes the archives of the database that this one is a copy of its own.

    Args:
        database: the database

    Returns:
        how many archives are its own now

    Raises:
        InvalidRequestError: if it is no copy, or has them already
    """
    mine = deployment.claim(database)
    location.remove_again(database)
    return sum(mine.has(archive.owner) for archive in _archives(database))


def leave(database: Database[Document]) -> int:
    """Leaves the archives of the database that this one is a copy of alone.

    Args:
        database: the database

    Returns:
        how many archives that it knows of are not its own

    Raises:
        InvalidRequestError: if it is no copy
    """
    count = undecided(database)
    deployment.leave(database)
    # Forgets those that it would have removed
    location.remove_again(database)
    return count


def undecided(database: Database[Document]) -> int:
    """Counts the archives of which nobody has said yet whether they are this database's.

    Args:
        database: the database

    Returns:
        how many snapshots are in them, or were
    """
    mine = deployment.find(database)
    if mine is None or not mine.is_copy:
        return 0
    owners = [archive.owner for archive in _archives(database)]
    owners += [left.get("owner") for left in database[UNREMOVED].find()]
    return sum(not mine.has(owner) for owner in owners)


def elsewhere(database: Database[Document], place: str | None) -> list[str]:
    """Lists the places of archives that are not removed because another place is set.

    Args:
        database: the database
        place: the place that is set, if any

    Returns:
        folders or URLs, without those of other databases
    """
    mine = deployment.find(database)
    return sorted(
        {
            left["location"]
            for left in database[UNREMOVED].find()
            if not location.is_same(place, left["location"])
            and (mine is None or mine.has(left.get("owner")))
        }
    )


def _archives(database: Database[Document]) -> list[Archive]:
    records = Catalog(database).list_all()
    return [record.archive for record in records if record.archive is not None]
