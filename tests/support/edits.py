"""Edits that users make, each chosen by a few small numbers, for Hypothesis to make up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
from bson import ObjectId

Edit = Callable[[Any, int, int], object]
"""Edits a flat view of a dataset: which sample, and what to do with it."""

WORDS = ("cat", "dog", "狐", "", "cat ")
VALUES: tuple[Any, ...] = (0, 1, 1.0, True, False, None, -0.0, float("nan"), "1", [], [None], {})


def tag(view: Any, which: int, what: int) -> None:
    _pick(view, which).tag_samples(WORDS[what % 2])


def untag(view: Any, which: int, what: int) -> None:
    _pick(view, which).untag_samples("夜")


def touch(view: Any, which: int, what: int) -> None:
    view.set_values("tags", view.values("tags"))


def set_and_set_back(view: Any, which: int, what: int) -> None:
    chosen = _pick(view, which)
    before = chosen.values("tags")
    chosen.set_values("tags", [["else"] for _ in before])
    chosen.set_values("tags", before)


def classify(view: Any, which: int, what: int) -> None:
    for sample in _pick(view, which):
        sample["verdict"] = fo.Classification(label=WORDS[what % len(WORDS)])
        sample.save()


def relabel(view: Any, which: int, what: int) -> None:
    for sample in _pick(view, which):
        if sample["weather"] is not None:
            sample["weather"].label = WORDS[what % len(WORDS)]
            sample["weather"]["sure"] = VALUES[what % 5]
            sample.save()


def clear(view: Any, which: int, what: int) -> None:
    for sample in _pick(view, which):
        sample["weather"] = None
        sample.save()


def relabel_boxes(view: Any, which: int, what: int) -> None:
    for boxes, sample in _boxes(view, which):
        for box in boxes[: 1 + what % 2]:
            box.label = WORDS[what % 3]
        sample.save()


def move_boxes(view: Any, which: int, what: int) -> None:
    for boxes, sample in _boxes(view, which):
        for box in boxes[what % 2 :]:
            box.bounding_box = [0.1 * (what % 5), 0.0, 0.5, 0.5]
        sample.save()


def add_box(view: Any, which: int, what: int) -> None:
    for boxes, sample in _boxes(view, which):
        boxes.insert(what % 2, fo.Detection(label="new", bounding_box=[0, 0, 1, 1]))
        sample.save()


def remove_box(view: Any, which: int, what: int) -> None:
    for boxes, sample in _boxes(view, which):
        del boxes[what % 2 :][:1]
        sample.save()


def reverse_boxes(view: Any, which: int, what: int) -> None:
    for boxes, sample in _boxes(view, which):
        boxes.reverse()
        sample.save()


def copy_box(view: Any, which: int, what: int) -> None:
    for boxes, sample in _boxes(view, which):
        boxes.extend(box.copy() for box in boxes[:1])
        sample.save()


def describe(view: Any, which: int, what: int) -> None:
    for sample in _pick(view, which):
        sample["extra"] = fo.DynamicEmbeddedDocument(
            value=VALUES[what % 3], inner=fo.DynamicEmbeddedDocument(deep=WORDS[what % 2])
        )
        sample.save()


def delete(view: Any, which: int, what: int) -> None:
    view._dataset.delete_samples(_pick(view, which).values("id"))


def delete_and_add_again(view: Any, which: int, what: int) -> None:
    document = _collection(view).find_one({}, skip=which % max(1, len(view)))
    if document is not None:
        _collection(view).delete_one({"_id": document["_id"]})
        _collection(view).insert_one(document)


def add(view: Any, which: int, what: int) -> None:
    sample = fo.Sample(f"/media/new{what}{'.mp4' if view.media_type == 'video' else '.jpg'}")
    sample["weather"] = fo.Classification(label="new")
    if view._dataset.media_type == "group":
        slice_name = "drive" if view.media_type == "video" else "camera"
        sample["group"] = fo.Group().element(slice_name)
    view._dataset.add_sample(sample)


def add_field(view: Any, which: int, what: int) -> None:
    view.set_values(f"score{what % 2}", [float(i) for i in range(len(view))])


def delete_field(view: Any, which: int, what: int) -> None:
    name = f"score{what % 2}"
    if view._dataset.has_sample_field(name):
        view._dataset.delete_sample_field(name)


def raw_value(view: Any, which: int, what: int) -> None:
    _raw(view, which, {"$set": {"weather.raw": VALUES[what % len(VALUES)]}})


def raw_null(view: Any, which: int, what: int) -> None:
    # FiftyOne cannot load samples with fields that are not declared
    declared = {"extra": None} if view._dataset.has_sample_field("extra") else {}
    _raw(view, which, {"$set": {"weather.none": None, **declared}})


def raw_unset(view: Any, which: int, what: int) -> None:
    _raw(view, which, {"$unset": {"weather.raw": 1, "last_modified_at": 1}})


def raw_reorder(view: Any, which: int, what: int) -> None:
    document = _collection(view).find_one({}, skip=which % max(1, len(view)))
    if document is not None:
        reordered = {"_id": document.pop("_id"), **dict(reversed(document.items()))}
        _collection(view).replace_one({"_id": reordered["_id"]}, reordered)


def edit_frame(view: Any, which: int, what: int) -> None:
    for sample in _videos(view, which):
        frame = sample.frames[1 + what % 3]
        frame["blur"] = VALUES[what % 3] and 0.5
        frame["objects"] = fo.Detections(
            detections=[fo.Detection(label=WORDS[what % 2], bounding_box=[0, 0, 1, 1])]
        )
        sample.save()


def relabel_frames(view: Any, which: int, what: int) -> None:
    for sample in _videos(view, which):
        for frame in sample.frames.values():
            for box in frame["objects"].detections if frame["objects"] else ():
                box.label = WORDS[what % 2]
        sample.save()


def delete_frame(view: Any, which: int, what: int) -> None:
    for sample in _videos(view, which):
        numbers = list(sample.frames)
        if numbers:
            del sample.frames[numbers[what % len(numbers)]]
            sample.save()


EDITS: tuple[Edit, ...] = (
    tag,
    untag,
    touch,
    set_and_set_back,
    classify,
    relabel,
    clear,
    relabel_boxes,
    move_boxes,
    add_box,
    remove_box,
    reverse_boxes,
    copy_box,
    describe,
    delete,
    delete_and_add_again,
    add,
    add_field,
    delete_field,
    raw_value,
    raw_null,
    raw_unset,
    raw_reorder,
    edit_frame,
    relabel_frames,
    delete_frame,
)


def flat(dataset: fo.Dataset, what: int = 0) -> Any:
    """Returns the samples of a dataset that are of one kind, whatever the dataset is."""
    if dataset.media_type == "group":
        return dataset.select_group_slices(("camera", "drive")[what % 2])
    return dataset.view()


def _pick(view: Any, which: int) -> Any:
    return view.skip(which % max(1, len(view))).limit(1 + which % 2)


def _videos(view: Any, which: int) -> Any:
    return _pick(view, which) if view.media_type == "video" else ()


def _boxes(view: Any, which: int) -> list[tuple[list[Any], fo.Sample]]:
    if not view._dataset.has_sample_field("ground_truth"):
        return []
    samples = [sample for sample in _pick(view, which) if sample["ground_truth"] is not None]
    return [(sample["ground_truth"].detections, sample) for sample in samples]


def _collection(view: Any) -> Any:
    return foo.get_db_conn()[view._dataset._sample_collection_name]


def _raw(view: Any, which: int, update: dict[str, Any]) -> None:
    ids = [ObjectId(id_) for id_ in _pick(view, which).values("id")]
    _collection(view).update_many({"_id": {"$in": ids}, "weather": {"$type": "object"}}, update)
