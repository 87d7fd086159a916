"""Values that somebody gives for conflicts, and what cannot be stored."""

from __future__ import annotations

from typing import Any

import bson
import fiftyone.core.fields as fof
import fiftyone.core.labels as fol
import pytest
from bson import ObjectId

from fiftyone_snapshots.backend.errors import InvalidArgumentError, InvalidRequestError
from fiftyone_snapshots.backend.merge import documents, plans
from fiftyone_snapshots.backend.merge.conflicts import Conflict, Place, Resolution, Take
from fiftyone_snapshots.backend.merge.conflicts import ConflictKind as K
from fiftyone_snapshots.backend.merge.given import Given
from fiftyone_snapshots.backend.merge.judge import Judge, encoded
from fiftyone_snapshots.backend.merge.values import Values

Doc = dict[str, Any]
ID = ObjectId("5" * 24)
SAMPLE, DATASET = Place(ID), Place()


def field(name: str, ftype: type, document: type | None = None, **others: Any) -> Doc:
    kind = f"{document.__module__}.{document.__name__}" if document else None
    names = {"name": name, "ftype": f"{ftype.__module__}.{ftype.__name__}"}
    return {"db_field": name, "embedded_doc_type": kind, "fields": [], **names, **others}


CATEGORY = field("category", fof.StringField)
FIELDS = [
    field("filepath", fof.StringField),
    field("x", fof.FloatField),
    field("seen", fof.DateTimeField),
    field("vector", fof.VectorField),
    field("meta", fof.DictField),
    field("words", fof.ListField, subfield="fiftyone.core.fields.StringField"),
    field("foo_id", fof.ObjectIdField, db_field="_foo_id"),
    field("group", fof.StringField),
    field("weather", fof.EmbeddedDocumentField, fol.Classification),
    field("gt", fof.EmbeddedDocumentField, fol.Detections),
]
GIVEN = Given(
    lambda: [
        {
            "sample_fields": FIELDS,
            "frame_fields": [field("y", fof.IntField)],
            "group_field": "group",
            "group_media_types": {"left": "image"},
        }
    ]
)
BOX = {"_cls": "Detection", "bounding_box": [0.1, 0.1, 0.2, 0.2]}
KEYPOINT = {"_cls": "Keypoint", "points": [[0.1, 0.1]]}
CAR = {"_cls": "Classification", "_id": ID, "label": "car"}


def about(kind: K, path: str, place: Place = SAMPLE, sides: tuple[Any, Any] = (1, 2)) -> Conflict:
    return Conflict.of(kind, place, path, (None, *map(encoded, sides)))


def conflict(path: str) -> Conflict:
    if path == "gt (class)":
        return about(K.LABEL_CLASS, "gt", sides=({"label": "a"}, {"label": "b"}))
    if path == "gt (place)":
        return about(K.LABEL_GEOMETRY, "gt", sides=(BOX, {**BOX, "mask": b"m"}))
    if path == "gt (label)":
        return about(K.LABEL_DELETED_MODIFIED, "gt", sides=(None, CAR))
    if path == "points (place)":
        return about(K.LABEL_GEOMETRY, "gt", sides=(KEYPOINT, KEYPOINT))
    if path.startswith("gt."):
        return about(K.LABEL_ATTRIBUTE, path)
    if path.startswith("frames."):
        return about(K.VALUE, path, Place(ID, 1))
    if path.startswith("@"):
        return about(K.MASK_TARGET if "mask" in path else K.VALUE, path[1:], DATASET)
    return about(K.VALUE, path)


