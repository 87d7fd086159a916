"""Writes that the server refuses once somebody else holds the lease.

Whatever a process asks itself before it sends a command, it may be stopped between the answer and
the sending, and wake up an hour later. So each write that others can see carries its condition
with it: it is an aggregation that begins with the lease, looks up in the server whether that still
has the token of this attempt, and fails if not.

MongoDB can attach such a condition to what an aggregation writes (``$merge``, ``$out``), and to
nothing else. Documents are therefore deleted in two steps: they are given to an owner that does
not exist, under the condition, and what belongs to that one is deleted; or, where an id is never
used again, those that were there before the lease was looked at. Collections are dropped by what
they are and not by what they are called. Everything else goes to names that carry a token.

Outside of operations, or where it is said that a write needs no lease, the same functions write
without a condition.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from bson.binary import Binary
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure
from pymongo.read_preferences import ReadPreference

from ..errors import LeaseLostError
from .collections import LEASES
from .database import Document

_LOST = "somebody else holds the lease"
_CONVERSION_FAILURE = 241
_COLLECTION_UUID_MISMATCH = 361

_END_SECONDS = 10.0
_POLL_SECONDS = 0.05

Stages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Fence:
    """The right to write, as the server can check it.

    Args:
        dataset_id: the dataset whose lease it is
        token: what the lease must say
    """

    dataset_id: ObjectId
    token: str
    kept: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was read under the lease and only its holder changes, by whoever reads it."""

    def stages(self) -> list[Document]:
        """Returns stages that yield one document, or fail if the lease is lost."""
        lease: Document = {"$match": {"_id": self.dataset_id, "token": self.token}}
        # The server must not find out that it fails before it has looked: hence the field
        fails = {"$toInt": "$lost"}
        return [
            {"$documents": [{"lost": _LOST}]},
            {"$lookup": {"from": LEASES, "pipeline": [lease], "as": "lease"}},
            {"$match": {"$expr": {"$cond": [{"$ne": ["$lease", []]}, True, fails]}}},
        ]

    @property
    def comment(self) -> Document:
        """What its commands say that they are, so that others can end them."""
        return {"snapshots": self.dataset_id, "token": self.token}


_current: ContextVar[Fence | None] = ContextVar("fence", default=None)


def current() -> Fence | None:
    """Returns the fence of the operation that runs in this context, if one does."""
    return _current.get()


def forget(what: str | None = None) -> None:
    """Forgets what was kept, all or something, so that it is read again."""
    if (fence := current()) is None:
        return
    if what is None:
        fence.kept.clear()
    else:
        fence.kept.pop(what, None)


def keep(documents: Mapping[str, Document | None]) -> None:
    """Keeps what was read, by whatever it is kept as."""
    if (fence := current()) is not None:
        fence.kept.update(documents)


_along: list[str] = []


def read_along(name: str) -> str:
    """Has a collection's document of a dataset read whenever the dataset's lease is taken.

    Args:
        name: a collection with at most one document for each dataset, of the same id

    Returns:
        the name
    """
    _along.append(name)
    return name


def along() -> tuple[str, ...]:
    """Returns the collections that were given to :func:`read_along`."""
    return tuple(_along)


@contextmanager
def standing(fence: Fence) -> Iterator[None]:
    """Makes the writes of a ``with`` block conditional on a lease.

    Args:
        fence: what they are conditional on

    Returns:
        a context manager
    """
    token = _current.set(fence)
    try:
        yield
    finally:
        _current.reset(token)


def check(database: Database[Document]) -> None:
    """Asks the server whether the lease is still ours, if it takes one.

    Args:
        database: the database

    Raises:
        LeaseLostError: if another process has taken over the dataset
    """
    if (fence := current()) is not None:
        query = {"_id": fence.dataset_id, "token": fence.token}
        if database[LEASES].find_one(query, {"_id": 1}) is None:
            raise _lost()


def read(collection: Collection[Document], query: Mapping[str, Any]) -> list[Document]:
    """Reads documents, and asks at once whether the lease is still ours.

    Args:
        collection: the collection; of large documents, only few
        query: which documents

    Returns:
        the documents

    Raises:
        LeaseLostError: if another process has taken over the dataset
    """
    if (fence := current()) is None:
        return list(collection.find(query))
    return _run(collection.database, fence, _looked_up(collection, [{"$match": query}]))


def write(collection: Collection[Document], stages: Stages, output: Mapping[str, Any]) -> None:
    """Writes what an aggregation yields.

    Args:
        collection: the collection that it reads; if as of one moment, nobody else may know what
            is written to
        stages: what is read
        output: a ``$merge`` or ``$out`` stage

    Raises:
        LeaseLostError: if another process has taken over the dataset; nothing was written then
    """
    fence = current()
    # What is read at one moment of the past would find the lease of that moment
    if fence is None or collection.read_concern.level == "snapshot":
        collection.aggregate([*stages, output], allowDiskUse=True)
        return
    _run(collection.database, fence, [*_looked_up(collection, stages), output])


