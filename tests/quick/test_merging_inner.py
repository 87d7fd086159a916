"""Attributes of labels that one side has deleted: one edit of the schema, not one of each label."""

from __future__ import annotations

from typing import Any

import bson
import pytest
from bson import ObjectId

from fiftyone_snapshots.backend.merge.conflicts import Take
from fiftyone_snapshots.backend.merge.inner import InnerField
from fiftyone_snapshots.backend.merge.judge import nobody
from fiftyone_snapshots.backend.merge.samples import MergedSample, Sample, SampleMerge
from fiftyone_snapshots.backend.merge.schema import Fields

ID = ObjectId("5" * 24)
PATH = "gt.detections.k"


def document(*values: int | None, **others: Any) -> bytes:
    labels = [
        {"_id": ObjectId(f"{number:024d}"), "_cls": "Detection", "label": "car"}
        | ({} if value is None else {"k": value})
        for number, value in enumerate(values)
    ]
    return bson.encode({"_id": ID, "gt": {"_cls": "Detections", "detections": labels}, **others})


def merge(
    field: InnerField, base: bytes | None, ours: bytes | None, theirs: bytes | None
) -> tuple[MergedSample, SampleMerge]:
    merging = SampleMerge(Fields(inner={PATH: field}), Fields(), nobody)
    return merging.merge(Sample(ID, base, ours, theirs)), merging


def attributes(merged: MergedSample) -> list[int | None]:
    assert merged.sample.after is not None
    labels = bson.decode(merged.sample.after)["gt"]["detections"]
    return [label.get("k") for label in labels]


BASE, GONE, CHANGED = document(1, 2), document(None, None), document(1, 3, x=7)


@pytest.mark.parametrize("by", [Take.OURS, Take.THEIRS])
def test_it_is_gone_and_changed_values_are_counted(by: Take) -> None:
    sides = (GONE, CHANGED) if by is Take.OURS else (CHANGED, GONE)
    merged, merging = merge(InnerField(by, is_restored=False), BASE, *sides)
    assert (merged.conflicts, attributes(merged)) == ([], [None, None])
    assert merging.contested.counts == {PATH: 1}
    assert merged.sample.after is not None
    assert bson.decode(merged.sample.after)["x"] == 7


@pytest.mark.parametrize("by", [Take.OURS, Take.THEIRS])
def test_it_stays_with_what_the_other_side_has_made_of_it(by: Take) -> None:
    sides = (GONE, CHANGED) if by is Take.OURS else (CHANGED, GONE)
    merged, _ = merge(InnerField(by, is_restored=True), BASE, *sides)
    assert (merged.conflicts, attributes(merged)) == ([], [1, 3])


def test_nobody_has_changed_it() -> None:
    merged, merging = merge(InnerField(Take.OURS, is_restored=False), BASE, GONE, BASE)
    assert (attributes(merged), merging.contested.counts) == ([None, None], {})
    merged, _ = merge(InnerField(Take.THEIRS, is_restored=False), BASE, document(1, 2, 5), GONE)
    assert attributes(merged) == [None, None, None]


def test_a_cleared_value_is_a_changed_one() -> None:
    cleared = document(1, None)
    _, merging = merge(InnerField(Take.OURS, is_restored=False), BASE, GONE, cleared)
    assert merging.contested.counts == {PATH: 1}


def test_a_sample_that_the_other_side_has_deleted_is_not_edited_by_that() -> None:
    merged, _ = merge(InnerField(Take.THEIRS, is_restored=False), BASE, None, GONE)
    assert (merged.sample.after, merged.conflicts) == (None, [])
