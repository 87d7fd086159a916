"""The guard rails: how many snapshots there may be."""

from __future__ import annotations

import pytest

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.snapshots import stored_snapshots


@pytest.fixture
def dataset():
    return image_dataset("first", size=2, persistent=True)


def count(database) -> int:
    records = database["snapshots.catalog"].count_documents({})
    assert len(stored_snapshots(database)) == records
    return records


def test_per_dataset(dataset, database, monkeypatch):
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "2")
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, "v2")
    message = r"2 snapshots in dataset 'first'.*at most 2.*FIFTYONE_SNAPSHOTS_MAX_PER_DATASET"
    with pytest.raises(fos.LimitExceededError, match=message):
        fos.create_snapshot(dataset, "v3")
    assert count(database) == 2
    # Other datasets have a limit of their own
    fos.create_snapshot(image_dataset("second", size=1), "v1")


def test_in_the_database(dataset, database, monkeypatch):
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_IN_DB", "2")
    other = image_dataset("second", size=1)
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(other, "v1")
    for either in (dataset, other):
        with pytest.raises(fos.LimitExceededError, match="FIFTYONE_SNAPSHOTS_MAX_IN_DB"):
            fos.create_snapshot(either, "v2")
    assert count(database) == 2


def test_the_defaults_are_20_and_100():
    from fiftyone_snapshots.backend.config import Settings

    assert (Settings.load().max_per_dataset, Settings.load().max_in_db) == (20, 100)


def test_no_limit(dataset, monkeypatch):
    for variable in ("MAX_IN_DB", "MAX_PER_DATASET"):
        monkeypatch.setenv(f"FIFTYONE_SNAPSHOTS_{variable}", "-1")
    for number in range(22):
        fos.create_snapshot(dataset, f"v{number}")
    assert len(fos.list_snapshots(dataset)) == 22


def test_none_allowed(dataset, database, monkeypatch):
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "0")
    with pytest.raises(fos.LimitExceededError):
        fos.create_snapshot(dataset, "v1")
    assert count(database) == 0


def test_a_deleted_snapshot_makes_room(dataset, monkeypatch):
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "1")
    fos.create_snapshot(dataset, "v1")
    fos.delete_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, "v2")
    assert fos.list_snapshots(dataset) == ["v2"]
