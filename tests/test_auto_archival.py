"""Over a limit, the snapshot that nobody has loaded for longest goes to the archive."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.mongo.database import server_time
from fiftyone_snapshots.backend.operations.lease import Lease
from fiftyone_snapshots.backend.snapshots import quota
from support.datasets import image_dataset
from support.full import Document
from support.invariants import assert_sound


@pytest.fixture(autouse=True)
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "3")
    return tmp_path


@pytest.fixture
def dataset() -> fo.Dataset:
    dataset = image_dataset("first", 2, persistent=True)
    for name in ("a", "b", "c"):
        fos.create_snapshot(dataset, name)
    return dataset


def archived(name: str = "first") -> list[str]:
    return [
        each for each in fos.list_snapshots(name) if fos.get_snapshot_info(name, each).is_archived
    ]


def loaded(database: Database[Document], name: str, hours_ago: float) -> None:
    """Makes a snapshot look as if it was last loaded some time ago."""
    time = server_time(database) - timedelta(hours=hours_ago)
    database["snapshots.catalog"].update_many({"name": name}, {"$set": {"last_loaded_at": time}})


def test_the_one_loaded_longest_ago_goes(dataset, database) -> None:
    loaded(database, "a", 48)
    loaded(database, "b", 72)
    fos.create_snapshot(dataset, "d")
    assert archived() == ["b"]
    fos.create_snapshot(dataset, "e")
    # "c" was never loaded, and is not the newest any more
    assert archived() == ["b", "c"]
    fos.create_snapshot(dataset, "f")
    assert archived() == ["b", "c", "d"]
    assert fos.list_snapshots(dataset) == ["a", "b", "c", "d", "e", "f"]
    assert_sound(database)


def test_never_one_that_was_loaded_lately(dataset, database, monkeypatch) -> None:
    fos.load_snapshot(dataset, "a")
    loaded(database, "b", 23)
    before = set(database.list_collection_names())
    with pytest.raises(fos.LimitExceededError, match="None of them can be archived"):
        fos.create_snapshot(dataset, "d")
    assert archived() == []
    assert fos.list_snapshots(dataset) == ["a", "b", "c"]
    assert set(database.list_collection_names()) == before
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MIN_LAST_LOADED_SEC", "3600")
    fos.create_snapshot(dataset, "d")
    assert archived() == ["b"]


def test_never_the_newest(dataset, database, monkeypatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "1")
    other = image_dataset("second", 2, persistent=True)
    fos.create_snapshot(other, "a")
    with pytest.raises(fos.LimitExceededError):
        fos.create_snapshot(other, "b")
    assert archived("second") == []


def test_never_a_pinned_one(dataset, database) -> None:
    fos.pin_snapshot(dataset, "a")
    fos.create_snapshot(dataset, "d")
    assert archived() == ["b"]
    fos.pin_snapshot(dataset, "c")
    with pytest.raises(fos.LimitExceededError, match="pinned"):
        fos.create_snapshot(dataset, "e")
    fos.unpin_snapshot(dataset, "a")
    fos.create_snapshot(dataset, "e")
    assert archived() == ["a", "b"]


def test_over_the_total_limit_of_all_datasets(dataset, database, monkeypatch) -> None:
    other = image_dataset("second", 2, persistent=True)
    for name in ("x", "y"):
        fos.create_snapshot(other, name)
    for name, hours in (("a", 30), ("b", 40), ("x", 50)):
        loaded(database, name, hours)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_IN_DB", "5")
    third = image_dataset("third", 2, persistent=True)
    fos.create_snapshot(third, "z")
    assert (archived(), archived("second")) == ([], ["x"])
    assert_sound(database)


def test_over_the_limit_of_a_dataset_only_its_own(dataset, database) -> None:
    other = image_dataset("second", 2, persistent=True)
    for name in ("x", "y"):
        fos.create_snapshot(other, name)
    loaded(database, "a", 30)
    loaded(database, "b", 40)
    loaded(database, "x", 900)
    fos.create_snapshot(dataset, "d")
    assert (archived(), archived("second")) == (["b"], [])


def test_bringing_one_back_makes_room_as_well(dataset, database) -> None:
    fos.archive_snapshot(dataset, "a")
    fos.create_snapshot(dataset, "d")
    assert archived() == ["a"]
    loaded(database, "c", 48)
    fos.unarchive_snapshot(dataset, "a")
    # "b" was never loaded
    assert archived() == ["b"]
    # The one that was just brought back does not go at once
    fos.create_snapshot(dataset, "e")
    assert archived() == ["b", "c"]


def test_bringing_one_back_fails_if_none_can_go(dataset, database) -> None:
    fos.archive_snapshot(dataset, "a")
    fos.create_snapshot(dataset, "d")
    for name in ("b", "c"):
        fos.load_snapshot(dataset, name)
    with pytest.raises(fos.LimitExceededError):
        fos.unarchive_snapshot(dataset, "a")
    assert archived() == ["a"]
    assert_sound(database)


def test_archived_ones_do_not_count(dataset, database) -> None:
    for number in range(3):
        fos.create_snapshot(dataset, f"d{number}")
    assert len(fos.list_snapshots(dataset)) == 6
    assert len(archived()) == 3
    assert fos.check_new_snapshot(dataset) == 0


def test_without_archives_the_limit_is_the_limit(dataset, database, monkeypatch) -> None:
    monkeypatch.delenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH")
    with pytest.raises(fos.LimitExceededError):
        fos.create_snapshot(dataset, "d")
    with pytest.raises(fos.LimitExceededError):
        fos.check_new_snapshot(dataset, "d")


def test_nothing_is_archived_for_a_call_that_cannot_succeed(dataset) -> None:
    with pytest.raises(fos.DuplicateNameError):
        fos.create_snapshot(dataset, "c")
    with pytest.raises(fos.InvalidNameError):
        fos.create_snapshot(dataset, "")
    assert archived() == []


def test_if_the_archive_fails_so_does_the_call(dataset, database, archives, monkeypatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(archives / "gone"))
    with pytest.raises(fos.ArchiveStorageError):
        fos.create_snapshot(dataset, "d")
    assert fos.list_snapshots(dataset) == ["a", "b", "c"]


def test_a_busy_dataset_is_passed_over(dataset, database, monkeypatch) -> None:
    other = image_dataset("second", 2, persistent=True)
    for name in ("x", "y"):
        fos.create_snapshot(other, name)
    third = image_dataset("third", 2, persistent=True)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_IN_DB", "5")
    with Lease(database, dataset._doc.id, "something else", 0):
        fos.create_snapshot(third, "z")
        assert (archived("second"), archived()) == (["x"], [])
        # Now only the busy one has any that could go
        with pytest.raises(fos.DatasetBusyError):
            fos.create_snapshot(image_dataset("fourth", 2, persistent=True), "z")


def test_room_that_somebody_else_has_taken_is_made_again(
    dataset, database, tmp_path_factory, monkeypatch
) -> None:
    exported = tmp_path_factory.mktemp("exported") / "a.tar"
    fos.export_snapshot(dataset, "a", exported)
    fos.archive_snapshot(dataset, "c")
    fos.create_snapshot(dataset, "d")
    make, taking = quota.make, ["e1", "e2", "e3"]

    def lose(*arguments: Any) -> None:
        make(*arguments)
        if taking:
            name = taking.pop()
            fos.create_snapshot(dataset, name)

    monkeypatch.setattr(quota, "make", lose)
    fos.create_snapshot(dataset, "ours")
    taking.append("f1")
    fos.unarchive_snapshot(dataset, "c")
    fos.delete_snapshot(dataset, "a")
    fos.empty_trash(dataset)
    taking.append("f2")
    assert fos.import_snapshot(exported).name == "a"
    monkeypatch.setattr(quota, "make", make)
    assert set(fos.list_snapshots(dataset)) == set("abcd") | {"e1", "e2", "e3", "ours", "f1", "f2"}
    assert len(fos.list_snapshots(dataset)) - len(archived()) == 3
    assert_sound(database)