def put(
    collection: Collection[Document],
    document: Mapping[str, Any],
    *,
    if_there: str | Stages = "fail",
    if_not: str = "insert",
) -> None:
    """Writes one document.

    Args:
        collection: the collection
        document: the document
        if_there ("fail"): what becomes of one with its id, as for ``$merge``
        if_not ("insert"): what is done if there is none, as for ``$merge``

    Raises:
        LeaseLostError: if another process has taken over the dataset; nothing was written then
        DuplicateKeyError: if there is such a document and must not be
    """
    if current() is None and (if_there, if_not) == ("fail", "insert"):
        collection.insert_one(dict(document))
        return
    merge = {
        "$merge": {
            "into": collection.name,
            "on": "_id",
            "whenMatched": if_there,
            "whenNotMatched": if_not,
        }
    }
    literal: Document = {"$replaceWith": {"$literal": dict(document)}}
    if (fence := current()) is not None:
        _run(collection.database, fence, [literal, merge])
    else:
        one: list[Document] = [{"$documents": [{"one": 1}]}]
        collection.database.aggregate([*one, literal, merge])


def change(collection: Collection[Document], id_: Any, values: Mapping[str, Any]) -> None:
    """Sets fields of a document, if it is there.

    Args:
        collection: the collection
        id_: the document's id
        values: the fields, none of them nested

    Raises:
        LeaseLostError: if another process has taken over the dataset; nothing was written then
    """
    assert not any("." in name for name in values), "only one of the two below takes paths"
    if current() is None:
        collection.update_one({"_id": id_}, {"$set": dict(values)})
        return
    merged: list[Document] = [{"$replaceWith": {"$mergeObjects": ["$$ROOT", "$$new.values"]}}]
    put(collection, {"_id": id_, "values": dict(values)}, if_there=merged, if_not="discard")


def delete(
    collection: Collection[Document],
    ids: Sequence[Any],
    owner: str,
    nobody: ObjectId,
    owned_by: ObjectId | None = None,
) -> None:
    """Deletes documents.

    Args:
        collection: the collection
        ids: which ones
        owner: the field that says whose they are
        nobody: an owner that has none but what is being deleted, such as the operation
        owned_by (None): whose they must be; by default, anybody's

    Raises:
        LeaseLostError: if another process has taken over the dataset; nothing was deleted then
    """
    if not ids:
        return
    wanted: Document = {"_id": {"$in": list(ids)}}
    if owned_by is not None:
        wanted[owner] = owned_by
    if current() is not None:
        given: list[Document] = [{"$set": {owner: nobody}}]
        merge: Document = {
            "$merge": {
                "into": collection.name,
                "on": "_id",
                "whenMatched": given,
                "whenNotMatched": "discard",
            }
        }
        write(collection, [{"$match": wanted}, {"$project": {"_id": 1}}], merge)
        wanted[owner] = nobody
    collection.delete_many(wanted)


def delete_found(collection: Collection[Document], query: Document) -> None:
    """Deletes those documents that are there while the lease is held, and none that come later.

    For documents whose ids are never used again.

    Args:
        collection: the collection
        query: which ones

    Raises:
        LeaseLostError: if another process has taken over the dataset; nothing was deleted then
    """
    if current() is None:
        collection.delete_many(query)
        return
    found = [document["_id"] for document in collection.find(query, {"_id": 1})]
    if found:
        check(collection.database)
        collection.delete_many({"_id": {"$in": found}})


def drop(database: Database[Document], name: str, description: Mapping[str, Any]) -> None:
    """Drops a collection if it is still the one that was looked at.

    Args:
        database: the database
        name: its name
        description: what the server said of it when it was listed
    """
    uuid: Binary | None = description.get("info", {}).get("uuid")
    if uuid is None:
        # A view, which holds nothing
        database.drop_collection(name)
        return
    try:
        database.command("drop", name, collectionUUID=uuid)
    except OperationFailure as error:
        # It is gone, or another one by now
        if error.code != _COLLECTION_UUID_MISMATCH:
            raise


def end_others(database: Database[Document]) -> None:
    """Ends what the server is still doing for those who had the lease before.

    A copy that was begun in time goes on while whoever sent it is stopped.

    Args:
        database: the database
    """
    fence = current()
    if fence is None:
        return
    theirs = {
        # A copy of the database on the same server has datasets of the same ids
        "ns": {"$regex": f"^{re.escape(database.name)}\\."},
        "command.comment.snapshots": fence.dataset_id,
        "command.comment.token": {"$ne": fence.token},
    }
    admin = database.client.get_database("admin", read_preference=ReadPreference.PRIMARY)
    deadline = time.monotonic() + _END_SECONDS
    try:
        while time.monotonic() < deadline:
            running = list(admin.aggregate([{"$currentOp": {}}, {"$match": theirs}]))
            if not running:
                return
            for operation in running:
                admin.command("killOp", op=operation["opid"])
            time.sleep(_POLL_SECONDS)
    except OperationFailure:
        # Where this user may not look, a lease that has run out must do
        return


def _run(database: Database[Document], fence: Fence, stages: Stages) -> list[Document]:
    try:
        pipeline = [*fence.stages(), *stages]
        return list(database.aggregate(pipeline, allowDiskUse=True, comment=fence.comment))
    except OperationFailure as error:
        if error.code == _CONVERSION_FAILURE and _LOST in str(error):
            raise _lost() from error
        raise


def _looked_up(collection: Collection[Document], stages: Stages) -> list[Document]:
    """Returns stages that yield what others read, after those that look at the lease."""
    # The server joins the first two, and passes on one document after the other
    return [
        {"$lookup": {"from": collection.name, "pipeline": list(stages), "as": "found"}},
        {"$unwind": "$found"},
        {"$replaceWith": "$found"},
    ]


def _lost() -> LeaseLostError:
    return LeaseLostError(
        "Another process has taken over the dataset, because this one was out of touch for too "
        "long. What it was doing was not completed."
    )
