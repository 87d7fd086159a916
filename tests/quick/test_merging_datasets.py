"""What the dataset documents of two sides become: one row for each case of schema and settings."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, NamedTuple

import pytest

from fiftyone_snapshots.backend.errors import InvalidRequestError
from fiftyone_snapshots.backend.merge import properties
from fiftyone_snapshots.backend.merge.conflicts import ConflictKind as K
from fiftyone_snapshots.backend.merge.conflicts import Place, Resolution, Take
from fiftyone_snapshots.backend.merge.judge import Judge

Doc = dict[str, Any]
FLOAT, TEXT = "fiftyone.core.fields.FloatField", "fiftyone.core.fields.StringField"
CREATED = datetime(2024, 1, 1, tzinfo=timezone.utc).replace(tzinfo=None)


def field(name: str, ftype: str = FLOAT, day: int = 1, **others: Any) -> Doc:
    created_at = CREATED.replace(day=day)
    return {"name": name, "ftype": ftype, "db_field": name, "created_at": created_at, **others}


PATH = field("filepath", TEXT)


class Found(NamedTuple):
    document: Doc
    conflicts: list[tuple[K, str]]
    merged: properties.MergedDataset

    @property
    def fields(self) -> list[str]:
        return [each["name"] for each in self.document["sample_fields"]]


def merge(base: Doc, ours: Doc, theirs: Doc, take: Take | None = None, **restored: Take) -> Found:
    judge = Judge(Place(), lambda conflict: take and Resolution(take))
    merged = properties.merge(judge, base, ours, theirs, restored)
    conflicts = [(conflict.kind, conflict.path) for conflict in judge.conflicts]
    return Found(merged.document, conflicts, merged)


def schema(*fields: Doc) -> Doc:
    return {"sample_fields": [PATH, *fields]}


def test_26_a_field_of_both_sides_is_one_field() -> None:
    ours = field("f", description="d", info={"a": 1})
    theirs = field("f", day=2, description=None, info={"b": 1})
    found = merge(schema(), schema(ours), schema(theirs))
    assert found.conflicts == []
    assert found.document["sample_fields"][1:] == [{**ours, "info": {"a": 1, "b": 1}}]
    changed = merge(schema(ours), schema(ours), schema({**ours, "description": "new"}))
    assert changed.document["sample_fields"][1]["description"] == "new"


def test_27_a_field_of_two_types() -> None:
    sides = schema(), schema(field("f")), schema(field("f", TEXT))
    assert merge(*sides).conflicts == [(K.SCHEMA_TYPE, "f")]
    for take, ftype in ((Take.OURS, FLOAT), (Take.THEIRS, TEXT)):
        found = merge(*sides, take=take)
        assert found.document["sample_fields"][1]["ftype"] == ftype
        assert found.merged.samples.whole == {"f": take}


@pytest.mark.parametrize(("side", "other"), [(Take.OURS, Take.THEIRS), (Take.THEIRS, Take.OURS)])
def test_28_and_29_a_deleted_field(side: Take, other: Take) -> None:
    sides = [schema(), schema(field("f"))]
    if side is Take.THEIRS:
        sides.reverse()
    found = merge(schema(field("f")), *sides)
    assert (found.conflicts, found.fields) == ([], ["filepath"])
    fields = found.merged.samples
    assert (fields.whole, fields.contested) == ({"f": side}, {"f": other})
    kept = merge(schema(field("f")), *sides, f=other)
    assert (kept.fields, kept.merged.samples.whole) == (["filepath", "f"], {"f": other})


def test_30_a_renamed_field() -> None:
    f, g = field("f", day=5), field("g", day=5)
    found = merge(schema(f), schema(g), schema({**f, "description": "new"}))
    assert (found.conflicts, found.fields) == ([], ["filepath", "g"])
    assert found.document["sample_fields"][1]["description"] == "new"
    assert (found.merged.samples.base, found.merged.samples.theirs) == ({"f": "g"}, {"f": "g"})
    mirrored = merge(schema(f), schema(f), schema(g))
    assert (mirrored.fields, mirrored.merged.samples.ours) == (["filepath", "g"], {"f": "g"})
    both = merge(schema(f), schema(g), schema(g))
    assert (both.fields, both.merged.samples.base) == (["filepath", "g"], {"f": "g"})
    assert not both.merged.samples.ours


def test_30_a_field_that_a_clone_renamed() -> None:
    cloned = [
        {**PATH, "created_at": CREATED.replace(day=9)},
        field("g", day=9),
        field("n", day=10),
    ]
    found = merge(schema(field("f", day=2)), schema(field("f", day=2)), {"sample_fields": cloned})
    assert found.fields == ["filepath", "g", "n"]
    assert found.merged.samples.ours == {"f": "g"}


def test_30_a_field_that_the_target_renamed_against_a_base_of_its_clone() -> None:
    """Of the base's fields nobody knows when they were first declared, but it was earlier."""
    base = {"sample_fields": [{**PATH, "created_at": CREATED.replace(day=9)}, field("f", day=9)]}
    ours = schema(field("g", day=2), field("later", day=11))
    found = merge(base, ours, base)
    assert found.fields == ["filepath", "g", "later"]
    assert found.merged.samples.theirs == {"f": "g"}
    assert found.merged.samples.contested == {}
    new = merge(base, schema(field("later", day=11)), base)
    assert new.merged.samples.contested == {"f": Take.THEIRS}


