"""What was not written to is not read, and what was written to always is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import fiftyone as fo
import pytest
from pymongo import InsertOne, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.mongo.database import Server
from fiftyone_snapshots.backend.storage.delta.collection_token import CollectionToken
from support.crash import Child
from support.full import Document
from support.histories import content
from support.invariants import assert_sound

NAME = "Füchse"
MANY = 1200
"""Of so few writes the server's counts are believed."""


@pytest.fixture(autouse=True)
def delta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")


@pytest.fixture
def dataset() -> fo.Dataset:
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_samples([fo.Sample(f"/media/{number}.jpg") for number in range(MANY)])
    return dataset


@pytest.fixture
def samples(dataset: fo.Dataset) -> Collection[Document]:
    found: Collection[Document] = dataset._sample_collection
    return found


@contextmanager
def counting(database: Database[Document], collection: str) -> Iterator[Callable[[], int]]:
    """Counts the documents that the server returns from a collection."""

    def count() -> int:
        found = database["system.profile"].find({"ns": f"{database.name}.{collection}"})
        return sum(entry.get("nreturned", 0) for entry in found)

    database.command("profile", 2)
    try:
        yield count
    finally:
        database.command("profile", 0)
        database.drop_collection("system.profile")


def test_an_unchanged_dataset_is_not_read(
    dataset: fo.Dataset, database: Database[Document], pytestconfig: pytest.Config
) -> None:
    fos.create_snapshot(NAME, "v1")
    with counting(database, dataset._sample_collection_name) as read:
        fos.create_snapshot(NAME, "v2")
        if not pytestconfig.getoption("--replica-set"):
            # Counters and the like
            assert read() < MANY // 10
        dataset._sample_collection.update_one({}, {"$inc": {"_rand": 1}})
        fos.create_snapshot(NAME, "v3")
        assert read() >= MANY
    assert content(fos.load_snapshot(NAME, "v1")) == content(fos.load_snapshot(NAME, "v2"))
    assert content(fos.load_snapshot(NAME, "v3")) == content(dataset)
    assert_sound(database)


def _replace_one(samples: Collection[Document]) -> None:
    document = samples.find_one() or {}
    samples.replace_one({"_id": document["_id"]}, {**document, "_rand": 2.0})


def _move_one(samples: Collection[Document]) -> None:
    samples.insert_one(samples.find_one_and_delete({}) or {})


def _write_all_anew(samples: Collection[Document]) -> None:
    """Another collection of the same name, that was written to exactly as often."""
    documents = [{**document, "_rand": 2.0} for document in samples.find()]
    samples.drop()
    samples.insert_many(documents)


WRITES: dict[str, Callable[[Collection[Document]], Any]] = {
    "update": lambda c: c.update_one({}, {"$inc": {"_rand": 1}}),
    "update all": lambda c: c.update_many({}, {"$inc": {"_rand": 1}}),
    "grow": lambda c: c.update_one({}, {"$set": {"tags": ["long"] * 1000}}),
    "replace": _replace_one,
    "insert": lambda c: c.insert_one({"filepath": "/media/new.jpg"}),
    "delete": lambda c: c.delete_one({}),
    "move": _move_one,
    "bulk": lambda c: c.bulk_write(
        [UpdateOne({}, {"$inc": {"_rand": 1}}), InsertOne({"filepath": "/media/new.jpg"})]
    ),
    "merge": lambda c: c.aggregate([{"$set": {"_rand": 2.0}}, {"$merge": c.name}]),
    "out": lambda c: c.aggregate([{"$set": {"_rand": 2.0}}, {"$out": c.name}]),
    "anew": _write_all_anew,
    "find and modify": lambda c: c.find_one_and_update({}, {"$inc": {"_rand": 1}}),
}


@pytest.mark.parametrize("write", WRITES)
def test_every_kind_of_write_is_noticed(
    write: str, dataset: fo.Dataset, samples: Collection[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    before = content(dataset)
    WRITES[write](samples)
    assert content(dataset) != before
    fos.create_snapshot(NAME, "v2")
    assert content(fos.load_snapshot(NAME, "v1")) == before
    assert content(fos.load_snapshot(NAME, "v2")) == content(dataset)


def test_counters_prove_something_only_of_the_same_server_in_one_go(
    samples: Collection[Document],
) -> None:
    witness = CollectionToken.of_collection(samples)
    assert witness is not None
    later = replace(witness, at=witness.at + timedelta(days=1))
    assert witness.proves_no_write(later)
    others: list[CollectionToken | None] = [
        None,
        replace(later, process="another"),
        replace(later, validated=later.validated + 1),
        replace(later, counters=(*later.counters[:-1], later.counters[-1] + 1)),
        # The engine may have closed it, and counted from zero again
        replace(later, closed=later.closed + 1),
    ]
    assert not any(witness.proves_no_write(other) for other in others)
    too_soon = timedelta(seconds=witness.idle_seconds - 1)
    soon = replace(witness, at=witness.at + too_soon, closed=witness.closed + 1)
    assert witness.proves_no_write(soon)
    assert CollectionToken.from_document(witness.to_document()) == witness


def test_nothing_is_believed_of_a_collection_with_few_writes(database: Database[Document]) -> None:
    few = database["samples.few"]
    few.insert_many([{} for _ in range(10)])
    assert CollectionToken.of_collection(few) is None


def test_there_is_no_quiet_moment_while_something_is_written(
    samples: Collection[Document], pytestconfig: pytest.Config
) -> None:
    if pytestconfig.getoption("--replica-set"):
        assert not CollectionToken.settled(samples, Server.of(samples.database))[1]
        return
    assert CollectionToken.settled(samples, Server.of(samples.database))[1]

    def write_slowly() -> None:
        # Holds its place among the writers while it waits
        samples.update_many({"$where": "sleep(100) || true"}, {"$inc": {"_rand": 1}})

    first = samples.find_one()
    assert first is not None
    with Child(write_slowly):
        while (samples.find_one({"_id": first["_id"]}) or {})["_rand"] == first["_rand"]:
            pass
        assert not CollectionToken.settled(samples, Server.of(samples.database))[1]
