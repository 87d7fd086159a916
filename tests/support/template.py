"""Datasets that FiftyOne has made once, made again from what it has stored.

Most of the time that FiftyOne takes for a dataset of a few samples goes into its schema, field by
field: 0.15 s of CPU, for thousands of datasets in one run of the tests.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import wraps
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
from bson import ObjectId

Build = Callable[..., fo.Dataset]

_OWN = {"_id", "name", "slug", "version", "persistent", "sample_collection_name", "last_loaded_at"}
"""What a dataset has of its own, whatever it is made from."""


def made_once(build: Build) -> Build:
    """Has FiftyOne build a dataset of each size only once in this process.

    Args:
        build: builds a dataset, given its name, its sizes, and options of
            :class:`fiftyone.core.dataset.Dataset`

    Returns:
        what is called like it, and makes the same
    """
    templates: dict[tuple[int, ...], _Template] = {}
    signature = inspect.signature(build)

    @wraps(build)
    def make(*args: Any, **kwargs: Any) -> fo.Dataset:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        name, *sizes = given.args
        key = tuple(sizes)
        if key not in templates:
            dataset = build(*args, **kwargs)
            templates[key] = _Template(dataset)
            return dataset
        return templates[key].make(name, **given.kwargs)

    return make


class _Template:
    """What is stored of a dataset."""

    def __init__(self, dataset: fo.Dataset) -> None:
        database = foo.get_db_conn()
        self._document = database["datasets"].find_one({"_id": dataset._doc.id}) or {}
        self._parts = {
            part: (list(collection.find().sort("$natural", 1)), list(collection.list_indexes()))
            for part in ("sample", "frame")
            if (name := self._document.get(f"{part}_collection_name"))
            for collection in [database[name]]
        }
        documents = [document for part, _ in self._parts.values() for document in part]
        self._ids = sorted({id_ for document in documents for id_ in _ids(document)})

    def make(self, name: str, **options: Any) -> fo.Dataset:
        """Makes a dataset of the same content now, with ids of its own."""
        database = foo.get_db_conn()
        own = {"_id": fo.Dataset(name, **options)._doc.id}
        collection = database["datasets"].find_one(own, ["sample_collection_name"]) or {}
        names = {"sample": collection["sample_collection_name"]}
        names["frame"] = f"frames.{names['sample']}"

        now = datetime.now(timezone.utc).replace(tzinfo=None)
        later = now - self._document["last_modified_at"]
        ids = {id_: ObjectId() for id_ in self._ids} | {self._document["_id"]: own["_id"]}
        new = {key: value for key, value in self._document.items() if key not in _OWN}
        if "frame" in self._parts:
            new["frame_collection_name"] = names["frame"]
        database["datasets"].update_one(own, {"$set": _renewed(new, ids, later)})
        for part, (documents, indexes) in self._parts.items():
            existing = database[names[part]].index_information()
            for index in indexes:
                if index["name"] not in existing:
                    is_unique = {"unique": True} if index.get("unique") else {}
                    database[names[part]].create_index(list(index["key"].items()), **is_unique)
            if documents:
                database[names[part]].insert_many(_renewed(documents, ids, later))
        fo.Dataset._instances.pop(name, None)
        dataset = fo.load_dataset(name)
        # FiftyOne dates the fields of metadata anew when it loads a dataset, and stores that later
        dataset.save()
        return dataset


def _ids(value: Any) -> Iterator[ObjectId]:
    if isinstance(value, ObjectId):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _ids(each)


def _renewed(value: Any, ids: dict[ObjectId, ObjectId], later: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _renewed(each, ids, later) for key, each in value.items()}
    if isinstance(value, list):
        return [_renewed(each, ids, later) for each in value]
    if isinstance(value, ObjectId):
        return ids[value]
    return value + later if isinstance(value, datetime) else value
