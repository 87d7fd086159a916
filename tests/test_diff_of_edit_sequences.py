"""Summaries and diffs are exact after any sequence of edits, between any two versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone as fo
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fiftyone_snapshots as fos
from support import brute_force
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.edits import EDITS, Edit, flat

SMALL_NUMBERS = st.integers(0, 19)
STEPS = st.lists(st.tuples(st.sampled_from(EDITS), SMALL_NUMBERS, SMALL_NUMBERS), max_size=8)
MAKERS: tuple[Callable[[str], fo.Dataset], ...] = (
    lambda name: image_dataset(name, size=4, persistent=True),
    lambda name: video_dataset(name, size=2, frames=3, persistent=True),
    lambda name: grouped_dataset(name, size=2, frames=2, persistent=True),
)

Steps = list[tuple[Edit, int, int]]


@given(make=st.sampled_from(MAKERS), first=STEPS, then=STEPS)
def test_any_edits_are_told_exactly(
    make: Callable[[str], fo.Dataset], first: Steps, then: Steps
) -> None:
    _check(make, first, then)


@pytest.mark.long
@given(make=st.sampled_from(MAKERS), first=STEPS, then=STEPS)
def test_any_edits_are_told_exactly_however_many_are_tried(
    make: Callable[[str], fo.Dataset], first: Steps, then: Steps
) -> None:
    _check(make, first, then)


def _check(make: Callable[[str], fo.Dataset], first: Steps, then: Steps) -> None:
    dataset = make("edited")
    try:
        before = brute_force.Contents.of_dataset(dataset)
        fos.create_snapshot(dataset, "before")
        _edit(dataset, first)
        middle = brute_force.Contents.of_dataset(dataset)
        fos.create_snapshot(dataset, "middle")
        _edit(dataset, then)
        after = brute_force.Contents.of_dataset(dataset)

        info = fos.get_snapshot_info(dataset, "middle")
        assert info is not None
        summary = info.linear_change_summary
        assert brute_force.summary_problems(summary, brute_force.compare(before, middle)) == []
        summary = fos.calculate_dataset_latest_changes_summary(dataset)
        assert brute_force.summary_problems(summary, brute_force.compare(middle, after)) == []
        _assert_exact(fos.diff(dataset, "before", "middle"), before, middle)
        _assert_exact(fos.diff(dataset, "middle"), middle, after)
        _assert_exact(fos.diff(dataset, "before"), before, after)
    finally:
        fo.delete_dataset("edited")


def _edit(dataset: fo.Dataset, steps: Steps) -> None:
    for edit, which, what in steps:
        edit(flat(dataset, which), which, what)
        dataset.reload()


def _assert_exact(diff: Any, before: brute_force.Contents, after: brute_force.Contents) -> None:
    assert brute_force.problems(diff, brute_force.compare(before, after)) == []
