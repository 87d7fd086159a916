"""Databases as earlier versions wrote them: read from, and put back into, one compressed file.

The file is a zstd-compressed sequence of BSON documents: first one for each collection or view, as
the server lists it and with its indexes, then one for each document, with the collection it is of.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import bson
from pymongo import IndexModel
from pymongo.database import Database

from fiftyone_snapshots.backend.archive.compression import compress, decompress

Document = dict[str, Any]

_LARGEST = 1 << 28


def dump(database: Database[Document], path: Path) -> None:
    """Writes a whole database to a file.

    Args:
        database: the database
        path: the file
    """
    path.write_bytes(compress(b"".join(map(bson.encode, _described(database)))))


def _described(database: Database[Document]) -> Iterator[Document]:
    listed = sorted(database.list_collections(), key=lambda each: str(each["name"]))
    kept = [each for each in listed if not each["name"].startswith("system.")]
    for each in kept:
        indexes = []
        if each["type"] == "collection":
            found = database[each["name"]].list_indexes()
            indexes = [{**index, "key": list(index["key"].items())} for index in found]
        options = {key: each["options"][key] for key in each["options"] if key != "uuid"}
        yield {"name": each["name"], "options": options, "indexes": indexes}
    for each in kept:
        if each["type"] == "collection":
            for document in database[each["name"]].find():
                yield {"collection": each["name"], "document": document}


def load(path: Path, database: Database[Document]) -> None:
    """Puts a database that :func:`dump` wrote into another one, as a restored backup would be.

    Args:
        path: the file
        database: the database; FiftyOne's own collections may exist there
    """
    read = bson.decode_file_iter(BytesIO(decompress(path.read_bytes(), _LARGEST)))
    documents: dict[str, list[Document]] = {}
    views = []
    existing = set(database.list_collection_names())
    for entry in read:
        if "collection" in entry:
            documents.setdefault(entry["collection"], []).append(entry["document"])
        elif "viewOn" in entry["options"]:
            views.append(entry)
        else:
            if entry["name"] not in existing:
                database.create_collection(entry["name"], **entry["options"])
            _make_indexes(database, entry)
    for name, found in documents.items():
        if name != "config":  # FiftyOne's version, which is that of the process running
            database[name].insert_many(found)
    for view in views:
        database.command("create", view["name"], **view["options"])


def _make_indexes(database: Database[Document], entry: Document) -> None:
    models = [
        IndexModel(
            [(field, order) for field, order in index["key"]],
            **{key: index[key] for key in index if key not in ("key", "v", "ns")},
        )
        for index in entry["indexes"]
        if index["name"] != "_id_"
    ]
    if models and entry["name"].startswith(("samples.", "frames.", "snapshots.")):
        database[entry["name"]].create_indexes(models)
