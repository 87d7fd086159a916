"""Snapshots are read as datasets are; what is generated from them is read-only as they are."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import fiftyone as fo
import fiftyone.core.odm as foo
import numpy as np
import pytest
from fiftyone import ViewField as F
from pymongo.errors import DuplicateKeyError

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.dataset.parts import Part
from fiftyone_snapshots.backend.errors import SnapshotReadOnlyError
from fiftyone_snapshots.backend.mongo.invalidate import is_closed
from fiftyone_snapshots.backend.projection import indexes
from support.calls.sandbox import DatabaseState
from support.datasets import image_dataset, video_dataset
from support.snapshots import collection_of, harm, snapshot_of, stored, stored_names


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


def known_collections() -> set[str]:
    """The collections that some dataset refers to, ours, and those of all datasets."""
    documents = stored("datasets", {})
    names = {document["sample_collection_name"] for document in documents}
    names |= {document.get("frame_collection_name") for document in documents}
    others = ("snapshots.", "fs.", "system.")
    closed = {each["name"] for each in foo.get_db_conn().list_collections() if is_closed(each)}
    return (names | closed) | {
        name for name in foo.list_collections() if "." not in name or name.startswith(others)
    }
