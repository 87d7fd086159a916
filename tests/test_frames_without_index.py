"""Frames as a database has them that was brought back without its indexes.

FiftyOne keeps two frames of a video from having the same number by an index only.
"""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import video_dataset
from support.full import Document, assert_same, digest

NAME = "Füchse"


@pytest.fixture(params=["duplication", "delta"])
def videos(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    """A video dataset with a snapshot, whose frames have lost their index since."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    dataset = video_dataset(NAME, 3, 4, persistent=True)
    fos.create_snapshot(NAME, "v1")
    dataset._frame_collection.drop_indexes()
    return dataset


def double(dataset: fo.Dataset) -> Document:
    """Puts a frame there a second time, under another id."""
    frame: Document = dataset._frame_collection.find_one({"frame_number": 2})
    copy = {**frame, "_id": ObjectId()}
    dataset._frame_collection.insert_one(copy)
    return copy


def numbers(dataset: fo.Dataset) -> list[Any]:
    frames = dataset._frame_collection.find({}, {"_sample_id": 1, "frame_number": 1})
    return sorted((str(frame["_sample_id"]), frame["frame_number"]) for frame in frames)


def test_fields_of_frames_come_back_without_the_index(videos: fo.Dataset) -> None:
    before = videos.values("frames.objects.detections.label")
    videos.set_values("frames.objects", [[None] * 4] * 3)
    # One was deleted, and one was made anew under another id
    gone, anew = videos._frame_collection.find({"frame_number": {"$in": [3, 4]}}).limit(2)
    videos._frame_collection.delete_many({"_id": {"$in": [gone["_id"], anew["_id"]]}})
    videos._frame_collection.insert_one({**anew, "_id": ObjectId()})

    done = fos.restore_samples(NAME, "v1", videos.values("id"), fields="frames.objects")
    assert (done.frames_added, done.frames_changed, done.frames_removed) == (1, 11, 0)
    videos.reload()
    assert videos.values("frames.objects.detections.label") == before
    assert len(set(numbers(videos))) == len(numbers(videos)) == 12
    again = fos.restore_samples(NAME, "v1", videos.values("id"), fields="frames.objects")
    assert (again.frames_added, again.frames_changed) == (0, 0)


def test_a_frame_that_is_there_twice_is_named_where_it_matters(
    videos: fo.Dataset, database: Database[Document]
) -> None:
    sample_id = str(double(videos)["_sample_id"])
    before = digest(database, videos._doc.id)
    with pytest.raises(
        fos.InvalidRequestError, match=rf"{sample_id} has 2 frames of number 2 in the"
    ):
        fos.restore_samples(NAME, "v1", videos.values("id"), fields="frames.objects")
    assert_same(digest(database, videos._doc.id), before)

    others = [id_ for id_ in videos.values("id") if id_ != sample_id]
    assert fos.restore_samples(NAME, "v1", others, fields="frames.objects")
    assert fos.restore_samples(NAME, "v1", sample_id).frames_removed == 1


def test_frames_that_are_there_twice_are_captured_and_come_back(
    videos: fo.Dataset, database: Database[Document]
) -> None:
    copy = double(videos)
    before = digest(database, videos._doc.id)
    fos.create_snapshot(NAME, "v2")
    assert fos.verify_snapshot(NAME, "v2")
    assert numbers(fos.load_snapshot(NAME, "v2")) == numbers(videos)
    assert fos.diff(NAME, "v1", "v2").changed

    videos._frame_collection.delete_one({"_id": copy["_id"]})
    fos.create_snapshot(NAME, "v3")
    for other in ("delta", "duplication"):
        fos.convert_snapshots(NAME, other)
        assert fos.verify_snapshot(NAME, "v2")
    assert not fos.diff(NAME, "v1", "v3").changed
    fos.revert_dataset_to_snapshot(NAME, "v2")
    assert_same(digest(database, videos._doc.id), before)


def test_a_copy_with_the_unique_index_of_earlier_versions_takes_them_in(
    videos: fo.Dataset, database: Database[Document]
) -> None:
    names = database.list_collection_names(filter={"name": {"$regex": r"^snapshots\..*frames$"}})
    for name in names:
        database[name].drop_indexes()
        keys = [("_sample_id", 1), ("frame_number", 1)]
        database[name].create_index(keys, unique=True)
    double(videos)
    fos.create_snapshot(NAME, "v2")
    assert fos.verify_snapshot(NAME, "v1")
    assert fos.verify_snapshot(NAME, "v2")
