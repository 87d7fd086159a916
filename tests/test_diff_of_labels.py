"""What a diff tells of labels: which came, went, moved, and are called something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone as fo
import numpy as np
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.diff import labels
from support.datasets import image_dataset


def test_a_bad_bulk_edit_is_named() -> None:
    dataset = image_dataset("birds", size=20)
    cats = sum(label == "cat" for labels in _labels(dataset) for label in labels)
    fos.create_snapshot(dataset, "reviewed")

    for sample in dataset.iter_samples(autosave=True):
        for detection in sample.ground_truth.detections:
            if detection.label == "cat":
                detection.label = "dog"

    diff = fos.diff(dataset, "reviewed")
    labels = diff.fields["ground_truth"].labels
    assert labels.confusion == {("cat", "dog"): cats}
    assert labels.relabelled == labels.changed == cats
    assert labels.classes["cat"].left == labels.classes["dog"].joined == cats
    assert list(diff.fields) == ["ground_truth"]
    text = str(diff)
    assert "birds: reviewed -> HEAD" in text
    assert f"ground_truth  cat     ->  dog         {cats}" in text


def test_labels_are_matched_by_id() -> None:
    dataset = image_dataset("matched", size=3)
    sample = dataset.last()
    assert len(sample.ground_truth.detections) == 3
    fos.create_snapshot(dataset, "a")

    first, second, third = sample.ground_truth.detections
    first.bounding_box = [0, 0, 1, 1]
    second.confidence = 0.01
    second.tags = ["doubt"]
    second["occluded"] = True
    sample.ground_truth.detections = [second, first, fo.Detection(label="new")]
    sample.save()

    labels = fos.diff(dataset, "a").fields["ground_truth"].labels
    assert (labels.added, labels.removed, labels.changed) == (1, 1, 2)
    assert (labels.moved, labels.relabelled, labels.confusion) == (1, 0, {})
    assert labels.attributes == {"bounding_box": 1, "confidence": 1, "tags": 1, "occluded": 1}
    assert labels.classes["new"].added == labels.classes[third.label].removed == 1
    assert labels.classes[second.label].changed == 1
    assert {tag: (change.added, change.removed) for tag, change in labels.tags.items()} == {
        "checked": (0, 1),
        "doubt": (1, 0),
    }


def test_labels_of_samples_that_come_and_go_count() -> None:
    dataset = image_dataset("come-and-go", size=6)
    fos.create_snapshot(dataset, "a")
    gone = dataset[dataset.last().id]
    count = len(gone.ground_truth.detections)

    dataset.delete_samples(gone)
    dataset.add_sample(
        fo.Sample("/media/new.jpg", weather=fo.Classification(label="foggy"), tags=["new"])
    )

    diff = fos.diff(dataset, "a")
    boxes, weather = diff.fields["ground_truth"].labels, diff.fields["weather"].labels
    assert (boxes.removed, boxes.removed_with_documents) == (count, count)
    assert (weather.added, weather.added_with_documents, weather.removed) == (1, 1, 1)
    assert weather.classes["foggy"].added == 1
    assert diff.fields["ground_truth"].samples == 0
    assert diff.tags == {}


def _set(name: str, value: Any) -> Callable[[Any], None]:
    return lambda label: label.set_field(name, value)


MASK = np.ones((4, 4), dtype=np.uint8)
LABELS: tuple[tuple[fo.Label, Callable[[Any], None], bool], ...] = (
    (fo.Classification(label="a"), _set("confidence", 0.5), False),
    (
        fo.Classifications(classifications=[fo.Classification(label="a")]),
        _set("label", "b"),
        False,
    ),
    (fo.Detection(label="a", bounding_box=[0, 0, 1, 1]), _set("mask", MASK > 0), True),
    (
        fo.Detections(detections=[fo.Detection(label="a")]),
        _set("bounding_box", [0, 0, 1, 1]),
        True,
    ),
    (fo.Polyline(points=[[(0, 0), (1, 1)]]), _set("closed", True), False),
    (fo.Polylines(polylines=[fo.Polyline(points=[[(0, 0)]])]), _set("points", [[(1, 1)]]), True),
    (fo.Keypoint(points=[(0, 0)]), _set("points", [(0.5, 0.5)]), True),
    (fo.Keypoints(keypoints=[fo.Keypoint(points=[(0, 0)])]), _set("label", "nose"), False),
    (fo.Segmentation(mask=MASK), _set("mask", 2 * MASK), True),
    (fo.Heatmap(map=MASK), _set("range", [0, 9]), False),
    (fo.Regression(value=0.5), _set("value", 0.25), False),
    (fo.TemporalDetection(label="a", support=[1, 2]), _set("support", [1, 3]), True),
    (
        fo.TemporalDetections(detections=[fo.TemporalDetection(label="a", support=[1, 2])]),
        _set("label", "b"),
        False,
    ),
    (fo.GeoLocation(point=[1, 2]), _set("point", [3, 4]), True),
    (fo.GeoLocations(points=[[1, 2]]), _set("points", [[3, 4]]), True),
)


@pytest.mark.parametrize(
    ("label", "edit", "moves"), LABELS, ids=[type(label).__name__ for label, _, _ in LABELS]
)
def test_every_kind_of_label_is_told_apart(
    label: fo.Label, edit: Callable[[Any], None], moves: bool
) -> None:
    dataset = fo.Dataset("kinds")
    dataset.add_samples([fo.Sample(f"{i}.jpg", label=label.copy()) for i in range(3)])
    fos.create_snapshot(dataset, "a")

    sample = dataset.first()
    value = sample["label"]
    list_field = getattr(value, "_LABEL_LIST_FIELD", None)
    edit(value[list_field][0] if list_field else value)
    sample.save()
    other = dataset.last()
    other["label"] = None
    other.save()

    field = fos.diff(dataset, "a").fields["label"]
    assert (field.samples, field.cleared) == (2, 1)
    assert (field.labels.added, field.labels.removed, field.labels.changed) == (0, 1, 1)
    assert field.labels.moved == moves


def test_free_text_needs_no_more_memory_than_some_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(labels, "MAX_DISTINCT", 3)
    dataset = image_dataset("texts", size=9)
    fos.create_snapshot(dataset, "a")
    for number, sample in enumerate(dataset.iter_samples(autosave=True)):
        sample.weather.label = f"text {number}"

    told = fos.diff(dataset, "a").fields["weather"].labels

    assert told.relabelled == sum(told.confusion.values()) == 9
    assert len(told.confusion) == 4
    assert told.confusion[labels.OTHER, labels.OTHER] == 6
    assert sum(change.joined for change in told.classes.values()) == 9


def _labels(dataset: fo.Dataset) -> list[list[str]]:
    labels: list[list[str]] = dataset.values("ground_truth.detections.label")
    return labels
