"""The MongoDB that FiftyOne uses, and our collections in it.

This module is the one place that names our collections and that chooses between what a
standalone server, a replica set and a sharded cluster can do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias

import fiftyone.constants as foc
import fiftyone.core.odm as foo
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp
from packaging.version import Version
from pymongo import ASCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from .errors import DatabaseUnavailableError

Document: TypeAlias = dict[str, Any]

PREFIX = "snapshots."
"""All our collections begin so. FiftyOne's clean-up drops unknown ``samples.*``, ``frames.*``,
``patches.*`` and ``clips.*`` (fiftyone/core/odm/database.py, ``drop_orphan_collections``)."""

CATALOG = PREFIX + "catalog"
MANIFESTS = PREFIX + "manifests"
JOURNAL = PREFIX + "journal"
LEASES = PREFIX + "leases"
TRASH = PREFIX + "trash"
FACTS = PREFIX + "facts"
LINEAGE = PREFIX + "lineage"
DATASETS = PREFIX + "datasets"
AUDIT = PREFIX + "audit"
AUDIT_HEAD = PREFIX + "audit_head"
DELTA = PREFIX + "delta"
ORDERS = PREFIX + "orders"
UNREMOVED = PREFIX + "unremoved"

_MASTERS = PREFIX + "masters."
_STAGING = PREFIX + "staging."
_TRASHED = PREFIX + "trashed."

_JOURNAL_DAYS = 30

_UNAUTHORIZED = 13
"""The server's error code."""

_RAW = CodecOptions(document_class=RawBSONDocument)

_INDEXES: dict[str, list[IndexModel]] = {
    CATALOG: [
        # Two processes that create the same name at once: the server lets one of them win
        IndexModel(
            [("dataset_id", ASCENDING), ("slug", ASCENDING)],
            unique=True,
            partialFilterExpression={"live": True},
        ),
        IndexModel([("dataset_id", ASCENDING), ("sequence", ASCENDING)]),
        # What is searched for; all are multikey or few, so a query uses the one that is rarest
        IndexModel("created_at"),
        IndexModel("created_by"),
        IndexModel("tags"),
        IndexModel("fields"),
    ],
    LINEAGE: [IndexModel("dataset_id")],
    MANIFESTS: [
        IndexModel(
            [("snapshot_id", ASCENDING), ("part", ASCENDING), ("number", ASCENDING)], unique=True
        ),
        IndexModel("base", sparse=True),
    ],
    JOURNAL: [
        IndexModel([("dataset_id", ASCENDING), ("state", ASCENDING)]),
        IndexModel("finished_at", expireAfterSeconds=_JOURNAL_DAYS * 24 * 3600),
        # The few entries that the audit log has not told of yet
        IndexModel(
            "dataset_id", name="untold", partialFilterExpression={"untold": {"$exists": True}}
        ),
    ],
    AUDIT: [
        # No operation is told of twice, whoever else tells of it
        IndexModel(
            "operations",
            unique=True,
            partialFilterExpression={"operations.0": {"$exists": True}},
        ),
        IndexModel([("dataset_id", ASCENDING), ("_id", ASCENDING)]),
    ],
    DELTA: [IndexModel([("links.id", ASCENDING)])],
    ORDERS: [
        IndexModel(
            [("snapshot_id", ASCENDING), ("part", ASCENDING), ("number", ASCENDING)], unique=True
        ),
    ],
    TRASH: [IndexModel([("dataset_id", ASCENDING), ("trashed_at", ASCENDING)])],
}

MINIMUM_MONGODB = foc.MONGODB_MIN_VERSION

_checked: set[int] = set()

_indexed: dict[tuple[int, str], dict[str, Any]] = {}
"""The collections that got their indexes by this process, by client and database."""


def connect() -> Database[Document]:
    """Returns FiftyOne's database.

    Whatever the address says: what decides about snapshots is read from the primary, as another
    member may not have seen the latest writes, and is written to most members, so that electing
    another primary takes nothing back.

    Returns:
        the database, with FiftyOne's own client

    Raises:
        DatabaseUnavailableError: if the server cannot be reached or is too old
    """
    with _needing_server():
        database = _database()
        database.command("ping")
        if id(database.client) not in _checked:
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
    except (ConnectionError, RuntimeError, PyMongoError) as error:
        raise DatabaseUnavailableError(
            f"Snapshots need FiftyOne's MongoDB, which cannot be used: {error}. Check that it "
            f"runs, that FIFTYONE_DATABASE_URI points at it, and that it is MongoDB "
            f"{MINIMUM_MONGODB} or newer."
        ) from error


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


def ensure_indexes(database: Database[Document]) -> None:
    """Creates the indexes of our collections, on some of which correctness rests.

    Called before every change, not once a process: somebody may have dropped the collections. So
    the server is asked, once, whether they still are those that got them.

    Args:
        database: the database
    """
    place = id(database.client), database.name
    if _indexed.get(place) == (found := _identities(database)) and len(found) == len(_INDEXES):
        return
    for name, indexes in _INDEXES.items():
        database[name].create_indexes(indexes)
    _indexed[place] = _identities(database)


