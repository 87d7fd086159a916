"""The net below everything: writes to snapshots are stopped before they are sent.

Whatever FiftyOne writes ends in one of the methods of PyMongo below, called on one of FiftyOne's
clients (mongoengine and GridFS use them as well). So no way of writing can be forgotten. Which
documents in the collections that all datasets share are a snapshot's is asked of the database, if
the call itself does not say it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pymongo
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

from ..dataset import generated
from ..mongo.collections import PREFIX
from ..mongo.database import Document
from ..mongo.write_scope import Permission, current
from . import scratch, snapshots, stale
from .refusal import refuse

Method = Callable[..., Any]

_OWNER_FIELDS = {
    "datasets": "_id",
    "views": "_dataset_id",
    "workspaces": "_dataset_id",
    "runs": "_dataset_id",
    "tags": "_dataset_id",
    "execution_store": "dataset_id",
    # Ours: FiftyOne's files name no dataset. They are always written before their chunks
    "fs.files": "snapshot_id",
}
"""Where documents of shared collections say to which dataset they belong."""

_WATCHED = (PREFIX, *generated.PREFIXES, *_OWNER_FIELDS)

_BOOKKEEPING = {"last_loaded_at"}
"""What reading writes (fiftyone/core/odm/document.py:799)."""

_DROPS = ("drop_collection",)

_INSERT = object()

Target = tuple[Mapping[str, Any], Any]
"""A filter and what is done with the documents that it finds; or a document and ``_INSERT``."""


def _insert_one(document: Any, *_: Any, **__: Any) -> Iterator[Target]:
    yield document, _INSERT


def _insert_many(documents: Any, *_: Any, **__: Any) -> Iterator[Target]:
    for document in documents:
        yield document, _INSERT


def _filter(
    filter: Any = None,  # noqa: A002 (PyMongo's name)
    update: Any = None,
    *_: Any,
    replacement: Any = None,
    **__: Any,
) -> Iterator[Target]:
    yield filter or {}, update if update is not None else replacement


def _requests(requests: Any, *_: Any, **__: Any) -> Iterator[Target]:
    for request in requests:
        if isinstance(request, pymongo.InsertOne):
            yield request._doc, _INSERT
        else:
            yield request._filter, getattr(request, "_doc", None)


def _all(*_: Any, **__: Any) -> Iterator[Target]:
    # Indexes and names of shared collections belong to no dataset
    return iter(())


METHODS: dict[str, Callable[..., Iterator[Target]]] = {
    "insert_one": _insert_one,
    "insert_many": _insert_many,
    "update_one": _filter,
    "update_many": _filter,
    "replace_one": _filter,
    "delete_one": _filter,
    "delete_many": _filter,
    "find_one_and_update": _filter,
    "find_one_and_replace": _filter,
    "find_one_and_delete": _filter,
    "bulk_write": _requests,
    "create_index": _all,
    "create_indexes": _all,
    "drop_index": _all,
    "drop_indexes": _all,
    "rename": _all,
}
"""Methods of :class:`pymongo.collection.Collection` that write."""

_COMMANDS = {"collmod", "drop", "insert", "update", "delete", "findandmodify", "createindexes",
             "dropindexes", "converttocapped"}  # fmt: skip


def guard_method(name: str) -> Callable[[Method], Method]:
    """Returns what makes one of :data:`METHODS` refuse to write to snapshots."""
    addressed = METHODS[name]

    def wrap(original: Method) -> Method:
        @functools.wraps(original)
        def method(collection: Collection[Document], *args: Any, **kwargs: Any) -> Any:
            if collection.name.startswith(_WATCHED):
                if (noted := scratch.take(collection, name, args)) is not None:
                    return noted
                if name == "create_index" and (existing := _existing_index(collection, args[0])):
                    return existing
                if name in ("bulk_write", "insert_many"):
                    args, kwargs = _listed(args, kwargs)
                _check(collection, name, addressed(*args, **kwargs))
            with stale.told(collection.database, collection.name):
                return original(collection, *args, **kwargs)

        return method

    return wrap


def _existing_index(collection: Collection[Document], keys: Any) -> str | None:
    """Returns an index that is to be created and that a snapshot has.

    FiftyOne copies indexes from a snapshot's frames to those of its clips, which are the same.
    """
    if current() is Permission.NONE or snapshots.of_view(collection.name) is None:
        return None
    wanted = [(keys, 1)] if isinstance(keys, str) else list(keys)
    for name, index in collection.index_information().items():
        if index["key"] == wanted:
            return name
    return None


def check_pipeline(collection: Collection[Document], pipeline: Any) -> None:
    """Refuses an aggregation that writes its results into a snapshot.

    Args:
        collection: where it reads
        pipeline: its stages
    """
    target = written(pipeline)
    if target is not None and target.startswith(_WATCHED):
        _check(collection.database[target], "aggregate", iter(()))


def written(pipeline: Any) -> str | None:
    """Returns the collection that an aggregation writes its results into, if into any."""
    last = pipeline[-1] if isinstance(pipeline, list) and pipeline else {}
    target = last.get("$merge") or last.get("$out")
    if isinstance(target, Mapping):
        target = target.get("into", target)
    if isinstance(target, Mapping):
        target = target.get("coll")
    return target if isinstance(target, str) else None


def guard_command(original: Method) -> Method:
    """Makes :meth:`pymongo.database.Database.command` refuse to write to snapshots."""

    @functools.wraps(original)
    def command(database: Database[Document], command: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(command, str):
            name, target = command, args[0] if args else kwargs.get("value")
        else:
            name, target = next(iter(command.items()))
        if isinstance(target, str) and target.startswith(_WATCHED) and name.lower() in _COMMANDS:
            _check(database[target], name, iter(()))
        return original(database, command, *args, **kwargs)

    return command


def guard_drop(original: Method) -> Method:
    """Makes :meth:`pymongo.database.Database.drop_collection` refuse to drop snapshots."""

    @functools.wraps(original)
    def drop_collection(database: Database[Document], name_or_collection: Any,
                        *args: Any, **kwargs: Any) -> Any:  # fmt: skip
        name = getattr(name_or_collection, "name", name_or_collection)
        if isinstance(name, str) and name.startswith(PREFIX):
            _check(database[name], "drop_collection", iter(()))
        return original(database, name_or_collection, *args, **kwargs)

    return drop_collection


def _listed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Keeps an iterator of requests from being used up by looking at them."""
    if args:
        return (list(args[0]), *args[1:]), kwargs
    return args, {key: list(value) if key in ("requests", "documents") else value
                  for key, value in kwargs.items()}  # fmt: skip


