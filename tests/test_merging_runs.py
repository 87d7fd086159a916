"""Evaluations that both sides have made under one key, with the fields they write: case 36."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.street import NIGHT, STREET

BOX, FAR = [0.1, 0.1, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2]


def boxes(*places: list[float]) -> fo.Detections:
    return fo.Detections(
        detections=[fo.Detection(label="car", bounding_box=b, confidence=0.5) for b in places]
    )


def dataset(media: str) -> fo.Dataset:
    made = fo.Dataset(STREET, persistent=True)
    if media == "group":
        made.add_group_field("group", default="left")
    kind = {"video": "mp4"}.get(media, "jpg")
    sample = fo.Sample(f"/media/a.{kind}")
    if media == "group":
        sample["group"] = fo.Group().element("left")
    document = sample.frames[1] if media == "video" else sample
    for name in ("gt", "pred"):
        document[name] = boxes(BOX)
    made.add_sample(sample)
    return made


def documents(name: str, media: str) -> Iterator[Any]:
    for sample in fo.load_dataset(name, reload=True):
        yield sample.frames[1] if media == "video" else sample


def evaluate(name: str, media: str, key: str, where: list[float]) -> None:
    """Puts the predictions somewhere, and evaluates them."""
    loaded = fo.load_dataset(name, reload=True)
    prefix = "frames." if media == "video" else ""
    path = f"{prefix}pred.detections.bounding_box"
    loaded.set_values(path, [[[where]]] if media == "video" else [[where]])
    samples = loaded.select_group_slices("left") if media == "group" else loaded
    samples.evaluate_detections(
        f"{prefix}pred", gt_field=f"{prefix}gt", eval_key=key, progress=False
    )


@pytest.mark.parametrize("media", ["image", "video", "group"])
def test_both_evaluations_stay_with_their_fields(media: str) -> None:
    dataset(media)
    fos.create_branch(STREET, "night")
    for key in ("eval", "eval_2"):
        evaluate(NIGHT, media, key, FAR)
    evaluate(STREET, media, "eval", BOX)
    plan = fos.plan_merge(NIGHT, progress=False)
    assert [(c.kind, c.path) for c in plan.conflicts()] == []
    fos.apply_merge(plan)
    merged = fo.load_dataset(STREET, reload=True)
    assert sorted(merged.list_evaluations()) == ["eval", "eval_2", "eval_night"]
    # What is there is where FiftyOne looks for it
    for key in merged.list_evaluations():
        info = merged.get_evaluation_info(key)
        merged.load_evaluation_results(key).print_report()
        assert info.key == key
    (found,) = documents(STREET, media)
    (label,) = found["pred"].detections
    assert (label["eval"], label["eval_night"], label["eval_2"]) == ("tp", "fp", "fp")
    sample = merged.first()
    assert [sample[f"{key}_tp"] for key in ("eval", "eval_night", "eval_2")] == [1, 0, 0]
    again = fos.plan_merge(NIGHT, progress=False)
    assert (again.total_conflicts, again.changes.samples_changed) == (0, 0)
    for key in ("eval_night", "eval_2"):
        merged.delete_evaluation(key)
    assert not [name for name in merged.get_field_schema() if name.startswith("eval_night")]
