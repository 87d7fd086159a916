"""Undoing a restoration of samples leaves alone what was edited since."""

from __future__ import annotations

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.crash import killed_at
from support.full import Document
from support.invariants import assert_sound
from support.restoring import (
    NAME,
    edited_images,
    edited_videos,
    everything_but_times,
    kinds,
    restore,
)


@pytest.fixture
def images() -> fo.Dataset:
    """An image dataset that was edited since its snapshot."""
    return edited_images()


@pytest.fixture
def videos() -> fo.Dataset:
    """A video dataset that was edited since its snapshot."""
    return edited_videos()


class TestEditsSince:
    def test_samples_that_were_edited_stay(self, images: fo.Dataset) -> None:
        restore()
        first, second, *_, back, last = images.values("id")
        for id_ in (first, back):
            sample = images[id_]
            sample["weather"].label = "since"
            sample.save()
        images.delete_samples([second])
        images.add_sample(fo.Sample("/new.jpg"))
        found = fos.undo_restore(NAME)
        assert (found.samples_changed, found.samples_removed, found.samples_kept) == (2, 1, 2)
        labels = dict(zip(images.values("id"), images.values("weather.label"), strict=True))
        assert (labels[first], labels[back]) == ("since", "since")
        assert second not in labels
        assert last not in labels
        assert sorted(labels.values(), key=str) == [None, "now", "now", "since", "since"]

    def test_a_sample_that_came_back_stays_whole(
        self, videos: fo.Dataset, database: Database[Document]
    ) -> None:
        restore()
        back = videos.last()
        for edit in (
            lambda: back.frames.update({7: fo.Frame()}),
            lambda: setattr(back.frames[1], "objects", None),
        ):
            edit()
            back.save()
        frames = videos._frame_collection.count_documents({"_sample_id": back._id})
        found = fos.undo_restore(NAME)
        assert (found.samples_removed, found.samples_kept, found.frames_kept) == (0, 1, 1)
        assert videos._frame_collection.count_documents({"_sample_id": back._id}) == frames
        assert found.samples_changed == 2
        assert_sound(database)

    def test_frames_that_were_edited_stay_and_the_others_come_back(
        self, videos: fo.Dataset
    ) -> None:
        restore()
        sample = videos.first()
        sample.frames[1].objects.detections[0].label = "since"
        sample.frames[9] = fo.Frame(objects=fo.Detections())
        sample.save()
        found = fos.undo_restore(NAME)
        # Frame 2 had come back, and frame 9 was removed and is another one by now
        assert (found.frames_removed, found.frames_added, found.frames_kept) == (5, 0, 2)
        sample.reload()
        assert sorted(sample.frames) == [1, 3, 4, 9]
        assert sample.frames[1].objects.detections[0].label == "since"
        assert sample.frames[9].objects is not None

    def test_no_frames_come_to_samples_that_are_gone(
        self, videos: fo.Dataset, database: Database[Document]
    ) -> None:
        restore()
        videos.delete_samples(videos.first())
        assert fos.undo_restore(NAME).frames_added == 0
        owners = set(database[videos._frame_collection_name].distinct("_sample_id"))
        assert owners == {ObjectId(id_) for id_ in videos.values("id")}

    @pytest.mark.parametrize("point", ["prepared", "brought_back_samples"])
    def test_an_edit_at_the_same_moment_stays_and_is_told(
        self, images: fo.Dataset, database: Database[Document], point: str
    ) -> None:
        restore()
        samples = database[images._sample_collection_name]
        first = ObjectId(images.first().id)

        def edit() -> None:
            samples.update_one({"_id": first}, {"$set": {"weather.label": "meanwhile"}})

        with (
            faults.arm(f"undo_restore.{point}", edit),
            pytest.raises(fos.ConcurrentWritesError, match="somebody else"),
        ):
            fos.undo_restore(NAME)
        labels = {s["_id"]: s["weather"]["label"] for s in samples.find()}
        assert labels.pop(first) == "meanwhile"
        assert "now" not in labels.values()
        assert len(labels) == 5
        assert kinds() == ["samples v1"]
        assert fos.undo_restore(NAME).samples_kept == 1

    def test_a_value_that_is_taken_by_now(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        images.set_values("code", ["a", "b", "c", "d"])
        images.create_index("code", unique=True)
        fos.create_snapshot(NAME, "v2")
        sample = images.first()
        sample["code"] = "x"
        sample.save()
        fos.restore_samples(NAME, "v2", sample.id)
        images.add_sample(fo.Sample("/new.jpg", code="x"))
        before = everything_but_times(images, database)
        with pytest.raises(fos.InvalidRequestError, match=r"'x'.*unique.* in the trash had"):
            fos.undo_restore(NAME)
        assert everything_but_times(images, database) == before

    def test_a_recovery_leaves_what_was_edited_since(
        self, videos: fo.Dataset, database: Database[Document]
    ) -> None:
        restore()
        before = everything_but_times(videos, database)
        assert killed_at("undo_restore.brought_back_frames", lambda: fos.undo_restore(NAME))
        samples = database[videos._sample_collection_name]
        one = samples.find_one_and_update({"weather.label": "now"}, {"$set": {"weather": None}})
        assert one is not None
        fos.list_snapshots(NAME)
        found = samples.find_one({"_id": one["_id"]})
        assert found is not None
        assert found["weather"] is None
        after = everything_but_times(videos, database)
        assert len(set(before[0]) - set(after[0])) == 1
        assert after[1:] == before[1:]
        assert kinds() == ["samples v1"]
