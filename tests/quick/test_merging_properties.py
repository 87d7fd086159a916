"""What must hold of every three-way merge of documents, whatever the three are."""

from __future__ import annotations

from typing import Any

import bson
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from fiftyone_snapshots.backend.merge import documents
from fiftyone_snapshots.backend.merge.conflicts import Conflict, Place
from fiftyone_snapshots.backend.merge.judge import Judge
from fiftyone_snapshots.backend.merge.values import Values
from fiftyone_snapshots.backend.rawbson import equality
from support.brute_force import meaning

Doc = dict[str, Any]
ID = ObjectId("5" * 24)

WORDS = st.lists(st.sampled_from("abc"), unique=True, max_size=3)
BOXES = st.sampled_from([[0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.1, 0.1]])


def labels(number: int) -> st.SearchStrategy[Doc]:
    return st.fixed_dictionaries(
        {
            "_id": st.just(ObjectId(f"{number:024d}")),
            "_cls": st.just("Detection"),
            "label": st.sampled_from(["car", "bus"]),
            "bounding_box": BOXES,
            "tags": WORDS,
        },
        optional={
            "confidence": st.sampled_from([0.5, 1]),
            "k": st.one_of(st.none(), st.integers(0, 2)),
            "attributes": st.dictionaries(st.sampled_from("ab"), st.integers(0, 2)),
        },
    )


LISTS = st.builds(
    lambda found: {"_cls": "Detections", "detections": found},
    st.lists(st.integers(1, 4), unique=True, max_size=4).flatmap(
        lambda numbers: st.tuples(*map(labels, numbers)).map(list)
    ),
)
VALUES = st.one_of(
    st.none(), st.integers(0, 2), st.sampled_from([1.0, "a", True]), st.lists(st.integers(0, 1))
)
DOCUMENTS = st.fixed_dictionaries(
    {"_id": st.just(ID)},
    optional={
        "x": VALUES,
        "meta": st.one_of(st.none(), st.dictionaries(st.sampled_from("kl"), VALUES)),
        "tags": st.one_of(st.none(), WORDS),
        "gt": st.one_of(st.none(), LISTS),
        "scene": st.one_of(st.none(), labels(7), labels(8)),
    },
)
SIDES = st.one_of(st.none(), DOCUMENTS)


def merge(base: Doc | None, ours: Doc | None, theirs: Doc | None) -> tuple[Any, list[Conflict]]:
    judge = Judge(Place(ID))
    raw = [None if side is None else bson.encode(side) for side in (base, ours, theirs)]
    result = documents.merge(Values(judge), *raw)
    return result, judge.conflicts


def without_order(document: bytes | None) -> Any:
    """Returns what a document says, but for the order of its tags and labels."""
    if document is None:
        return None

    def of(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: of(item, key) for key, item in value.items()}
        if isinstance(value, list) and name in ("tags", "detections"):
            return sorted((of(item) for item in value), key=repr)
        return [of(item) for item in value] if isinstance(value, list) else value

    return meaning(of(bson.decode(document)))


def told(conflicts: list[Conflict]) -> list[Any]:
    return sorted(
        (
            conflict.kind.value,
            conflict.path,
            str(conflict.label_id),
            repr(meaning(conflict.base)),
            sorted([repr(meaning(conflict.ours)), repr(meaning(conflict.theirs))]),
        )
        for conflict in conflicts
    )


def same(one: bytes | None, other: Doc | None) -> bool:
    if one is None or other is None:
        return one is None and other is None
    return equality.equal(one, bson.encode(other))


@given(SIDES, SIDES, SIDES)
def test_both_sides_meet_the_same_conflicts(base: Doc, ours: Doc, theirs: Doc) -> None:
    result, conflicts = merge(base, ours, theirs)
    mirrored, others = merge(base, theirs, ours)
    assert told(conflicts) == told(others)
    if not conflicts:
        assert without_order(result) == without_order(mirrored)


@given(SIDES, SIDES)
def test_what_one_side_alone_has_changed_is_taken(base: Doc, changed: Doc) -> None:
    for ours, theirs in ((base, changed), (changed, base), (changed, changed)):
        result, conflicts = merge(base, ours, theirs)
        assert not conflicts
        assert same(result, changed)


@given(SIDES, SIDES, SIDES)
def test_merging_the_same_again_changes_nothing(base: Doc, ours: Doc, theirs: Doc) -> None:
    merged, conflicts = merge(base, ours, theirs)
    if not conflicts:
        decoded = None if merged is None else bson.decode(merged)
        again, others = merge(theirs, decoded, theirs)
        assert (again, others) == (merged, [])


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_clean_changes_are_all_there_and_nothing_else(base: Doc, ours: Doc, theirs: Doc) -> None:
    merged, conflicts = merge(base, ours, theirs)
    result = bson.decode(merged)
    for name in {*base, *ours, *theirs}:
        sides = [side.get(name) for side in (base, ours, theirs)]
        if any(conflict.path.split(".")[0] == name for conflict in conflicts):
            continue
        for one, other in ((0, 1), (0, 2)):
            if equality.same_values(sides[one], sides[other]):
                changed = sides[3 - other]
                assert equality.same_values(result.get(name), changed), name
