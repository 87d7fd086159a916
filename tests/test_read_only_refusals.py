"""Snapshots are read-only: by MongoDB for everybody, and with a clear error in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import fiftyone as fo
import fiftyone.brain as fob
import fiftyone.core.odm as foo
import fiftyone.utils.image as foui
import fiftyone.utils.video as fouv
import numpy as np
import pymongo
import pytest
from fiftyone.core.map import MapperFactory
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.errors import SnapshotReadOnlyError
from support.calls.sandbox import DatabaseState
from support.datasets import image_dataset, video_dataset
from support.snapshots import harm, snapshot_of, stored_names

Document = dict[str, Any]
Raw = Collection[Document]

RAW_WRITES: dict[str, Callable[[Raw], object]] = {
    "insert_one": lambda c: c.insert_one({}),
    "insert_many": lambda c: c.insert_many([{}, {}]),
    "update_one": lambda c: c.update_one({}, {"$set": {"x": 1}}),
    "update_many": lambda c: c.update_many({}, {"$set": {"x": 1}}),
    "replace_one": lambda c: c.replace_one({}, {"x": 1}),
    "upsert": lambda c: c.update_one({"_id": 1}, {"$set": {"x": 1}}, upsert=True),
    "delete_one": lambda c: c.delete_one({}),
    "delete_many": lambda c: c.delete_many({}),
    "find_one_and_update": lambda c: c.find_one_and_update({}, {"$set": {"x": 1}}),
    "find_one_and_replace": lambda c: c.find_one_and_replace({}, {"x": 1}),
    "find_one_and_delete": lambda c: c.find_one_and_delete({}),
    "bulk_write": lambda c: c.bulk_write([pymongo.DeleteMany({})]),
    "create_index": lambda c: c.create_index("x"),
    "drop_index": lambda c: c.drop_index("_id_"),
    "drop_indexes": lambda c: c.drop_indexes(),
    "rename": lambda c: c.rename("samples.elsewhere"),
    "$out": lambda c: c.database["samples.other"].aggregate([{"$out": c.name}]),
    "$merge": lambda c: c.database["samples.other"].aggregate([{"$merge": c.name}]),
}

FANNING_OUT: dict[str, Callable[..., object]] = {
    "update_samples": lambda s, f, **how: s.update_samples(f, **how),
    # It is a generator; the refusal must not wait for somebody to ask it for results
    "map_samples": lambda s, f, **how: s.map_samples(f, save=True, **how),
    "view": lambda s, f, **how: s.limit(2).update_samples(f, **how),
    "patches": lambda s, f, **how: s.to_patches("ground_truth").update_samples(f, **how),
    "mapper": lambda s, f, **how: MapperFactory.create(**how).map_samples(s, f, save=True),
}


class TestDatabaseWall:
    """Any client, of any program."""

    @pytest.mark.parametrize("write", RAW_WRITES.values(), ids=RAW_WRITES)
    def test_the_server_refuses_every_write(
        self, write: Callable[[Raw], object], database: Database[Document]
    ) -> None:
        snapshot = snapshot_of(video_dataset("clips"))
        database["samples.other"].insert_one({})
        for name in (snapshot._sample_collection_name, snapshot._frame_collection_name):
            shown = list(database[name].find())
            with pytest.raises(OperationFailure):
                write(database[name])
            assert list(database[name].find()) == shown

    def test_dropping_what_fiftyone_sees_leaves_the_snapshot(
        self, database: Database[Document]
    ) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        ids = snapshot.values("id")
        database.drop_collection(snapshot._sample_collection_name)
        database["datasets"].delete_one({"_id": snapshot._doc.id})
        assert fos.load_snapshot("pictures", "v1").values("id") == ids

    def test_whatever_is_done_to_the_dataset_document_is_put_right_by_loading(
        self, database: Database[Document]
    ) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        database["datasets"].update_one(
            {"_id": snapshot._doc.id}, {"$set": {"info": {"x": 1}, "sample_fields": []}}
        )
        again = fos.load_snapshot("pictures", "v1")
        assert again.info["source"] == "test"
        assert "ground_truth" in again.get_field_schema()


class TestRefusal:
    """Programs that have this package."""

    def test_says_what_was_refused_and_what_to_do_instead(self) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        with pytest.raises(SnapshotReadOnlyError) as refused:
            snapshot.add_samples([fo.Sample("/media/new.jpg")])
        message = str(refused.value)
        assert "Snapshot 'v1' of dataset 'pictures'" in message
        assert "Dataset.add_samples()" in message
        assert "fiftyone.load_dataset('pictures')" in message
        assert "snapshot.clone(" in message

    def test_is_an_error_that_programs_know_already(self) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        with pytest.raises(PermissionError):
            snapshot.clear()

    @pytest.mark.parametrize(
        ("call", "name"),
        [
            (lambda s: setattr(s, "persistent", False), "setting Dataset.persistent"),
            (lambda s: s.limit(1).tag_samples("x"), "DatasetView.tag_samples()"),
            (lambda s: s.first().__setitem__("new", 1), "an assignment to Sample"),
            (lambda s: foo.delete_saved_views(s.name), "delete_saved_views()"),
            (lambda s: fo.delete_dataset(s.name), "fiftyone.core.dataset.delete_dataset()"),
        ],
    )
    def test_names_the_call_that_the_user_made(
        self, call: Callable[[fo.Dataset], object], name: str
    ) -> None:
        dataset = image_dataset("pictures")
        dataset.save_view("kept", dataset.limit(1))
        with pytest.raises(SnapshotReadOnlyError) as refused:
            call(snapshot_of(dataset))
        assert f"{name} was refused" in str(refused.value)

    def test_leaves_no_edit_of_the_dataset_in_memory(self) -> None:
        head = image_dataset("pictures")
        snapshot = snapshot_of(head)
        snapshot.info["x"] = 1
        with pytest.raises(SnapshotReadOnlyError):
            snapshot.save()
        assert "x" not in snapshot.info
        snapshot.reload()
        assert "x" not in snapshot.info
        assert "x" not in head.info

    def test_leaves_no_edit_of_a_sample_in_memory(self) -> None:
        head = image_dataset("pictures")
        snapshot = snapshot_of(head)
        sample, other = snapshot.first(), head.first()
        label = sample.weather.label
        sample["weather"] = fo.Classification(label="wrong")
        with pytest.raises(SnapshotReadOnlyError):
            sample.save()
        assert sample.weather.label == label
        sample.reload()
        assert sample.weather.label == snapshot.first().weather.label == label
        assert other.weather.label == label

    def test_leaves_no_edit_of_a_frame_in_memory(self) -> None:
        snapshot = snapshot_of(video_dataset("clips"))
        frame = snapshot.first().frames[1]
        frame["objects"] = None
        with pytest.raises(SnapshotReadOnlyError):
            frame.save()
        assert snapshot.first().frames[1].objects is not None

    def test_leaves_no_field_in_memory(self) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        for call in (
            lambda: snapshot.add_sample_field("new", fo.IntField),
            lambda: snapshot.add_samples([fo.Sample("/media/new.jpg", new=1)]),
            lambda: snapshot.first().set_field("new", 1),
        ):
            with pytest.raises(SnapshotReadOnlyError):
                call()
            assert "new" not in snapshot.get_field_schema()

    def test_leaves_refused_samples_without_a_dataset(self) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        sample = fo.Sample("/media/new.jpg")
        with pytest.raises(SnapshotReadOnlyError):
            snapshot.add_sample(sample)
        assert not sample.in_dataset
        assert image_dataset("others").add_sample(sample)

    def test_edits_that_were_never_saved_do_not_hinder_loading(self) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        snapshot.info["x"] = 1
        again = fo.load_dataset(snapshot.name)
        assert again is snapshot
        assert "x" not in again.info

    def test_one_thread_opens_no_door_for_another(self) -> None:
        """While one thread loads snapshots, which writes projections, another is refused."""
        snapshot = snapshot_of(image_dataset("pictures"))
        loading = threading.Thread(
            target=lambda: [fos.load_snapshot("pictures", "v1") for _ in range(20)]
        )
        loading.start()
        while loading.is_alive():
            with pytest.raises(SnapshotReadOnlyError):
                foo.get_db_conn()["datasets"].update_one(
                    {"_id": snapshot._doc.id}, {"$set": {"info": {}}}
                )
        loading.join()

    @pytest.mark.parametrize(
        "compute",
        [
            lambda s: fob.compute_uniqueness(s, embeddings="größe"),
            lambda s: s.evaluate_detections("ground_truth", "ground_truth", eval_key="new"),
            lambda s: s.register_run("new", s.init_run(method="new")),
            lambda s: s.compute_metadata(overwrite=True),
        ],
        ids=["brain", "evaluation", "custom", "metadata"],
    )
    def test_runs_cannot_be_computed(self, compute: Callable[[fo.Dataset], object]) -> None:
        head = image_dataset("pictures")
        snapshot = snapshot_of(head)
        before = DatabaseState()
        with pytest.raises(SnapshotReadOnlyError):
            compute(snapshot)
        assert not harm(before.changes(DatabaseState()), snapshot._doc.id, head._doc.id)

    @pytest.mark.parametrize("method", ["process", "thread"])
    def test_what_fans_out_is_refused_before_any_worker_is_started(
        self, method: str, tmp_path: Path, subtests: pytest.Subtests
    ) -> None:
        called = tmp_path / "called"
        snapshot = snapshot_of(image_dataset("pictures"))

        def update(sample: Any) -> None:
            called.touch()
            sample["größe"] = -1.0

        for name, call in FANNING_OUT.items():
            with subtests.test(name):
                with pytest.raises(SnapshotReadOnlyError, match="'v1' of dataset 'pictures'"):
                    call(snapshot, update, parallelize_method=method, num_workers=2)
                assert not called.exists()

        def save(sample: Any) -> None:
            update(sample)
            sample.save()

        # Nobody can know beforehand that this writes; but who has started it is told
        with pytest.raises(SnapshotReadOnlyError, match="'v1' of dataset 'pictures'"):
            list(snapshot.map_samples(save, parallelize_method=method, num_workers=2))
        assert -1.0 not in snapshot.values("größe")

    def test_workers_may_read(self) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        found = snapshot.map_samples(
            lambda sample: sample["größe"], parallelize_method="process", num_workers=2
        )
        assert sorted(size for _, size in found) == snapshot.values("größe")

    @pytest.mark.parametrize("change", [foui.transform_images, foui.reencode_images])
    def test_media_are_not_written_if_their_paths_cannot_be_noted(
        self, change: Callable[..., object], tmp_path: Path
    ) -> None:
        path = tmp_path / "image.png"
        cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
        dataset = fo.Dataset("media")
        dataset.add_sample(fo.Sample(str(path)))
        snapshot = snapshot_of(dataset)
        target = tmp_path / "target"
        for workers in (1, 2):
            with pytest.raises(SnapshotReadOnlyError):
                change(snapshot, ext=".jpg", output_dir=str(target), num_workers=workers)
            assert not target.exists()
        change(snapshot, ext=".jpg", output_dir=str(target), num_workers=1, update_filepaths=False)
        assert [made.name for made in target.iterdir()] == ["image.jpg"]

    def test_videos_are_not_encoded_if_their_paths_cannot_be_noted(self) -> None:
        snapshot = snapshot_of(video_dataset("clips"))
        for call in (
            lambda: fouv.reencode_videos(snapshot, force_reencode=True),
            lambda: fouv.transform_videos(snapshot, fps=1),
            lambda: fouv.sample_videos(snapshot, save_filepaths=True),
        ):
            with pytest.raises(SnapshotReadOnlyError):
                call()

    def test_what_fiftyone_tidies_away_does_not_include_snapshots(self) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        patches = snapshot.to_patches("ground_truth")
        foo.drop_orphan_generated_datasets()
        foo.drop_orphan_saved_views()
        foo.drop_orphan_runs()
        foo.drop_orphan_collections()
        assert patches._dataset.name in stored_names()
        fo.delete_non_persistent_datasets()
        assert patches._dataset.name not in stored_names()
        assert len(fo.load_dataset(snapshot.name)) == 10

    def test_other_datasets_are_as_free_as_ever(self) -> None:
        snapshot_of(image_dataset("pictures"))
        other = image_dataset("others")
        other.info["x"] = 1
        other.save()
        other.save_view("new", other.limit(1))
        other.to_patches("ground_truth").tag_labels("x")
        other.delete()
        assert not fo.dataset_exists("others")
