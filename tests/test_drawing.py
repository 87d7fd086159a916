"""What the picture of a sample's differences is made of: every kind of label, in both backends."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from bson import ObjectId

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.diff.drawing import Drawing, DrawnChange, How, draw
from fiftyone_snapshots.management.comparing import diff_samples
from fiftyone_snapshots.operators import pictures
from support.datasets import video_dataset


@pytest.fixture(params=["duplication", "delta"], autouse=True)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)


def drawn(dataset: fo.Dataset, sample: fo.Sample) -> Drawing:
    """Draws what has changed in a sample since the only snapshot."""
    [difference] = diff_samples(dataset.name, [ObjectId(sample.id)], "v1", None)
    return draw(difference)


def told(change: DrawnChange) -> tuple[Any, ...]:
    """Returns what happened to a label, and how it is called before and after."""
    names = [shape.name if shape else None for shape in (change.before, change.after)]
    return change.field, [str(how) for how in change.how], *names


def test_what_happened_to_labels_is_drawn() -> None:
    dataset = fo.Dataset("street")
    boxes = [fo.Detection(label=name, bounding_box=[0.1, 0.2, 0.3, 0.4]) for name in "abcd"]
    sample = fo.Sample(
        "/images/1.jpg",
        boxes=fo.Detections(detections=boxes),
        weather=fo.Classification(label="sunny"),
        lane=fo.Polyline(label="lane", points=[[(0, 0.5), (1, 0.5)]], closed=True),
        wheels=fo.Keypoints(keypoints=[fo.Keypoint(label="wheel", points=[(0.1, 0.9)])]),
        area=fo.Segmentation(mask=np.zeros((2, 2), np.uint8)),
        odd=fo.Detection(label="odd", bounding_box=[0.1, 0.2, float("nan"), 0.4]),
    )
    dataset.add_sample(sample)
    fos.create_snapshot(dataset, "v1")

    first, second, third, fourth = sample.boxes.detections
    first.label, second.bounding_box, third.confidence = "A", [0.5, 0.5, 0.1, 0.1], 0.5
    fourth.label, fourth.bounding_box = "D", [0, 0, 1, 1]
    sample.boxes.detections = [first, second, third, fourth, fo.Detection(label="e")]
    sample.weather.label = "rainy"
    sample.lane.points = [[(0, 0.6), (1, 0.6)]]
    sample.wheels.keypoints = []
    sample.area.mask = np.ones((2, 2), np.uint8)
    sample.odd.label = "even"
    sample.tags = ["seen"]
    sample.save()

    drawing = drawn(dataset, sample)
    assert sorted(map(told, drawing.changes), key=str) == [
        ("area", ["moved"], None, None),
        ("boxes", ["added"], None, "e"),
        ("boxes", ["changed"], "c", "c"),
        ("boxes", ["moved"], "b", "b"),
        ("boxes", ["relabelled", "moved"], "d", "D"),
        ("boxes", ["relabelled"], "a", "A"),
        ("lane", ["moved"], "lane", "lane"),
        ("odd", ["relabelled"], "odd", "even"),
        ("weather", ["relabelled"], "sunny", "rainy"),
        ("wheels", ["removed"], "wheel", None),
    ]
    found = {(change.field, change.how): change for change in drawing.changes}
    moved = found["boxes", (How.MOVED,)]
    assert moved.before is not None
    assert moved.after is not None
    assert (moved.before.box, moved.after.box) == ((0.1, 0.2, 0.3, 0.4), (0.5, 0.5, 0.1, 0.1))
    lane, wheel = found["lane", (How.MOVED,)].after, found["wheels", (How.REMOVED,)].before
    assert lane is not None
    assert wheel is not None
    assert (lane.lines, lane.is_closed) == ((((0, 0.6), (1, 0.6)),), True)
    assert wheel.points == ((0.1, 0.9),)
    area, odd = found["area", (How.MOVED,)].after, found["odd", (How.RELABELLED,)].after
    assert area is not None
    assert odd is not None
    # What cannot be drawn is told
    assert (area.note, odd.box) == ("mask", None)
    assert drawing.others == ("tags: [] -> ['seen']",)


def test_frames_are_told_by_number() -> None:
    dataset = video_dataset("traffic")
    sample = dataset.first()
    number = next(number for number, frame in sample.frames.items() if frame.objects.detections)
    fos.create_snapshot(dataset, "v1")
    sample.frames[number].objects.detections[0].label = "other"
    sample.save()
    changes = drawn(dataset, sample).changes
    assert [(change.field, change.frame) for change in changes] == [("frames.objects", number)]


def test_wanted_changes_are_found() -> None:
    dataset = fo.Dataset("street")
    for number in range(4):
        box = fo.Detection(label="car", bounding_box=[0.1, 0.1, 0.1, 0.1])
        weather = fo.Classification(label="sunny")
        dataset.add_sample(fo.Sample(f"/{number}.jpg", box=box, weather=weather))
    fos.create_snapshot(dataset, "v1")
    dataset.limit(3).set_values("box.label", ["truck", "car", "truck"])
    dataset.skip(3).set_values("box.bounding_box", [[0.2, 0.2, 0.2, 0.2]])
    dataset.skip(2).set_values("weather.label", ["rainy", "rainy"])
    diff = fos.diff(dataset, "v1")
    ids = dataset.values("id")

    def found(**wanted: str) -> list[int]:
        return [ids.index(str(id_)) for id_ in pictures.matching(diff, pictures.Wanted(**wanted))]

    assert found() == [0, 2, 3]
    assert found(field="weather") == [2, 3]
    assert found(label="truck") == [0, 2]
    assert found(how="moved") == [3]
    assert found(field="weather", label="truck") == []
    assert pictures.kinds(diff, None) == ["relabelled", "moved", "changed"]
    assert pictures.classes(diff, "weather") == ["rainy", "sunny"]
    wanted = pictures.Wanted(field="box")
    [picture] = pictures.pictures(diff, [ObjectId(ids[2])], wanted)
    assert (picture.name, picture.is_image) == ("2.jpg", True)
    assert [change["said"] for change in picture.to_dict()["changes"]] == ["box: car → truck"]
