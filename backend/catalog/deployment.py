"""Which database this is, so that a copy of it knows that it is one.

Whatever is in a database is copied with it, except for one thing: a server that makes a collection
gives it a new UUID, also where it makes it for ``mongorestore`` or for a program that copies
documents. So a note of ours in the database says what the UUID of its own collection is. Where the
two differ, the database is a copy, or a backup that took the place of the original: only people
know which, so they say it by :func:`claim` or :func:`leave`. A copy of the server's files has the
same UUIDs; it is noticed by where it is, see :mod:`.place`.

What depends on it are the archives, which are outside of the database, and of which each has an
owner: the database that wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymongo.database import Database

from ..errors import InvalidRequestError
from ..mongo.collections import DEPLOYMENT
from ..mongo.database import Document, create_compressed, server_time
from . import place
from .record import FORMAT_VERSION, check_format

_ID = "deployment"

_BEGUN = f"{DEPLOYMENT}.begun"
"""The collection of a note that is being written anew."""

_UNTOLD = "untold"
"""The id of all databases of a server that does not tell UUIDs: none is taken for a copy."""


@dataclass(frozen=True)
class Deployment:
    """A database, and whose archives are its own."""

    id: str
    """Of this database."""
    noted_id: str
    """Of the database in which the note was written."""
    has_moved: bool
    """Whether the server is not where it was then, and so may be one of copied files."""
    owns: frozenset[str]
    """The ids of the databases whose archives belong to the one of the note."""
    owns_older: bool
    """Whether it also has the archives that do not say who wrote them: older than this note."""
    left: frozenset[str]
    """The ids of the databases whose archives it has left alone."""

    @property
    def is_copy(self) -> bool:
        """Whether it is a copy, of which nobody has said yet what it is for."""
        return self.has_moved or self.id != self.noted_id

    def has(self, owner: str | None) -> bool:
        """Returns whether this database may remove an archive.

        Args:
            owner: the id of the database that wrote it; None if that is not known
        """
        if self.has_moved:
            # The original, if there is another, has the same id
            return False
        if owner == self.id:
            return True
        if self.is_copy:
            return False
        return self.owns_older if owner is None else owner in self.owns


def find(database: Database[Document]) -> Deployment | None:
    """Returns which database this is, or None if that was never noted.

    Args:
        database: the database

    Raises:
        NewerFormatError: if the note was written by a newer version of this package
    """
    document = database[DEPLOYMENT].find_one({"_id": _ID})
    if document is None:
        return None
    check_format(document)
    # Earlier versions have not noted any
    places = document.get("places") or []
    here = place.of(database) if places else None
    return Deployment(
        _identity(database),
        document["noted_id"],
        here is not None and not any(place.is_same(known, here) for known in places),
        frozenset(document["owns"]),
        document["owns_older"],
        frozenset(document["left"]),
    )


def note(database: Database[Document]) -> Deployment:
    """Returns which database this is, and notes it the first time.

    Args:
        database: the database

    Raises:
        NewerFormatError: if the note was written by a newer version of this package
    """
    if (found := find(database)) is not None:
        _note_place(database)
        return found
    create_compressed(database, DEPLOYMENT)
    here = _identity(database)
    first = {
        "format": FORMAT_VERSION,
        "noted_id": here,
        "noted_at": server_time(database),
        "owns": [here],
        "owns_older": True,
        "left": [],
        "places": _here(database),
    }
    database[DEPLOYMENT].update_one({"_id": _ID}, {"$setOnInsert": first}, upsert=True)
    found = find(database)
    assert found is not None
    return found


def claim(database: Database[Document]) -> Deployment:
    """Makes the archives of the database that this one is a copy of its own.

    Args:
        database: the database

    Returns:
        what it is now

    Raises:
        InvalidRequestError: if it is no copy, or has them already
    """
    found = note(database)
    if not found.is_copy and not found.left:
        raise _no_copy()
    return _decide(database, found, found.owns | found.left | {found.id}, set(), owns_older=True)


def leave(database: Database[Document]) -> Deployment:
    """Leaves the archives of the database that this one is a copy of alone.

    Args:
        database: the database

    Returns:
        what it is now

    Raises:
        InvalidRequestError: if it is no copy
    """
    found = note(database)
    if not found.is_copy:
        raise _no_copy()
    if found.id == found.noted_id:
        _become_another(database, found)
        return note(database)
    left = (found.owns | found.left) - {found.id}
    return _decide(database, found, {found.id}, left, owns_older=False)


def _become_another(database: Database[Document], found: Deployment) -> None:
    """Gives a server of copied files an id of its own: another collection, with another note."""
    database.drop_collection(_BEGUN)
    create_compressed(database, _BEGUN)
    id_ = _identity(database, _BEGUN)
    database[_BEGUN].insert_one(
        {
            "_id": _ID,
            "format": FORMAT_VERSION,
            "noted_id": id_,
            "noted_at": server_time(database),
            "owns": [id_],
            "owns_older": False,
            "left": sorted(found.owns | found.left | {found.id}),
            "places": _here(database),
        }
    )
    database[_BEGUN].rename(DEPLOYMENT, dropTarget=True)


def _no_copy() -> InvalidRequestError:
    return InvalidRequestError(
        "This database is no copy of another one, or it was said already what it is for: nothing "
        "was changed"
    )


def _decide(
    database: Database[Document],
    found: Deployment,
    owns: frozenset[str] | set[str],
    left: frozenset[str] | set[str],
    *,
    owns_older: bool,
) -> Deployment:
    decided = {
        "noted_id": found.id,
        "noted_at": server_time(database),
        "owns": sorted(owns),
        "owns_older": owns_older,
        "left": sorted(left),
    }
    # Of two who decide at once, only the first one does
    database[DEPLOYMENT].update_one(
        {"_id": _ID, "noted_id": found.noted_id, "left": sorted(found.left)},
        {"$set": decided, "$push": {"places": {"$each": _here(database)}}},
    )
    return note(database)


def _note_place(database: Database[Document]) -> None:
    """Notes where it is, if an earlier version has written the note."""
    query = {"_id": _ID, "places": None}
    missing = database[DEPLOYMENT].find_one(query, {"_id": 1}) is not None
    if missing and (here := _here(database)):
        database[DEPLOYMENT].update_one(query, {"$set": {"places": here}})


def _here(database: Database[Document]) -> list[Document]:
    here = place.of(database)
    return [] if here is None else [here]


def _identity(database: Database[Document], name: str = DEPLOYMENT) -> str:
    for found in database.list_collections(filter={"name": name}):
        if (uuid := found["info"].get("uuid")) is not None:
            return bytes(uuid.bytes if hasattr(uuid, "bytes") else uuid).hex()
    return _UNTOLD
