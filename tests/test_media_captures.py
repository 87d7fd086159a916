"""What was captured of media is stored whole or not at all, and goes where its snapshot goes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.media import look, store
from support.crash import killed_at
from support.full import Document
from support.media_files import NAME, images, layers, media, touch, write


@pytest.mark.parametrize("point", ["stored", "changed"])
def test_a_capture_that_dies_is_all_or_nothing(
    point: str, tmp_path: Path, database: Database[Document]
) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    assert killed_at(f"capture_media.{point}", lambda: fos.capture_media(NAME, "v1"))
    fos.recover()
    found = fos.get_captured_media(NAME, "v1")
    assert (found is None) == (point == "stored")
    assert len(layers(database)) == (found is not None)
    assert fos.capture_media(NAME, "v1").found == 24
    assert len(layers(database)) == 1
    assert not media()


def test_two_at_once(tmp_path: Path, database: Database[Document]) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: fos.capture_media(NAME, "v1"), range(2)))
    assert [each.found for each in found] == [24, 24]
    assert len(layers(database)) == 1


def test_a_snapshot_that_is_deleted_meanwhile_gets_nothing(
    tmp_path: Path, database: Database[Document]
) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1", media="stat")
    fos.create_snapshot(NAME, "v2")

    def delete() -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(fos.delete_snapshot, NAME, "v1").result()
            thread.submit(fos.empty_trash, NAME).result()

    # What it has begun with is gone as well when it is about to store
    looked = look.look_at_all

    def look_at_all(*given: object, **named: object) -> object:
        delete()
        return looked(*given, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(look, "look_at_all", look_at_all)
        assert fos.capture_media(NAME, "v2").found == 24
    assert not media("v2")
    (capture,) = database["snapshots.media"].find({"layers": {"$exists": True}})
    assert store.Capture.from_document(capture).layers[0].files == 24


def test_what_is_damaged_is_told_and_captured_anew(
    tmp_path: Path, database: Database[Document]
) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1", media="stat")
    database["snapshots.media"].update_one(
        {"layer": {"$exists": True}}, {"$set": {"data": b"nothing"}}
    )
    with pytest.raises(fos.DamagedSnapshotError, match="capture_media"):
        media()
    fos.capture_media(NAME, "v1")
    assert not media()


def test_an_archived_snapshot_keeps_what_was_captured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path / "images")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.create_snapshot(NAME, "v1", media="stat")
    fos.archive_snapshot(NAME, "v1")
    assert not media()
    (tmp_path / "images/夜0.png").unlink()
    assert media().missing.total == 1
    with pytest.raises(fos.ArchivedSnapshotError, match="unarchive_snapshot"):
        fos.capture_media(NAME, "v1")
    fos.unarchive_snapshot(NAME, "v1")
    assert media().missing.total == 1


def test_datasets_and_databases_of_before_have_captured_nothing(
    tmp_path: Path, database: Database[Document]
) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1", media="stat")
    database["snapshots.media"].drop()
    assert media().reason is not None
    assert fos.verify_snapshot(NAME, "v1", media=True)
    assert fos.capture_media(NAME, "v1").found == 24
    fo.delete_dataset(NAME)
    fos.recover()
    assert not list(database["snapshots.media"].find())


def test_copies_without_a_place_are_refused_before_anything_is_created(tmp_path: Path) -> None:
    images(tmp_path)
    with pytest.raises(fos.InvalidSettingError, match="MEDIA_STORE"):
        fos.create_snapshot(NAME, "v1", media="copy")
    assert not fos.list_snapshots(NAME)


def test_a_rollback_says_which_files_stay_as_they_are(tmp_path: Path) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1", media="stat")
    assert "media" not in str(fos.revert_dataset_to_snapshot(NAME, "v1", dry_run=True))
    write(tmp_path / "masks/0.png", "painted over")
    told = str(fos.revert_dataset_to_snapshot(NAME, "v1", dry_run=True)).splitlines()
    assert told[0] == f"Would roll '{NAME}' back to 'v1':"
    assert told[2] == "  media files, which stay as they are:"
    assert told[3].startswith("    replaced: 1 (")


def test_a_fault_in_the_capture_leaves_the_snapshot(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images(tmp_path)

    def fail() -> None:
        raise fos.DatasetBusyError("busy")

    with faults.arm("capture_media.stored", fail):
        fos.create_snapshot(NAME, "v1", media="stat")
    assert "its media were not captured" in caplog.text
    assert fos.get_captured_media(NAME, "v1") is None
    assert fos.list_snapshots(NAME) == ["v1"]


def test_what_was_captured_goes_along_with_an_export(
    tmp_path: Path, database: Database[Document]
) -> None:
    images(tmp_path / "images")
    fos.create_snapshot(NAME, "v1", media="hash")
    fos.create_snapshot(NAME, "v2")
    captured = fos.get_captured_media(NAME, "v1")
    one, two = (fos.export_snapshot(NAME, name, tmp_path / f"{name}.tar") for name in ("v1", "v2"))
    fo.delete_dataset(NAME)
    fos.recover()
    assert not list(database["snapshots.media"].find())
    touch(tmp_path / "images/夜0.png")
    (tmp_path / "images/夜1.png").unlink()
    fos.import_snapshot(one)
    fos.import_snapshot(two)
    assert fos.get_captured_media(NAME, "v1") == captured
    assert fos.get_captured_media(NAME, "v2") is None
    # Hashes from elsewhere prove nothing of files that nobody here has read
    assert (media("v1").hashed, media("v1").missing.total) == (1, 1)