def test_30_renamed_and_deleted() -> None:
    f, g = field("f", day=5), field("g", day=5)
    found = merge(schema(f), schema(g), schema())
    assert found.merged.samples.whole == {"g": Take.THEIRS}
    assert found.merged.samples.contested == {"g": Take.OURS}


def test_31_two_new_names() -> None:
    sides = [schema(field(name, day=5)) for name in "fgh"]
    found = merge(*sides)
    assert (found.conflicts, found.fields) == ([(K.SCHEMA_RENAME, "f")], ["filepath", "g"])
    theirs = merge(*sides, take=Take.THEIRS)
    assert (theirs.fields, theirs.merged.samples.ours) == (["filepath", "h"], {"g": "h"})


def test_a_new_name_that_is_another_field_elsewhere() -> None:
    found = merge(
        schema(field("f", day=5)),
        schema(field("g", day=5)),
        schema(field("f", day=5), field("g", day=6)),
    )
    assert found.fields == ["filepath", "g"]
    assert found.merged.samples.contested == {"f": Take.THEIRS}


def test_inner_fields() -> None:
    def label(*names: str) -> Doc:
        return schema(field("gt", fields=[field(name) for name in names]))

    found = merge(label("a", "b"), label("a", "c"), label("a", "b", "d"))
    assert [each["name"] for each in found.document["sample_fields"][1]["fields"]] == [
        "a",
        "c",
        "d",
    ]


@pytest.mark.parametrize(("side", "other"), [(Take.OURS, Take.THEIRS), (Take.THEIRS, Take.OURS)])
def test_28_and_29_a_deleted_attribute_of_labels(side: Take, other: Take) -> None:
    inner = [field("a"), field("k")]
    whole, less = (
        schema(field("gt", fields=[field("detections", fields=inner[:n])])) for n in (2, 1)
    )
    ours, theirs = (less, whole) if side is Take.OURS else (whole, less)
    path = "gt.detections.k"
    found = merge(whole, ours, theirs)
    assert found.document["sample_fields"][1]["fields"][0]["fields"] == inner[:1]
    assert found.merged.samples.contested == {path: other}
    kept = merge(whole, ours, theirs, **{path: other})
    assert kept.document["sample_fields"][1]["fields"][0]["fields"] == inner


class Case(NamedTuple):
    number: str
    key: str
    base: Any
    ours: Any
    theirs: Any
    result: Any
    conflicts: tuple[tuple[K, str], ...] = ()


