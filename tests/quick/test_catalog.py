"""The catalog keeps the records of snapshots, in order, and their names apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.catalog.names import slug
from fiftyone_snapshots.backend.catalog.record import (
    Archive,
    SampleChangeSummary,
    SnapshotRecord,
    SnapshotState,
)
from fiftyone_snapshots.backend.errors import (
    DuplicateNameError,
    NewerFormatError,
    SnapshotNotFoundError,
)

DATASET = ObjectId()
DAY = datetime.fromisoformat("2026-11-28T12:00")


def record(name: str, sequence: int = 1, **changes: Any) -> SnapshotRecord:
    return replace(
        SnapshotRecord(
            id=ObjectId(),
            dataset_id=DATASET,
            name=name,
            slug=slug(name),
            description=None,
            sequence=sequence,
            state=SnapshotState.READY,
            backend="duplication",
            created_at=DAY + timedelta(days=sequence),
            created_by="anna",
        ),
        **changes,
    )


@pytest.fixture
def catalog(database: Database[dict[str, Any]]) -> Catalog:
    return Catalog(database)


def test_a_record_is_read_as_it_was_written(catalog: Catalog) -> None:
    written = record(
        "März",
        changes=SampleChangeSummary(5, 1, 2, 3, DAY),
        archive=Archive("/archives", "key.tar", 5, "abc", DAY),
        tags=("gold",),
        fields=("weather", "frames.objects"),
        pinned=True,
        storage={"anything": [1]},
    )
    catalog.add(written)
    assert catalog.by_id(written.id) == written
    assert catalog.find(DATASET, "März") == written


def test_a_record_of_a_newer_version_is_refused(catalog: Catalog) -> None:
    catalog.add(record("v1"))
    catalog.database["snapshots.catalog"].update_many({}, {"$set": {"format": 99}})
    with pytest.raises(NewerFormatError, match="pip install --upgrade"):
        catalog.find(DATASET, "v1")


def test_snapshots_are_listed_in_the_order_of_their_sequence(catalog: Catalog) -> None:
    for name, sequence in (("c", 3), ("a", 1), ("b", 2)):
        catalog.add(record(name, sequence))
    catalog.add(record("other", 9, dataset_id=ObjectId()))
    catalog.add(record("half made", 4, state=SnapshotState.CREATING))
    assert [each.name for each in catalog.list(DATASET)] == ["a", "b", "c"]
    latest = catalog.latest(DATASET)
    assert latest is not None
    assert latest.name == "c"
    assert catalog.next_sequence(DATASET) == 5


def test_neighbours_are_those_that_can_be_used(catalog: Catalog) -> None:
    first, second, third = (record(name, n) for n, name in enumerate("abc", 1))
    gone = record("gone", 4, state=SnapshotState.TRASHED)
    for each in (first, second, third, gone):
        catalog.add(each)
    assert catalog.neighbours(second) == (first, third)
    assert catalog.neighbours(third) == (second, None)
    assert catalog.neighbours(first) == (None, second)


def test_an_unknown_name_is_answered_with_those_that_are_known(catalog: Catalog) -> None:
    catalog.add(record("labelled"))
    with pytest.raises(SnapshotNotFoundError, match="labelled"):
        catalog.get(DATASET, "labeled", "street")


def test_names_of_one_slug_are_one_name(catalog: Catalog) -> None:
    catalog.add(record("First Try"))
    with pytest.raises(DuplicateNameError, match="it reads 'first-try'"):
        catalog.check_name(DATASET, "first-try")
    with pytest.raises(DuplicateNameError, match="already exists"):
        catalog.check_name(DATASET, "First Try")
    catalog.check_name(ObjectId(), "First Try")


def test_a_trashed_snapshot_gives_its_name_back(catalog: Catalog) -> None:
    catalog.add(record("v1", state=SnapshotState.TRASHED))
    catalog.check_name(DATASET, "v1")
    assert catalog.list(DATASET) == []
    assert [each.name for each in catalog.list_trashed(DATASET)] == ["v1"]


def test_archived_snapshots_do_not_count_against_the_limits(catalog: Catalog) -> None:
    catalog.add(record("here"))
    catalog.add(record("away", 2, archive=Archive("/archives", "key", 1, "", DAY)))
    catalog.add(record("trashed", 3, state=SnapshotState.TRASHED))
    assert catalog.counts(DATASET) == (1, 1)


def test_a_snapshot_from_elsewhere_gets_its_place_by_the_time_it_was_made(
    catalog: Catalog,
) -> None:
    early, late = record("early", 1), record("late", 2)
    catalog.add(early)
    catalog.add(late)
    between = early.created_at + (late.created_at - early.created_at) / 2
    assert catalog.make_place(DATASET, between) == 2
    moved = catalog.by_id(late.id)
    assert moved is not None
    assert moved.sequence == 3
    assert catalog.make_place(DATASET, late.created_at + timedelta(days=1)) == 4
