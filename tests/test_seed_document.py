"""Each code block of the specification of dataset versioning, and what the text says of it."""

from __future__ import annotations

import fiftyone_snapshots  # isort: skip  (provides fiftyone.management)

import fiftyone as fo
import fiftyone.management as fom
import fiftyone.management.snapshot as fomsnapshot
import pytest

from support.datasets import image_dataset
from support.snapshots import stored_snapshots


@pytest.fixture
def dataset():
    return image_dataset("quickstart", size=20, persistent=True)


def test_listing_snapshots(dataset):
    dataset_name = "quickstart"
    assert fom.list_snapshots(dataset_name) == []

    for name in ("v0.1", "a later one", "1"):
        fom.create_snapshot(dataset_name, name)
    assert fom.list_snapshots(dataset_name) == ["v0.1", "a later one", "1"]


def test_information_on_one_snapshot(dataset):
    fom.create_snapshot("quickstart", "v0.1", "as delivered")
    dataset = "quickstart"
    snapshot_name = "v0.1"

    info = fom.get_snapshot_info(dataset, snapshot_name)

    assert (info.name, info.slug, info.description) == ("v0.1", "v0-1", "as delivered")
    assert info.created_by
    assert info.created_at is not None
    assert info.load_status is fom.DatasetSnapshotStatus.LOADED
    assert info.linear_change_summary.total_samples == 20
    assert fom.get_snapshot_info(dataset, "another") is None


def test_loading_a_snapshot(dataset):
    fom.create_snapshot("quickstart", "v1")
    before = dataset.values("weather.label")
    dataset.set_values("weather.label", ["changed"] * len(dataset))
    dataset_name = "quickstart"
    existing_snapshot_name = "v1"

    snapshot = fo.load_dataset(dataset_name, snapshot=existing_snapshot_name)
    print(snapshot)

    assert snapshot.values("weather.label") == before
    assert snapshot is fo.load_dataset(dataset_name, existing_snapshot_name)
    with pytest.raises(fiftyone_snapshots.SnapshotNotFoundError, match=r"'v2'.*it has: v1"):
        fo.load_dataset(dataset_name, snapshot="v2")


def test_latest_changes(dataset):
    assert fom.get_dataset_latest_changes_summary(dataset.name) is None
    fom.create_snapshot(dataset.name, "v1")
    dataset.limit(3).tag_samples("checked")
    dataset.add_sample(fo.Sample("/media/new.jpg"))

    summary = fom.calculate_dataset_latest_changes_summary(dataset.name)

    assert (
        summary.total_samples,
        summary.num_samples_added,
        summary.num_samples_deleted,
        summary.num_samples_changed,
    ) == (21, 1, 0, 3)


def test_recalculating_the_latest_changes(dataset):
    fom.create_snapshot(dataset.name, "v1")

    old = fom.calculate_dataset_latest_changes_summary(dataset.name)
    assert old == fom.get_dataset_latest_changes_summary(dataset.name)

    dataset.delete_samples(dataset.take(5))

    # Cached summary hasn't been updated
    assert old == fom.get_dataset_latest_changes_summary(dataset.name)

    new = fom.calculate_dataset_latest_changes_summary(dataset.name)
    assert new.updated_at > old.updated_at
    assert new.num_samples_deleted == 5


def test_creating_a_snapshot(dataset):
    dataset_name = "quickstart"
    snapshot_name = "v0.1"
    description = "Version 0.1 in which I have made many awesome changes!"

    snapshot = fom.create_snapshot(dataset_name, snapshot_name, description)
    print(snapshot)

    assert isinstance(snapshot, fom.DatasetSnapshot)
    assert snapshot == fom.get_snapshot_info(dataset_name, snapshot_name)
    assert snapshot.description == description


def test_deleting_a_snapshot(dataset):
    fom.create_snapshot("quickstart", "v0.1")
    dataset.delete_samples(dataset.limit(2))
    fom.create_snapshot("quickstart", "v0.2")
    dataset.delete_samples(dataset.limit(3))
    fom.create_snapshot("quickstart", "v0.3")
    latest = fom.get_dataset_latest_changes_summary("quickstart")
    dataset = "quickstart"
    snapshot_name = "v0.2"

    fom.delete_snapshot(dataset, snapshot_name)

    assert fom.list_snapshots(dataset) == ["v0.1", "v0.3"]
    # The following snapshot is now compared with the one before
    following = fom.get_snapshot_info(dataset, "v0.3").linear_change_summary
    assert following.num_samples_deleted == 5
    # The latest changes are not recalculated by themselves
    fom.delete_snapshot(dataset, "v0.3")
    assert fom.get_dataset_latest_changes_summary(dataset) == latest


def test_deleting_a_dataset_deletes_its_snapshots(dataset, database):
    fom.create_snapshot("quickstart", "v0.1")
    fo.load_dataset("quickstart", "v0.1")
    fo.delete_dataset("quickstart")

    assert not fo.dataset_exists("quickstart@v0.1")
    assert not stored_snapshots(database)
    assert database["snapshots.catalog"].count_documents({}) == 0


def test_rolling_back(dataset):
    fom.create_snapshot("quickstart", "before")
    name = "quickstart"
    snapshot_name = "v0.1"
    description = "Initial dataset snapshot"
    fom.create_snapshot(name, snapshot_name, description)
    fom.create_snapshot(name, "newer")

    # Oops we deleted everything!
    dataset.delete_samples(dataset.values("id"))

    # Phew!
    fom.revert_dataset_to_snapshot(dataset.name, snapshot_name)
    dataset.reload()
    assert len(dataset) > 0

    assert len(dataset) == 20
    # Newer snapshots are deleted, older ones remain
    assert fom.list_snapshots(name) == ["before", "v0.1"]


def test_everything_documented_is_there_under_both_names():
    documented = [
        "DatasetSnapshot",
        "DatasetSnapshotStatus",
        "SampleChangeSummary",
        "calculate_dataset_latest_changes_summary",
        "create_snapshot",
        "delete_snapshot",
        "get_dataset_latest_changes_summary",
        "get_snapshot_info",
        "list_snapshots",
        "revert_dataset_to_snapshot",
    ]
    for name in documented:
        assert (
            getattr(fom, name) is getattr(fomsnapshot, name) is getattr(fiftyone_snapshots, name)
        )


def test_a_dataset_is_taken_wherever_a_name_is(dataset):
    fom.create_snapshot(dataset, "v1")
    assert fom.list_snapshots(dataset) == ["v1"]
    assert fom.get_snapshot_info(dataset, "v1").name == "v1"
    assert fom.calculate_dataset_latest_changes_summary(dataset).num_samples_added == 0
    fom.revert_dataset_to_snapshot(dataset, "v1")
    fom.delete_snapshot(dataset, "v1")
    assert fom.list_snapshots(dataset) == []