CASES = [
    Case("32", "default_classes", ["c"], ["c", "a"], ["c", "b"], ["c", "a", "b"]),
    Case("32: both", "default_classes", ["c"], ["c", "a"], ["c", "b", "a"], ["c", "a", "b"]),
    Case("32: by field", "classes", {"f": ["c"]}, {"f": ["c", "a"]}, {"f": ["c"], "g": ["x"]}, {"f": ["c", "a"], "g": ["x"]}),
    Case("32: reordered", "default_classes", ["c", "d"], ["d", "c"], ["c", "d", "e"], ["d", "c"], ((K.CLASSES, "default_classes"),)),
    Case("32: two orders", "default_classes", ["c"], ["c", "a", "b"], ["c", "b", "x", "a"], ["c", "a", "b"], ((K.CLASSES, "default_classes"),)),
    Case("32: removed", "classes", {"f": ["c", "d"]}, {"f": ["c", "d", "a"]}, {"f": ["c"]}, {"f": ["c", "d", "a"]}, ((K.CLASSES, "classes.f"),)),
    Case("33", "mask_targets", {"f": {"1": "x"}}, {"f": {"1": "x", "7": "road"}}, {"f": {"1": "x", "7": "tree"}}, {"f": {"1": "x", "7": "road"}}, ((K.MASK_TARGET, "mask_targets.f.7"),)),
    Case("33: other keys", "default_mask_targets", {}, {"7": "road"}, {"8": "tree"}, {"7": "road", "8": "tree"}),
    Case("33: skeletons", "skeletons", {}, {"f": {"edges": [1]}}, {"f": {"labels": [1]}}, {"f": {"edges": [1]}}, ((K.MASK_TARGET, "skeletons.f"),)),
    Case("34: info", "info", {"a": 1}, {"a": 1, "b": {"x": 1}}, {"a": 2, "b": {"y": 1}}, {"a": 2, "b": {"x": 1, "y": 1}}),
    Case("34: info in conflict", "info", {"a": 1}, {"a": 2}, {"a": 3}, {"a": 2}, ((K.VALUE, "info.a"),)),
    Case("34: description", "description", "x", "y", "z", "y", ((K.VALUE, "description"),)),
    Case("34: settings", "app_config", {"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 3, "b": 2}, {"a": 2, "b": 2}),
    Case("34: tags", "tags", ["a"], ["a", "b"], ["c"], ["b", "c"]),
    Case("group slices", "group_media_types", {"l": "image"}, {"l": "image", "r": "image"}, {"l": "image", "s": "3d"}, {"l": "image", "r": "image", "s": "3d"}),
    Case("not content", "name", "a", "b", "c", "b"),
    Case("unknown", "_of_a_plugin", 1, 1, 2, 2),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_each_case_of_settings(case: Case) -> None:
    found = merge(*({case.key: side} for side in (case.base, case.ours, case.theirs)))
    assert tuple(found.conflicts) == case.conflicts
    assert found.document[case.key] == case.result


def test_settings_are_ours_and_that_is_told() -> None:
    sides = (
        {"app_config": {"grid": number, "color_scheme": {"_id": number}}} for number in range(3)
    )
    found = merge(*sides)
    assert found.merged.notes == ["Both sides changed app_config.grid: that of the target stays"]
    assert found.document["app_config"] == {"grid": 1, "color_scheme": {"_id": 1}}


def test_media_of_two_kinds_do_not_merge() -> None:
    with pytest.raises(InvalidRequestError, match="holds image media and the branch video media"):
        merge({}, {"media_type": "image"}, {"media_type": "video"})
    assert (
        merge({}, {"media_type": None}, {"media_type": "video"}).document["media_type"] == "video"
    )


def test_fields_are_told_by_their_names_and_found_by_those_in_documents() -> None:
    """FiftyOne puts an underscore before the name of a field of ids in documents."""

    def ids(name: str, day: int = 5) -> Doc:
        ftype = "fiftyone.core.fields.ObjectIdField"
        return {**field(name, ftype, day), "db_field": f"_{name}"}

    found = merge(schema(ids("f")), schema(ids("f")), schema(ids("g")))
    assert found.document["sample_fields"][1:] == [ids("g")]
    fields = found.merged.samples
    assert (fields.base, fields.ours, fields.theirs) == ({"_f": "_g"}, {"_f": "_g"}, {})
    assert fields.told == {"_g": "g"}
    gone = merge(schema(ids("f")), schema(ids("f")), schema(), f=Take.OURS)
    assert gone.fields == ["filepath", "f"]
    assert (gone.merged.samples.whole, gone.merged.samples.names["_f"]) == ({"_f": Take.OURS}, "f")


def test_what_was_decided_changes_nothing_of_what_is_looked_at() -> None:
    sides = schema(field("f")), schema(field("f")), schema()
    for decided in ({}, {"f": Take.OURS}):
        assert merge(*sides, **decided).merged.samples.changes_ours


def test_a_slice_of_two_kinds_of_media_is_refused() -> None:
    sides = [{"group_media_types": kinds} for kinds in ({}, {"w": "image"}, {"w": "video"})]
    with pytest.raises(InvalidRequestError, match="Slice 'w' holds image media in the target"):
        merge(*sides)
