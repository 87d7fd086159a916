"""A snapshot is one moment, whoever writes meanwhile.

Writers, each a process of its own, write documents in pairs, one half after the other. So at any
moment each writer has at most one pair whose halves differ.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any

import fiftyone as fo
import pymongo
import pytest
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.crash import Child
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.invariants import World, assert_no_debris, assert_sound

NAME = "busy"
PAIRS = 150

COMMAND_NOT_SUPPORTED_ON_VIEW = 166

Write = Callable[[Collection[Document], Collection[Document], Any, int], None]


def _own_client() -> Database[Document]:
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(
        os.environ["FIFTYONE_DATABASE_URI"]
    )
    return client[os.environ["FIFTYONE_DATABASE_NAME"]]


def _keep_writing(
    names: tuple[str, str], pairs: list[Any], rounds: Callable[[], Iterator[int]], pause: float
) -> None:
    """Writes to one pair after the other until killed."""
    database = _own_client()
    first, second = (database[name] for name in names)
    for number in rounds():
        for one, other in pairs:
            first.update_one({"_id": one}, {"$set": {"n": number}})
            second.update_one({"_id": other}, {"$set": {"n": number}})
        time.sleep(pause)


def counting() -> Iterator[int]:
    """Values that never come back."""
    return count(1)


def to_and_fro() -> Iterator[int]:
    """Values that come back: a document can look as if it had not been written to."""
    return (number % 2 for number in count(1))


@pytest.fixture(params=["samples", "frames"])
def pairs(request: pytest.FixtureRequest) -> tuple[tuple[str, str], list[tuple[Any, Any]]]:
    """Two halves in one collection, or a video and its frame."""
    if request.param == "samples":
        dataset = image_dataset(NAME, 2 * PAIRS, persistent=True)
        dataset.add_sample_field("n", fo.IntField)
        dataset.set_values("n", [0] * len(dataset))
        ids = [ObjectId(id_) for id_ in dataset.values("id")]
        name = dataset._sample_collection_name
        # Far apart, so that a copy is long under way between them
        return (name, name), list(zip(ids[:PAIRS], ids[PAIRS:], strict=True))
    dataset = video_dataset(NAME, PAIRS, 1, persistent=True)
    dataset.add_sample_field("n", fo.IntField)
    dataset.add_frame_field("n", fo.IntField)
    dataset.set_values("n", [0] * PAIRS)
    dataset.set_values("frames.n", [[0]] * PAIRS)
    frames = [ids[0] for ids in dataset.values("frames.id")]
    ids = zip(dataset.values("id"), frames, strict=True)
    names = (dataset._sample_collection_name, dataset._frame_collection_name)
    return names, [(ObjectId(one), ObjectId(other)) for one, other in ids]


def torn(snapshot: str, pairs: list[tuple[Any, Any]]) -> list[tuple[int, int]]:
    """Returns the pairs whose halves differ in a snapshot."""
    loaded = fos.load_snapshot(NAME, snapshot)
    values: dict[ObjectId, int] = {}
    for collection in (loaded._sample_collection, loaded._frame_collection):
        if collection is not None:
            values.update((doc["_id"], doc["n"]) for doc in collection.find({}, {"n": 1}))
    halves = [(values[one], values[other]) for one, other in pairs]
    return [pair for pair in halves if pair[0] != pair[1]]


@pytest.mark.parametrize("values", [counting, to_and_fro])
@pytest.mark.parametrize("writers", [1, 2])
def test_writers_that_pause_never_tear_a_snapshot(
    pairs: tuple[tuple[str, str], list[tuple[Any, Any]]],
    values: Callable[[], Iterator[int]],
    writers: int,
    database: Database[Document],
) -> None:
    names, ids = pairs
    with ExitStack() as stack:
        for number in range(writers):
            mine = ids[number::writers]
            stack.enter_context(Child(lambda mine=mine: _keep_writing(names, mine, values, 0.5)))
        for number in range(3):
            _create(f"v{number}")
            assert len(torn(f"v{number}", ids)) <= writers
    assert fos.verify_all()
    assert_no_debris(database)


def _create(name: str) -> None:
    """Creates a snapshot, at a quieter moment if need be."""
    for _ in range(50):
        try:
            fos.create_snapshot(NAME, name)
        except fos.ConcurrentWritesError:
            continue
        return
    pytest.fail("there was no quiet moment")


@pytest.mark.parametrize("values", [counting, to_and_fro])
def test_ceaseless_writers_tear_nothing_either(
    pairs: tuple[tuple[str, str], list[tuple[Any, Any]]],
    values: Callable[[], Iterator[int]],
    database: Database[Document],
) -> None:
    """A standalone server may refuse then; a replica set reads one moment under any load."""
    names, ids = pairs
    before = World.now(database, NAME)
    with Child(lambda: _keep_writing(names, ids, values, 0)):
        try:
            fos.create_snapshot(NAME, "v1")
        except fos.ConcurrentWritesError:
            assert "setName" not in database.command("hello")
            assert fos.list_snapshots(NAME) == []
    found = World.now(database, NAME)
    if found.snapshots:
        assert len(torn("v1", ids)) <= 1
    assert found.head["samples"] != before.head["samples"], "nobody wrote"
    assert_sound(database)


def test_insertions_and_deletions_are_not_torn(database: Database[Document]) -> None:
    dataset = image_dataset(NAME, 2 * PAIRS, persistent=True)
    name = dataset._sample_collection_name

    def move() -> None:
        """Deletes samples from the front and adds them again at the back: their number stays."""
        samples = _own_client()[name]
        while True:
            for document in list(samples.find().sort("_id", 1).limit(20)):
                samples.insert_one({**document, "_id": ObjectId()})
                samples.delete_one({"_id": document["_id"]})
            time.sleep(0.3)

    with Child(move):
        for number in range(3):
            _create(f"v{number}")
            info = fos.get_history(NAME).entries[0]
            assert info.sample_count in (2 * PAIRS, 2 * PAIRS + 1)
            assert len(fos.load_snapshot(NAME, f"v{number}")) == info.sample_count
    assert fos.verify_all()
    assert_no_debris(database)


def test_what_is_written_during_a_revert_is_in_one_of_the_states(
    database: Database[Document],
) -> None:
    dataset = image_dataset(NAME, 50, persistent=True)
    dataset.add_sample_field("n", fo.IntField)
    dataset.set_values("n", [0] * 50)
    fos.create_snapshot(NAME, "v1")
    name = dataset._sample_collection_name
    ids = [ObjectId(id_) for id_ in dataset.values("id")]

    def write() -> str:
        """Holds on to the collection's name, as an open dataset does, until it is refused."""
        samples = _own_client()[name]
        written = dict.fromkeys(ids, 0)
        try:
            for number in count(1):
                for id_ in ids:
                    if samples.update_one({"_id": id_}, {"$set": {"n": number}}).matched_count:
                        written[id_] = number
        except fos.StaleDatasetError as error:
            refused: Any = error.__cause__
            return f"{refused.code},{','.join(map(str, written.values()))}"
        raise AssertionError

    with Child(write) as writer:
        fos.revert_dataset_to_snapshot(NAME, "v1")
        code, *acknowledged = [int(value) for value in writer.result().split(",")]
    assert code == COMMAND_NOT_SUPPORTED_ON_VIEW
    assert any(acknowledged), "nobody wrote"
    assert set(fo.load_dataset(NAME).values("n")) == {0}
    fos.undo_revert(NAME)
    assert fo.load_dataset(NAME).values("n") == acknowledged
    assert_sound(database)


def test_an_edit_of_the_dataset_itself_during_a_revert_is_not_lost(
    database: Database[Document],
) -> None:
    dataset = image_dataset(NAME, 500, persistent=True)
    fos.create_snapshot(NAME, "v1")

    def edit() -> str:
        datasets = _own_client()["datasets"]
        last = 0
        for number in count(1):
            document = datasets.find_one_and_update(
                {"_id": dataset._doc.id, "sample_collection_name": former},
                {"$set": {"info.number": number}},
            )
            if document is None:
                return str(last)
            last = number
        raise AssertionError

    former = dataset._sample_collection_name
    with Child(edit) as writer:
        fos.revert_dataset_to_snapshot(NAME, "v1")
        last = int(writer.result())
    assert last, "nobody wrote"
    assert "number" not in fo.load_dataset(NAME).info
    fos.undo_revert(NAME)
    assert fo.load_dataset(NAME).info["number"] == last
    assert_sound(database)
