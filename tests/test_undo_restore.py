"""What a restoration of samples has overwritten comes back, and edits made since stay."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest
from bson import Int64, ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.restore import undo_plan
from support.crash import Child, Gate, killed_at
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document, content
from support.invariants import assert_no_debris, assert_sound

NAME, SNAPSHOT = "Füchse", "v1"


@pytest.fixture
def images() -> fo.Dataset:
    """An image dataset that was edited since its snapshot."""
    dataset = image_dataset(NAME, 6, persistent=True)
    fos.create_snapshot(NAME, SNAPSHOT)
    dataset.delete_samples(dataset.values("id")[4:])
    dataset.set_values("weather", [fo.Classification(label="now")] * 4)
    return dataset


@pytest.fixture
def videos() -> fo.Dataset:
    """A video dataset that was edited since its snapshot."""
    dataset = video_dataset(NAME, 3, 4, persistent=True)
    fos.create_snapshot(NAME, SNAPSHOT)
    first, second, third = dataset
    first.frames[1].objects = None
    del first.frames[2]
    first.frames[9] = fo.Frame()
    first.save()
    second["weather"] = fo.Classification(label="now")
    second.save()
    dataset.delete_samples(third)
    return dataset


def everything(dataset: fo.Dataset, database: Database[Document]) -> list[Any]:
    """Returns the documents of a dataset, except when it was changed and loaded."""
    stamps = {"last_loaded_at": 0, "last_modified_at": 0}
    return [
        sorted(content(dataset._sample_collection)),
        sorted(content(dataset._frame_collection)) if dataset._frame_collection_name else None,
        database["datasets"].find_one({"_id": dataset._doc.id}, stamps),
        sorted(content(database["tags"])),
    ]


def restore(**options: Any) -> fos.RestoredSamples:
    loaded = fos.load_snapshot(NAME, SNAPSHOT)
    return fos.restore_samples(NAME, SNAPSHOT, loaded, **options)


def kinds() -> list[str]:
    return [f"{item.kind.value} {item.name}" for item in fos.list_trash(NAME)]


class TestUndo:
    @pytest.mark.parametrize("fields", [None, ["weather"]])
    @pytest.mark.parametrize("make", ["images", "videos"])
    def test_all_is_what_it_was(
        self,
        make: str,
        fields: list[str] | None,
        database: Database[Document],
        request: pytest.FixtureRequest,
    ) -> None:
        dataset = request.getfixturevalue(make)
        dataset.reload()
        before = everything(dataset, database)
        restored = restore(fields=fields)
        assert everything(dataset, database) != before
        (item,) = fos.list_trash(NAME)
        assert (item.kind.value, item.id, item.name) == ("samples", restored.operation_id, "v1")
        assert item.size_bytes > 0
        planned = fos.undo_restore(NAME, dry_run=True)
        assert fos.undo_restore(NAME) == planned
        assert everything(dataset, database) == before
        assert planned.samples_changed == restored.samples_changed
        assert planned.samples_removed == restored.samples_added
        assert planned.frames_added == restored.frames_removed
        assert planned.samples_kept == planned.frames_kept == 0
        assert not fos.list_trash(NAME)
        assert_sound(database)
        with pytest.raises(fos.NothingToUndoError, match="it was undone"):
            fos.undo_restore(NAME)
        # And to do it again is to restore again
        assert restore(fields=fields).samples_changed == restored.samples_changed

    def test_groups_with_a_slice_that_came_back(self, database: Database[Document]) -> None:
        dataset = grouped_dataset(NAME, 2, 3, persistent=True)
        fos.create_snapshot(NAME, SNAPSHOT)
        dataset.delete_group_slice("scene")
        dataset.delete_groups(dataset.first())
        before = everything(dataset, database)
        restore()
        assert "scene" in dataset.group_slices
        found = fos.undo_restore(NAME)
        assert found.samples_removed == 4
        assert everything(dataset, database) == before
        assert "scene" not in fo.load_dataset(NAME).group_slices

    def test_a_slice_that_is_in_use_stays(self) -> None:
        dataset = grouped_dataset(NAME, 2, 3, persistent=True)
        fos.create_snapshot(NAME, SNAPSHOT)
        dataset.delete_group_slice("scene")
        restore()
        sample = dataset.select_group_slices("scene").first()
        sample.tags.append("mine")
        sample.save()
        found = fos.undo_restore(NAME)
        assert (found.samples_removed, found.samples_kept) == (1, 1)
        assert "scene" in fo.load_dataset(NAME).group_slices

    def test_temporal_tags(self, database: Database[Document]) -> None:
        dataset = image_dataset(NAME, 2, persistent=True)
        sample = dataset.first()
        mine = {"_dataset_id": dataset._doc.id}
        tag = {**mine, "_sample_id": sample._id, "kind": "temporal"}
        database["tags"].insert_one({**tag, "tag": "赤", "start": Int64(1), "end": Int64(2)})
        fos.create_snapshot(NAME, SNAPSHOT)
        # What is loaded has tags of its own
        fos.load_snapshot(NAME, SNAPSHOT)
        database["tags"].delete_many(mine)
        database["tags"].insert_one({**tag, "tag": "later", "start": Int64(1), "end": Int64(2)})
        before = everything(dataset, database)
        restore()
        assert database["tags"].distinct("tag", mine) == ["赤"]
        fos.undo_restore(NAME)
        assert everything(dataset, database) == before

    def test_loaded_samples_show_it(self, images: fo.Dataset) -> None:
        sample = images.first()
        restore()
        assert sample["weather"].label == "rainy"
        fos.undo_restore(NAME)
        assert sample["weather"].label == "now"

    def test_several_restorations(self, images: fo.Dataset) -> None:
        first, second = images.values("id")[:2]
        one = fos.restore_samples(NAME, SNAPSHOT, first).operation_id
        fos.restore_samples(NAME, SNAPSHOT, second)
        assert fos.restore_samples(NAME, SNAPSHOT, second).operation_id is None
        fos.undo_restore(NAME, one)
        assert [images[id_]["weather"].label for id_ in (first, second)] == ["now", "sunny"]
        fos.undo_restore(NAME)
        assert images[second]["weather"].label == "now"
        with pytest.raises(fos.NothingToUndoError, match=one):
            fos.undo_restore(NAME, one)

    def test_changes_are_counted_anew(self, images: fo.Dataset) -> None:
        restore()
        assert not fos.calculate_dataset_latest_changes_summary(NAME).has_changes
        version = fos.head_version(NAME)
        fos.undo_restore(NAME)
        assert fos.latest_changes_are_stale(NAME)
        assert fos.head_version(NAME) != version
        assert fos.calculate_dataset_latest_changes_summary(NAME).num_samples_changed == 4

    def test_a_snapshot_that_trusts_times_sees_it(
        self, images: fo.Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")
        restore()
        fos.create_snapshot(NAME, "v2", trust_timestamps=True)
        fos.undo_restore(NAME)
        fos.create_snapshot(NAME, "v3", trust_timestamps=True)
        assert fos.verify_snapshot(NAME, "v3")
        labels = fos.load_snapshot(NAME, "v3").values("weather.label")
        assert labels == ["now"] * 4


class TestFields:
    def test_fields_that_came_back_go(
        self, videos: fo.Dataset, database: Database[Document]
    ) -> None:
        videos.delete_sample_field("weather")
        videos.delete_frame_field("objects")
        before = everything(videos, database)
        assert restore().fields_added == ("weather", "frames.objects")
        found = fos.undo_restore(NAME)
        assert found.fields_removed == ("weather", "frames.objects")
        assert everything(videos, database) == before
        assert not fo.load_dataset(NAME).has_field("weather")

    def test_fields_in_use_stay(self, images: fo.Dataset) -> None:
        images.delete_sample_field("weather")
        restore()
        sample = images.first()
        sample["weather"] = fo.Classification(label="since")
        sample.save()
        planned = fos.undo_restore(NAME, dry_run=True)
        found = fos.undo_restore(NAME)
        assert found == planned
        assert (found.fields_removed, found.fields_kept) == ((), ("weather",))
        assert (found.samples_changed, found.samples_removed, found.samples_kept) == (3, 2, 1)
        assert images.values("weather.label") == ["since", None, None, None]

    def test_parts_of_fields(self, database: Database[Document]) -> None:
        dataset = image_dataset(NAME, 2, persistent=True)
        sample = dataset.first()
        sample["weather"]["wind"] = 3
        sample.save()
        dataset.add_dynamic_sample_fields()
        fos.create_snapshot(NAME, SNAPSHOT)
        dataset.delete_sample_field("weather.wind")
        before = everything(dataset, database)
        assert restore().fields_added == ("weather.wind",)
        assert fos.undo_restore(NAME).fields_removed == ("weather.wind",)
        assert everything(dataset, database) == before

    def test_a_field_that_is_used_at_the_same_moment(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        images.delete_sample_field("weather")
        restore()
        before = everything(images, database)
        samples = database[images._sample_collection_name]

        def use() -> None:
            samples.update_one({}, {"$set": {"weather": None}})

        with (
            faults.arm("undo_restore.schema_reduced", use),
            pytest.raises(fos.ConcurrentWritesError, match="'weather'"),
        ):
            fos.undo_restore(NAME)
        assert everything(images, database)[2] == before[2]
        assert len(images) == 6


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
        before = everything(images, database)
        with pytest.raises(fos.InvalidRequestError, match=r"'x'.*unique.* in the trash had"):
            fos.undo_restore(NAME)
        assert everything(images, database) == before

    def test_a_recovery_leaves_what_was_edited_since(
        self, videos: fo.Dataset, database: Database[Document]
    ) -> None:
        restore()
        before = everything(videos, database)
        assert killed_at("undo_restore.brought_back_frames", lambda: fos.undo_restore(NAME))
        samples = database[videos._sample_collection_name]
        one = samples.find_one_and_update({"weather.label": "now"}, {"$set": {"weather": None}})
        assert one is not None
        fos.list_snapshots(NAME)
        found = samples.find_one({"_id": one["_id"]})
        assert found is not None
        assert found["weather"] is None
        after = everything(videos, database)
        assert len(set(before[0]) - set(after[0])) == 1
        assert after[1:] == before[1:]
        assert kinds() == ["samples v1"]


class TestTrash:
    def test_a_revert_in_between(self, images: fo.Dataset, database: Database[Document]) -> None:
        before = everything(images, database)[0]
        restore()
        fos.revert_dataset_to_snapshot(NAME, SNAPSHOT)
        for dry_run in (True, False):
            with pytest.raises(fos.NothingToUndoError, match="was reverted since"):
                fos.undo_restore(NAME, dry_run=dry_run)
        fos.undo_revert(NAME)
        fos.undo_revert(NAME)
        with pytest.raises(fos.NothingToUndoError, match="was reverted since"):
            fos.undo_restore(NAME)
        fos.undo_revert(NAME)
        fos.undo_restore(NAME)
        images.reload()
        assert everything(images, database)[0] == before

    def test_it_is_no_state_to_go_back_to(self, images: fo.Dataset) -> None:
        restore()
        with pytest.raises(fos.NothingToUndoError):
            fos.undo_revert(NAME)
        assert kinds() == ["samples v1"]
        fos.recover()
        assert kinds() == ["samples v1"]
        fos.undo_restore(NAME)

    def test_it_expires_and_is_emptied(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        fos.restore_samples(NAME, SNAPSHOT, images.first())
        (item,) = fos.empty_trash(NAME)
        assert item.kind.value == "samples"
        assert_no_debris(database)
        fos.restore_samples(NAME, SNAPSHOT, images)
        past = {"$set": {"trashed_at": item.trashed_at.replace(year=2020)}}
        database["snapshots.trash"].update_many({}, past)
        fos.recover()
        assert not fos.list_trash(NAME)
        assert_no_debris(database)
        with pytest.raises(fos.NothingToUndoError):
            fos.undo_restore(NAME)

    def test_nothing_is_kept_where_there_is_no_trash(
        self, images: fo.Dataset, database: Database[Document], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", "0")
        assert restore().operation_id is None
        assert not list(database["snapshots.trash"].find())
        assert_no_debris(database)

    def test_only_what_differs_is_kept(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        images.delete_samples(images.values("id")[1:])
        restored = restore()
        names = database.list_collection_names(filter={"name": {"$regex": "trashed"}})
        counts = {name.split(".", 3)[3]: database[name].count_documents({}) for name in names}
        assert {k: v for k, v in counts.items() if v} == {"samples": 1, "wanted.samples": 6}
        assert restored.operation_id is not None
        again = restore()
        assert (again.operation_id, kinds()) == (None, ["samples v1"])

    def test_a_deleted_dataset_takes_it_along(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        restore()
        fo.delete_dataset(NAME)
        fos.recover()
        assert not list(database["snapshots.trash"].find())
        assert_no_debris(database)

    def test_a_restoration_of_an_earlier_version_is_finished(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        point = "restore_samples.committed"
        assert killed_at(point, lambda: fos.restore_samples(NAME, SNAPSHOT, images))
        unset = {"$unset": {"details.overwritten": ""}}
        assert database["snapshots.journal"].update_one({"state": "committed"}, unset)
        fos.list_snapshots(NAME)
        assert images.first()["weather"].label == "rainy"
        assert not fos.list_trash(NAME)
        assert_no_debris(database)

    def test_a_record_of_a_newer_version_is_refused(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        restore()
        database["snapshots.trash"].update_many({}, {"$set": {"format": 3}})
        with pytest.raises(fos.NewerFormatError, match="Upgrade"):
            fos.undo_restore(NAME)

    def test_two_who_undo_at_once_undo_once(
        self, images: fo.Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = images.values("id")[:2]
        fos.restore_samples(NAME, SNAPSHOT, first)
        fos.restore_samples(NAME, SNAPSHOT, second)
        gate, look = Gate(), undo_plan.chosen

        def look_and_wait(*args: Any) -> object:
            found = look(*args)
            gate.stop()
            return found

        monkeypatch.setattr(undo_plan, "chosen", look_and_wait)
        with Child(lambda: fos.undo_restore(NAME)) as slow:
            gate.wait()
            monkeypatch.undo()
            fos.undo_restore(NAME)
            gate.open()
            gate.wait()
            gate.open()
            assert slow.result() == "DatasetBusyError"
        assert [images[id_]["weather"].label for id_ in (first, second)] == ["rainy", "now"]


def test_the_dataset_that_is_named_is_the_one_that_is_asked_for(
    images: fo.Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """An operation on another dataset, on which one may do more, opens no door."""
    other = image_dataset("other", 2, persistent=True)
    fos.create_snapshot(other, "w1")
    other.delete_samples(other.first())
    mine = fos.restore_samples(other, "w1", fos.load_snapshot(other, "w1")).operation_id
    restore()
    policy = tmp_path / "policy.yml"
    policy.write_text('datasets: {other: {anna: manage}, "*": {anna: view}}')
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", str(policy))
    with fos.acting_as(fos.Interface.SDK, "anna"):
        for operation_id in (None, mine):
            with pytest.raises(fos.SnapshotPermissionError, match="dataset 'Füchse'"):
                fos.undo_restore(NAME, operation_id)
        with pytest.raises(fos.NothingToUndoError):
            fos.undo_restore("other", "0" * 24)
        fos.undo_restore("other", mine)
