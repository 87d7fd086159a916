"""What somebody alters in the trash is noticed when it is to be brought back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.trash import seal
from support.datasets import video_dataset
from support.full import Document
from support.invariants import World

NAME = "digits"


@pytest.fixture(params=["read", "counted", "restarted"])
def look(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How it is noticed: by content, or where there is too much of that, by counted writes.

    What has been counted is of no use once the server was restarted.
    """
    if request.param != "read":
        monkeypatch.setattr(seal, "_FEW", 0)
        monkeypatch.setattr(seal, "_ENDS", 1)
    return str(request.param)


@pytest.fixture
def dataset() -> fo.Dataset:
    dataset = video_dataset(NAME, 2, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    dataset.tag_samples("edited")
    return dataset


def trashed(database: Database[Document], part: str) -> Collection[Document]:
    (name,) = database.list_collection_names(
        filter={"name": {"$regex": rf"^snapshots\.trashed\.[0-9a-f]*\.{part}$"}}
    )
    return database[name]


def restart(database: Database[Document]) -> None:
    """Does what a restart of the server would do to records: another process wrote them."""
    for record in database["snapshots.trash"].find({"content": {"$ne": None}}):
        for told in record["content"].values():
            if isinstance(told, dict) and "process" in told:
                told["process"] = ObjectId()
        database["snapshots.trash"].replace_one({"_id": record["_id"]}, record)


def altered(database: Database[Document], part: str, look: str) -> Callable[[], None]:
    """Alters one document in the trash, leaving its size alone; returns what puts it back."""
    name = trashed(database, part).name
    if look == "restarted":
        restart(database)
    former = database[name].find_one()
    assert former is not None
    key, value = next((k, v) for k, v in former.items() if isinstance(v, (str, datetime)))
    other = "x" * len(value) if isinstance(value, str) else value + timedelta(seconds=1)
    database[name].update_one({"_id": former["_id"]}, {"$set": {key: other}})

    def put_back() -> None:
        database[name].replace_one({"_id": former["_id"]}, former)

    return put_back


def refused(database: Database[Document], act: Callable[[], Any], part: str) -> None:
    before = World.now(database, NAME)
    with pytest.raises(fos.DamagedSnapshotError, match=rf"its .*{part}"):
        act()
    assert World.now(database, NAME) == before


@pytest.mark.parametrize("part", ["samples", "frames"])
def test_a_discarded_state(
    dataset: fo.Dataset, database: Database[Document], look: str, part: str
) -> None:
    fos.revert_dataset_to_snapshot(NAME, "v1")
    put_back = altered(database, part, look)
    refused(database, lambda: fos.undo_revert(NAME), part)
    put_back()
    if look != "counted":
        fos.undo_revert(NAME)
        assert fo.load_dataset(NAME).count_sample_tags()["edited"] == 2


def test_what_an_undo_has_discarded(
    dataset: fo.Dataset, database: Database[Document], look: str
) -> None:
    fos.revert_dataset_to_snapshot(NAME, "v1")
    fos.undo_revert(NAME)
    altered(database, "samples", look)
    refused(database, lambda: fos.undo_revert(NAME), "samples")


def test_a_deleted_branch(dataset: fo.Dataset, database: Database[Document], look: str) -> None:
    fos.create_branch(NAME, "night", "v1")
    fos.delete_branch(f"{NAME}.night")
    put_back = altered(database, "samples", look)
    refused(database, lambda: fos.restore_branch(f"{NAME}.night"), "samples")
    put_back()
    if look != "counted":
        fos.restore_branch(f"{NAME}.night")
        assert len(fo.load_dataset(f"{NAME}.night")) == 2


@pytest.mark.parametrize("part", ["samples", "wanted\\.samples"])
def test_what_a_restoration_has_overwritten(
    dataset: fo.Dataset, database: Database[Document], look: str, part: str
) -> None:
    fos.restore_samples(NAME, "v1", dataset)
    put_back = altered(database, part, look)
    refused(database, lambda: fos.undo_restore(NAME), "samples")
    put_back()
    if look != "counted":
        fos.undo_restore(NAME)
        assert fo.load_dataset(NAME).count_sample_tags()["edited"] == 2


@pytest.mark.parametrize("part", ["samples", "frames"])
def test_a_document_that_is_gone_after_a_restart(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(seal, "_FEW", 0)
    monkeypatch.setattr(seal, "_ENDS", 1)
    video_dataset(NAME, 3, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    fos.revert_dataset_to_snapshot(NAME, "v1")
    kept = trashed(database, part)
    (middle,) = kept.find().sort("_id", 1).skip(1).limit(1)
    restart(database)
    kept.delete_one(middle)
    refused(database, lambda: fos.undo_revert(NAME), part)
    kept.insert_one(middle)
    fos.undo_revert(NAME)
    assert len(fo.load_dataset(NAME)) == 3


def test_records_of_earlier_versions(dataset: fo.Dataset, database: Database[Document]) -> None:
    fos.restore_samples(NAME, "v1", dataset)
    fos.create_branch(NAME, "night", "v1")
    fos.delete_branch(f"{NAME}.night")
    database["snapshots.trash"].update_many({}, {"$unset": {"content": ""}})
    fos.undo_restore(NAME)
    fos.restore_branch(f"{NAME}.night")
    fos.revert_dataset_to_snapshot(NAME, "v1")
    told = ("hash", "counters", "number", "ends")
    keys = {f"content.SAMPLES.{key}": "" for key in told}
    database["snapshots.trash"].update_many({}, {"$unset": keys})
    fos.undo_revert(NAME)
    assert fo.load_dataset(NAME).count_sample_tags()["edited"] == 2
