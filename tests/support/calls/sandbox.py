"""Makes calls on real datasets one after another without one seeing what another did.

Cloning a dataset for each of a thousand calls would take minutes; putting back the few
documents that a call changed takes milliseconds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import bson
import fiftyone as fo
import fiftyone.core.odm as foo
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteMany, InsertOne, ReplaceOne

from support.counting import COMMANDS

_RAW = bson.CodecOptions(document_class=RawBSONDocument)


@dataclasses.dataclass(frozen=True)
class Change:
    """One difference between two states of a database.

    Attributes:
        collection: the collection it is in
        before: the document (or ``{"index": ...}``) before, None if there was none
        after: the document (or ``{"index": ...}``) after, None if there is none
    """

    collection: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def is_more_than(self, bookkeeping: Collection[str]) -> bool:
        """Whether something differs apart from these keys, at any depth."""
        return _without(self.before, bookkeeping) != _without(self.after, bookkeeping)


LOADED = frozenset({"last_loaded_at", "created_at"})
"""What loading writes: when it was, and a new ``created_at`` of the field ``metadata``."""

STAMPS = LOADED | {"last_modified_at"}
"""All keys that FiftyOne keeps books with."""


@dataclasses.dataclass(frozen=True)
class _Collection:
    md5: str = ""
    uuid: object = dataclasses.field(compare=False, default=None)
    indexes: tuple[bytes, ...] = ()
    documents: dict[Any, bytes] = dataclasses.field(default_factory=dict)


class DatabaseState:
    """Every document and index of FiftyOne's database at one moment.

    Args:
        known: an earlier state, whose collections are taken over where the server says
            that they have the same documents
    """

    def __init__(self, known: DatabaseState | None = None) -> None:
        database = foo.get_db_conn()
        hashes = database.command("dbHash")
        indexes = _indexes()
        self._collections: dict[str, _Collection] = {}
        for name, md5 in hashes["collections"].items():
            uuid = hashes["uuids"][name]
            collection = known._collections.get(name) if known is not None else None
            if collection is None or (collection.md5, collection.uuid) != (md5, uuid):
                collection = _Collection(md5, uuid, documents=_documents(name))
            self._collections[name] = dataclasses.replace(collection, indexes=indexes[name])

    def dataset(self, name: str) -> dict[str, Any]:
        """The document of a dataset."""
        documents = map(bson.decode, self._collections["datasets"].documents.values())
        return next(document for document in documents if document["name"] == name)

    def changes(self, after: DatabaseState) -> list[Change]:
        """What is different in a later state; an empty collection is as good as none."""
        found: list[Change] = []
        for name in sorted({*self._collections, *after._collections}):
            old = self._collections.get(name, _Collection())
            new = after._collections.get(name, _Collection())
            if old == new or not (old.documents or new.documents):
                continue
            for index in sorted({*old.indexes} ^ {*new.indexes}):
                document = {"index": bson.decode(index)}
                found.append(
                    Change(name, document, None)
                    if index in old.indexes
                    else Change(name, None, document)
                )
            for key in {**old.documents, **new.documents}:
                before, now = old.documents.get(key), new.documents.get(key)
                if before != now:
                    found.append(Change(name, _decode(before), _decode(now)))
        return found

    def restore(self, now: DatabaseState) -> None:
        """Makes the database what it was; ``now`` is what it is."""
        for name in now._collections.keys() - self._collections.keys():
            foo.get_db_conn().drop_collection(name)
        for name, wanted in self._collections.items():
            found = now._collections.get(name)
            if found == wanted:
                continue
            if found is None or found.indexes != wanted.indexes:
                foo.get_db_conn().drop_collection(name)
                _create(name, wanted)
            else:
                _rewrite(name, wanted, found)


class Sandbox:
    """The database as it was when this was made, to go back to after each call."""

    def __init__(self) -> None:
        self._sent = COMMANDS.changes
        self._baseline = DatabaseState()
        self._latest = self._baseline
        self._loaded: dict[str, fo.Dataset] = {}

    def dataset(self, name: str) -> fo.Dataset:
        """Loads a dataset, afresh unless nothing could have changed it since."""
        fo.Sample._instances.clear()
        fo.Frame._instances.clear()
        if name not in self._loaded:
            # virtual: without a note in the database that it was loaded, which takes as long
            self._loaded[name] = fo.Dataset(name, _create=False, _virtual=True)
        return self._loaded[name]

    def changes(self) -> list[Change]:
        """What the calls made since the last ``restore`` have changed."""
        # Where only this process is at work, what it has not changed need not be read
        if (sent := COMMANDS.changes) != self._sent:
            self._latest, self._sent = DatabaseState(self._latest), sent
        return self._baseline.changes(self._latest)

    def changes_of(self, name: str) -> list[Change]:
        """Those of ``changes`` that belong to one dataset.

        Run results (in ``fs.*``) name no dataset: their removal counts, their addition does
        not, which shows in the run.
        """
        dataset = self._baseline.dataset(name)
        return [change for change in self.changes() if _belongs(change, dataset)]

    def restore(self) -> None:
        """Undoes what calls did to the database and to FiftyOne's objects."""
        changed = {change.collection for change in self.changes()}
        if self._latest is self._baseline:
            return
        self._baseline.restore(self._latest)
        self._sent = COMMANDS.changes
        self._baseline = self._latest = DatabaseState(self._baseline)
        if any(not name.startswith(("samples.", "frames.samples.")) for name in changed):
            fo.Dataset._instances.clear()
            self._loaded.clear()


