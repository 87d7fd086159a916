"""What somebody alters in the trash is noticed when it is to be brought back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.trash import seal
from support.datasets import video_dataset
from support.full import Document
from support.invariants import World

NAME = "digits"


@pytest.fixture(params=["read", "counted"])
def look(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How it is noticed: by content, or where there is too much of that, by counted writes."""
    if request.param == "counted":
        monkeypatch.setattr(seal, "_FEW", 0)
    return str(request.param)


@pytest.fixture
def dataset() -> fo.Dataset:
    dataset = video_dataset(NAME, 2, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    dataset.tag_samples("edited")
    return dataset


def altered(database: Database[Document], part: str) -> Callable[[], None]:
    """Alters one document in the trash, leaving its size alone; returns what puts it back."""
    (name,) = database.list_collection_names(
        filter={"name": {"$regex": rf"^snapshots\.trashed\.[0-9a-f]*\.{part}$"}}
    )
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
    put_back = altered(database, part)
    refused(database, lambda: fos.undo_revert(NAME), part)
    put_back()
    if look == "read":
        fos.undo_revert(NAME)
        assert fo.load_dataset(NAME).count_sample_tags()["edited"] == 2


def test_what_an_undo_has_discarded(
    dataset: fo.Dataset, database: Database[Document], look: str
) -> None:
    fos.revert_dataset_to_snapshot(NAME, "v1")
    fos.undo_revert(NAME)
    altered(database, "samples")
    refused(database, lambda: fos.undo_revert(NAME), "samples")


def test_a_deleted_branch(dataset: fo.Dataset, database: Database[Document], look: str) -> None:
    fos.create_branch(NAME, "night", "v1")
    fos.delete_branch(f"{NAME}.night")
    put_back = altered(database, "samples")
    refused(database, lambda: fos.restore_branch(f"{NAME}.night"), "samples")
    put_back()
    if look == "read":
        fos.restore_branch(f"{NAME}.night")
        assert len(fo.load_dataset(f"{NAME}.night")) == 2


@pytest.mark.parametrize("part", ["samples", "wanted\\.samples"])
def test_what_a_restoration_has_overwritten(
    dataset: fo.Dataset, database: Database[Document], look: str, part: str
) -> None:
    fos.restore_samples(NAME, "v1", dataset)
    put_back = altered(database, part)
    refused(database, lambda: fos.undo_restore(NAME), "samples")
    put_back()
    if look == "read":
        fos.undo_restore(NAME)
        assert fo.load_dataset(NAME).count_sample_tags()["edited"] == 2


def test_records_of_earlier_versions(dataset: fo.Dataset, database: Database[Document]) -> None:
    fos.restore_samples(NAME, "v1", dataset)
    fos.create_branch(NAME, "night", "v1")
    fos.delete_branch(f"{NAME}.night")
    database["snapshots.trash"].update_many({}, {"$unset": {"content": ""}})
    fos.undo_restore(NAME)
    fos.restore_branch(f"{NAME}.night")
    fos.revert_dataset_to_snapshot(NAME, "v1")
    keys = {"content.SAMPLES.hash": "", "content.SAMPLES.counters": ""}
    database["snapshots.trash"].update_many({}, {"$unset": keys})
    fos.undo_revert(NAME)
    assert fo.load_dataset(NAME).count_sample_tags()["edited"] == 2
