"""Single samples, or some of their fields, come back from a snapshot."""

from __future__ import annotations

import fiftyone as fo
import pytest
from bson import Int64, ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document, content
from support.restoring import NAME, SNAPSHOT, everything


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
