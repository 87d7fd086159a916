"""What is not what was captured is not put in place, and others are told how to go on."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document, assert_same, digest
from support.invariants import assert_no_debris

NAME = "Füchse"


@pytest.fixture(params=["duplication", "delta"])
def videos(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    """A video dataset with two snapshots, edited since."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    dataset = video_dataset(NAME, 3, 4, persistent=True)
    dataset.save_view("view", dataset.limit(1))
    fos.create_snapshot(NAME, "v1")
    dataset.set_values("weather", [None] * 3)
    dataset.set_values("frames.objects", [[None] * 4] * 3)
    fos.create_snapshot(NAME, "v2")
    dataset.tag_samples("later")
    return dataset


def collections(database: Database[Document], pattern: str) -> list[str]:
    query = {
        "name": {"$regex": rf"^snapshots\.(masters|delta)\..*{pattern}$"},
        "type": "collection",
    }
    return database.list_collection_names(filter=query)


def damage(database: Database[Document], pattern: str, field: str, value: Any) -> str:
    """Changes a document wherever it is kept; returns the id of its sample."""
    names = collections(database, pattern)
    found = next(filter(None, (database[name].find_one({field: {"$ne": None}}) for name in names)))
    for name in names:
        where = {"_id": found["_id"], field: {"$ne": None}}
        database[name].update_one(where, {"$set": {field: value}})
    return str(found.get("_sample_id", found["_id"]))


@pytest.mark.parametrize(
    ("pattern", "field"),
    [("samples", "weather.label"), ("frames", "objects"), ("dataset", "info"), ("views", "name")],
)
def test_a_damaged_snapshot_is_not_reverted_to(
    videos: fo.Dataset, database: Database[Document], pattern: str, field: str
) -> None:
    sample_id = damage(database, pattern, field, "forged")
    before = digest(database, videos._doc.id)
    with pytest.raises(fos.DamagedSnapshotError, match="1 are altered") as caught:
        fos.revert_dataset_to_snapshot(NAME, "v1")
    assert "The dataset was not changed." in str(caught.value)
    assert (sample_id in str(caught.value)) == (pattern in ("samples", "frames"))
    assert_same(digest(database, videos._doc.id), before)
    assert_no_debris(database)
    if pattern in ("samples", "frames"):
        # What it advises
        others = [id_ for id_ in videos.values("id") if id_ != sample_id]
        assert fos.restore_samples(NAME, "v1", others).samples_changed == 2


def test_samples_that_are_gone_or_came_from_nowhere_are_noticed(
    videos: fo.Dataset, database: Database[Document]
) -> None:
    for name in collections(database, "samples"):
        database[name].insert_one({"filepath": "/forged.mp4"})
    gone = ObjectId(videos.first().id)
    for name in collections(database, "samples"):
        database[name].delete_one({"_id": gone})
    with pytest.raises(fos.DamagedSnapshotError, match=r"1 are missing|are gone"):
        fos.revert_dataset_to_snapshot(NAME, "v1")
    with pytest.raises(fos.DamagedSnapshotError, match="1 are missing"):
        fos.restore_samples(NAME, "v1", str(gone))


def test_single_samples_and_fields_come_back_only_as_captured(
    videos: fo.Dataset, database: Database[Document]
) -> None:
    sample_id = damage(database, "frames", "objects", "forged")
    before = digest(database, videos._doc.id)
    for fields in (None, "frames.objects"):
        with pytest.raises(fos.DamagedSnapshotError, match=sample_id):
            fos.restore_samples(NAME, "v1", videos, fields=fields)
        assert_same(digest(database, videos._doc.id), before)
    assert fos.restore_samples(NAME, "v1", videos, fields="weather").samples_changed == 3


def test_a_damaged_snapshot_is_neither_materialised_nor_copied(
    videos: fo.Dataset, database: Database[Document]
) -> None:
    fos.load_snapshot(NAME, "v2").clone("intact")
    damage(database, "samples", "weather.label", "forged")
    datasets = fo.list_datasets()
    with pytest.raises(fos.DamagedSnapshotError, match="1 are altered"):
        fos.clone_snapshot(NAME, "v1", "copy")
    assert fo.list_datasets() == datasets
    with pytest.raises(fos.DamagedSnapshotError):
        fos.load_snapshot(NAME, "v1").clone("copy")
    assert fo.list_datasets() == datasets


class TestSlices:
    def test_a_slice_that_was_renamed_since_does_not_stay_empty(self) -> None:
        dataset = grouped_dataset(NAME, 2, 3, persistent=True)
        fos.create_snapshot(NAME, "v1")
        first = dataset.first().id
        dataset.rename_group_slice("camera", "kamera")
        dataset.group_slice = "kamera"
        fos.restore_samples(NAME, "v1", [first])
        # One of two samples is in each
        assert set(dataset.group_slices) == {"camera", "kamera", "drive", "scene"}
        fos.restore_samples(NAME, "v1", fos.load_snapshot(NAME, "v1"))
        assert set(dataset.group_slices) == {"camera", "drive", "scene"}
        assert dataset.default_group_slice == dataset.group_slice == "camera"
        assert len(dataset) == 2
        assert not fos.diff(NAME, "v1").changed

    def test_samples_of_other_slices_bring_no_slice_with_them(self) -> None:
        dataset = grouped_dataset(NAME, 2, 3, persistent=True)
        fos.create_snapshot(NAME, "v1")
        dataset.rename_group_slice("camera", "kamera")
        drives = dataset.select_group_slices("drive").values("id")
        fos.restore_samples(NAME, "v1", drives)
        assert set(dataset.group_slices) == {"kamera", "drive", "scene"}
        dataset.group_slice = "kamera"
        fos.revert_dataset_to_snapshot(NAME, "v1")
        assert dataset.group_slice == "camera"


def test_a_sample_in_the_way_is_named_and_the_advice_can_be_followed() -> None:
    dataset = image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    ids, path = dataset.values("id"), dataset.first().filepath
    dataset.delete_samples(ids[:1])
    dataset.merge_samples([fo.Sample(path)])
    other = dataset.last().id
    with pytest.raises(fos.InvalidRequestError, match="must be unique") as caught:
        fos.restore_samples(NAME, "v1", ids)
    assert f"Sample {other} of the dataset" in str(caught.value)
    assert f"sample {ids[0]} of the snapshot" in str(caught.value)
    assert fos.restore_samples(NAME, "v1", ids[1:]).samples_unchanged == 2
    assert f"dataset.delete_samples('{other}')" in str(caught.value)
    dataset.delete_samples(other)
    assert fos.restore_samples(NAME, "v1", ids).samples_added == 1


@pytest.mark.parametrize("part", ["samples", "frames", "views", "dataset"])
def test_a_discarded_state_that_lost_something_in_the_trash_does_not_come_back(
    database: Database[Document], part: str
) -> None:
    dataset = video_dataset(NAME, 2, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    dataset.save_view("view", dataset.limit(1))
    fos.revert_dataset_to_snapshot(NAME, "v1")
    (name,) = database.list_collection_names(
        filter={"name": {"$regex": rf"^snapshots\.trashed\..*\.{part}$"}}
    )
    lost = database[name].find_one()
    database[name].delete_one({"_id": lost["_id"]})
    before = digest(database, dataset._doc.id)
    with pytest.raises(fos.DamagedSnapshotError, match=rf"its .*{part}|is gone"):
        fos.undo_revert(NAME)
    assert_same(digest(database, dataset._doc.id), before)
    database[name].insert_one(lost)
    fos.undo_revert(NAME)
    assert dataset.has_saved_view("view")
