"""A copy of a database leaves the archives of the original alone until somebody decides."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog import deployment, place
from support.command_line import Run, in_this_process
from support.copied import become_a_copy
from support.crash import killed_at
from support.datasets import image_dataset
from support.full import Document
from support.mongod import Mongod

NAME = "digits"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of archives of the original, and of the copy where a test says nothing else."""
    place = tmp_path / "archives"
    place.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(place))
    return place


@pytest.fixture
def archived(folder: Path) -> Path:
    """The archive of v1, beside which v2 is in the database."""
    image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    fos.create_snapshot(NAME, "v2")
    fos.archive_snapshot(NAME, "v1")
    (archive,) = folder.iterdir()
    return archive


def _delete_and_empty() -> None:
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)


def _delete_without_trash() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", "0")
        fos.delete_snapshot(NAME, "v1")


def _purge() -> None:
    fo.delete_dataset(NAME)
    fos.recover()


REMOVALS = {
    "empty_trash": _delete_and_empty,
    "delete": _delete_without_trash,
    "purge": _purge,
    "unarchive": lambda: fos.unarchive_snapshot(NAME, "v1"),
}


@pytest.mark.parametrize("removal", REMOVALS)
def test_a_copy_removes_no_archive_of_the_original(
    removal: str, archived: Path, database: Database[Document], caplog: pytest.LogCaptureFixture
) -> None:
    become_a_copy(database)
    assert fos.verify_snapshot(NAME, "v1")
    with caplog.at_level(logging.WARNING):
        REMOVALS[removal]()
    assert archived.exists()
    assert "claim_archives()" in caplog.text
    fos.recover()
    assert archived.exists()
    (found,) = [each for each in fos.diagnose().problems if each.subject == "archives"]
    assert "copy" in found.message
    assert "claim-archives" in found.advice
    assert "leave-archives" in found.advice


@pytest.mark.parametrize("removal", ["empty_trash", "unarchive"])
def test_a_backup_that_took_the_place_of_the_original_claims_them(
    removal: str, archived: Path, database: Database[Document]
) -> None:
    become_a_copy(database)
    assert fos.claim_archives() == 1
    assert not fos.diagnose().problems
    REMOVALS[removal]()
    assert not archived.exists()
    assert fos.list_events(action="claim_archives")[0].outcome.value == "done"


def test_what_was_left_before_the_claim_is_removed_after_it(
    archived: Path, database: Database[Document]
) -> None:
    become_a_copy(database)
    _delete_and_empty()
    fos.claim_archives()
    fos.recover()
    assert not archived.exists()
    assert fos.diagnose()


def test_a_copy_of_its_own_leaves_them(
    archived: Path, folder: Path, database: Database[Document], caplog: pytest.LogCaptureFixture
) -> None:
    become_a_copy(database)
    fos.archive_snapshot(NAME, "v2")
    (own,) = set(folder.iterdir()) - {archived}
    fos.unarchive_snapshot(NAME, "v1")
    assert fos.leave_archives() == 1
    assert fos.diagnose()
    fos.recover()
    caplog.clear()
    fo.delete_dataset(NAME)
    fos.recover()
    assert not caplog.records
    assert archived.exists()
    assert not own.exists()
    assert fos.diagnose()


def test_a_claim_after_leaving_takes_them_back(
    archived: Path, database: Database[Document]
) -> None:
    become_a_copy(database)
    fos.leave_archives()
    fos.claim_archives()
    _delete_and_empty()
    assert not archived.exists()


def test_the_original_has_nothing_to_decide(archived: Path) -> None:
    for decide in (fos.claim_archives, fos.leave_archives):
        with pytest.raises(fos.InvalidRequestError, match="no copy"):
            decide()


def test_archives_from_before_belong_to_the_database_that_has_them(
    archived: Path, database: Database[Document]
) -> None:
    database["snapshots.deployment"].drop()
    database["snapshots.catalog"].update_many({}, {"$unset": {"archive.owner": 1}})
    _delete_and_empty()
    assert not archived.exists()


def test_a_copy_of_a_database_with_archives_from_before_leaves_them(
    archived: Path, database: Database[Document]
) -> None:
    database["snapshots.catalog"].update_many({}, {"$unset": {"archive.owner": 1}})
    become_a_copy(database)
    _delete_and_empty()
    assert archived.exists()


@pytest.mark.parametrize("point", ["archive.written"])
def test_a_copy_of_an_archiving_under_way_does_not_take_its_file(
    point: str, archived: Path, folder: Path, database: Database[Document]
) -> None:
    assert killed_at(point, lambda: fos.archive_snapshot(NAME, "v2"))
    written = set(folder.iterdir())
    assert len(written) == 2
    become_a_copy(database)
    fos.recover()
    assert set(folder.iterdir()) == written


