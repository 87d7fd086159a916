"""What MongoDB does not answer of views, answered of the collection behind them.

FiftyOne asks these of the collections of every dataset: their indexes (the App on every page),
statistics, and how many documents there are, which the server would count one by one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

from ..dataset.parts import Part
from ..errors import SnapshotNotFoundError
from ..mongo import invalidate
from ..mongo.collections import PREFIX
from ..mongo.database import Document
from ..projection import indexes
from . import scratch, snapshots, stale, writes

Method = Callable[..., Any]

# Snapshots never change
_counts: dict[str, int] = {}


def index_information(original: Method) -> Method:
    """Tells the indexes that the dataset had (:class:`pymongo.collection.Collection`)."""

    @functools.wraps(original)
    def method(collection: Collection[Document], *args: Any, **kwargs: Any) -> Any:
        snapshot_id = _shown(collection)
        if snapshot_id is None:
            with stale.told(collection.database, collection.name):
                return original(collection, *args, **kwargs)
        return {
            index["name"]: {
                **{key: value for key, value in index.items() if key not in ("name", "ns")},
                "key": list(index["key"].items()),
            }
            for index in indexes.captured(collection.database, snapshot_id, _part(collection))
        }

    return method


def list_indexes(original: Method) -> Method:
    """Tells the indexes that the dataset had (:class:`pymongo.collection.Collection`)."""

    @functools.wraps(original)
    def method(collection: Collection[Document], *args: Any, **kwargs: Any) -> Any:
        snapshot_id = _shown(collection)
        if snapshot_id is None:
            with stale.told(collection.database, collection.name):
                return original(collection, *args, **kwargs)
        return iter(indexes.captured(collection.database, snapshot_id, _part(collection)))

    return method


def estimated_document_count(original: Method) -> Method:
    """Tells the number of documents at once (:class:`pymongo.collection.Collection`)."""

    @functools.wraps(original)
    def method(collection: Collection[Document], *args: Any, **kwargs: Any) -> Any:
        if _shown(collection) is None:
            return original(collection, *args, **kwargs)
        name = collection.name
        if name not in _counts:
            behind = _behind(collection)
            count: int = original(behind, *args, **kwargs)
            if behind.name == name:
                _check_exists(collection)
                return count
            _counts[name] = count
        elif collection.find_one({}, {"_id": True}) is None:
            # The server refuses if the snapshot was closed
            _check_exists(collection)
        return _counts[name]

    return method


def aggregate(original: Method) -> Method:
    """Runs pipelines on snapshots, and refuses those that would write to one."""

    @functools.wraps(original)
    def method(collection: Collection[Document], pipeline: Any, *args: Any, **kwargs: Any) -> Any:
        writes.check_pipeline(collection, pipeline)
        snapshot_id = _shown(collection)
        if snapshot_id is None:
            with stale.told(collection.database, writes.written(pipeline)):
                return original(collection, pipeline, *args, **kwargs)
        first = pipeline[0] if pipeline else {}
        if "$collStats" in first or "$indexStats" in first:
            results = original(_behind(collection), pipeline, *args, **kwargs)
            return _with_all_sizes(results, collection, snapshot_id)
        if "$geoNear" in first or "$text" in first.get("$match", {}) or kwargs.get("hint"):
            indexes.build(collection.database, snapshot_id)
        joined = scratch.joined(collection, pipeline)
        if "$geoNear" in first or "$text" in first.get("$match", {}):
            collection, joined = _shown_later(collection, joined)
        results = original(collection, joined, *args, **kwargs)
        if not getattr(results, "alive", True):
            # All that there is has come, and is nothing
            _check_exists(collection)
        return results

    return method


def find(original: Method) -> Method:
    """Makes the index there that a query on a snapshot asks for."""

    @functools.wraps(original)
    def method(collection: Collection[Document], *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("hint") and (snapshot_id := _shown(collection)) is not None:
            indexes.build(collection.database, snapshot_id)
        return original(collection, *args, **kwargs)

    return method


def collection_statistics(original: Method) -> Method:
    """Lets :meth:`pymongo.database.Database.command` tell statistics of snapshots."""

    @functools.wraps(original)
    def command(database: Database[Document], command: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(command, str) and command.lower() == "collstats" and args:
            collection = database[args[0]]
            if _shown(collection) is not None:
                args = (_behind(collection).name, *args[1:])
        return original(database, command, *args, **kwargs)

    return command


def _shown(collection: Collection[Document]) -> ObjectId | None:
    """Returns the snapshot that one of FiftyOne's collections shows, or None."""
    name = collection.name
    if not name.startswith(PREFIX):
        return None
    snapshot_id = snapshots.of_view(name)
    if snapshot_id is None or not snapshots.is_fiftyones(collection.database):
        return None
    return snapshot_id


def _part(collection: Collection[Document]) -> Part:
    return Part.FRAMES if collection.name.endswith(f".{Part.FRAMES}") else Part.SAMPLES


def _behind(view: Collection[Document]) -> Collection[Document]:
    """Returns the collection that a view shows; the view itself if it is closed or gone."""
    for description in view.database.list_collections(filter={"name": view.name}):
        behind = description["options"].get("viewOn")
        if behind is not None and not invalidate.is_failing(description):
            return view.database[behind]
    return view


def _shown_later(
    view: Collection[Document], pipeline: list[Document]
) -> tuple[Collection[Document], list[Document]]:
    """Has the server begin with what only a collection can be asked for.

    A view whose documents name other files has stages of its own, which come second then.
    """
    for description in view.database.list_collections(filter={"name": view.name}):
        stages = description["options"].get("pipeline")
        if stages and not invalidate.is_failing(description):
            behind = view.database[description["options"]["viewOn"]]
            return behind, [pipeline[0], *stages, *pipeline[1:]]
    return view, pipeline


def _check_exists(view: Collection[Document]) -> None:
    """Makes sure that nothing was found because there is nothing.

    FiftyOne drops what a snapshot is shown through, where this package is not there to stop it.
    """
    if view.name.endswith(f".{Part.FRAMES}"):
        # Snapshots without frames have no view of any
        view = view.database[view.name.removesuffix(f".{Part.FRAMES}")]
    if not view.database.list_collection_names(filter={"name": view.name}):
        raise SnapshotNotFoundError(
            "This snapshot is not open any more: it was deleted, or tidied away by a process "
            "without this package. If it is still there, load it again with "
            "fiftyone.load_dataset(dataset, snapshot=name)"
        )


def _with_all_sizes(
    results: Any, collection: Collection[Document], snapshot_id: ObjectId
) -> Iterator[Document]:
    """Tells indexes that are yet to be built as being built, as the server would."""
    names = [
        index["name"]
        for index in indexes.captured(collection.database, snapshot_id, _part(collection))
    ]
    for result in results:
        sizes = result.get("storageStats", result).get("indexSizes")
        if sizes is not None:
            missing = [name for name in names if name not in sizes]
            sizes.update(dict.fromkeys(missing, 0))
            result.get("storageStats", result).setdefault("indexBuilds", []).extend(missing)
        yield result
