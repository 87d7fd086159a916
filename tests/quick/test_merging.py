"""Three-way merges of documents: one row for each case of samples, frames and labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import bson
import pytest
from bson import ObjectId

from fiftyone_snapshots.backend.merge import documents
from fiftyone_snapshots.backend.merge.conflicts import ConflictKind as K
from fiftyone_snapshots.backend.merge.conflicts import Place, Resolution, Take
from fiftyone_snapshots.backend.merge.judge import Judge
from fiftyone_snapshots.backend.merge.values import Values

Doc = dict[str, Any]
ID = ObjectId("5" * 24)
CAR, TRUCK = {"label": "car"}, {"label": "truck"}
BOX, MOVED, OTHER = [0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2], [0.7, 0.1, 0.2, 0.2]


class Merged(NamedTuple):
    document: Doc | None
    conflicts: list[tuple[K, str]]
    suspects: int


def merge(
    base: Doc | None,
    ours: Doc | None,
    theirs: Doc | None,
    take: Resolution | None = None,
) -> Merged:
    judge = Judge(Place(ID), lambda conflict: take)
    raw = [None if side is None else bson.encode(side) for side in (base, ours, theirs)]
    result = documents.merge(Values(judge, frozenset({"words"})), *raw)
    return Merged(
        None if result is None else bson.decode(result),
        [(conflict.kind, conflict.path) for conflict in judge.conflicts],
        len(judge.suspects),
    )


def label(number: int, **attributes: Any) -> Doc:
    given = {"label": "car", "bounding_box": BOX, "tags": [], **attributes}
    return {"_id": ObjectId(f"{number:024d}"), "_cls": "Detection", **given}


def detections(*labels: Doc) -> Doc:
    return {"_id": ID, "gt": {"_cls": "Detections", "detections": list(labels)}}


def value(value: Any, **others: Any) -> Doc:
    return {"_id": ID, "x": value, **others}


def numbers(document: Doc | None) -> list[int]:
    assert document is not None
    return [int(str(item["_id"])) for item in document["gt"]["detections"]]


class Case(NamedTuple):
    number: str
    base: Doc | None
    ours: Doc | None
    theirs: Doc | None
    result: Doc | None
    kinds: tuple[K, ...] = ()


def three(number: str, base: Any, ours: Any, theirs: Any, result: Any, *kinds: K) -> Case:
    return Case(number, *map(value, (base, ours, theirs, result)), kinds)


A = detections(label(1), label(2))
NINE = [label(number) for number in range(1, 10)]
NEW = [label(number) for number in range(21, 31)]
NEWER = [label(number) for number in range(41, 51)]
NONE = {"_id": ID}

CASES = [
    three("1", 1, 1, 2, 2),
    three("2", 1, 2, 1, 2),
    three("3", 1, 2, 2, 2),
    three("3: by content", 1, 2, 2.0, 2),
    three("1: null is missing", None, None, 2, 2),
    Case("1: bookkeeping", value(1, _rand=1), value(1, _rand=2), value(1, _rand=3), value(1, _rand=2)),
    Case("4: ours", None, value(1), None, value(1)),
    Case("4: theirs", None, None, value(1), value(1)),
    Case("5: ours", value(1), None, value(1), None),
    Case("5: theirs", value(1), value(1), None, None),
    Case("5: both", value(1), None, None, None),
    Case("5: touched", value(1, last_modified_at=1), None, value(1, last_modified_at=2), None),
    Case("6: ours", value(1), None, value(2), None, (K.SAMPLE_DELETED_MODIFIED,)),
    Case("6: theirs", value(1), value(2), None, value(2), (K.SAMPLE_DELETED_MODIFIED,)),
    Case("8", None, value(1, o=1), value(1, t=1), value(1, o=1, t=1)),
    Case("8: in conflict", None, value(1), value(2), value(1), (K.VALUE,)),
    three("10: scalar", 1, 2, 3, 2, K.VALUE),
    three("10: list", [1, 2], [1, 3], [4, 2], [1, 3], K.VALUE),
    three("10: value in a dict", {"k": 1}, {"k": 2}, {"k": 3}, {"k": 2}, K.VALUE),
    three("10: type", 1, 2, "2", 2, K.VALUE),
    three("10: boolean", 0, 1, True, 1, K.VALUE),
    three("11", {"k": 1, "l": 1}, {"k": 2, "l": 1}, {"k": 1, "l": 2}, {"k": 2, "l": 2}),
    three("11: new", None, {"k": 2}, {"l": 2}, {"k": 2, "l": 2}),
    three("11: deep", {"k": {"a": 1, "b": 1}}, {"k": {"a": 2, "b": 1}}, {"k": {"a": 1}}, {"k": {"a": 2}}),
    three("11: other classes", {"_cls": "A"}, {"_cls": "B", "k": 1}, {"_cls": "C"}, {"_cls": "B", "k": 1}, K.VALUE),
    three("11: group", {"_cls": "Group", "name": "a"}, {"_cls": "Group", "name": "b"}, {"_cls": "Group", "name": "c"}, {"_cls": "Group", "name": "b"}, K.VALUE),
    three("12: ours", 1, None, 2, None, K.VALUE_DELETED_MODIFIED),
    three("12: theirs", 1, 2, None, 2, K.VALUE_DELETED_MODIFIED),
    Case("12: missing", value(1), NONE, value(2), NONE, (K.VALUE_DELETED_MODIFIED,)),
    Case("13", {"tags": ["t", "b", "c"]}, {"tags": ["t", "b", "c", "a"]}, {"tags": ["t", "b", "d"]}, {"tags": ["t", "b", "a", "d"]}),
    Case("13: cleared", {"tags": ["t"]}, {"tags": None}, {"tags": ["t", "a"]}, {"tags": ["a"]}),
    Case("13: declared", {"words": ["t"]}, {"words": ["t", "a"]}, {"words": []}, {"words": ["a"]}),
    Case("13: label", detections(label(1, tags=["t"])), detections(label(1, tags=["t", "a"])), detections(label(1, tags=["b"])), detections(label(1, tags=["a", "b"]))),
    Case("14", A, detections(label(1), label(2), label(3)), detections(label(1), label(2), label(4)), detections(label(1), label(2), label(3), label(4))),
    Case("15", A, detections(label(1)), A, detections(label(1))),
    Case("15: and added", A, detections(label(1)), detections(label(1), label(2), label(3)), detections(label(1), label(3))),
    Case("16: ours", A, detections(label(1)), detections(label(1), label(2, label="bus")), detections(label(1)), (K.LABEL_DELETED_MODIFIED,)),
    Case("16: theirs", A, detections(label(1), label(2, label="bus")), detections(label(1)), detections(label(1), label(2, label="bus")), (K.LABEL_DELETED_MODIFIED,)),
    Case("17", detections(label(2)), detections(label(2, label="truck")), detections(label(2, bounding_box=MOVED)), detections(label(2, label="truck", bounding_box=MOVED))),
    Case("18", detections(label(2)), detections(label(2, bounding_box=MOVED)), detections(label(2, bounding_box=OTHER)), detections(label(2, bounding_box=MOVED)), (K.LABEL_GEOMETRY,)),
    Case("18: box and mask", detections(label(2)), detections(label(2, bounding_box=MOVED)), detections(label(2, mask=b"m")), detections(label(2, bounding_box=MOVED)), (K.LABEL_GEOMETRY,)),
    Case("19", detections(label(2)), detections(label(2, label="truck")), detections(label(2, label="bus")), detections(label(2, label="truck")), (K.LABEL_CLASS,)),
    Case("19: confidence", detections(label(2)), detections(label(2, label="truck")), detections(label(2, confidence=0.5)), detections(label(2, label="truck")), (K.LABEL_CLASS,)),
    Case("20", detections(label(2, k=1)), detections(label(2, k=2)), detections(label(2, k=3)), detections(label(2, k=2)), (K.LABEL_ATTRIBUTE,)),
    Case("20: others", detections(label(2)), detections(label(2, k=2)), detections(label(2, l=3)), detections(label(2, k=2, l=3))),
    Case("20: inner", detections(label(2, a={})), detections(label(2, a={"k": 1})), detections(label(2, a={"l": 1})), detections(label(2, a={"k": 1, "l": 1}))),
    Case("20: cleared", detections(label(2, k=1)), detections(label(2)), detections(label(2, k=3)), detections(label(2)), (K.LABEL_ATTRIBUTE,)),
    Case("21: ours", detections(*NINE), detections(*NEW), detections(*NINE[:2], label(3, label="bus"), *NINE[3:]), detections(*NEW), (K.LABELS_REPLACED,)),
    Case("21: theirs", detections(*NINE), detections(*NINE[:2], label(3, label="bus"), *NINE[3:]), detections(*NEW), detections(*NINE[:2], label(3, label="bus"), *NINE[3:]), (K.LABELS_REPLACED,)),
    Case("21: only ours", detections(*NINE), detections(*NEW), detections(*NINE), detections(*NEW)),
    Case("22", detections(*NINE), detections(*NEW), detections(*NEWER), detections(*NEW), (K.LABELS_REPLACED,)),
    Case("23", NONE, detections(*NEW), detections(*NEWER), detections(*NEW), (K.LABELS_REPLACED,)),
    Case("23: shared ids", NONE, detections(label(1), label(2)), detections(label(1), label(3)), detections(label(1), label(2), label(3))),
    Case("25: ours", A, detections(label(2), label(1)), A, detections(label(2), label(1))),
    Case("25: theirs", A, detections(label(1), label(2), label(3)), detections(label(2), label(1)), detections(label(2), label(1), label(3))),
    Case("25: both", detections(*NINE[:3]), detections(NINE[1], NINE[0], NINE[2]), detections(NINE[2], NINE[1], NINE[0]), detections(NINE[1], NINE[0], NINE[2])),
    Case("25: keypoints", value({"_cls": "Keypoint", "_id": ID, "points": [1, 2]}), value({"_cls": "Keypoint", "_id": ID, "points": [2, 1]}), value({"_cls": "Keypoint", "_id": ID, "points": [1, 3]}), value({"_cls": "Keypoint", "_id": ID, "points": [2, 1]}), (K.LABEL_GEOMETRY,)),
    Case("single label: units", value(label(1)), value(label(1, label="bus")), value(label(1, bounding_box=MOVED)), value(label(1, label="bus", bounding_box=MOVED))),
    Case("single label: replaced", value(label(1)), value(label(2, label="bus")), value(label(3, label="van")), value(label(2, label="bus")), (K.VALUE,)),
    Case("single label: replaced by the same", value(label(1)), value(label(3, label="bus")), value(label(2, label="bus")), value(label(2, label="bus"))),
    Case("labels without ids", {"gt": {"_cls": "Detections", "detections": [{"_cls": "Detection"}]}}, {"gt": {"_cls": "Detections", "detections": []}}, {"gt": {"_cls": "Detections", "detections": [{"_cls": "Detection", "label": "a"}]}}, {"gt": {"_cls": "Detections", "detections": []}}, (K.VALUE,)),
    Case("list of labels", value([label(1)]), value([label(1), label(2)]), value([label(1), label(3)]), value([label(1), label(2), label(3)])),
    Case("beside the labels", {"gt": {"_cls": "Detections", "detections": [label(1)], "k": 1}}, {"gt": {"_cls": "Detections", "detections": [label(1)], "k": 2}}, {"gt": {"_cls": "Detections", "detections": [], "k": 1}}, {"gt": {"_cls": "Detections", "detections": [], "k": 2}}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_each_case_of_documents(case: Case) -> None:
    merged = merge(case.base, case.ours, case.theirs)
    assert tuple(kind for kind, _ in merged.conflicts) == case.kinds
    assert merged.document == case.result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_the_other_side_has_the_same_conflicts(case: Case) -> None:
    merged = merge(case.base, case.theirs, case.ours)
    assert tuple(kind for kind, _ in merged.conflicts) == case.kinds


def test_what_both_sides_may_have_added_for_one_object_is_noted() -> None:
    """Case 24: a note, not a conflict."""
    nearly = [0.1, 0.1, 0.2, 0.205]
    for box, name, found in ((nearly, "car", 1), (nearly, "bus", 0), (MOVED, "car", 0)):
        merged = merge(
            detections(label(1, bounding_box=OTHER)),
            detections(label(1, bounding_box=OTHER), label(3)),
            detections(label(1, bounding_box=OTHER), label(4, label=name, bounding_box=box)),
        )
        assert (merged.conflicts, merged.suspects) == ([], found)
        assert numbers(merged.document) == [1, 3, 4]


@pytest.mark.parametrize(
    ("take", "label_of_2", "replaced"),
    [
        (Take.OURS, None, list(range(21, 31))),
        (Take.THEIRS, "bus", [*range(1, 9)]),
        (Take.BASE, "car", [*range(1, 10)]),
    ],
)
def test_what_is_decided_is_done(take: Take, label_of_2: str | None, replaced: list[int]) -> None:
    resolution = Resolution(take)
    merged = merge(
        A, detections(label(1)), detections(label(1), label(2, label="bus")), resolution
    ).document
    assert merged is not None
    found = {int(str(item["_id"])): item["label"] for item in merged["gt"]["detections"]}
    assert found.get(2) == label_of_2
    merged = merge(detections(*NINE), detections(*NEW), detections(*NINE[:8]), resolution).document
    assert numbers(merged) == replaced


def test_both_and_values_can_be_taken() -> None:
    both = merge(detections(*NINE), detections(*NEW), detections(*NINE[:8]), Resolution(Take.BOTH))
    assert numbers(both.document) == [*range(21, 31), *range(1, 9)]
    given = merge(value(1), value(2), value(3), Resolution(Take.VALUE, 7))
    assert given.document == value(7)
    assert merge(value(1), value(2), value(3), Resolution(Take.VALUE, None)).document == NONE


def test_a_document_that_was_merely_touched_is_in_the_same_conflict() -> None:
    def ids(touched: int) -> list[str]:
        judge = Judge(Place(ID))
        sides = [value(1), None, value(2, last_modified_at=touched, created_at=touched)]
        raw = [None if side is None else bson.encode(side) for side in sides]
        assert documents.merge(Values(judge), *raw) is None
        return [conflict.id for conflict in judge.conflicts]

    assert ids(1) == ids(2)
