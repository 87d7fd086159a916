"""A database as it was at some moment, brought back in less time than it takes to make it anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from .full import Document

_RAW = CodecOptions(document_class=RawBSONDocument)


class Saved:
    """What a database and some folders hold at this moment.

    Args:
        database: the database
        folders: folders of files that go with it
    """

    def __init__(self, database: Database[Document], folders: Sequence[Path] = ()) -> None:
        self._database = database
        self._views: dict[str, Document] = {}
        self._collections: dict[str, Document] = {}
        self._documents: dict[str, list[Any]] = {}
        for name, description in _described(database).items():
            kept = self._views if description["type"] == "view" else self._collections
            kept[name] = description
            if kept is self._collections:
                self._documents[name] = list(database.get_collection(name, _RAW).find())
        self._hashes = _hashes(database)
        self._files = {
            folder: {path: path.read_bytes() for path in _files(folder)} for folder in folders
        }

    def bring_back(self) -> None:
        """Makes the database and the folders what they were; what is the same is left alone."""
        found, hashes = _described(self._database), _hashes(self._database)
        for name, description in found.items():
            if description["type"] == "view" and description != self._views.get(name):
                self._database.drop_collection(name)
        for name, description in found.items():
            if description["type"] != "view" and name not in self._collections:
                self._database.drop_collection(name)
        for name, description in self._collections.items():
            if found.get(name) != description:
                self._make_again(name)
            elif hashes[name] != self._hashes[name]:
                self._fill(name)
        for name, description in self._views.items():
            if found.get(name) != description:
                self._database.create_collection(name, **description["options"])
        self._bring_back_files()

    def _make_again(self, name: str) -> None:
        self._database.drop_collection(name)
        description = self._collections[name]
        self._database.create_collection(name, **description["options"])
        indexes = [index for index in description["indexes"] if index["name"] != "_id_"]
        if indexes:
            self._database.command("createIndexes", name, indexes=indexes)
        description["info"] = _described(self._database, name)[name]["info"]
        self._fill(name)

    def _fill(self, name: str) -> None:
        collection = self._database[name]
        collection.delete_many({})
        if documents := self._documents[name]:
            collection.insert_many(documents)

    def _bring_back_files(self) -> None:
        for folder, files in self._files.items():
            for path in _files(folder):
                path.unlink()
            for path, content in files.items():
                path.write_bytes(content)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _described(database: Database[Document], name: str | None = None) -> dict[str, Document]:
    """Returns what the server tells of its collections and views, and of their indexes."""
    query = {} if name is None else {"name": name}
    found: dict[str, Document] = {
        description["name"]: dict(description)
        for description in database.list_collections(filter=query)
        if not description["name"].startswith("system.")
    }
    for each, description in found.items():
        if description["type"] != "view":
            description["indexes"] = [dict(index) for index in database[each].list_indexes()]
    return found


def _hashes(database: Database[Document]) -> Document:
    hashes: Document = database.command("dbHash")["collections"]
    return hashes
