"""Single samples, or some of their fields, come back from a snapshot."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest
from bson import Int64, ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.crash import killed_at
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document, content
from support.stopping import Sleeper, commands_of

NAME, SNAPSHOT = "Füchse", "v1"


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


def everything(dataset: fo.Dataset, database: Database[Document]) -> list[Any]:
    """Returns the documents of a dataset and its own, except when it was last loaded."""
    stamp = {"last_loaded_at": 0}
    return [
        content(dataset._sample_collection),
        sorted(content(dataset._frame_collection)) if dataset._frame_collection_name else None,
        database["datasets"].find_one({"_id": dataset._doc.id}, stamp),
        sorted(content(database["tags"])),
    ]


class TestWholeSamples:
    def test_deleted_samples_come_back_byte_by_byte(self, images: fo.Dataset) -> None:
        before = content(images._sample_collection)
        ids = images.values("id")
        images.delete_samples(ids[2:4])
        result = fos.restore_samples(NAME, SNAPSHOT, ids[2:4])
        assert (result.samples_added, result.samples_changed) == (2, 0)
        assert sorted(content(images._sample_collection)) == sorted(before)
        changes = fos.calculate_dataset_latest_changes_summary(NAME)
        assert not changes.has_changes

    def test_changed_samples_become_what_they_were_and_others_stay(
        self, images: fo.Dataset
    ) -> None:
        before = content(images._sample_collection)
        images.tag_samples("changed")
        one = images.first()
        one["weather"].label = "wrong"
        one.save()
        result = fos.restore_samples(NAME, SNAPSHOT, one.id)
        assert (result.samples_changed, result.samples_unchanged) == (1, 0)
        assert content(images._sample_collection)[0] == before[0]
        assert images.count_sample_tags()["changed"] == 5
        again = fos.restore_samples(NAME, SNAPSHOT, [one.id])
        assert (again.samples_changed, again.samples_unchanged) == (0, 1)

    def test_frames_come_back_with_their_video(
        self, videos: fo.Dataset, database: Database[Document]
    ) -> None:
        before = everything(videos, database)
        gone, changed, _ = videos.values("id")
        videos.delete_samples(gone)
        sample = videos[changed]
        sample.frames[1].objects.detections[0].label = "wrong"
        del sample.frames[2]
        sample.frames[9] = fo.Frame()
        sample.save()
        number_3 = videos._frame_collection.find_one_and_delete(
            {"_sample_id": ObjectId(changed), "frame_number": 3}
        )
        assert number_3 is not None
        videos._frame_collection.insert_one({**number_3, "_id": ObjectId()})

        result = fos.restore_samples(NAME, SNAPSHOT, [gone, changed])
        assert (result.frames_added, result.frames_changed, result.frames_removed) == (6, 1, 2)
        after = everything(videos, database)
        assert sorted(after[0]) == sorted(before[0])
        assert after[1] == before[1]

    def test_temporal_tags_come_back_with_their_sample(self, database: Database[Document]) -> None:
        dataset = image_dataset(NAME, 2, persistent=True)
        sample = dataset.first()
        tag = {"_dataset_id": dataset._doc.id, "_sample_id": sample._id, "kind": "temporal"}
        database["tags"].insert_one({**tag, "tag": "赤", "start": Int64(1), "end": Int64(2)})
        fos.create_snapshot(NAME, SNAPSHOT)
        before = content(database["tags"])
        dataset.delete_samples(sample)
        assert not content(database["tags"])
        fos.restore_samples(NAME, SNAPSHOT, sample.id or str(tag["_sample_id"]))
        assert content(database["tags"]) == before

    def test_deleted_fields_come_back_to_the_schema(self, images: fo.Dataset) -> None:
        field = images.get_field("weather")
        field.description = "Wetter 🌧"
        field.save()
        fos.create_snapshot(NAME, "v2")
        schema = images.get_field_schema()
        labels = images.values("weather.label")
        images.delete_sample_field("weather")
        last = images.last().id
        result = fos.restore_samples(NAME, "v2", images.exclude(last))
        assert result.fields_added == ("weather",)
        assert images.get_field("weather").description == "Wetter 🌧"
        assert set(images.get_field_schema()) == set(schema)
        assert images.values("weather.label") == [*labels[:-1], None]
        assert (
            fo.load_dataset(NAME).validate_field_type("weather", fo.EmbeddedDocumentField) is None
        )

    def test_fields_that_were_added_since_stay_in_the_schema(self, images: fo.Dataset) -> None:
        images.add_sample_field("new", fo.IntField)
        images.set_field("new", 1).save()
        fos.restore_samples(NAME, SNAPSHOT, images.first())
        assert images.values("new") == [None, 1, 1, 1, 1, 1]

    def test_a_field_of_another_type_by_now_is_a_clear_error(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        images.delete_sample_field("größe")
        images.add_sample_field("größe", fo.StringField)
        before = everything(images, database)
        with pytest.raises(ValueError, match="'größe' is StringField now and was FloatField"):
            fos.restore_samples(NAME, SNAPSHOT, images)
        assert everything(images, database) == before
        assert fos.restore_samples(NAME, SNAPSHOT, images, fields="weather")

    def test_samples_that_exchanged_a_unique_value_come_back(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        images.create_index("filepath", unique=True)
        before = sorted(content(images._sample_collection))
        one, other = images.values("filepath")[:2]
        for path, new in ((one, "/elsewhere"), (other, one), ("/elsewhere", other)):
            images._sample_collection.update_one({"filepath": path}, {"$set": {"filepath": new}})
        fos.restore_samples(NAME, SNAPSHOT, images)
        assert sorted(content(images._sample_collection)) == before

    def test_a_value_that_another_sample_has_by_now_is_a_clear_error(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        sample = images.first()
        sample_id, path = sample.id, sample.filepath
        images.delete_samples(sample)
        images.add_sample(fo.Sample(path))
        images.create_index("filepath", unique=True)
        before = everything(images, database)
        with pytest.raises(ValueError, match="must be unique"):
            fos.restore_samples(NAME, SNAPSHOT, sample_id)
        assert everything(images, database) == before


class TestFields:
    def test_only_those_fields_are_restored(self, images: fo.Dataset) -> None:
        weather = images.values("weather.label")
        images.set_values("weather.label", ["wrong"] * 6)
        images.set_values("größe", [-1.0] * 6)
        stamps = images.values("last_modified_at")
        result = fos.restore_samples(NAME, SNAPSHOT, images.limit(4), fields="weather")
        assert (result.samples_changed, result.samples_unchanged) == (4, 0)
        assert images.values("weather.label") == [*weather[:4], "wrong", "wrong"]
        assert images.values("größe") == [-1.0] * 6
        moved = [
            new > old for old, new in zip(stamps, images.values("last_modified_at"), strict=True)
        ]
        assert moved == [True] * 4 + [False] * 2, "an edit like any other"
        again = fos.restore_samples(NAME, SNAPSHOT, images.limit(4), fields=["weather"])
        assert (again.samples_changed, again.samples_unchanged) == (0, 4)

    def test_frame_fields_come_back_and_frames_that_are_gone(self, videos: fo.Dataset) -> None:
        labels = videos.values("frames.objects.detections.label")
        videos.add_frame_field("new", fo.IntField)
        sample = videos.first()
        sample.frames[1].objects.detections[0].label = "wrong"
        sample.frames[1]["new"] = 5
        del sample.frames[2]
        sample.save()
        sample["weather"].label = "stays"
        sample.save()
        result = fos.restore_samples(NAME, SNAPSHOT, sample, fields=["frames.objects"])
        assert (result.frames_added, result.frames_changed) == (1, 1)
        assert videos.values("frames.objects.detections.label") == labels
        assert videos.first().frames[1]["new"] == 5
        assert videos.first()["weather"].label == "stays"

    def test_a_deleted_field_comes_back_alone(self, images: fo.Dataset) -> None:
        values = images.values("größe")
        images.delete_sample_fields(["größe", "weather"])
        result = fos.restore_samples(NAME, SNAPSHOT, images, fields="größe")
        assert result.fields_added == ("größe",)
        assert images.values("größe") == values
        assert not images.has_field("weather")

    def test_deleted_samples_are_left_out(self, images: fo.Dataset) -> None:
        ids = images.values("id")
        images.delete_samples(ids[0])
        result = fos.restore_samples(NAME, SNAPSHOT, ids, fields="weather")
        assert (result.samples_added, result.samples_skipped) == (0, 1)

    @pytest.mark.parametrize(
        ("field", "message"),
        [
            ("nope", "no top-level field 'nope'"),
            ("weather.label", "restore the field that it is part of"),
            ("frames.nope", "no top-level field"),
            ("last_modified_at", "cannot be restored"),
            ("id", "cannot be restored"),
        ],
    )
    def test_fields_that_cannot_be_restored(
        self, images: fo.Dataset, field: str, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            fos.restore_samples(NAME, SNAPSHOT, images, fields=field)


class TestSelection:
    def test_by_id_sample_view_or_dataset(self, images: fo.Dataset) -> None:
        snapshot = fos.load_snapshot(NAME, SNAPSHOT)
        sample = images.first()
        patches = images.limit(2).to_patches("ground_truth")
        for selection, number in (
            (sample, 1),
            (sample.id, 1),
            (ObjectId(sample.id), 1),
            ([sample, sample.id], 1),
            (images.limit(2), 2),
            (images, 6),
            (snapshot, 6),
            (snapshot.limit(3), 3),
            (patches, 2),
            (iter(images.values("id")), 6),
            ([], 0),
        ):
            result = fos.restore_samples(NAME, SNAPSHOT, selection)
            assert result.samples_unchanged == number

    def test_samples_added_since_are_skipped_in_a_view_and_refused_by_id(
        self, images: fo.Dataset
    ) -> None:
        new = fo.Sample("/new.jpg")
        images.add_sample(new)
        assert fos.restore_samples(NAME, SNAPSHOT, images).samples_skipped == 1
        with pytest.raises(ValueError, match="1 are not"):
            fos.restore_samples(NAME, SNAPSHOT, new)

    @pytest.mark.parametrize("selection", [5, ["nope"], None, [None]])
    def test_what_is_no_sample(self, images: fo.Dataset, selection: object) -> None:
        with pytest.raises(ValueError, match=r"Expected a view|Not a sample"):
            fos.restore_samples(NAME, SNAPSHOT, selection)

    def test_views_of_other_datasets_are_refused(self, images: fo.Dataset) -> None:
        other = image_dataset("other", 2)
        with pytest.raises(ValueError, match="neither dataset 'Füchse' nor one of its snapshots"):
            fos.restore_samples(NAME, SNAPSHOT, other.limit(1))


class TestGroups:
    def test_a_view_means_all_slices_and_a_deleted_slice_comes_back(
        self, database: Database[Document]
    ) -> None:
        dataset = grouped_dataset(NAME, 2, 3, persistent=True)
        fos.create_snapshot(NAME, SNAPSHOT)
        before = everything(dataset, database)
        dataset.delete_group_slice("scene")
        dataset.delete_groups(dataset.first())
        result = fos.restore_samples(NAME, SNAPSHOT, fos.load_snapshot(NAME, SNAPSHOT))
        assert result.samples_added == 4
        after = everything(dataset, database)
        assert sorted(after[0]) == sorted(before[0])
        assert after[1] == before[1]
        assert set(dataset.group_slices) == {"camera", "drive", "scene"}
        assert fo.load_dataset(NAME).group_media_types["scene"] == "3d"

    def test_no_group_gets_two_samples_of_a_slice(self, database: Database[Document]) -> None:
        dataset = grouped_dataset(NAME, 2, 3, persistent=True)
        fos.create_snapshot(NAME, SNAPSHOT)
        sample = dataset.first()
        sample_id, group = sample.id, sample["group"]
        dataset.delete_samples(sample)
        dataset.add_sample(fo.Sample("/other.jpg", group=fo.Group(id=group.id).element("camera")))
        before = everything(dataset, database)
        with pytest.raises(ValueError, match=r"Slice 'camera' of group .* has another"):
            fos.restore_samples(NAME, SNAPSHOT, sample_id)
        assert everything(dataset, database) == before


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
