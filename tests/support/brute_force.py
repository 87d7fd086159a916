"""Comparing datasets the slow way: everything decoded, kept in memory, compared value by value.

Shares nothing with the code that it is there to check, not even the reading of documents.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
from bson import ObjectId

_BOOKKEEPING = {"_id", "_dataset_id", "_rand", "created_at", "last_modified_at"}
_LISTS = {"classifications", "detections", "polylines", "keypoints"}
_LABELS = {
    "Classification",
    "Detection",
    "GeoLocation",
    "GeoLocations",
    "Heatmap",
    "Keypoint",
    "Polyline",
    "Regression",
    "Segmentation",
    "TemporalDetection",
}

Fields = dict[str, Any]
Confusion = Counter[tuple[Any, ...]]


@dataclass
class Contents:
    """The samples and frames of a dataset at one moment, decoded."""

    samples: dict[ObjectId, Fields]
    frames: dict[ObjectId, Fields]

    @classmethod
    def of(cls, dataset_id: ObjectId) -> Contents:
        """Reads a dataset, whatever it is called by now."""
        database = foo.get_db_conn()
        document = database["datasets"].find_one({"_id": dataset_id})
        frames = document.get("frame_collection_name")
        return cls(
            samples=_read(document["sample_collection_name"]),
            frames=_read(frames) if frames else {},
        )

    @classmethod
    def of_documents(cls, samples: list[Fields]) -> Contents:
        """Takes samples as the database would have them."""
        return cls(samples={sample["_id"]: _content(sample) for sample in samples}, frames={})

    @classmethod
    def of_dataset(cls, dataset: fo.Dataset) -> Contents:
        """Reads a dataset."""
        return cls.of(dataset._doc.id)


@dataclass
class Expected:
    """What a comparison of two states must find."""

    added: set[ObjectId]
    deleted: set[ObjectId]
    changed: set[ObjectId]
    frames: tuple[int, int, int]
    """Frames added, deleted and changed."""
    fields: dict[str, set[ObjectId]] = field(default_factory=dict)
    """The samples in which each field differs, of those that are in both states."""
    paths: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    """What differs inside the embedded documents of each field, by keys."""
    labels: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Labels added, removed and changed, by field."""
    confusion: Confusion = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.added or self.deleted or self.changed)


def compare(before: Contents, after: Contents) -> Expected:
    """Compares two states."""
    old, new = before.samples, after.samples
    both = old.keys() & new.keys()
    expected = Expected(
        added=new.keys() - old.keys(),
        deleted=old.keys() - new.keys(),
        changed={id_ for id_ in both if old[id_] != new[id_]},
        frames=(0, 0, 0),
    )
    added, deleted = after.frames.keys() - before.frames, before.frames.keys() - after.frames
    kept = before.frames.keys() & after.frames.keys()
    changed = {id_ for id_ in kept if before.frames[id_] != after.frames[id_]}
    expected.frames = (len(added), len(deleted), len(changed))
    for id_ in added | deleted | changed:
        for frames in (before.frames, after.frames):
            if id_ in frames:
                expected.changed |= {_owner(frames[id_])} & both
    _compare_fields(expected, "", {id_: (old[id_], new[id_], [id_]) for id_ in both})
    _compare_fields(
        expected,
        "frames.",
        {
            id_: (
                before.frames[id_],
                after.frames[id_],
                [_owner(frames[id_]) for frames in (before.frames, after.frames)],
            )
            for id_ in kept
        },
    )
    expected.fields = {path: ids & both for path, ids in expected.fields.items() if ids & both}
    _compare_labels(expected, "", old, new)
    _compare_labels(expected, "frames.", before.frames, after.frames)
    return expected


