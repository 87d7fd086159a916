"""What is special about the delta backend: virtual snapshots, and a newest one taken over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import count

import fiftyone as fo
import pymongo
import pytest
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.mongo.writer import Bson, Writer
from support.crash import Child, Gate
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.histories import content, edit, snapshots, stored
from support.invariants import assert_no_debris, assert_sound

NAME = "Füchse"
SAMPLES = 20
CUT_OFF = {166, 175, 241, 43}
"""Codes with which the server refuses or cuts off: never with other content."""

Status = fos.DatasetSnapshotStatus


@pytest.fixture(autouse=True)
def delta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset(NAME, SAMPLES, persistent=True)


def status(name: str) -> Status:
    info = fos.get_snapshot_info(NAME, name)
    assert info is not None
    return info.load_status


def test_older_snapshots_take_the_place_of_what_changed_and_load_in_their_order(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    expected = snapshots(dataset, 4)
    assert sorted(stored(database).values()) == [2, 2, 2, SAMPLES]
    assert [status(f"v{number}") for number in range(4)] == [*[Status.UNLOADED] * 3, Status.LOADED]
    for number, documents in enumerate(expected):
        assert content(fos.load_snapshot(NAME, f"v{number}")) == documents
        assert status(f"v{number}") is Status.LOADED
    assert_sound(database)


def test_a_snapshot_of_an_unchanged_dataset_writes_no_documents_and_says_so(
    dataset: fo.Dataset, database: Database[Document], caplog: pytest.LogCaptureFixture
) -> None:
    fos.create_snapshot(NAME, "v1")
    before = stored(database)
    with caplog.at_level("INFO", logger="fiftyone_snapshots"):
        info = fos.create_snapshot(NAME, "v2")
    assert stored(database) == before
    assert "equals the one before it" in caplog.text
    assert info.linear_change_summary is not None
    assert not info.linear_change_summary.has_changes
    edit(dataset, "later")
    fos.create_snapshot(NAME, "v3")
    assert content(fos.load_snapshot(NAME, "v1")) == content(fos.load_snapshot(NAME, "v2"))
    assert_sound(database)


def test_documents_that_lie_elsewhere_now_are_a_change_of_the_order(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    first = content(dataset)
    fifth = ObjectId(dataset.skip(4).first().id)
    moved = dataset._sample_collection.find_one_and_delete({"_id": fifth})
    dataset._sample_collection.insert_one(moved)
    fos.create_snapshot(NAME, "v2")
    assert content(fos.load_snapshot(NAME, "v2")) == content(dataset)
    assert content(fos.load_snapshot(NAME, "v1")) == first
    fos.revert_dataset_to_snapshot(NAME, "v1")
    dataset.reload()
    assert content(dataset) == first
    fos.create_snapshot(NAME, "v3")
    assert content(fos.load_snapshot(NAME, "v3")) == first
    assert_sound(database)


def test_looking_things_up_materialises_nothing(dataset: fo.Dataset) -> None:
    deleted = dataset.skip(7).first().id
    snapshots(dataset, 3)
    assert fos.diff(NAME, "v0", "v1").changed
    assert fos.diff(NAME, "v0").deleted == [ObjectId(deleted), *fos.diff(NAME, "v1").deleted]
    assert fos.diff_sample(NAME, deleted, "v0").kind is not None
    assert fos.restore_samples(NAME, "v0", [deleted]).samples_added == 1
    label = dataset.first().ground_truth.detections[0].id
    assert len(fos.label_history(NAME, label).steps) == 4
    assert [s.name for s in fos.search_snapshots(contains_sample=deleted)] == ["v0"]
    assert [s.name for s in fos.search_snapshots(label="word0")] == ["v1"]
    assert fos.content_hash(NAME, "v0") != fos.content_hash(NAME, "v1")
    assert not fos.is_head_equal(NAME, "v0")
    assert fos.revert_dataset_to_snapshot(NAME, "v0", dry_run=True).samples_to_restore == 1
    assert all(fos.verify_all())
    assert status("v0") is status("v1") is Status.UNLOADED


def test_looking_things_up_finds_one_state_while_the_history_changes(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    snapshots(dataset, 3)
    expected = str(fos.diff(NAME, "v0", "v1"))

    def look() -> str:
        while "end" not in fos.list_snapshots(NAME):
            try:
                if str(fos.diff(NAME, "v0", "v1")) != expected:
                    return "mixed"
            except fos.DatasetBusyError:
                continue
        return "same"

    with Child(look) as one, Child(look) as other:
        for word in ("one", "two", "three"):
            edit(dataset, word)
            fos.create_snapshot(NAME, word)
        for name in ("v2", "three"):
            fos.delete_snapshot(NAME, name)
            fos.empty_trash(NAME)
        fos.load_snapshot(NAME, "v1")
        fos.revert_dataset_to_snapshot(NAME, "one")
        fos.create_snapshot(NAME, "end")
        assert {one.result(), other.result()} == {"same"}
    assert_sound(database)


def test_damage_in_a_history_is_found_and_named(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    snapshots(dataset, 2)
    (history,) = [name for name, count in stored(database).items() if count == 2]
    damaged = database[history].find_one_and_update({}, {"$set": {"tags": ["forged"]}})
    report = fos.verify_snapshot(NAME, "v0")
    (part,) = [part for part in report.parts if not part.ok]
    assert part.altered.names == (str(damaged["_id"]),)
    assert fos.verify_snapshot(NAME, "v1")


def test_no_more_snapshots_are_held_ready_than_are_allowed(
    dataset: fo.Dataset, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_CACHE_MAX", "2")
    snapshots(dataset, 5)
    loaded = [fos.load_snapshot(NAME, f"v{number}") for number in range(2)]
    Catalog(database).update(ObjectId(_id("v0")), pinned=True)
    fos.load_snapshot(NAME, "v2")
    assert [status(f"v{n}") for n in range(3)] == [Status.LOADED, Status.UNLOADED, Status.LOADED]
    assert len(content(loaded[0])) == SAMPLES
    # Who still reads what had to go is told so, whatever is asked
    for ask in (list, lambda c: c.count_documents({}), lambda c: list(c.aggregate([]))):
        with pytest.raises(OperationFailure, match="load it again"):
            ask(loaded[1]._sample_collection if ask is not list else content(loaded[1]))
    assert len(content(fos.load_snapshot(NAME, "v1"))) == SAMPLES
    assert_sound(database)


def _id(name: str) -> str:
    info = fos.get_snapshot_info(NAME, name)
    assert info is not None
    return info.id


def test_many_that_load_a_snapshot_at_once_materialise_it_once(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    first = snapshots(dataset, 2)[0]

    def load() -> int:
        passed: list[str] = []
        with faults.observe(passed.append):
            assert content(fos.load_snapshot(NAME, "v0")) == first
        return passed.count("delta.materialised_samples")

    with ExitStack() as stack:
        children = [stack.enter_context(Child(load)) for _ in range(4)]
        assert sorted(child.result() for child in children) == ["0", "0", "0", "1"]
    assert_sound(database)


def test_while_it_is_materialised_a_snapshot_is_loading(dataset: fo.Dataset) -> None:
    snapshots(dataset, 2)
    gate = Gate()

    def load() -> int:
        with faults.arm("delta.materialised_samples", gate.stop):
            return len(fos.load_snapshot(NAME, "v0"))

    with Child(load) as child:
        gate.wait()
        assert status("v0") is Status.LOADING
        gate.open()
        assert child.result() == str(SAMPLES)
    assert status("v0") is Status.LOADED


@pytest.mark.parametrize("media", [image_dataset, video_dataset])
@pytest.mark.parametrize("opened", ["v0", "v1"])
def test_readers_see_what_they_opened_or_an_error(
    media: Callable[..., fo.Dataset],
    opened: str,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Readers, in processes of their own, go on while the history changes under them."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_CACHE_MAX", "1")
    dataset = media(NAME, SAMPLES, persistent=True)
    snapshots(dataset, 2)
    loaded = fos.load_snapshot(NAME, opened)
    opened_collection = loaded._frame_collection
    if opened_collection is None:
        opened_collection = loaded._sample_collection
    name, expected = opened_collection.name, list(opened_collection.find())

    def read() -> str:
        """Reads in small replies, each of which could show another state."""
        client = pymongo.MongoClient[Document](os.environ["FIFTYONE_DATABASE_URI"])
        collection = client[os.environ["FIFTYONE_DATABASE_NAME"]][name]
        while True:
            try:
                found = list(collection.find(batch_size=3))
            except OperationFailure as error:
                return "told" if error.code in CUT_OFF or "load it" in str(error) else str(error)
            if not found:
                # Its view went with the snapshot itself
                return "deleted"
            if found != expected:
                return "mixed"

    with Child(read) as one, Child(read) as other:
        for word in ("one", "two"):
            edit(dataset, word)
            fos.create_snapshot(NAME, word)
        fos.delete_snapshot(NAME, "two")
        fos.empty_trash(NAME)
        assert content(fos.load_snapshot(NAME, "one"))
        fos.revert_dataset_to_snapshot(NAME, opened)
        for name in fos.list_snapshots(NAME):
            fos.delete_snapshot(NAME, name)
        fos.empty_trash(NAME)
        outcomes = {one.result(), other.result()}
    assert outcomes <= {"told", "deleted"}
    assert_no_debris(database)


def test_a_capture_that_dies_while_it_puts_documents_aside_harms_nothing(
    dataset: fo.Dataset, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go through the client, so that some can be in the history and others not."""
    fos.create_snapshot(NAME, "v1")
    expected = content(dataset)
    dataset.set_values("größe", [float(number) for number in range(SAMPLES // 4)] * 4)
    monkeypatch.setattr("fiftyone_snapshots.backend.mongo.writer._MOST_DOCUMENTS", 1)
    monkeypatch.setattr("fiftyone_snapshots.backend.storage.delta.stored_part._MOST", 1.0)
    monkeypatch.setattr("fiftyone_snapshots.backend.storage.delta.capture._PUT_ASIDE", 4)
    write, numbers, put_aside = Writer.write, count(), []

    def dying(writer: Writer, documents: Iterable[Bson]) -> None:
        if next(numbers) == 2:
            put_aside.append(sum(stored(database).values()) - SAMPLES)
            raise faults.InjectedFault
        write(writer, documents)

    monkeypatch.setattr(Writer, "write", dying)
    with pytest.raises(faults.InjectedFault):
        fos.create_snapshot(NAME, "v2")
    assert 0 < put_aside[0] < SAMPLES
    assert fos.list_snapshots(NAME) == ["v1"]
    fos.create_snapshot(NAME, "v2")
    assert content(fos.load_snapshot(NAME, "v1")) == expected
    assert content(fos.load_snapshot(NAME, "v2")) == content(dataset)
    assert_sound(database)