def test_a_copy_of_an_export_under_way_does_not_take_its_file(
    archived: Path, tmp_path: Path, database: Database[Document]
) -> None:
    target = tmp_path / "exports"
    target.mkdir()
    export = target / "v2.tar"
    assert killed_at("export.checked", lambda: fos.export_snapshot(NAME, "v2", export))
    written = set(target.iterdir())
    assert len(written) == 1
    become_a_copy(database)
    fos.recover()
    assert set(target.iterdir()) == written


@pytest.mark.parametrize("elsewhere", [True, False])
def test_nothing_is_removed_outside_of_the_folder_that_is_set(
    elsewhere: bool,
    archived: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = tmp_path / "staging"
    other.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(other) if elsewhere else "")
    assert fos.verify_snapshot(NAME, "v1")
    _delete_and_empty()
    assert archived.exists()
    assert str(archived.parent) in caplog.text
    fos.recover()
    assert archived.exists()
    (found,) = fos.diagnose().problems
    assert str(archived.parent) in found.message
    assert "FIFTYONE_SNAPSHOTS_ARCHIVE_PATH" in found.advice
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(archived.parent))
    fos.recover()
    assert not archived.exists()
    assert fos.diagnose()


def test_on_the_command_line(
    archived: Path, database: Database[Document], capsys: pytest.CaptureFixture[str]
) -> None:
    run: Run = in_this_process(capsys)
    become_a_copy(database)
    assert run("leave-archives").out == "1 archives are left to the database that wrote them\n"
    assert run("claim-archives", "--json").json == {"archives": 1}
    refused = run("claim-archives")
    assert (refused.code, refused.out) == (1, "")


def become_copied_files(database: Database[Document]) -> None:
    """Has the note say what it says in a copy of the server's files: it was written elsewhere."""
    elsewhere = {"host": "production", "path": "/data/db"}
    changed = database["snapshots.deployment"].update_one({}, {"$set": {"places": [elsewhere]}})
    assert changed.modified_count


@pytest.mark.parametrize("removal", REMOVALS)
def test_copied_files_remove_no_archive_of_the_original(
    removal: str, archived: Path, database: Database[Document], caplog: pytest.LogCaptureFixture
) -> None:
    become_copied_files(database)
    with caplog.at_level(logging.WARNING):
        REMOVALS[removal]()
    assert archived.exists()
    assert "claim_archives()" in caplog.text
    fos.recover()
    assert archived.exists()
    (found,) = [each for each in fos.diagnose().problems if each.subject == "archives"]
    assert "claim-archives" in found.advice


def test_a_server_that_was_moved_claims_them_once(
    archived: Path, database: Database[Document]
) -> None:
    become_copied_files(database)
    assert fos.claim_archives() == 1
    assert not fos.diagnose().problems
    # And may go back to where it was
    assert len((database["snapshots.deployment"].find_one() or {})["places"]) == 2
    _delete_and_empty()
    assert not archived.exists()


def test_copied_files_that_leave_them_are_a_database_of_their_own(
    archived: Path, folder: Path, database: Database[Document]
) -> None:
    become_copied_files(database)
    assert fos.leave_archives() == 1
    assert fos.diagnose()
    fos.archive_snapshot(NAME, "v2")
    (own,) = set(folder.iterdir()) - {archived}
    fo.delete_dataset(NAME)
    fos.recover()
    assert archived.exists()
    assert not own.exists()


def test_a_note_of_an_earlier_version_learns_where_it_is(
    archived: Path, database: Database[Document]
) -> None:
    database["snapshots.deployment"].update_one({}, {"$unset": {"places": ""}})
    _delete_and_empty()
    assert not archived.exists()
    assert (database["snapshots.deployment"].find_one() or {})["places"]


def test_a_server_on_copied_files_is_told_from_the_original(tmp_path: Path) -> None:
    original = Mongod(tmp_path / "original")
    with original, original.client() as client:
        assert not deployment.note(client["fiftyone"]).is_copy
    # Somewhere else, and at another port
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    for path, is_copy in (("original", False), ("copy", True)):
        with Mongod(tmp_path / path) as server, server.client() as client:
            assert deployment.note(client["fiftyone"]).is_copy is is_copy


@pytest.mark.parametrize(
    ("there", "is_same"),
    [
        ({"host": "Laptop.lan", "path": "/data"}, True),
        ({"host": "laptop", "path": "/other"}, False),
        ({"host": "server", "path": "/data"}, False),
        ({"set": "rs0", "members": ["a:1"]}, False),
    ],
)
def test_what_is_the_same_place(there: Document, is_same: bool) -> None:
    assert place.is_same({"host": "laptop.local", "path": "/data"}, there) is is_same
    containers = [{"host": host, "path": "/data/db"} for host in ("0123456789ab", "ba9876543210")]
    assert place.is_same(*containers)
    before = {"set": "rs0", "members": ["a:1", "b:1"]}
    assert place.is_same(before, {"set": "rs0", "members": ["b:1", "c:1"]})
    assert not place.is_same(before, {"set": "rs0", "members": ["copy:1"]})
