"""Two samples of the same file, one of each side, become one: case 7 of merges."""

from __future__ import annotations

import fiftyone as fo

import fiftyone_snapshots as fos
from support.datasets import image_dataset, video_dataset

STREET, NIGHT = "street", "street.night"


def labels(*names: str) -> fo.Detections:
    boxes = [[0.1, number / 10, 0.1, 0.1] for number, _ in enumerate(names)]
    pairs = zip(names, boxes, strict=True)
    return fo.Detections(detections=[fo.Detection(label=n, bounding_box=b) for n, b in pairs])


def merge() -> fo.Sample:
    plan = fos.plan_merge(NIGHT, progress=False)
    assert [(c.kind, c.total) for c in plan.counts] == [("same_media", 1)]
    plan.resolve(None, "combine")
    fos.apply_merge(plan)
    rest = fos.plan_merge(NIGHT, progress=False)
    assert rest.total_conflicts == 0
    return fo.load_dataset(STREET, reload=True).last()


def test_the_sample_of_the_target_takes_in_that_of_the_branch() -> None:
    street = image_dataset(STREET, 2, persistent=True)
    street.add_sample_field("note", fo.StringField)
    fos.create_branch(STREET, "night")
    ours = fo.Sample("/media/new.jpg", tags=["o"], ground_truth=labels("cat"), größe=1.0)
    street.add_sample(ours)
    theirs = fo.Sample("/media/new.jpg", tags=["t"], ground_truth=labels("dog", "dog"), größe=2.0)
    theirs["note"] = "dark"
    fo.load_dataset(NIGHT).add_sample(theirs)
    merged = merge()
    assert (len(fo.load_dataset(STREET)), merged.id) == (3, ours.id)
    assert [each.label for each in merged["ground_truth"].detections] == ["cat", "dog", "dog"]
    assert (merged.tags, merged["größe"], merged["note"]) == (["o", "t"], 1.0, "dark")


def test_frames_are_combined_by_their_numbers() -> None:
    street = video_dataset(STREET, 1, persistent=True)
    fos.create_branch(STREET, "night")
    for name, dataset, number in (("cat", street, 1), ("dog", fo.load_dataset(NIGHT), 2)):
        sample = fo.Sample("/media/new.mp4")
        sample.frames[1] = fo.Frame(objects=labels(name))
        sample.frames[number + 1] = fo.Frame(objects=labels(name))
        dataset.add_sample(sample)
    merged = merge()
    found = {
        number: [each.label for each in frame["objects"].detections]
        for number, frame in merged.frames.items()
    }
    assert found == {1: ["cat", "dog"], 2: ["cat"], 3: ["dog"]}
