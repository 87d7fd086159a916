"""The history of a sample, or of a label: what each version did to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.errors import InvalidRequestError
from support.archives import turned_on
from support.datasets import image_dataset, video_dataset


def test_the_history_of_a_sample_tells_each_step() -> None:
    dataset = video_dataset("history", size=2)
    sample = dataset.first()
    sample_id, other = dataset.values("id")
    fos.create_snapshot(dataset, "a")
    sample.weather.label = "foggy"
    sample.frames[2].objects.detections[0].label = "zebra"
    sample.save()
    fos.create_snapshot(dataset, "b")
    fos.create_snapshot(dataset, "c")
    dataset.delete_samples(sample)

    history = fos.sample_history(dataset, sample_id)

    assert [(step.version, step.exists, step.kind) for step in history.steps] == [
        ("a", True, "added"),
        ("b", True, "changed"),
        ("c", True, None),
        ("HEAD", False, "removed"),
    ]
    assert [field.path for field in history.steps[1].fields] == ["weather", "frames[2].objects"]
    assert [str(field) for field in history.steps[1].fields] == [
        "weather: rainy -> foggy",
        "frames[2].objects: Füchse -> zebra",
    ]
    difference = fos.diff_sample(dataset, sample_id, "a", "b")
    assert difference.fields == history.steps[1].fields
    assert fos.diff_sample(dataset, other, "a").kind is None
    json.dumps(history.to_dict())
    with pytest.raises(InvalidRequestError, match="No version"):
        fos.sample_history(dataset, str(ObjectId()))
    with pytest.raises(InvalidRequestError, match="no id"):
        fos.sample_history(dataset, "first")


def test_the_newest_versions_can_be_asked_for_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned_on(tmp_path, monkeypatch)
    dataset = image_dataset("newest", size=2)
    sample = dataset.first()
    for name in "abcd":
        sample.weather.label = f"weather {name}"
        sample.save()
        fos.create_snapshot(dataset, name)
    whole = fos.sample_history(dataset, sample.id)
    assert (len(whole.steps), whole.earlier, whole.archived) == (5, 0, ())
    some = fos.sample_history(dataset, sample.id, newest=2)
    # What the first of them changed is told as well
    assert (some.steps, some.earlier) == (whole.steps[2:], 2)
    assert {step.filepath for step in whole.steps} == {sample.filepath}
    assert whole.steps[0].created_by == fos.get_snapshot_info(dataset, "a").created_by

    fos.archive_snapshot(dataset, "c")
    assert [step.kind for step in fos.sample_history(dataset, sample.id).steps] == [
        step.kind for step in whole.steps
    ]
    some = fos.sample_history(dataset, sample.id, newest=2, archived=False)
    assert ([step.version for step in some.steps], some.archived) == (["b", "d", "HEAD"], ("c",))
    assert [str(field) for field in some.steps[1].fields] == ["weather: weather b -> weather d"]


@pytest.mark.parametrize("path", ["ground_truth", "weather", "frames.objects"])
def test_the_history_of_a_label_tells_each_step(path: str) -> None:
    make = video_dataset if path.startswith("frames") else image_dataset
    dataset = make("labels", size=3)
    sample = dataset.first()
    field = path.removeprefix("frames.")

    def label() -> Any:
        value = (sample.frames[2] if path != field else sample)[field]
        return value.detections[0] if hasattr(value, "detections") else value

    fos.create_snapshot(dataset, "a")
    label().label = "zebra"
    sample.save()
    fos.create_snapshot(dataset, "b")
    label().confidence = 0.125
    sample.save()

    history = fos.label_history(dataset, label().id)

    assert (history.path, history.sample_id) == (path, sample.id)
    assert [(step.version, step.kind) for step in history.steps] == [
        ("a", "added"),
        ("b", "changed"),
        ("HEAD", "changed"),
    ]
    differences = [step.difference.attributes for step in history.steps if step.difference]
    assert differences[1:] == [("label",), ("confidence",)]
    assert "-> zebra" in str(history)
    with pytest.raises(InvalidRequestError, match="No version"):
        fos.label_history(dataset, str(ObjectId()))


def test_a_label_is_followed_into_a_renamed_field_and_after_its_end() -> None:
    dataset = image_dataset("followed", size=2)
    label_id = dataset.first().weather.id
    fos.create_snapshot(dataset, "a")
    dataset.rename_sample_field("weather", "conditions")
    fos.create_snapshot(dataset, "b")
    dataset.clear_sample_field("conditions")

    history = fos.label_history(dataset, label_id)

    assert [(step.version, step.kind) for step in history.steps] == [
        ("a", "added"),
        ("b", None),
        ("HEAD", "removed"),
    ]


@pytest.mark.parametrize("backend", ["duplication", "delta"])
@pytest.mark.parametrize("part", ["samples", "frames"])
def test_what_is_gone_from_the_database_is_damage_and_no_change(
    backend: str, part: str, monkeypatch: pytest.MonkeyPatch, database: Database[Any]
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    dataset = video_dataset("damaged", size=2)
    fos.create_snapshot(dataset, "a")
    ours = {"duplication": r"^snapshots\.masters\.", "delta": r"^snapshots\.delta\."}[backend]
    names = database.list_collection_names(filter={"name": {"$regex": ours}})
    gone = [name for name in names if name.endswith(f".{part}")]
    assert gone, names
    for name in gone:
        database.drop_collection(name)
    sample_id = dataset.first().id
    with pytest.raises(fos.DamagedSnapshotError):
        fos.sample_history(dataset, sample_id)
    with pytest.raises(fos.DamagedSnapshotError):
        fos.diff_sample(dataset, sample_id, "a")