def _check(collection: Collection[Document], method: str, addressed: Iterable[Target]) -> None:
    permission = current()
    if permission is Permission.PROJECTING or not snapshots.is_fiftyones(collection.database):
        return
    snapshot_id = _snapshot_written(collection, method, addressed, permission)
    if snapshot_id is not None:
        refuse(snapshot_id)


def _snapshot_written(
    collection: Collection[Document],
    method: str,
    addressed: Iterable[Target],
    permission: Permission,
) -> ObjectId | None:
    name, database = collection.name, collection.database
    if name.startswith(PREFIX):
        snapshot_id = snapshots.of_view(name)
        if method in _DROPS and snapshot_id is not None:
            # What a projection left behind may be tidied away
            return snapshots.of_dataset_id(database, snapshot_id)
        return snapshot_id
    if name in _OWNER_FIELDS:
        for document, update in addressed:
            found = _owner(collection, document, update, permission, "delete" in method)
            if found is not None:
                return found
        return None
    if permission is Permission.GENERATING or not generated.is_name(name):
        return None
    return snapshots.of_generated(database, name)


def _owner(
    collection: Collection[Document],
    document: Mapping[str, Any],
    update: Any,
    permission: Permission,
    deletes: bool,
) -> ObjectId | None:
    """Returns the snapshot to which some documents of a shared collection belong, if to one."""
    sets = update["$set"] if isinstance(update, Mapping) and [*update] == ["$set"] else None
    if sets is not None and _BOOKKEEPING.issuperset(sets):
        return None
    name, database = collection.name, collection.database
    if name == "views" and permission is Permission.GENERATING:
        return None
    if name == "execution_store" and _is_cache(collection, document, update):
        return None
    field = _OWNER_FIELDS[name]
    owner = document.get(field)
    if owner is None and field in document:
        return None
    if not isinstance(owner, ObjectId):
        if update is _INSERT:
            return None
        owner = _addressed_owner(collection, document, field)
        if owner is None:
            return None
    # Generated datasets are disposable, and may also be changed while they are made
    is_free = name != "datasets" or deletes or permission is Permission.GENERATING
    if is_free and snapshots.is_generated(database, owner):
        return None
    return snapshots.of_dataset_id(database, owner)


def _is_cache(collection: Collection[Document], document: Mapping[str, Any], update: Any) -> bool:
    """Returns whether only what expires by itself is written, as panels do to show something.

    (fiftyone/factory/repos/execution_store.py:537, ``set_key``)
    """
    if update is _INSERT:
        return document.get("policy") == "evict"
    if isinstance(update, Mapping):
        inserted = update.get("$setOnInsert", {})
        if inserted.get("policy", "evict") != "evict":
            return False
    return collection.find_one({**document, "policy": {"$ne": "evict"}}, {"_id": 1}) is None


def _addressed_owner(
    collection: Collection[Document], query: Mapping[str, Any], field: str
) -> ObjectId | None:
    candidates: list[Document] = [{field: {"$in": snapshots.shown(collection.database)}}]
    if collection.name == "datasets":
        candidates.append({generated.SOURCE: {"$exists": True}})
    found = collection.find_one({"$and": [dict(query), {"$or": candidates}]}, {field: 1})
    return None if found is None else found[field]
