"""What was inserted into a collection since a moment, told by record numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

from fiftyone_snapshots.backend.mongo.database import Server, is_replicated
from fiftyone_snapshots.backend.rawbson.ids import Ids
from fiftyone_snapshots.backend.storage.delta.high_water import HighWaterMark
from support.full import Document


@pytest.fixture
def collection(database: Database[Document]) -> Collection[Document]:
    if is_replicated(database):
        pytest.skip("each member of a replica set has record numbers of its own")
    return database["tests.marked"]


def insert(collection: Collection[Document], ids: list[ObjectId]) -> None:
    collection.insert_many([{"_id": id_} for id_ in ids])


def ids(count: int) -> list[ObjectId]:
    return [ObjectId() for _ in range(count)]


def mark(collection: Collection[Document]) -> HighWaterMark:
    found = HighWaterMark.of(collection, Server.of(collection.database))
    assert found is not None
    # As it is kept
    return HighWaterMark.from_document(found.to_document())


def inserted(since: HighWaterMark, collection: Collection[Document]) -> list[ObjectId] | None:
    keys = since.inserted_since(collection)
    return None if keys is None else list(Ids(keys))


@pytest.mark.parametrize("count", [0, 1, 25_000])
def test_what_was_inserted_is_told_in_its_order(
    count: int, collection: Collection[Document]
) -> None:
    insert(collection, ids(100))
    before = mark(collection)
    new = ids(count)[::-1]
    if new:
        insert(collection, new)
    collection.update_many({}, {"$set": {"a": "longer than it was" * 50}})
    assert inserted(before, collection) == new


def test_what_is_put_back_is_told_as_well(collection: Collection[Document]) -> None:
    old = ids(10)
    insert(collection, old)
    before = mark(collection)
    for id_ in (old[3], old[9]):
        collection.delete_one({"_id": id_})
        insert(collection, [id_])
    assert inserted(before, collection) == [old[3], old[9]]


def test_the_last_documents_may_be_gone(collection: Collection[Document]) -> None:
    old, new = ids(10), ids(3)
    insert(collection, old)
    before = mark(collection)
    collection.delete_many({"_id": {"$in": old[5:]}})
    assert inserted(before, collection) == []
    insert(collection, new)
    assert inserted(before, collection) == new
    collection.delete_many({})
    assert inserted(before, collection) == []
    insert(collection, old)
    assert inserted(before, collection) == old


def test_of_another_collection_nothing_is_known(collection: Collection[Document]) -> None:
    """One that was dropped and made again numbers its documents from the beginning."""
    insert(collection, ids(10))
    before = mark(collection)
    collection.drop()
    assert HighWaterMark.of(collection, Server.of(collection.database)) is None
    assert inserted(before, collection) is None
    insert(collection, ids(5))
    assert inserted(before, collection) is None


def test_a_server_that_was_started_again_may_give_numbers_twice(
    collection: Collection[Document],
) -> None:
    insert(collection, ids(10))
    before = mark(collection)
    assert inserted(replace(before, process=str(ObjectId())), collection) is None


def test_an_empty_one_has_a_mark(collection: Collection[Document]) -> None:
    collection.database.create_collection(collection.name)
    before, new = mark(collection), ids(2)
    insert(collection, new)
    assert inserted(before, collection) == new
