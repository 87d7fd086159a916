"""What a restoration of samples has overwritten comes back, and edits made since stay."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest
from bson import Int64
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.restore import undo_plan
from support.crash import Child, Gate, killed_at
from support.datasets import grouped_dataset, image_dataset
from support.full import Document
from support.invariants import assert_no_debris, assert_sound
from support.restoring import (
    NAME,
    SNAPSHOT,
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
        before = everything_but_times(dataset, database)
        restored = restore(fields=fields)
        assert everything_but_times(dataset, database) != before
        (item,) = fos.list_trash(NAME)
        assert (item.kind.value, item.id, item.name) == ("samples", restored.operation_id, "v1")
        assert item.size_bytes > 0
        planned = fos.undo_restore(NAME, dry_run=True)
        assert fos.undo_restore(NAME) == planned
        assert everything_but_times(dataset, database) == before
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
        before = everything_but_times(dataset, database)
        restore()
        assert "scene" in dataset.group_slices
        found = fos.undo_restore(NAME)
        assert found.samples_removed == 4
        assert everything_but_times(dataset, database) == before
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
        before = everything_but_times(dataset, database)
        restore()
        assert database["tags"].distinct("tag", mine) == ["赤"]
        fos.undo_restore(NAME)
        assert everything_but_times(dataset, database) == before

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
        before = everything_but_times(videos, database)
        assert restore().fields_added == ("weather", "frames.objects")
        found = fos.undo_restore(NAME)
        assert found.fields_removed == ("weather", "frames.objects")
        assert everything_but_times(videos, database) == before
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
        before = everything_but_times(dataset, database)
        assert restore().fields_added == ("weather.wind",)
        assert fos.undo_restore(NAME).fields_removed == ("weather.wind",)
        assert everything_but_times(dataset, database) == before

    def test_a_field_that_is_used_at_the_same_moment(
        self, images: fo.Dataset, database: Database[Document]
    ) -> None:
        images.delete_sample_field("weather")
        restore()
        before = everything_but_times(images, database)
        samples = database[images._sample_collection_name]

        def use() -> None:
            samples.update_one({}, {"$set": {"weather": None}})

        with (
            faults.arm("undo_restore.schema_reduced", use),
            pytest.raises(fos.ConcurrentWritesError, match="'weather'"),
        ):
            fos.undo_restore(NAME)
        assert everything_but_times(images, database)[2] == before[2]
        assert len(images) == 6


class TestTrash:
    def test_a_revert_in_between(self, images: fo.Dataset, database: Database[Document]) -> None:
        before = everything_but_times(images, database)[0]
        restore()
        fos.revert_dataset_to_snapshot(NAME, SNAPSHOT)
        for dry_run in (True, False):
            with pytest.raises(fos.NothingToUndoError, match="was rolled back since"):
                fos.undo_restore(NAME, dry_run=dry_run)
        fos.undo_revert(NAME)
        fos.undo_revert(NAME)
        with pytest.raises(fos.NothingToUndoError, match="was rolled back since"):
            fos.undo_restore(NAME)
        fos.undo_revert(NAME)
        fos.undo_restore(NAME)
        images.reload()
        assert everything_but_times(images, database)[0] == before

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
