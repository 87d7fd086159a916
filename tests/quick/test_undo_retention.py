"""Which safety snapshots the hours, days and weeks keep."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from fiftyone_snapshots.backend.config import Settings
from fiftyone_snapshots.backend.undo.retention import kept_by_time

NOW = datetime(2026, 3, 2, 0, 30, tzinfo=timezone.utc)  # a Monday, half an hour after midnight


def kept(ages: list[timedelta], hours: int, days: int, weeks: int) -> set[timedelta]:
    """Returns which ages are kept of snapshots of these ages."""
    settings = replace(Settings.load(), safety_hours=hours, safety_days=days, safety_weeks=weeks)
    ids = {ObjectId(): age for age in sorted(ages, reverse=True)}
    found = kept_by_time({id_: NOW - age for id_, age in ids.items()}, settings)
    return {ids[id_] for id_ in found}


def minutes(*numbers: int) -> set[timedelta]:
    return {timedelta(minutes=number) for number in numbers}


HOUR, DAY = 60, 24 * 60


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        # Whatever the rules, what the next one is compared with
        ((0, 0, 0), minutes(1)),
        # Of the hour that began at midnight, of the one before, and of the last one that has any
        ((3, 0, 0), minutes(1, 31, 5 * HOUR)),
        # Of today, of yesterday, and of the last day before that has any
        ((0, 3, 0), minutes(1, 31, 3 * DAY)),
        # A week begins on Monday
        ((0, 0, 2), minutes(1, 31)),
        ((0, 0, 9), minutes(1, 31, 8 * DAY, 400 * DAY)),
        ((1, 2, 3), minutes(1, 31, 8 * DAY)),
    ],
)
def test_of_each_the_newest(rules: tuple[int, int, int], expected: set[timedelta]) -> None:
    ages = minutes(
        *(1, 2, 29, 31, 32, 5 * HOUR, 5 * HOUR + 1, 6 * HOUR),
        *(3 * DAY, 3 * DAY + 1, 8 * DAY, 8 * DAY + 1, 400 * DAY),
    )
    assert kept([*ages], *rules) == expected


@given(
    st.lists(st.integers(0, 60 * DAY), unique=True),
    st.tuples(*[st.integers(0, 4)] * 3),
)
def test_no_more_than_the_rules_say_and_never_none(
    ages: list[int], rules: tuple[int, int, int]
) -> None:
    given_ages = minutes(*ages)
    found = kept([*given_ages], *rules)
    assert found <= given_ages
    assert len(found) <= sum(rules) + 1
    assert not ages or min(given_ages) in found
    # What was destroyed once would not have been kept again
    assert kept([*found], *rules) == found


def test_no_snapshots() -> None:
    assert kept([], 3, 3, 2) == set()