def _identities(database: Database[Document]) -> dict[str, Any]:
    """Returns the server's own ids of those of our collections that have indexes."""
    found = database.list_collections(filter={"name": {"$in": list(_INDEXES)}})
    return {each["name"]: each["info"].get("uuid") for each in found}


def raw(collection: Collection[Document]) -> Collection[RawBSONDocument]:
    """Returns the same collection with documents left as the bytes they are.

    Args:
        collection: a collection

    Returns:
        the collection, giving :class:`bson.raw_bson.RawBSONDocument`
    """
    return collection.with_options(codec_options=_RAW)  # type: ignore[return-value]


def server_time(database: Database[Document]) -> datetime:
    """Returns the time on the server's clock, the only clock that all clients share.

    Args:
        database: the database

    Returns:
        the time, as FiftyOne's own timestamps are given (UTC, or ``fo.config.timezone``)
    """
    reply: Document = database.command("hello", codec_options=database.codec_options)
    time: datetime = reply["localTime"]
    return time


def is_replicated(database: Database[Document]) -> bool:
    """Returns whether the server keeps enough history to read one moment from many collections.

    A standalone server, FiftyOne's default, does not.

    Args:
        database: the database

    Returns:
        True/False
    """
    reply = database.command("hello")
    return "setName" in reply or reply.get("msg") == "isdbgrid"


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
    version: Document = database.command("hello").get("topologyVersion", {})
    return version.get("processId")


def write_counters(collection: Collection[Document]) -> tuple[Any, ...] | None:
    """Returns the storage engine's own count of writes to a collection.

    Every write reaches the table through one of these cursor operations, whichever client sent
    it and whether or not it moved a timestamp; so equal counters mean that nothing was written.

    Args:
        collection: a collection

    Returns:
        comparable counters, or None where the server does not tell
    """
    try:
        stats = next(iter(collection.aggregate([{"$collStats": {"storageStats": {}}}])))
        engine = stats["storageStats"]["wiredTiger"]
        cursor = engine["cursor"]
        return (
            engine["uri"],
            cursor["insert calls"],
            cursor["bulk loaded cursor insert calls"],
            cursor["modify"],
            cursor["update calls"],
            cursor["remove calls"],
            cursor["truncate calls"],
        )
    except (OperationFailure, KeyError, StopIteration):
        return None


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
    return sum(int(database.command("collStats", name)["size"]) for name in names)


def master_name(snapshot_id: ObjectId, part: str) -> str:
    """Returns the name of the collection that holds a part of a snapshot."""
    return f"{_MASTERS}{snapshot_id}.{part}"


def staging_name(operation_id: ObjectId, part: str) -> str:
    """Returns the name of a collection in which an operation prepares a part."""
    return f"{_STAGING}{operation_id}.{part}"


def trashed_name(operation_id: ObjectId, part: str) -> str:
    """Returns the name of the collection that holds a part of a discarded state."""
    return f"{_TRASHED}{operation_id}.{part}"


def delta_name(dataset_id: ObjectId, token: ObjectId, part: str) -> str:
    """Returns the name of a collection in which the delta backend keeps something of a dataset."""
    return f"{DELTA}.{dataset_id}.{token}.{part}"


def delta_collections(database: Database[Document], dataset_id: ObjectId) -> dict[str, ObjectId]:
    """Lists the collections in which the delta backend keeps something of a dataset.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        the token that each is called by, by name
    """
    prefix = f"{DELTA}.{dataset_id}."
    query = {"name": {"$regex": f"^{re.escape(prefix)}"}}
    names = database.list_collection_names(filter=query)
    return {name: ObjectId(name[len(prefix) :].split(".", maxsplit=1)[0]) for name in names}


def view_name(snapshot_id: ObjectId, part: str) -> str:
    """Returns the name of the read-only view through which FiftyOne reads a part of a snapshot.

    FiftyOne derives class names from it, which is why it must be lowercase
    (fiftyone/core/odm/utils.py; mongoengine maps ``snapshots.MyName`` to ``snapshots._my_name``).
    """
    return f"{PREFIX}{snapshot_id}" if part == "samples" else f"{PREFIX}{snapshot_id}.{part}"


def owned_collections(database: Database[Document], owner: ObjectId) -> list[str]:
    """Lists the collections and views that belong to one snapshot or operation.

    Args:
        database: the database
        owner: the snapshot's or operation's id

    Returns:
        names
    """
    return sorted(name for name in all_collections(database) if f".{owner}" in name)


def all_collections(database: Database[Document]) -> dict[str, Mapping[str, Any]]:
    """Lists all collections and views of ours.

    Args:
        database: the database

    Returns:
        a dict mapping names to the server's descriptions
    """
    found = database.list_collections(filter={"name": {"$regex": r"^snapshots\."}})
    return {description["name"]: description for description in found}


def owner_of(name: str) -> ObjectId | None:
    """Returns the id of the snapshot or operation that a collection of ours belongs to.

    Args:
        name: the collection's name

    Returns:
        the id, or None for collections that belong to all
    """
    for prefix in (_MASTERS, _STAGING, _TRASHED, PREFIX):
        if name.startswith(prefix):
            candidate = name[len(prefix) :].split(".", maxsplit=1)[0]
            return ObjectId(candidate) if ObjectId.is_valid(candidate) else None
    return None
