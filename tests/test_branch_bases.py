"""The base of a branch is held for as long as the branch exists, in the trash too."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots import management
from support.datasets import image_dataset
from support.full import Document
from support.invariants import assert_sound


@pytest.fixture
def street() -> fo.Dataset:
    """A dataset with three snapshots, and a branch of the second one."""
    dataset = image_dataset("street", 3, persistent=True)
    for name in ("v1", "v2", "v3"):
        fos.create_snapshot(dataset, name)
        dataset.tag_samples(name)
    fos.create_branch(dataset, "night", "v2")
    return dataset


def age(database: Database[Document], days: float) -> None:
    then = datetime.now(timezone.utc) - timedelta(days=days)
    database["snapshots.trash"].update_many({}, {"$set": {"trashed_at": then}})
    database["snapshots.catalog"].update_many({"live": False}, {"$set": {"trashed_at": then}})


def test_it_is_neither_deleted_nor_pruned(
    street: fo.Dataset, database: Database[Document]
) -> None:
    with pytest.raises(fos.HeldSnapshotError, match=r"'v2' is the base of branch 'street\.night'"):
        fos.delete_snapshot(street, "v2")
    pruned = fos.prune_snapshots(street, keep_last=1, dry_run=False)
    assert [item.name for item in pruned.pruned] == ["v1"]
    assert fos.list_snapshots(street) == ["v2", "v3"]
    # What is no base can go
    fos.delete_snapshot(street, "v3")
    assert_sound(database)


@pytest.mark.parametrize("days", ["7", "0"])
def test_a_revert_takes_it_to_the_trash_where_it_stays(
    days: str,
    street: fo.Dataset,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", days)
    fos.revert_dataset_to_snapshot(street, "v1")
    (base,) = [item for item in fos.list_trash(street) if item.name == "v2"]
    assert (base.expires_at, base.held_by) == (None, ("street.night",))
    (listed,) = [
        e
        for e in fos.get_history(street, management.HistoryQuery(trash=True)).entries
        if e.name == "v2"
    ]
    assert listed.expires_at is None
    age(database, 8)
    fos.create_snapshot(street, "w1")
    assert [item.name for item in fos.list_trash(street)] == ["v2"]
    with caplog.at_level(logging.WARNING):
        assert fos.empty_trash(street) == []
    info = fos.get_branch_info("street.night")
    assert info is not None
    assert (info.base_snapshot, info.has_base) == ("v2", True)
    assert fos.restore_snapshot(street, "v2").name == "v2"
    assert_sound(database)


def test_what_the_trash_keeps_is_said(
    street: fo.Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    fos.revert_dataset_to_snapshot(street, "v1")
    with caplog.at_level(logging.WARNING):
        assert {item.name for item in fos.empty_trash(street)} == {"v1", "v3"}
    assert "'v2' stays in the trash: it is the base of branch 'street.night'" in caplog.text


@pytest.mark.parametrize("way", ["delete_dataset", "without the package", "trash"])
def test_it_is_free_when_the_branch_is_gone(
    way: str, street: fo.Dataset, database: Database[Document]
) -> None:
    branch = fo.load_dataset("street.night")
    fos.create_snapshot(branch, "own")
    if way == "delete_dataset":
        fo.delete_dataset("street.night")
    elif way == "without the package":
        database["datasets"].delete_one({"name": "street.night"})
        database.drop_collection(branch._sample_collection_name)
    else:
        fos.delete_branch("street.night")
        with pytest.raises(fos.HeldSnapshotError, match="in the trash"):
            fos.delete_snapshot(street, "v2")
        assert {item.kind.value for item in fos.empty_trash(street)} == {"branch"}
    fos.delete_snapshot(street, "v2")
    assert fos.list_branches(street) == []
    assert fos.list_snapshots(street) == ["v1", "v3"]
    assert_sound(database)


def test_it_may_be_archived_renamed_and_converted(
    street: fo.Dataset,
    database: Database[Document],
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.edit_snapshot(street, "v2", new_name="day")
    fos.convert_snapshots(street, "delta")
    fos.archive_snapshot(street, "day")
    street.name = "road"
    for _ in ("archived", "back"):
        with pytest.raises(fos.HeldSnapshotError, match=r"'day' is the base of branch 'street\.n"):
            fos.delete_snapshot("road", "day")
        info = fos.get_branch_info("street.night")
        assert info is not None
        assert (info.parent_name, info.base_snapshot) == ("road", "day")
        fos.unarchive_snapshot("road", "day")
    assert_sound(database)


def test_the_branch_outlives_its_parent(street: fo.Dataset, database: Database[Document]) -> None:
    fos.create_branch("street.night", "fog")
    street.delete()
    info = fos.get_branch_info("street.night")
    assert info is not None
    assert (info.parent_name, info.has_parent, info.has_base) == ("street", False, False)
    assert [branch.name for branch in fos.list_branches("street.night")] == ["fog"]
    assert_sound(database)
    with pytest.raises(fos.HeldSnapshotError, match=r"street\.night\.fog"):
        fos.delete_branch("street.night")
    fos.delete_branch("street.night.fog")
    fos.empty_trash("street.night")
    fos.delete_branch("street.night")
    assert fos.restore_branch("street.night").has_parent is False
    assert_sound(database)
