"""What the server's storage engine does: seen before anything relies on it.

That nothing was written, and in which order documents lie, is told by facts about the engine that
MongoDB does not promise, though all servers that this was tried on keep to them. So each process
of a server is put to the test once, in a scratch collection, and the outcome is remembered in the
database. What rests on a fact that does not hold is not done: documents are read instead.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any
from weakref import WeakKeyDictionary

from bson import ObjectId
from pymongo import DeleteOne, InsertOne, MongoClient, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from .collections import SCRATCH, SERVERS
from .counters import write_counters
from .database import Document, Server

_EDITION = 1
"""Of the tests below. Who knows later ones makes them again."""

_LEFT_AFTER = timedelta(hours=1)

Scratch = Collection[Document]


class Fact(str, Enum):
    """Something that a storage engine does."""

    COUNTS_WRITES = "counts_writes"
    """Every kind of write moves the counters of its collection."""
    COUNTS_EACH = "counts_each"
    """Inserting and updating is counted once for each document."""
    COUNTS_NO_READS = "counts_no_reads"
    """Reading moves no counter. If it did, nothing would be wrong, but all would be read again."""
    KEEPS_ORDER = "keeps_order"
    """Documents lie in the order in which they were inserted, their record numbers grow, and
    ``$out`` keeps both."""

    __str__ = str.__str__


_seen: dict[ObjectId | None, frozenset[Fact]] = {}
"""What holds, by process of a server."""

_last: WeakKeyDictionary[MongoClient[Any], ObjectId | None] = WeakKeyDictionary()
"""The process that each client has met last."""


def holds(fact: Fact, database: Database[Document], server: Server | None = None) -> bool:
    """Returns whether the server was seen to do something; it is put to the test if need be.

    Args:
        fact: what it should do
        database: the database
        server (None): what the server says of itself; by default, it is the one met last

    Returns:
        True/False
    """
    client = database.client
    if server is None and client not in _last:
        server = Server.of(database)
    process = _last[client] if server is None else server.process
    _last[client] = process
    if process not in _seen:
        known = remembered(database, process)
        _seen[process] = _test(database, process) if known is None else known
    return fact in _seen[process]


def remembered(database: Database[Document], process: ObjectId | None) -> frozenset[Fact] | None:
    """Returns what a process of the server was seen to do.

    Args:
        database: the database
        process: the process

    Returns:
        what holds, or None if it was not put to the test
    """
    found = database[SERVERS].find_one({"_id": process, "edition": _EDITION})
    return None if found is None else frozenset(f for f in Fact if f.value in found["facts"])


def drop_leftovers(database: Database[Document]) -> None:
    """Drops what tests have left behind whose process was killed.

    Args:
        database: the database
    """
    now = datetime.now(timezone.utc)
    for name in database.list_collection_names(filter={"name": {"$regex": f"^{SCRATCH}"}}):
        id_ = name.removeprefix(SCRATCH).split(".")[0]
        # Somebody may be at it
        if ObjectId.is_valid(id_) and now - ObjectId(id_).generation_time > _LEFT_AFTER:
            database.drop_collection(name)


def _test(database: Database[Document], process: ObjectId | None) -> frozenset[Fact]:
    """Puts the server to the test; who may not write sees nothing."""
    scratch = database[f"{SCRATCH}{ObjectId()}"]
    try:
        drop_leftovers(database)
        try:
            found = frozenset(fact for fact, test in _TESTS.items() if test(scratch))
        finally:
            for each in (scratch, scratch["copied"]):
                each.drop()
        told = {
            "edition": _EDITION,
            "version": database.command("buildInfo")["version"],
            "facts": sorted(found),
        }
        if process is not None:
            database[SERVERS].replace_one({"_id": process}, told, upsert=True)
    except OperationFailure:
        return frozenset()
    return found


def _filled(scratch: Scratch) -> list[ObjectId]:
    """Fills the collection; returns the ids as they were inserted, which is not their order."""
    scratch.drop()
    ids = [ObjectId() for _ in range(20)]
    random.shuffle(ids)
    # Long enough for the engine to store a small change as such
    scratch.insert_many({"_id": id_, "n": 0, "text": "x" * 1000} for id_ in ids)
    return ids


def _counts_writes(scratch: Scratch) -> bool:
    ids = _filled(scratch)
    one, another = {"_id": ids[0]}, {"_id": ids[1]}
    new = ObjectId()
    to_scratch = {"into": scratch.name, "on": "_id", "whenMatched": "replace"}
    writes: list[Callable[[], Any]] = [
        lambda: scratch.insert_one({"_id": new}),
        lambda: scratch.insert_many([{}, {}]),
        lambda: scratch.update_one(one, {"$inc": {"n": 1}}),
        lambda: scratch.update_one(one, {"$set": {"text": "longer" * 1000}}),
        lambda: scratch.update_one(one, [{"$set": {"n": {"$add": ["$n", 1]}}}]),
        lambda: scratch.update_one({"_id": ObjectId()}, {"$set": {"n": 1}}, upsert=True),
        lambda: scratch.update_many({}, {"$inc": {"n": 1}}),
        lambda: scratch.replace_one(one, {"n": 5}),
        lambda: scratch.find_one_and_update(one, {"$inc": {"n": 1}}),
        lambda: scratch.find_one_and_replace(one, {"n": 6}),
        lambda: scratch.find_one_and_delete(one),
        lambda: scratch.bulk_write([UpdateOne(another, {"$inc": {"n": 1}})]),
        lambda: scratch.bulk_write([InsertOne({}), DeleteOne(another)]),
        lambda: scratch.aggregate([{"$set": {"n": 7}}, {"$merge": to_scratch}]),
        lambda: scratch.delete_one({"_id": new}),
        lambda: scratch.delete_many({"n": 7}),
        lambda: scratch.database.aggregate([{"$documents": [{"n": 1}]}, {"$out": scratch.name}]),
    ]
    return all(_moves(scratch, write) for write in writes)


def _moves(scratch: Scratch, write: Callable[[], Any]) -> bool:
    before = write_counters(scratch)
    write()
    return before is not None and write_counters(scratch) != before


def _counts_each(scratch: Scratch) -> bool:
    ids = _filled(scratch)
    few = {"_id": {"$in": ids[:7]}}
    changes: dict[int, Callable[[], Any]] = {
        5: lambda: scratch.insert_many({} for _ in range(5)),
        7: lambda: scratch.update_many(few, {"$inc": {"n": 1}}),
        3: lambda: scratch.bulk_write(
            [UpdateOne({"_id": i}, {"$set": {"n": 9}}) for i in ids[:3]]
        ),
        1: lambda: scratch.replace_one({"_id": ids[0]}, {"n": 5}),
    }
    for number, change in changes.items():
        before = write_counters(scratch)
        change()
        after = write_counters(scratch)
        if before is None or after is None or sum(after[1:]) - sum(before[1:]) != number:
            return False
    return True


def _counts_no_reads(scratch: Scratch) -> bool:
    _filled(scratch)
    before = write_counters(scratch)
    list(scratch.find({"n": 0}))
    list(scratch.aggregate([{"$group": {"_id": "$n"}}]))
    scratch.count_documents({})
    return before is not None and write_counters(scratch) == before


def _keeps_order(scratch: Scratch) -> bool:
    ids = _filled(scratch)
    scratch.update_many({}, {"$set": {"text": "longer" * 1000}})
    scratch.delete_one({"_id": ids[3]})
    scratch.insert_one({"_id": ids[3], "n": 0})
    wanted = [*ids[:3], *ids[4:], ids[3]]
    scratch.aggregate([{"$match": {"n": 0}}, {"$out": scratch["copied"].name}])
    return _lies_in_order(scratch, wanted) and _lies_in_order(scratch["copied"], wanted)


def _lies_in_order(scratch: Scratch, wanted: list[ObjectId]) -> bool:
    found = list(scratch.find({}, {"_id": 1}, show_record_id=True))
    numbers = [document["$recordId"] for document in found]
    return [each["_id"] for each in found] == wanted and numbers == sorted(set(numbers))


_TESTS: Mapping[Fact, Callable[[Scratch], bool]] = {
    Fact.COUNTS_WRITES: _counts_writes,
    Fact.COUNTS_EACH: _counts_each,
    Fact.COUNTS_NO_READS: _counts_no_reads,
    Fact.KEEPS_ORDER: _keeps_order,
}
