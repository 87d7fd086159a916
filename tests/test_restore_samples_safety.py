"""Restoring samples harms nothing: when it fails or dies, and when others write as well."""

from __future__ import annotations

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.crash import killed_at
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.restoring import NAME, SNAPSHOT, everything
from support.stopping import Sleeper, commands_of


@pytest.fixture
def images() -> fo.Dataset:
    """An image dataset with a snapshot."""
    dataset = image_dataset(NAME, 6, persistent=True)
    fos.create_snapshot(NAME, SNAPSHOT)
    return dataset


@pytest.fixture
def videos() -> fo.Dataset:
    """A video dataset with a snapshot."""
    dataset = video_dataset(NAME, 3, 4, persistent=True)
    fos.create_snapshot(NAME, SNAPSHOT)
    return dataset


class TestSafety:
    def test_loaded_samples_show_what_came_back_and_others_keep_their_edits(
        self, videos: fo.Dataset
    ) -> None:
        sample, other, _ = videos
        sample["weather"].label = "wrong"
        frame = sample.frames[1]
        frame.objects.detections[0].label = "wrong"
        sample.save()
        other["weather"].label = "unsaved"
        fos.restore_samples(NAME, SNAPSHOT, sample)
        assert sample["weather"].label == "rainy"
        assert frame.objects.detections[0].label == "dog"
        assert other["weather"].label == "unsaved"

    def test_only_a_change_of_the_schema_is_one_of_the_dataset(self, images: fo.Dataset) -> None:
        images.delete_samples(images.first())
        images.reload()
        stamps = images.last_modified_at, images.last_deletion_at
        fos.restore_samples(NAME, SNAPSHOT, fos.load_snapshot(NAME, SNAPSHOT))
        assert (images.last_modified_at, images.last_deletion_at) == stamps
        images.delete_sample_field("weather")
        stamp = images.last_modified_at
        fos.restore_samples(NAME, SNAPSHOT, images)
        assert images.last_modified_at > stamp

    @pytest.mark.parametrize("fields", [None, ["weather", "frames.objects"]])
    def test_a_failure_at_any_point_changes_nothing(
        self, videos: fo.Dataset, database: Database[Document], fields: list[str] | None
    ) -> None:
        videos.delete_sample_field("weather")
        videos.delete_samples(videos.last())
        sample = videos.first()
        sample.frames[1].objects = None
        sample.frames[9] = fo.Frame()
        del sample.frames[2]
        sample.save()
        before = everything(videos, database)
        collections = set(database.list_collection_names())
        everywhere = fos.load_snapshot(NAME, SNAPSHOT)

        points = ["begun", "kept", "schema_extended", "restored_samples", "restored_frames"]
        for point in points:
            with (
                faults.arm(f"restore_samples.{point}"),
                pytest.raises(faults.InjectedFault),
            ):
                fos.restore_samples(NAME, SNAPSHOT, everywhere, fields)
            assert everything(videos, database) == before, point
            left = set(database.list_collection_names()) - collections
            assert not [name for name in left if "staging" in name], point
        fos.restore_samples(NAME, SNAPSHOT, everywhere, fields)
        assert videos.first()["weather"].label == "rainy"
        assert len(videos.first().frames) == (4 if fields is None else 5)

    @pytest.mark.parametrize("name", ["delete", pytest.param("", marks=pytest.mark.long)])
    def test_samples_that_are_the_same_survive_a_kill(
        self, videos: fo.Dataset, database: Database[Document], name: str
    ) -> None:
        sample = videos.first()
        sample["weather"] = fo.Classification(label="now")
        sample.frames[1].objects = None
        sample.save()
        before = everything(videos, database)
        ids = videos.values("id")

        def restore() -> None:
            fos.restore_samples(NAME, SNAPSHOT, ids)

        walked = [command for command in commands_of(restore) if name in command.name]
        fos.undo_restore(NAME)
        assert walked
        for command in walked:
            Sleeper(restore, command.number).end()
            fos.list_snapshots(NAME)
            if fos.list_trash(NAME):
                fos.undo_restore(NAME)
            assert everything(videos, database) == before, command


class TestOthersWriteAsWell:
    """People go on labelling, without this package, while a restoration runs or lies dead."""

    POINTS = ("restored_samples", "restored_frames", "compared")

    @pytest.mark.parametrize("point", POINTS)
    def test_a_recovery_leaves_what_was_edited_since(
        self, videos: fo.Dataset, database: Database[Document], point: str
    ) -> None:
        ids = videos.values("id")
        videos.set_values("weather", [fo.Classification(label="now")] * len(videos))
        for sample in videos:
            del sample.frames[2]
            sample.frames[3].objects = None
            sample.frames[9] = fo.Frame()
            sample.save()
        videos.delete_samples(ids[2])
        frames = {f["_id"]: f for f in database[videos._frame_collection_name].find()}
        snapshot = fos.load_snapshot(NAME, SNAPSHOT)
        assert killed_at(
            f"restore_samples.{point}", lambda: fos.restore_samples(NAME, SNAPSHOT, snapshot)
        )
        samples = database[videos._sample_collection_name]
        edited = {"$set": {"weather.label": "edited after the crash"}}
        samples.update_one({"_id": ObjectId(ids[0])}, edited)
        samples.insert_one({**samples.find_one({}), "_id": (new := ObjectId())})
        fos.list_snapshots(NAME)

        found = {s["_id"]: (s["weather"] or {}).get("label") for s in samples.find()}
        assert found == {
            ObjectId(ids[0]): "edited after the crash",
            ObjectId(ids[1]): "now",
            new: found[new],
        }
        frames = {id_: f for id_, f in frames.items() if f["_sample_id"] != ObjectId(ids[2])}
        after = {f["_id"]: f for f in database[videos._frame_collection_name].find()}
        assert after == frames

    def test_what_is_edited_at_the_same_moment_stays_and_is_told(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        images.set_values("weather", [fo.Classification(label="now")] * len(images))
        samples = database[images._sample_collection_name]
        first = samples.find_one({})
        assert first is not None

        def edit() -> None:
            edited = {"$set": {"weather.label": "meanwhile"}}
            samples.update_one({"_id": first["_id"]}, edited)

        with (
            faults.arm("restore_samples.prepared", edit),
            pytest.raises(fos.ConcurrentWritesError, match="somebody else"),
        ):
            fos.restore_samples(NAME, SNAPSHOT, images)
        labels = [sample["weather"]["label"] for sample in samples.find()]
        assert labels == ["meanwhile", *["now"] * (len(images) - 1)]
        assert not [n for n in database.list_collection_names() if "staging" in n]
