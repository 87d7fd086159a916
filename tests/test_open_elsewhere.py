"""Datasets that are open while they are reverted, here and in other processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.errors import StaleDatasetError
from support.crash import Child, Gate
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.invariants import assert_sound

NAME = "open"


@pytest.fixture
def images() -> fo.Dataset:
    dataset = image_dataset(NAME, 4, persistent=True)
    fos.create_snapshot(NAME, "v1")
    return dataset


@pytest.fixture
def videos() -> fo.Dataset:
    dataset = video_dataset(NAME, 2, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    return dataset


def test_objects_of_this_process_show_what_is_there_now(images: fo.Dataset) -> None:
    sample, view = images.first(), images.match_tags("new")
    images.tag_samples("new")
    sample["größe"] = 99.0
    sample.save()
    images.add_sample_field("extra", fo.StringField)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    assert "extra" not in images.get_field_schema()
    assert images.count_sample_tags().get("new") is None
    assert len(view) == 0
    assert sample["größe"] == 0.0
    assert images.first() is sample
    fos.undo_revert(NAME)
    assert "extra" in images.get_field_schema()
    assert sample["größe"] == 99.0
    assert len(view) == 4


def test_unsaved_edits_are_not_written_over_what_was_brought_back(
    images: fo.Dataset, database: Database[Document]
) -> None:
    sample = images.first()
    sample["größe"] = 99.0
    fos.revert_dataset_to_snapshot(NAME, "v1")
    sample.save()
    images.save()
    stored = database[images._sample_collection_name].find_one({"_id": sample._id})
    assert stored is not None
    assert stored["größe"] == 0.0
    sample["größe"] = 1.5
    sample.save()
    assert images.reload() is None
    assert images[sample.id]["größe"] == 1.5


def test_a_sample_that_is_gone_cannot_be_saved_back(images: fo.Dataset) -> None:
    sample = fo.Sample("/media/new.jpg")
    images.add_sample(sample)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    assert not sample.in_dataset
    with pytest.raises(ValueError, match="not been added to a dataset"):
        sample.save()
    assert len(images) == 4


def test_frames_show_what_is_there_now(videos: fo.Dataset) -> None:
    sample = videos.first()
    frame = sample.frames[1]
    label = frame["objects"].detections[0].label
    frame["objects"].detections[0].label = "wrong"
    frame.save()
    new = fo.Frame()
    sample.frames[9] = new
    sample.save()
    fos.revert_dataset_to_snapshot(NAME, "v1")
    assert sample.frames[1]["objects"].detections[0].label == label
    assert 9 not in sample.frames
    assert len(sample.frames) == 3


def test_results_are_those_of_the_present_state(images: fo.Dataset) -> None:
    images.register_run("count", images.init_run())
    images.save_run_results("count", images.init_run_results("count", number=1))
    fos.create_snapshot(NAME, "v2")
    results = images.init_run_results("count", number=2)
    images.save_run_results("count", results, overwrite=True)
    assert images.load_run_results("count").number == 2
    fos.revert_dataset_to_snapshot(NAME, "v2")
    assert images.load_run_results("count").number == 1
    fos.undo_revert(NAME)
    assert images.load_run_results("count").number == 2
    fos.revert_dataset_to_snapshot(NAME, "v1")
    assert images.list_runs() == []


def stale(use: Callable[[fo.Dataset, Any], object]) -> tuple[Callable[[], object], Gate]:
    """Returns what uses a dataset in a child that opened it before the gate was opened."""
    gate = Gate()

    def run() -> object:
        dataset = fo.load_dataset(NAME)
        sample = dataset.first()
        gate.stop()
        return use(dataset, sample)

    return run, gate


def _save_sample(dataset: fo.Dataset, sample: Any) -> None:
    sample["größe"] = 99.0
    sample.save()


STALE_WRITES: dict[str, Callable[[fo.Dataset, Any], object]] = {
    "save": _save_sample,
    "set_values": lambda dataset, _: dataset.set_values("größe", [9.0] * 4),
    "tag": lambda dataset, _: dataset.tag_samples("stale"),
    "add": lambda dataset, _: dataset.add_sample(fo.Sample("/media/stale.jpg")),
    "delete": lambda dataset, sample: dataset.delete_samples(sample),
    "delete field": lambda dataset, _: dataset.delete_sample_field("größe"),
    "index": lambda dataset, _: dataset.create_index("größe"),
    "view": lambda dataset, _: dataset.limit(1).save("weather"),
    "clear": lambda dataset, _: dataset.clear(),
}


@pytest.mark.parametrize("write", STALE_WRITES)
@pytest.mark.parametrize("undone", [False, True], ids=["reverted", "undone"])
def test_stale_writers_elsewhere_are_refused(
    images: fo.Dataset, write: str, undone: bool, database: Database[Document]
) -> None:
    action, gate = stale(STALE_WRITES[write])
    with Child(action) as child:
        gate.wait()
        fos.revert_dataset_to_snapshot(NAME, "v1")
        if undone:
            fos.undo_revert(NAME)
        gate.open()
        outcome = child.result()
    assert outcome == "StaleDatasetError"
    images.reload()
    assert images.values("größe") == [0.0, 1.0, 2.0, 3.0]
    assert images.count_sample_tags().get("stale") is None
    assert_sound(database)


def test_after_a_reload_others_can_write_again(images: fo.Dataset) -> None:
    def reload_and_write(dataset: fo.Dataset, sample: Any) -> object:
        with pytest.raises(
            StaleDatasetError, match=r"'open' was rolled back.*dataset\.reload\(\)"
        ):
            _save_sample(dataset, sample)
        dataset.reload()
        dataset.set_values("größe", [7.0] * 4)
        return len(dataset)

    action, gate = stale(reload_and_write)
    with Child(action) as child:
        gate.wait()
        images.set_values("größe", [5.0] * 4)
        fos.revert_dataset_to_snapshot(NAME, "v1")
        gate.open()
        assert child.result() == "4"
    images.reload()
    assert images.values("größe") == [7.0] * 4


def test_stale_writers_of_frames_are_refused(videos: fo.Dataset) -> None:
    def write(dataset: fo.Dataset, sample: Any) -> object:
        sample.frames[1]["objects"] = None
        with pytest.raises(StaleDatasetError):
            sample.frames[1].save()
        with pytest.raises(StaleDatasetError):
            dataset.clear_frames()
        return "refused"

    action, gate = stale(write)
    with Child(action) as child:
        gate.wait()
        fos.revert_dataset_to_snapshot(NAME, "v1")
        gate.open()
        assert child.result() == "refused"


def test_readers_elsewhere_see_the_present_state(images: fo.Dataset) -> None:
    action, gate = stale(lambda dataset, _: dataset.count_sample_tags().get("new"))
    images.tag_samples("new")
    with Child(action) as child:
        gate.wait()
        fos.revert_dataset_to_snapshot(NAME, "v1")
        gate.open()
        assert child.result() == "None"


def test_the_app_s_server_sees_the_present_state(
    images: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It loads datasets without the cache of singletons, which is all that differs."""
    images.tag_samples("new")

    def serve() -> object:
        fo.config.singleton_cache = False
        before = fo.load_dataset(NAME).count_sample_tags().get("new")
        gate.stop()
        return before, fo.load_dataset(NAME, reload=True).count_sample_tags().get("new")

    gate = Gate()
    with Child(serve) as child:
        gate.wait()
        fos.revert_dataset_to_snapshot(NAME, "v1")
        gate.open()
        assert child.result() == "(4, None)"


def test_frames_added_since_are_held_off_as_well(
    images: fo.Dataset, database: Database[Document]
) -> None:
    """An empty dataset becomes one of videos, and is reverted: its frames are no more."""
    dataset = fo.Dataset("empty", persistent=True)
    fos.create_snapshot("empty", "v1")
    sample = fo.Sample("/media/video.mp4")
    sample.frames[1] = fo.Frame()
    dataset.add_sample(sample)
    former = dataset._frame_collection_name
    fos.revert_dataset_to_snapshot("empty", "v1")
    assert dataset.media_type is None
    assert list(database[former].find()) == []
    with pytest.raises(fos.StaleDatasetError):
        database[former].insert_one({})
    fos.undo_revert("empty")
    assert dataset.media_type == "video"
    assert len(dataset.first().frames) == 1
    assert_sound(database)
