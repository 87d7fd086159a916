"""Notes on samples of a snapshot, for as long as FiftyOne makes something from them.

To make clips, FiftyOne first writes where they begin and end into the samples, and removes that
afterwards (fiftyone/core/clips.py:1005, 1091); to make frames or tell the size of the media, it
first writes missing metadata. Within :func:`notes` what it writes goes to a collection beside the
snapshot, and its aggregations see the samples as if they had it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.results import BulkWriteResult, UpdateResult

from ..mongo.database import Document
from . import snapshots

_JOINED = "_snapshot_notes"


@dataclass
class _Notes:
    """What was noted so far."""

    # FiftyOne drops collections of such names that no dataset refers to, as after a crash
    # (fiftyone/core/odm/database.py:584)
    name: str = field(default_factory=lambda: f"clips.{ObjectId()}")
    values: dict[Any, Document] = field(default_factory=lambda: defaultdict(dict))
    is_stored: bool = False
    stored_in: Collection[Document] | None = None

    def fields(self) -> list[str]:
        return list({name: None for values in self.values.values() for name in values})

    def store(self, view: Collection[Document]) -> None:
        if self.is_stored:
            return
        self.stored_in = view.database[self.name]
        self.stored_in.drop()
        documents = [{"_id": key, "values": values} for key, values in self.values.items()]
        if documents:
            self.stored_in.insert_many(documents)
        self.is_stored = True


_current: ContextVar[_Notes | None] = ContextVar("notes", default=None)


@contextmanager
def notes() -> Iterator[None]:
    """Lets FiftyOne note something on the samples of a snapshot, for the running thread only."""
    if _current.get() is not None:
        yield
        return
    taken = _Notes()
    token = _current.set(taken)
    try:
        yield
    finally:
        _current.reset(token)
        if taken.stored_in is not None:
            taken.stored_in.drop()


def is_active() -> bool:
    """Returns whether notes are being taken."""
    return _current.get() is not None


def take(collection: Collection[Document], method: str, args: tuple[Any, ...]) -> Any:
    """Takes a write to the samples of a snapshot as a note, if notes are being taken.

    Args:
        collection: the collection to be written to
        method: the method of the collection
        args: its arguments

    Returns:
        the method's result, or None if the write is not to be taken as a note
    """
    taken = _current.get()
    if taken is None or snapshots.of_view(collection.name) is None:
        return None
    if collection.name.endswith(".frames"):
        return None
    if method == "bulk_write":
        requests = args[0]
        if not all(_is_note(request) for request in requests):
            return None
        for request in requests:
            taken.values[request._filter["_id"]].update(request._doc["$set"])
    elif method == "update_many" and args[0] == {} and set(args[1]) == {"$unset"}:
        for values in taken.values.values():
            for name in args[1]["$unset"]:
                values.pop(name, None)
    else:
        return None
    taken.is_stored = False
    return UpdateResult({}, True) if method == "update_many" else BulkWriteResult({}, True)


def joined(collection: Collection[Document], pipeline: Any) -> Any:
    """Returns a pipeline that sees samples with what was noted on them.

    Args:
        collection: where it reads
        pipeline: its stages

    Returns:
        the stages to run
    """
    taken = _current.get()
    if taken is None or snapshots.of_view(collection.name) is None:
        return pipeline
    fields = taken.fields()
    if not fields:
        return pipeline
    taken.store(collection)
    noted = {
        name: {"$ifNull": [{"$first": f"${_JOINED}.values.{name}"}, f"${name}"]}
        for name in fields
        if name != "last_modified_at"
    }
    join = {"from": taken.name, "localField": "_id", "foreignField": "_id", "as": _JOINED}
    return [{"$lookup": join}, {"$set": noted}, {"$unset": _JOINED}, *pipeline]


def _is_note(request: Any) -> bool:
    return (
        isinstance(request, pymongo.UpdateOne)
        and set(request._filter) == {"_id"}
        and set(request._doc) == {"$set"}
    )