@pytest.mark.parametrize(
    ("path", "fitting", "wrong"),
    [
        ("filepath", ["/a.jpg"], [5, ["a"], None, ""]),
        ("x", [1.5, 1, None], ["abc", "1.5", [1], {"a": 1}]),
        ("frames.y", [7], ["7", [7]]),
        ("words", [["a"], []], [[1], "a", {"a": 1}]),
        ("meta.a", [1, "a", {"k": [1]}], []),
        ("meta", [{"a": 1}], [5, [1]]),
        ("foo_id", [ID], ["a", str(ID)]),
        ("_foo_id", [ID], [5]),
        ("group", [], ["left", {"_id": ID, "name": "left"}]),
        ("nothing", [], [1]),
        ("weather", [CAR], ["car", {"label": "car"}, {**CAR, "_cls": "Group"}, {**CAR, "label": 5}]),
        ("gt (class)", [{"label": "bike"}, {"label": "a", "confidence": 0.5}, None], ["bike", {"label": 5}, {"confidence": "a"}, {"k": 1}]),
        ("gt (place)", [BOX, {"bounding_box": [0, 0, 1, 1]}], [[0.1, 0.1, 0.3, 0.3], {}, {"k": 1}, None, {"bounding_box": 5}, {"bounding_box": [1]}, {"_cls": "Detection"}, KEYPOINT, {"mask": "m"}]),
        ("gt (label)", [{**BOX, "_id": ID}, None], [CAR, {"label": "a"}, {"_cls": "Detections", "detections": []}]),
        ("points (place)", [{"points": [[0.5, 0.5]]}], [{"points": 5}, {"points": [0.5]}, BOX]),
        ("gt.index", [7], ["a", [1]]),
        ("gt.k", [7, "a", {"a": 1}], []),
        ("@description", ["a", None], [5, {}]),
        ("@info.a", [5, "a"], []),
        ("@default_classes", [["a"], None], [5, [5], "a"]),
        ("@classes.gt", [["a"]], [5, [5]]),
        ("@default_mask_targets.7", ["road"], [[1], 5]),
        ("@mask_targets.gt.7", ["road"], [[1], 5]),
        ("@default_skeleton", [{"labels": None, "edges": [[0, 1]]}], [5, "a"]),
        ("@skeletons.k", [{"edges": [[0, 1]]}], [7]),
        ("@default_group_slice", ["left"], ["right", 5]),
        ("@x.description", ["a"], [5]),
        ("@x.read_only", [True], ["a"]),
    ],
)  # fmt: skip
def test_values_are_what_fiftyone_can_load(
    path: str, fitting: list[Any], wrong: list[Any]
) -> None:
    found = conflict(path)
    for value in fitting:
        GIVEN.check(found, value)
    for value in wrong:
        with pytest.raises(InvalidRequestError, match=r"is no value for"):
            GIVEN.check(found, value)


def test_a_value_that_was_stored_and_does_not_fit_leaves_its_conflict_open() -> None:
    for value, taken in (({"label": "bike"}, True), ("bike", False)):
        resolution = Resolution(Take.VALUE, value)
        decide = GIVEN.taken(lambda _, found=resolution: found)
        assert decide(conflict("gt (class)")) == (resolution if taken else None)


def test_a_place_that_is_given_leaves_a_label_what_it_is() -> None:
    def side(*box: float) -> bytes:
        label = {"_id": ID, "_cls": "Detection", "label": "car", "bounding_box": [*box]}
        return bson.encode({"_id": ID, "gt": {"_cls": "Detections", "detections": [label]}})

    place = {"bounding_box": [0.1, 0.1, 0.3, 0.3]}
    judge = Judge(SAMPLE, lambda _: Resolution(Take.VALUE, place))
    sides = side(0, 0, 1, 1), side(0, 0, 0.5, 0.5), side(0, 0, 0.2, 0.2)
    merged = documents.merge(Values(judge), *sides)
    assert merged is not None
    (label,) = bson.decode(merged)["gt"]["detections"]
    assert label == {"_id": ID, "_cls": "Detection", "label": "car", **place}


def test_conflicts_are_named_by_kind_or_id() -> None:
    id_ = "0123456789abcdef01234567"
    assert plans.read_filter(id_).ids == [id_]
    assert plans.read_filter([id_]).ids == [id_]
    assert plans.read_filter("value").kind is K.VALUE
    for wrong in ("valu", ["valu"], id_[:-1], ""):
        with pytest.raises(InvalidArgumentError):
            plans.read_filter(wrong)
