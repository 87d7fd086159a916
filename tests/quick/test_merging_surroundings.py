"""Saved views, workspaces, runs, temporal tags and indexes of two sides: one row a case."""

from __future__ import annotations

from typing import Any

import bson
import pytest
from bson import ObjectId
from pymongo.database import Database

from fiftyone_snapshots.backend.dataset.parts import Documents, Part
from fiftyone_snapshots.backend.merge import surroundings
from fiftyone_snapshots.backend.merge.conflicts import ConflictKind as K
from fiftyone_snapshots.backend.merge.conflicts import Place, Resolution, Take
from fiftyone_snapshots.backend.merge.judge import Judge
from fiftyone_snapshots.backend.merge.samples import Change, MergedSample
from fiftyone_snapshots.backend.merge.unique import UniqueCheck

Doc = dict[str, Any]
X, Y, Z = 1, 2, 3


def item(value: int | None, _id: str) -> dict[str, Doc]:
    return {} if value is None else {"n": {"_id": _id, "name": "n", "key": "n", "v": value}}


def views(base: int | None, ours: int | None, theirs: int | None) -> list[tuple[str, int]]:
    sides = (item(base, "b"), item(ours, "o"), item(theirs, "t"))
    found = surroundings.merge_named("lab", "name", *sides, what="saved view")
    names = [(each["name"], each["v"]) for each in (*found.ours, *found.added)]
    return [*names, *((here["name"], there["v"]) for here, there in found.replaced)]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result"),
    [
        (X, X, X, [("n", X)]),
        (X, Y, X, [("n", Y)]),
        (X, X, Y, [("n", Y)]),
        (X, Y, Y, [("n", Y)]),
        (X, Y, Z, [("n", Y), ("n (lab)", Z)]),
        (X, None, X, []),
        (X, X, None, []),
        (X, Y, None, [("n", Y)]),
        (X, None, Y, [("n (lab)", Y)]),
        (None, X, None, [("n", X)]),
        (None, None, X, [("n", X)]),
        (None, X, Y, [("n", X), ("n (lab)", Y)]),
    ],
)
def test_35_views(base: int, ours: int, theirs: int, result: list[tuple[str, int]]) -> None:
    assert views(base, ours, theirs) == result


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "result", "conflicts", "decided"),
    [
        (X, X, X, [("n", X)], 0, None),
        (X, X, Y, [("n", Y)], 0, None),
        (None, X, None, [("n", X)], 0, None),
        (None, None, X, [("n", X)], 0, None),
        (None, X, Y, [("n", X), ("n_lab", Y)], 0, None),
        (X, None, X, [], 0, None),
        (X, X, None, [], 0, None),
        (X, None, Y, [], 1, [("n", Y)]),
        (X, Y, None, [("n", Y)], 1, []),
        (X, Y, Z, [("n", Y)], 1, [("n", Z)]),
    ],
)
def test_36_and_37_runs(
    base: int, ours: int, theirs: int, result: Any, conflicts: int, decided: Any
) -> None:
    for take, expected in ((None, result), (Take.OURS, result), (Take.THEIRS, decided)):
        resolution = take and Resolution(take)
        judge = Judge(Place(), lambda conflict, resolution=resolution: resolution)
        sides = (item(base, "b"), item(ours, "o"), item(theirs, "t"))
        found = surroundings.merge_runs(judge, "lab", "runs", *sides)
        names = [(each["key"], each["v"]) for each in (*found.ours, *found.added)]
        names += [(here["key"], there["v"]) for here, there in found.replaced]
        assert names == (result if expected is None else expected)
        assert [conflict.kind for conflict in judge.conflicts] == [K.RUN] * conflicts


def test_40_temporal_tags() -> None:
    def tag(name: str, _id: int) -> Doc:
        return {"_id": _id, "_sample_id": 1, "kind": "temporal", "tag": name}

    added, removed = surroundings.merge_tags(
        [tag("t", 1), tag("c", 2)],
        [tag("t", 1), tag("c", 2), tag("a", 3), tag("b", 4)],
        [tag("t", 11), tag("b", 13), tag("d", 14)],
    )
    assert ([each["tag"] for each in added], [each["_id"] for each in removed]) == (["d"], [2])


def test_39_indexes() -> None:
    def index(name: str, **options: Any) -> Doc:
        return {"v": 2, "key": {name: 1}, "name": f"{name}_1", **options}

    kept, dropped, ours, theirs = map(index, ("kept", "dropped", "ours", "theirs"))
    merged, added = surroundings.merge_indexes(
        [kept, dropped], [kept, dropped, ours], [kept, theirs, index("kept", unique=True)]
    )
    assert merged == [ours, theirs, index("kept", unique=True)]
    assert added == [theirs, index("kept", unique=True)]


def test_values_that_look_like_operators_are_values(database: Database[Doc]) -> None:
    samples, id_ = database["samples"], ObjectId()
    samples.insert_one({"meta": 1})
    index = {"name": "meta_1", "key": {"meta": 1}, "unique": True}
    check = UniqueCheck(Part.SAMPLES, Documents(samples), [index], [])
    added = bson.encode({"_id": id_, "meta": {"$exists": True, "$nothing": 1}})
    check.note(MergedSample(id_, Change(None, added)))
    judge = Judge(Place())
    check.settle(judge)
    assert judge.conflicts == []
