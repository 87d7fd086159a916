"""Snapshots are read-only: by MongoDB for everybody, and with a clear error in this process."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import fiftyone as fo
import fiftyone.brain as fob
import fiftyone.core.odm as foo
import numpy as np
import pymongo
import pytest
from fiftyone import ViewField as F
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import guard, indexes
from fiftyone_snapshots.backend.contents import Part
from fiftyone_snapshots.backend.errors import SnapshotReadOnlyError, UnsupportedFiftyOneError
from fiftyone_snapshots.backend.guard import hooks
from fiftyone_snapshots.management import load_snapshot
from support.calls.sandbox import DatabaseState
from support.datasets import image_dataset, video_dataset
from support.snapshots import collection_of, harm, snapshot_of, stored

Document = dict[str, Any]
Raw = Collection[Document]

ROOT = Path(hooks.__file__).parents[2]

COMMAND_NOT_SUPPORTED_ON_VIEW = 166
INVALID_NAMESPACE = 73
OPTION_NOT_SUPPORTED_ON_VIEW = 167

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


class TestReading:
    """What reading needs besides reading."""

    def test_indexes_are_those_of_the_dataset(self) -> None:
        dataset = image_dataset("pictures")
        dataset.create_index("größe")
        dataset.create_index([("weather.label", 1), ("größe", -1)])
        snapshot = snapshot_of(dataset)
        expected = dataset.get_index_information(include_stats=True)
        found = snapshot.get_index_information(include_stats=True)
        assert list(found) == list(expected)
        for name, index in expected.items():
            assert found[name]["key"] == index["key"]
            assert found[name]["size"] > 0
        assert snapshot.list_indexes() == dataset.list_indexes()
        assert snapshot.clone().list_indexes() == dataset.list_indexes()

    def test_large_snapshots_are_indexed_in_the_background(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(indexes, "FEW", 5)
        dataset = image_dataset("pictures")
        dataset.create_index("größe")
        dataset.persistent = True
        fos.create_snapshot(dataset, "v1")
        built, may_build = threading.Event(), threading.Event()
        build = indexes.build

        def slow_build(*arguments: Any) -> None:
            may_build.wait()
            build(*arguments)
            built.set()

        monkeypatch.setattr(indexes, "build", slow_build)
        snapshot = fos.load_snapshot(dataset, "v1")
        waiting = snapshot.stats(include_indexes=True)
        assert "größe" in waiting["indexes_in_progress"]
        assert waiting["indexes_count"] == dataset.stats(include_indexes=True)["indexes_count"]
        may_build.set()
        built.wait()
        assert not snapshot.stats(include_indexes=True)["indexes_in_progress"]

    def test_an_index_never_deletes_what_it_indexes(self) -> None:
        dataset = image_dataset("pictures")
        dataset._sample_collection.create_index("_rand", name="old", expireAfterSeconds=1)
        snapshot = snapshot_of(dataset)
        master = collection_of(foo.get_db_conn(), snapshot._doc.id, Part.SAMPLES)
        built = foo.get_db_conn()[master].index_information()
        assert "old" in built
        assert "expireAfterSeconds" not in built["old"]

    def test_places_can_be_found_near_by(self) -> None:
        dataset = fo.Dataset("places")
        dataset.add_samples(
            [fo.Sample(f"/{i}.jpg", place=fo.GeoLocation(point=[10.0 + i, 50])) for i in range(5)]
        )
        dataset.create_index([("place.point", "2dsphere")])
        snapshot = snapshot_of(dataset)
        near = snapshot.geo_near([13.0, 50.0], location_field="place").limit(1)
        assert near.values("filepath") == ["/3.jpg"]

    def test_samples_can_be_merged_from_a_snapshot(self) -> None:
        for dataset in (image_dataset("pictures"), video_dataset("clips")):
            snapshot = snapshot_of(dataset)
            merged = fo.Dataset()
            merged.merge_samples(snapshot)
            assert merged.values("filepath") == dataset.values("filepath")

    def test_merging_ambiguous_samples_is_an_error_as_ever(self) -> None:
        dataset = fo.Dataset("twice")
        dataset.add_samples([fo.Sample("/media/same.jpg"), fo.Sample("/media/same.jpg")])
        with pytest.raises(DuplicateKeyError):
            fo.Dataset().merge_samples(snapshot_of(dataset))

    def test_clips_leave_no_marks(self) -> None:
        dataset = video_dataset("clips")
        snapshot = snapshot_of(dataset)
        before = DatabaseState()
        supports = [[(1, 2), (3, 4)]] * len(dataset)
        for make in (
            lambda d: d.to_clips(supports),
            lambda d: d.to_clips(F("objects.detections").length() > 1),
            lambda d: d.to_trajectories("frames.objects"),
            lambda d: d.to_clips("events").to_clips([[(1, 1)]] * len(dataset)),
        ):
            assert make(snapshot).values("support") == make(dataset).values("support")
        assert not harm(
            [c for c in before.changes(DatabaseState()) if "samples." not in c.collection],
            snapshot._doc.id,
        )
        assert not set(foo.list_collections()) - known_collections()

    def test_media_can_be_measured_without_writing_metadata(self, tmp_path: Path) -> None:
        path = tmp_path / "image.png"
        cv2.imwrite(str(path), np.zeros((4, 4, 3)))
        dataset = fo.Dataset("files")
        dataset.add_sample_field(
            "metadata", fo.EmbeddedDocumentField, embedded_doc_type=fo.ImageMetadata
        )
        dataset.add_sample(fo.Sample(str(path)))
        snapshot = snapshot_of(dataset)
        assert snapshot.stats(include_media=True)["media_bytes"] == path.stat().st_size
        assert snapshot.values("metadata") == [None]

    def test_frames_cannot_be_sampled_into_a_snapshot(self) -> None:
        snapshot = snapshot_of(video_dataset("clips"))
        before = set(foo.list_collections())
        with pytest.raises(SnapshotReadOnlyError, match="sample_frames"):
            snapshot.to_frames(sample_frames=True)
        assert set(foo.list_collections()) == before


class TestGeneratedDatasets:
    """Patches, frames and clips show the snapshot, are read-only as it is, and go with it."""

    def test_are_read_only(self) -> None:
        snapshot = snapshot_of(image_dataset("pictures"))
        patches = snapshot.to_patches("ground_truth")
        labels = patches.values("ground_truth.label")
        for edit in (
            lambda: patches.set_values("ground_truth.label", ["wrong"] * len(patches)),
            lambda: patches.set_values("new", [1] * len(patches)),
            lambda: patches.tag_labels("wrong"),
            lambda: patches.limit(1).clear(),
            lambda: patches._dataset.add_sample_field("new", fo.IntField),
        ):
            with pytest.raises(SnapshotReadOnlyError):
                edit()
            assert patches.values("ground_truth.label") == labels
            assert not patches.has_field("new")

    @pytest.mark.parametrize("how", ["delete_snapshot", "delete_dataset"])
    def test_go_with_the_snapshot(self, how: str) -> None:
        dataset = video_dataset("clips")
        snapshot = snapshot_of(dataset)
        names = {
            view._dataset.name
            for view in (
                snapshot.to_frames(sample_frames="dynamic"),
                snapshot.to_clips("events"),
                snapshot.to_frames(sample_frames="dynamic").to_patches("objects"),
            )
        }
        assert names <= set(stored_names())
        if how == "delete_snapshot":
            fos.delete_snapshot("clips", "v1")
        else:
            fo.delete_dataset("clips")
        assert not names & set(stored_names())
        assert not set(foo.list_collections()) - known_collections()

    def test_of_saved_views_are_generated_once(self) -> None:
        dataset = image_dataset("pictures")
        dataset.save_view("objects", dataset.to_patches("ground_truth"))
        snapshot = snapshot_of(dataset)
        first = snapshot.load_saved_view("objects")._dataset.name
        assert first != dataset.load_saved_view("objects")._dataset.name
        again = fos.load_snapshot("pictures", "v1").load_saved_view("objects")
        assert again._dataset.name == first
        assert len(again) == len(dataset.to_patches("ground_truth"))

    def test_of_the_dataset_stay_editable(self) -> None:
        dataset = image_dataset("pictures")
        snapshot_of(dataset)
        dataset.to_patches("ground_truth").tag_labels("fine")
        assert dataset.count_label_tags() == {"checked": 9, "fine": 19}


class TestHooks:
    """What we change in FiftyOne."""

    def test_are_installed_once_whatever_the_package_is_called(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def installed() -> list[object]:
            return [hook.found() for hook in hooks.table(load_snapshot)]

        before = installed()
        guard.install(load_snapshot)
        assert installed() == before

        spec = importlib.util.spec_from_file_location(
            "another_name",
            ROOT / "__init__.py",
            submodule_search_locations=[str(ROOT)],
        )
        assert spec is not None
        monkeypatch.setitem(sys.modules, "another_name", importlib.util.module_from_spec(spec))
        another = importlib.import_module("another_name.backend.guard")
        try:
            another.install(load_snapshot)
            assert installed() == before
        finally:
            for name in [name for name in sys.modules if name.startswith("another_name.")]:
                del sys.modules[name]

    def test_say_where_in_fiftyone_they_are(self) -> None:
        for hook in hooks.table(load_snapshot):
            assert hook.where.startswith(("fiftyone/", "pymongo."))
            assert hook.is_installed()

    @pytest.mark.parametrize(
        "other",
        [
            lambda self, sample_ids: self._save(),
            lambda self, sample_collection, saved_view, reload: sample_collection,
            None,
        ],
        ids=["other arguments", "other lines", "gone"],
    )
    def test_refuse_a_fiftyone_that_they_do_not_know(
        self, other: Callable[..., Any] | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if other is None:
            monkeypatch.delattr(fo.ToPatches, "load_view")
            monkeypatch.setattr(hooks.fost.ViewStage, "load_view", None)
        else:
            monkeypatch.setattr(fo.ToPatches, "load_view", other)
        with pytest.raises(UnsupportedFiftyOneError, match=r"supports FiftyOne .*stages\.py:8168"):
            hooks.check(hooks.table(load_snapshot))

    def test_refuse_a_version_that_was_not_tried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hooks.foc, "VERSION", "1.99.0")
        with pytest.raises(UnsupportedFiftyOneError, match=r"its version is 1\.99\.0"):
            hooks.check(hooks.table(load_snapshot))


def stored_names() -> list[str]:
    return [document["name"] for document in stored("datasets", {})]


def known_collections() -> set[str]:
    """The collections that some dataset refers to, ours, and those of all datasets."""
    documents = stored("datasets", {})
    names = {document["sample_collection_name"] for document in documents}
    names |= {document.get("frame_collection_name") for document in documents}
    others = ("snapshots.", "fs.", "system.")
    return names | {
        name for name in foo.list_collections() if "." not in name or name.startswith(others)
    }