def meaning(value: Any) -> Any:
    """Returns what a value says: missing is null, order matters in lists only."""
    if isinstance(value, dict):
        return {key: meaning(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [meaning(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false", bool
    if isinstance(value, float) and math.isnan(value):
        return "nan", float
    return value


def _owner(frame: Fields) -> ObjectId:
    owner: ObjectId = frame["_sample_id"]
    return owner


def _read(collection: str) -> dict[ObjectId, Fields]:
    return {
        document["_id"]: _content(document) for document in foo.get_db_conn()[collection].find()
    }


def _content(document: Fields) -> Fields:
    content: Fields = meaning(
        {key: value for key, value in document.items() if key not in _BOOKKEEPING}
    )
    return content


def _compare_fields(
    expected: Expected, prefix: str, pairs: dict[ObjectId, tuple[Fields, Fields, list[ObjectId]]]
) -> None:
    for old, new, owners in pairs.values():
        for name in {*old, *new}:
            if old.get(name) != new.get(name):
                expected.fields.setdefault(prefix + name, set()).update(owners)
                paths = _paths(old.get(name), new.get(name))
                expected.paths.setdefault(prefix + name, set()).update(paths)


def _paths(old: Any, new: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        if keys:
            yield keys
        return
    left_out: set[str] = set()
    are_labels = [_is_label_or_list(value) for value in (old, new)]
    if not keys and any(are_labels):
        if not all(are_labels) or any("_id" in value for value in (old, new)):
            return
        left_out = _LISTS
    for key in {*old, *new} - left_out:
        if old.get(key) != new.get(key):
            yield from _paths(old.get(key), new.get(key), (*keys, key))


def _is_label_or_list(value: Fields) -> bool:
    name = str(value.get("_cls"))
    return name in _LABELS or name.lower().endswith(tuple(_LISTS))


def _compare_labels(
    expected: Expected, prefix: str, old: dict[ObjectId, Fields], new: dict[ObjectId, Fields]
) -> None:
    before, after = _labels(old), _labels(new)
    for name in {*before, *after}:
        was, is_ = before.get(name, {}), after.get(name, {})
        changed = {key for key in was.keys() & is_.keys() if was[key] != is_[key]}
        counts = (len(is_.keys() - was.keys()), len(was.keys() - is_.keys()), len(changed))
        if any(counts):
            expected.labels[prefix + name] = counts
        for key in changed:
            classes = was[key].get("label"), is_[key].get("label")
            if classes[0] != classes[1]:
                expected.confusion.update([(prefix + name, *classes)])


def _labels(documents: dict[ObjectId, Fields]) -> dict[str, dict[Any, Fields]]:
    """Returns all labels, by field, and by the ids of document and label."""
    found: dict[str, dict[Any, Fields]] = {}
    for id_, document in documents.items():
        for name, value in document.items():
            for label in _labels_in(value):
                labels = found.setdefault(name, {})
                key, number = (id_, label.get("_id")), 0
                while (place := (*key, number)) in labels:
                    number += 1
                labels[place] = label
    return found


def _labels_in(value: Any) -> Iterator[Fields]:
    if isinstance(value, dict):
        for key in _LISTS & value.keys():
            if str(value.get("_cls")).lower().endswith(key):
                yield from value[key]
        if value.get("_cls") in _LABELS and "_id" in value:
            yield value
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and item.get("_cls") in _LABELS and "_id" in item:
                yield item


def summary_problems(summary: Any, expected: Expected) -> list[str]:
    """Returns what a summary tells otherwise than it should."""
    found = (
        summary.num_samples_added,
        summary.num_samples_deleted,
        summary.num_samples_changed,
    )
    wanted = (len(expected.added), len(expected.deleted), len(expected.changed))
    if found == wanted:
        return []
    return [f"added, deleted, changed are {found}, should be {wanted}"]


def problems(diff: Any, expected: Expected) -> list[str]:
    """Returns what a diff tells otherwise than it should."""
    fields = {
        path: set(changes.ids)
        for path, changes in diff.fields.items()
        if changes.ids and path != "frames"
    }
    labels = {
        path: (changes.labels.added, changes.labels.removed, changes.labels.changed)
        for path, changes in diff.fields.items()
        if changes.labels
    }
    confusion = {
        (path, *classes): count
        for path, changes in diff.fields.items()
        for classes, count in (changes.labels.confusion.items() if changes.labels else ())
    }
    found: dict[str, tuple[Any, Any]] = {
        "added": (set(diff.added), expected.added),
        "deleted": (set(diff.deleted), expected.deleted),
        "changed": (set(diff.changed), expected.changed),
        "frames": (_frames(diff), expected.frames),
    }
    if not any(change.kind == "renamed" for change in diff.schema):
        found["fields"] = (fields, expected.fields)
        found["labels"] = (labels, expected.labels)
        found["confusion"] = (confusion, dict(expected.confusion))
    return [
        f"{what} is {is_}, should be {should_be}"
        for what, (is_, should_be) in found.items()
        if is_ != should_be
    ]


def _frames(diff: Any) -> tuple[int, int, int]:
    if diff.frames is None:
        return 0, 0, 0
    return diff.frames.added, diff.frames.deleted, diff.frames.changed
