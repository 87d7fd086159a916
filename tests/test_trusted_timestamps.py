"""Snapshots by ``trust_timestamps=True``: of old documents, only those with new times are read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from unittest.mock import patch

import fiftyone as fo
import numpy as np
import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.mongo.database import is_replicated
from fiftyone_snapshots.backend.rawbson.ids import DTYPE
from fiftyone_snapshots.backend.storage import scan
from fiftyone_snapshots.backend.storage.delta.high_water import HighWaterMark
from support.datasets import image_dataset
from support.full import Document
from support.histories import content, edit
from support.invariants import assert_sound

NAME = "Füchse"
SAMPLES = 20
NEW = 10
"""A time that no sample had."""


@pytest.fixture(autouse=True)
def delta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")


@pytest.fixture
def dataset() -> fo.Dataset:
    """One that nobody has touched since yesterday."""
    dataset = image_dataset(NAME, SAMPLES, persistent=True)
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    dataset._sample_collection.update_many({}, {"$set": {"last_modified_at": yesterday}})
    return dataset


def put_back(dataset: fo.Dataset, places: list[int]) -> None:
    """Deletes some samples and inserts them as they were, with their times."""
    documents = list(dataset._sample_collection.find())
    for place in places:
        dataset._sample_collection.delete_one({"_id": documents[place]["_id"]})
    dataset._sample_collection.insert_many([documents[place] for place in places])


def trusting(name: str) -> fo.Dataset:
    fos.create_snapshot(NAME, name, trust_timestamps=True)
    return fos.load_snapshot(NAME, name)


def test_they_find_what_fiftyone_does(dataset: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(NAME, "v1")
    edit(dataset, "seen")
    fos.create_snapshot(NAME, "v2", trust_timestamps=True)
    expected = content(dataset)
    untouched = {"_id": ObjectId(dataset.first().id)}
    dataset._sample_collection.update_one(untouched, {"$inc": {"_rand": 1}})
    fos.create_snapshot(NAME, "v3", trust_timestamps=True)
    assert content(fos.load_snapshot(NAME, "v3")) != content(dataset), "nobody could know"
    assert content(fos.load_snapshot(NAME, "v2")) == expected
    fos.create_snapshot(NAME, "v4")
    assert content(fos.load_snapshot(NAME, "v4")) == content(dataset)
    assert_sound(database)


def test_they_miss_nothing_where_there_are_none(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    dataset.delete_samples(dataset.limit(2))
    fos.create_snapshot(NAME, "v2", trust_timestamps=True)
    assert content(fos.load_snapshot(NAME, "v2")) == content(dataset)
    untimed = {"_id": ObjectId(dataset.first().id)}
    for number, name in enumerate(["v3", "v4"]):
        change = {"$unset": {"last_modified_at": ""}, "$set": {"_rand": number}}
        dataset._sample_collection.update_one(untimed, change)
        fos.create_snapshot(NAME, name, trust_timestamps=True)
        assert content(fos.load_snapshot(NAME, name)) == content(dataset)
    assert_sound(database)


@pytest.mark.parametrize("how", ["revert", "restore_samples"])
def test_times_that_were_brought_back_are_not_trusted(dataset: fo.Dataset, how: str) -> None:
    fos.create_snapshot(NAME, "v1")
    edit(dataset, "new")
    fos.create_snapshot(NAME, "v2")
    if how == "revert":
        fos.revert_dataset_to_snapshot(NAME, "v1")
    else:
        fos.restore_samples(NAME, "v1", fos.load_snapshot(NAME, "v1"))
    dataset.reload()
    fos.create_snapshot(NAME, "v3", trust_timestamps=True)
    assert content(fos.load_snapshot(NAME, "v3")) == content(dataset)


def test_what_was_put_back_lies_where_it_was_put(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    for name, places in (("v2", [4]), ("v3", [11, 2, SAMPLES - 1]), ("v4", [])):
        edit(dataset, name)
        if places:
            put_back(dataset, places)
        assert content(trusting(name)) == content(dataset)
    assert_sound(database)


def test_what_was_put_back_with_another_content_is_read(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    """Its time tells nothing, but that it was inserted does."""
    fos.create_snapshot(NAME, "v1")
    if is_replicated(database):
        pytest.skip("there, marks are not made")
    document = dataset._sample_collection.find_one()
    assert document is not None
    dataset._sample_collection.delete_one({"_id": document["_id"]})
    dataset._sample_collection.insert_one({**document, "filepath": "/media/other.jpg"})
    assert content(trusting("v2")) == content(dataset)


def test_one_that_was_imported_with_an_old_time_is_found(dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v1")
    document = dataset._sample_collection.find_one()
    dataset._sample_collection.insert_one({**(document or {}), "_id": ObjectId("6" * 24)})
    assert content(trusting("v2")) == content(dataset)


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [(4, NEW)],
        [(4, 2)],
        [(4, 2), (8, NEW)],
        [(4, 2), (8, None)],
        [(0, 1), (4, 2), (8, 3), (12, None)],
        [(0, 1), (1, 1), (4, 2), (5, 2), (8, NEW), (9, NEW)],
        [(16, 0), (17, 0), (0, NEW), (1, None)],
    ],
)
def test_times_that_many_have_are_told_apart(
    changes: list[tuple[int, int | None]], dataset: fo.Dataset
) -> None:
    """Clients take the time before they write, so that one from before can come after."""
    collection = dataset._sample_collection
    ids = [document["_id"] for document in collection.find({}, {"_id": 1})]
    start = datetime.now(timezone.utc) - timedelta(seconds=60)

    def touch(number: int, time: int | None) -> None:
        moment = None if time is None else start + timedelta(seconds=10 * time)
        change: Document = {"$inc": {"_rand": 1}, "$set": {"last_modified_at": moment}}
        collection.update_one({"_id": ids[number]}, change)

    for number in range(16):
        touch(number, number // 4)
    fos.create_snapshot(NAME, "v1")
    for number, time in changes:
        touch(number, time)
    collection.delete_one({"_id": ids[15]})
    assert content(trusting("v2")) == content(dataset)


def test_what_is_written_meanwhile_is_counted_as_it_was_captured(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    first, second = (sample.id for sample in dataset.limit(2))

    before = {id_: dataset[id_]["größe"] for id_ in (first, second)}

    def write(id_: str, value: float) -> None:
        sample = dataset[id_]
        sample["größe"] = value
        sample.save()

    def write_meanwhile() -> None:
        write(first, before[first])
        write(second, 99.0)

    write(first, 99.0)
    with faults.arm("create.copied_samples", write_meanwhile):
        info = fos.create_snapshot(NAME, "v2", trust_timestamps=True)
    loaded = fos.load_snapshot(NAME, "v2")
    changed = [id_ for id_ in (first, second) if loaded[id_]["größe"] != before[id_]]
    assert info.linear_change_summary is not None
    assert info.linear_change_summary.num_samples_changed == len(changed) == 1
    assert_sound(database)


@pytest.mark.parametrize("told", [None, np.empty(0, DTYPE)], ids=["nothing", "not all"])
def test_where_nobody_can_tell_what_was_inserted_all_are_numbered(
    told: object, dataset: fo.Dataset
) -> None:
    """After a restart of the server, or where somebody inserted while the mark was being made."""
    fos.create_snapshot(NAME, "v1")
    edit(dataset, "seen")
    put_back(dataset, [4])
    with (
        patch.object(HighWaterMark, "inserted_since", return_value=told),
        patch.object(scan, "natural", wraps=scan.natural) as numbered,
    ):
        loaded = trusting("v2")
    assert dataset._sample_collection.name in [
        call.args[0].name for call in numbered.call_args_list
    ]
    assert content(loaded) == content(dataset)


def test_a_chain_of_an_earlier_version_has_no_marks(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    removed = database["snapshots.delta"].update_many({}, {"$unset": {"links.$[].marks": ""}})
    assert removed.modified_count == 1
    edit(dataset, "seen")
    put_back(dataset, [4])
    assert content(trusting("v2")) == content(dataset)
    assert_sound(database)


def test_with_ids_that_keys_do_not_find_everything_is_read(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    dataset._sample_collection.insert_one({"_id": "written by another client"})
    assert content(trusting("v2")) == content(dataset)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "delete", "put back", "edit", "snapshot"]),
        st.integers(0, SAMPLES - 1),
    ),
    max_size=12,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=CHANGES)
def test_whatever_happens_each_snapshot_is_what_the_dataset_was(
    changes: list[tuple[str, int]], dataset: fo.Dataset, database: Database[Document]
) -> None:
    for name in fos.list_snapshots(NAME):
        fos.delete_snapshot(NAME, name)
    fos.empty_trash(NAME)
    collection = dataset._sample_collection
    expected = []
    for kind, number in [("snapshot", 0), *changes, ("snapshot", 0)]:
        ids = [document["_id"] for document in collection.find({}, {"_id": 1})]
        wanted = {"_id": ids[number % len(ids)]} if ids else {"_id": None}
        if kind == "snapshot":
            fos.create_snapshot(NAME, f"v{len(expected)}", trust_timestamps=True)
            expected.append(content(dataset))
        elif kind == "add":
            dataset.add_sample(fo.Sample(f"/media/{ObjectId()}.jpg"))
        elif kind == "delete":
            collection.delete_one(wanted)
        elif kind == "put back" and ids:
            put_back(dataset, [number % len(ids)])
        elif kind == "edit":
            now = datetime.now(timezone.utc)
            collection.update_one(
                wanted, {"$set": {"uniqueness": number / SAMPLES, "last_modified_at": now}}
            )
    for number, documents in enumerate(expected):
        assert content(fos.load_snapshot(NAME, f"v{number}")) == documents
    assert_sound(database)
