"""Saved views and views of runs that say on which dataset they were made, opened on a snapshot."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.brain as fob
import numpy as np
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document
from support.snapshots import stored, stored_names
from support.stranger import Stranger

NAME = "views"

Views = dict[str, Any]


def image_views(dataset: fo.Dataset) -> Views:
    """Views of images."""
    patches = dataset.to_patches("ground_truth")
    samples = dataset._sample_collection_name
    points = np.random.default_rng(0).random((len(dataset), 3))
    fob.compute_similarity(dataset, embeddings=points, brain_key="similar", backend="sklearn")
    return {
        "two": dataset[:2].concat(dataset[5:7]),
        "nested": dataset[:2].concat(dataset[5:7].concat(dataset[7:8])),
        "all": dataset.concat(dataset),
        "patches": patches[:3].concat(patches[5:7]),
        "patches of two": dataset[:2].concat(dataset[5:7]).to_patches("ground_truth"),
        "similar": dataset.sort_by_similarity(dataset.first().id, k=3, brain_key="similar"),
        "union": dataset.mongo([{"$limit": 2}, {"$unionWith": samples}]),
        "union of some": dataset.mongo(
            [{"$unionWith": {"coll": samples, "pipeline": [{"$unionWith": samples}]}}]
        ),
        "looked up": dataset.mongo(
            [
                {"$lookup": {"from": samples, "pipeline": [{"$limit": 3}], "as": "found"}},
                {"$unwind": "$found"},
                {"$replaceRoot": {"newRoot": "$found"}},
            ]
        ),
        "facet": dataset.mongo(
            [
                {"$facet": {"some": [{"$unionWith": samples}]}},
                {"$unwind": "$some"},
                {"$replaceRoot": {"newRoot": "$some"}},
            ]
        ),
    }


def video_views(dataset: fo.Dataset) -> Views:
    """Views of videos."""
    frames, clips = dataset.to_frames(sample_frames="dynamic"), dataset.to_clips("events")
    found = frames.to_patches("objects")
    return {
        "two": dataset[:1].concat(dataset[2:]),
        "frames": frames[:3].concat(frames[5:7]),
        "clips": clips[:1].concat(clips[2:]),
        "patches of frames": found[:2].concat(found[4:5]),
    }


def grouped_views(dataset: fo.Dataset) -> Views:
    """Views of groups."""
    slice_ = dataset.default_group_slice
    flat = dataset.select_group_slices(slice_)
    return {"flat": flat[:1].concat(flat[1:]), "groups": dataset.limit(1).concat(dataset.skip(2))}


KINDS: dict[str, tuple[Callable[..., fo.Dataset], Callable[[fo.Dataset], Views]]] = {
    "image": (image_dataset, image_views),
    "video": (video_dataset, video_views),
    "group": (grouped_dataset, grouped_views),
}


@pytest.mark.parametrize("kind", KINDS)
def test_views_show_the_snapshot_and_not_the_dataset(kind: str) -> None:
    make, views = KINDS[kind]
    dataset = make(NAME, persistent=True)
    for name, view in views(dataset).items():
        dataset.save_view(name, view)
    expected = {name: len(dataset.load_saved_view(name)) for name in dataset.list_saved_views()}
    assert min(expected.values()) > 0
    fos.create_snapshot(dataset, "v1")
    dataset.clear()
    for _ in range(2):
        snapshot = fos.load_snapshot(dataset, "v1")
        found = {name: len(snapshot.load_saved_view(name)) for name in expected}
        assert found == expected
        generated = stored_names()
    assert generated == stored_names()
    assert {name: len(dataset.load_saved_view(name)) for name in ("two", "flat") if name in found}


def test_views_of_the_oldest_form_name_the_dataset(database: Database[Document]) -> None:
    dataset = image_dataset(NAME, persistent=True)
    dataset.save_view("two", dataset[:2].concat(dataset[5:7]))
    (view,) = stored("views", {})
    named = [
        stage.replace(f'"dataset_id": "{dataset._doc.id}"', f'"dataset": "{NAME}"')
        for stage in view["view_stages"]
    ]
    assert named != view["view_stages"]
    database["views"].update_one({"_id": view["_id"]}, {"$set": {"view_stages": named}})
    fos.create_snapshot(dataset, "v1")
    dataset.name = "renamed"
    assert len(fos.load_snapshot(dataset, "v1").load_saved_view("two")) == 4


def test_views_of_an_imported_snapshot_show_it(tmp_path: Path) -> None:
    dataset = image_dataset(NAME, persistent=True)
    dataset.save_view("two", dataset[:2].concat(dataset[5:7]))
    fos.create_snapshot(dataset, "v1")
    fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")
    fo.delete_dataset(NAME)
    fos.import_snapshot(tmp_path / "v1.tar", "imported")
    assert len(fos.load_snapshot("imported", "v1").load_saved_view("two")) == 4


def test_views_of_runs_show_the_snapshot() -> None:
    dataset = image_dataset(NAME, persistent=True)
    view = dataset[:2].concat(dataset[5:7])
    view.evaluate_detections("ground_truth", "ground_truth", eval_key="eval")
    fos.create_snapshot(dataset, "v1")
    dataset.clear()
    snapshot = fos.load_snapshot(dataset, "v1")
    assert len(snapshot.load_evaluation_view("eval")) == 4


def test_views_are_left_as_they_are_once_they_were_opened() -> None:
    dataset = video_dataset(NAME, persistent=True)
    for name, view in video_views(dataset).items():
        dataset.save_view(name, view)
    fos.create_snapshot(dataset, "v1")
    snapshot = fos.load_snapshot(dataset, "v1")
    for name in snapshot.list_saved_views():
        snapshot.load_saved_view(name)
    mine = {"_dataset_id": snapshot._doc.id}
    before = [view["view_stages"] for view in stored("views", mine)]
    fos.load_snapshot(dataset, "v1")
    assert [view["view_stages"] for view in stored("views", mine)] == before


def test_two_may_open_a_view_for_the_first_time_at_once() -> None:
    dataset = image_dataset(NAME, persistent=True)
    patches = dataset.to_patches("ground_truth")
    dataset.save_view("patches", patches[:3].concat(patches[5:7]))
    fos.create_snapshot(dataset, "v1")
    snapshot = fos.load_snapshot(dataset, "v1")
    barrier, found = threading.Barrier(3), list[int | Exception]()

    def look() -> None:
        barrier.wait()
        try:
            found.append(len(snapshot.load_saved_view("patches")))
        except Exception as error:  # noqa: BLE001 (it is what the test shows)
            found.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [5, 5, 5]


def test_what_a_stranger_generated_for_a_view_goes_with_the_snapshot() -> None:
    dataset = image_dataset(NAME, persistent=True)
    dataset.save_view("patches", dataset.to_patches("ground_truth"))
    before = set(stored_names())
    fos.create_snapshot(dataset, "v1")
    snapshot = fos.load_snapshot(dataset, "v1")
    with Stranger() as stranger:
        stranger.run(f"assert len(fo.load_dataset({snapshot.name!r}).load_saved_view('patches'))")
    assert len(set(stored_names()) - before - {snapshot.name}) == 1
    fos.delete_snapshot(dataset, "v1")
    assert set(stored_names()) == before
