"""Archives out of reach, moved, full, cancelled, or used by two at once lose nothing."""

from __future__ import annotations

import os
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.archives import only, turned_on
from support.crash import SURVIVED, in_child
from support.full import Document
from support.invariants import World, assert_sound
from support.stories import STORIES
from support.story import NAME, change, make


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of archives, turned on."""
    return turned_on(tmp_path, monkeypatch)


@pytest.fixture
def history(archives: Path) -> fo.Dataset:
    """A video dataset with snapshots v1, v2 and v3, and changes since."""
    dataset = make("video", STORIES["delete"])
    change(dataset, "drei")
    return dataset


def test_an_archive_out_of_reach_is_not_in_the_way(
    history: fo.Dataset, archives: Path, database: Database[Document]
) -> None:
    fos.archive_snapshot(NAME, "v3")
    away = archives.rename(archives.with_name("away"))
    # What it would be compared with is not known; that is no reason to refuse
    snapshot = fos.create_snapshot(NAME, "v4")
    assert snapshot.linear_change_summary is None
    with pytest.raises(fos.ArchiveStorageError, match="does not exist"):
        fos.unarchive_snapshot(NAME, "v3")
    with pytest.raises(fos.ArchiveStorageError, match="does not exist"):
        fos.archive_snapshot(NAME, "v1")
    fos.delete_snapshot(NAME, "v3")
    fos.empty_trash(NAME)
    assert fos.list_snapshots(NAME) == ["v1", "v2", "v4"]
    away.rename(archives)
    assert only(archives)
    fos.recover()
    assert not list(archives.iterdir())
    assert_sound(database)


def test_the_folder_can_be_moved(
    history: fo.Dataset, archives: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.archive_snapshot(NAME, "v2")
    moved = archives.rename(archives.with_name("elsewhere"))
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(moved))
    assert fos.verify_snapshot(NAME, "v2")
    fos.unarchive_snapshot(NAME, "v2")
    assert not list(moved.iterdir())


def test_archives_are_found_when_they_are_turned_off(
    history: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.archive_snapshot(NAME, "v2")
    monkeypatch.delenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH")
    with pytest.raises(fos.InvalidSettingError, match="FIFTYONE_SNAPSHOTS_ARCHIVE_PATH"):
        fos.archive_snapshot(NAME, "v1")
    fos.unarchive_snapshot(NAME, "v2")
    assert fos.load_snapshot(NAME, "v2")


def test_doing_it_twice_is_doing_it_once(history: fo.Dataset, archives: Path) -> None:
    for _ in range(2):
        fos.archive_snapshot(NAME, "v2")
        assert only(archives)
    for _ in range(2):
        fos.unarchive_snapshot(NAME, "v2")
        assert not list(archives.iterdir())


def test_two_at_once(history: fo.Dataset, archives: Path, database: Database[Document]) -> None:
    for verb in (fos.archive_snapshot, fos.unarchive_snapshot):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _, verb=verb: verb(NAME, "v2"), range(2)))
        assert_sound(database)
    assert not list(archives.iterdir())


@pytest.mark.parametrize("verb", ["archive", "unarchive"])
def test_it_can_be_cancelled(verb: str, history: fo.Dataset, database: Database[Document]) -> None:
    if verb == "unarchive":
        fos.archive_snapshot(NAME, "v2")
    before = World.now(database, NAME)

    def cancel() -> None:
        (entry,) = database["snapshots.journal"].find({"verb": verb, "state": "running"})
        assert fos.cancel_operation(str(entry["_id"]))

    act = {"archive": fos.archive_snapshot, "unarchive": fos.unarchive_snapshot}[verb]
    point = {"archive": "archive.piece", "unarchive": "unarchive.staging"}[verb]
    with faults.arm(point, cancel), pytest.raises(fos.OperationCancelledError):
        act(NAME, "v2")
    assert World.now(database, NAME) == before
    assert_sound(database)


def test_a_full_disk_loses_nothing(
    history: fo.Dataset, archives: Path, database: Database[Document]
) -> None:
    def archive_with_little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        with pytest.raises(fos.ArchiveStorageError, match=r"could not be written.*too large"):
            fos.archive_snapshot(NAME, "v2")

    assert in_child(archive_with_little_room) == SURVIVED
    assert not list(archives.iterdir())
    assert not fos.get_snapshot_info(NAME, "v2").is_archived
    assert_sound(database)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(history: fo.Dataset, archives: Path) -> None:
    archives.chmod(0o500)
    with pytest.raises(fos.ArchiveStorageError, match="Permission denied"):
        fos.archive_snapshot(NAME, "v2")
    archives.chmod(0o700)


def test_a_snapshot_that_is_open_elsewhere_is_closed(history: fo.Dataset) -> None:
    snapshot = fos.load_snapshot(NAME, "v2")
    assert len(snapshot)
    fos.archive_snapshot(NAME, "v2")
    assert snapshot.deleted


def test_archiving_while_it_is_being_loaded(
    history: fo.Dataset, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fiftyone_snapshots.backend.projection import project

    original = project.project

    def project_late(*args: object) -> str:
        monkeypatch.setattr(project, "project", original)
        fos.archive_snapshot(NAME, "v1")
        return original(*args)

    monkeypatch.setattr(project, "project", project_late)
    with pytest.raises(fos.ArchivedSnapshotError):
        fos.load_snapshot(NAME, "v1")
    assert not fo.dataset_exists(f"{NAME}@v1")
    assert_sound(database)