def _belongs(change: Change, dataset: dict[str, Any]) -> bool:
    document = change.before or change.after or {}
    if change.collection == "datasets":
        return bool(document["_id"] == dataset["_id"])
    if change.collection.startswith("fs."):
        return change.before is not None
    if "." in change.collection:
        return change.collection in (
            dataset["sample_collection_name"],
            dataset.get("frame_collection_name"),
        )
    return dataset["_id"] in (document.get("_dataset_id"), document.get("dataset_id"))


def _without(value: object, keys: Collection[str]) -> object:
    if isinstance(value, dict):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    if isinstance(value, list):
        return [_without(item, keys) for item in value]
    return value


def _indexes() -> dict[str, tuple[bytes, ...]]:
    pipeline = [
        {"$listCatalog": {}},
        {"$match": {"db": foo.get_db_conn().name, "type": "collection"}},
        {"$project": {"name": 1, "indexes": "$md.indexes.spec"}},
    ]
    return {
        collection["name"]: tuple(sorted(bson.encode(index) for index in collection["indexes"]))
        for collection in foo.get_db_client().admin.aggregate(pipeline)
    }


def _documents(name: str) -> dict[Any, bytes]:
    collection = foo.get_db_conn().get_collection(name, codec_options=_RAW)
    return {document["_id"]: document.raw for document in collection.find()}


def _create(name: str, wanted: _Collection) -> None:
    database = foo.get_db_conn()
    database.create_collection(name)
    collection = database.get_collection(name, codec_options=_RAW)
    if wanted.documents:
        collection.insert_many([RawBSONDocument(raw) for raw in wanted.documents.values()])
    indexes = [bson.decode(index) for index in wanted.indexes]
    specifications = [index for index in indexes if index["name"] != "_id_"]
    if specifications:
        database.command("createIndexes", name, indexes=specifications)


def _rewrite(name: str, wanted: _Collection, found: _Collection) -> None:
    collection = foo.get_db_conn().get_collection(name, codec_options=_RAW)
    if list(found.documents) == list(wanted.documents):
        changed: list[ReplaceOne[Any]] = []
        for key, raw in wanted.documents.items():
            if found.documents[key] != raw:
                changed.append(ReplaceOne({"_id": key}, RawBSONDocument(raw)))
        collection.bulk_write(changed)
    else:  # the natural order is part of a state
        documents = [InsertOne(RawBSONDocument(raw)) for raw in wanted.documents.values()]
        collection.bulk_write([DeleteMany({}), *documents])


def _decode(raw: bytes | None) -> dict[str, Any] | None:
    return None if raw is None else dict(bson.decode(raw))
