"""Copies of media files: kept, brought back, referred to, and removed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.media import copies, look
from fiftyone_snapshots.backend.media.copies import MediaStore
from fiftyone_snapshots.backend.media.fact import SHA256
from support.command_line import Run, in_this_process
from support.copied import become_a_copy
from support.crash import die, in_child
from support.full import Document
from support.media_files import NAME, groups, images, videos, write


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MediaStore:
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(folder))
    return MediaStore.at(str(folder))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


def contents(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}


def age(kept: MediaStore, days: int = 8) -> None:
    then = time.time() - days * 86400
    for path in kept.folder.rglob("*"):
        os.utime(path, (then, then))


@pytest.mark.parametrize("make", [images, videos, groups])
def test_what_is_lost_comes_back_from_copies(
    make: Callable[[Path], fo.Dataset], kept: MediaStore, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    dataset = make(there)
    before = contents(there)
    fos.create_snapshot(dataset, "v1", media="copy")
    copied = sorted(path.read_text() for path in kept.folder.glob("sha256/*/*"))
    assert copied == sorted(before.values())
    # Not even for whoever writes into the file is it the same one
    for path in there.rglob("*"):
        if path.is_file() and not path.name.endswith(".fo3d"):
            path.write_text("painted over")
    back = fos.restore_media(NAME, "v1", to=tmp_path / "back")
    assert back
    assert (back.written, back.lost.total) == (len(before), 0)
    assert {path: Path(new).read_text() for path, new in back.paths.items()} == before
    assert all(
        Path(new).relative_to(tmp_path / "back") == Path(path).relative_to(there)
        for path, new in back.paths.items()
    )
    again = fos.restore_media(NAME, "v1", to=tmp_path / "back")
    assert (again.written, again.paths) == (0, back.paths)


def test_nothing_is_overwritten(kept: MediaStore, tmp_path: Path) -> None:
    images(tmp_path / "there")
    fos.create_snapshot(NAME, "v1", media="copy")
    write(tmp_path / "back" / "夜0.png", "mine")
    before = contents(tmp_path / "back")
    back = fos.restore_media(NAME, "v1", to=tmp_path / "back")
    (path,) = before
    assert contents(tmp_path / "back")[path] == before[path]
    new = back.paths[str(tmp_path / "there" / "夜0.png")]
    assert Path(new).name.startswith("夜0-")
    assert Path(new).read_text() == "there/夜0.png"
    assert fos.restore_media(NAME, "v1", to=tmp_path / "back").paths == back.paths


def test_only_what_is_unknown_is_copied(kept: MediaStore, tmp_path: Path) -> None:
    images(tmp_path / "there")
    fos.create_snapshot(NAME, "v1", media="copy")
    first = {path.stat().st_ino for path in kept.folder.glob("sha256/*/*")}
    (tmp_path / "there/夜0.png").write_text("new")
    fos.create_snapshot(NAME, "v2", media="copy")
    second = {path.stat().st_ino for path in kept.folder.glob("sha256/*/*")}
    assert len(second - first) == 1
    assert first < second


def test_files_of_some_samples(kept: MediaStore, tmp_path: Path) -> None:
    dataset = videos(tmp_path / "there")
    fos.create_snapshot(NAME, "v1", media="copy")
    dataset.add_sample(fo.Sample(write(tmp_path / "there" / "other.mp4")))
    fos.create_snapshot(NAME, "v2", media="copy")
    one, other = dataset.values("id")
    assert len(fos.restore_media(NAME, "v2", one, to=tmp_path / "one").paths) == 5
    assert len(fos.restore_media(NAME, "v2", [other], to=tmp_path / "other").paths) == 1
    assert len(fos.restore_media(NAME, "v1", dataset, to=tmp_path / "view").paths) == 5


def test_without_copies_what_is_still_the_same_is_brought(tmp_path: Path) -> None:
    images(tmp_path / "there")
    fos.create_snapshot(NAME, "v1", media="stat")
    with pytest.raises(fos.InvalidRequestError, match="No hashes"):
        fos.restore_media(NAME, "v1", to=tmp_path / "back")
    fos.capture_media(NAME, "v1", "hash")
    (tmp_path / "there/夜0.png").write_text("another")
    back = fos.restore_media(NAME, "v1", to=tmp_path / "back")
    assert not back
    assert back.lost.names == (str(tmp_path / "there/夜0.png"),)
    assert back.written == 23


def test_a_damaged_copy_is_not_brought(kept: MediaStore, tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="copy")
    copy = kept.path(look.digest(str(tmp_path / "there/夜0.png")))
    copy.chmod(0o600)
    copy.write_text("damaged")
    assert fos.restore_media(NAME, "v1", to=tmp_path / "one")
    (tmp_path / "there/夜0.png").unlink()
    back = fos.restore_media(NAME, "v1", to=tmp_path / "two")
    assert back.lost.names == (str(tmp_path / "there/夜0.png"),)
    assert not (tmp_path / "two/夜0.png").exists()


@pytest.mark.parametrize("make", [images, videos, groups])
def test_a_dataset_refers_to_what_was_brought_back_until_that_is_undone(
    make: Callable[[Path], fo.Dataset], kept: MediaStore, tmp_path: Path
) -> None:
    dataset = make(tmp_path / "there")
    fos.create_snapshot(NAME, "v1", media="copy")
    before = fos.content_hash(NAME)
    back = fos.restore_media(NAME, "v1", to=tmp_path / "back")
    done = fos.repoint_media(NAME, back)
    assert done is not None
    fos.create_snapshot(NAME, "v2", media="stat")
    found = fos.get_captured_media(NAME, "v2")
    assert found is not None
    assert found.found == len(back.paths)
    changes = fos.diff(NAME, "v1", "v2", progress=False, media=True).media
    assert changes is not None
    # What a scene names by whole paths is said in its own file, which stays as it is
    expected = len(back.paths) - (make is groups)
    assert (changes.added.total, changes.removed.total) == (expected, expected)
    dataset.reload()
    fos.undo_operation(NAME, done.id)
    assert fos.content_hash(NAME) == before


def test_nothing_is_done_where_nothing_refers_to_the_files(tmp_path: Path) -> None:
    images(tmp_path)
    before = fos.content_hash(NAME)
    fos.repoint_media(NAME, {"/nowhere/x.png": "/elsewhere/x.png"})
    assert fos.content_hash(NAME) == before


def test_copies_that_nothing_refers_to_are_removed(kept: MediaStore, tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="copy")
    (tmp_path / "there/夜0.png").write_text("another")
    fos.create_snapshot(NAME, "v2", media="copy")
    age(kept)
    leftover = kept.path("ab" * 32 + ".0.partial")
    leftover.parent.mkdir(exist_ok=True)
    leftover.touch()
    assert fos.collect_media().removed == 0
    fos.delete_snapshot(NAME, "v1")
    # From the trash it can come back
    assert fos.collect_media().removed == 0
    fos.empty_trash(NAME)
    found = fos.collect_media()
    assert (found.removed, found.kept) == (1, 7)
    assert found.removed_bytes == len("there/夜0.png".encode())
    assert len(list(kept.folder.glob("sha256/*/*"))) == 8
    age(kept)
    assert fos.collect_media(dry_run=False).removed == 2
    assert fos.restore_media(NAME, "v2", to=tmp_path / "back")


def test_a_collection_that_dies_at_any_removal_is_done_again(
    kept: MediaStore, tmp_path: Path
) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="copy")
    for path in sorted((tmp_path / "there").rglob("*.png"))[:4]:
        path.write_text(f"{path}, another")
    fos.create_snapshot(NAME, "v2", media="copy")
    fos.delete_snapshot(NAME, "v2")
    fos.empty_trash(NAME)
    age(kept)

    def die_at_the_second() -> None:
        reached = iter([None, die])

        def reach() -> None:
            if (end := next(reached)) is not None:
                end()

        with faults.arm("media.removing", reach):
            fos.collect_media(dry_run=False)

    for left in (4, 3, 2):
        found = fos.collect_media()
        assert (found.removed, found.kept) == (left, 6)
        assert in_child(die_at_the_second) == -signal.SIGKILL
    assert fos.collect_media(dry_run=False).removed == 1
    assert fos.collect_media().removed == 0
    assert fos.restore_media(NAME, "v1", to=tmp_path / "back")


def test_a_copy_of_a_database_removes_no_copies_of_media(
    kept: MediaStore, tmp_path: Path, database: Database[Document]
) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="copy")
    become_a_copy(database)
    assert fos.get_captured_media(NAME, "v1")
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)
    age(kept)
    with pytest.raises(fos.InvalidRequestError, match="Other databases"):
        fos.collect_media(dry_run=False)
    assert len(list(kept.contents())) == 6
    # The original is gone
    fos.claim_archives()
    assert fos.collect_media(dry_run=False).removed == 6


def test_the_original_removes_none_that_its_copy_refers_to(
    kept: MediaStore, tmp_path: Path, database: Database[Document]
) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="copy")
    become_a_copy(database)
    # What looks for copies, needs them
    assert fos.restore_media(NAME, "v1", to=tmp_path / "back")
    assert len(kept.owners()) == 2


def test_new_copies_are_kept_and_those_of_other_databases(
    kept: MediaStore, tmp_path: Path
) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="copy")
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)
    assert fos.collect_media(dry_run=False).removed == 0
    age(kept)
    kept.mark("0" * 24)
    with pytest.raises(fos.InvalidRequestError, match="Other databases"):
        fos.collect_media()
    (kept.folder / "owners" / ("0" * 24)).unlink()
    assert fos.collect_media(dry_run=False).removed == 6


def test_a_store_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    with pytest.raises(fos.InvalidSettingError, match="FIFTYONE_SNAPSHOTS_MEDIA_STORE"):
        fos.capture_media(NAME, "v1", "copy")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(tmp_path / "unmounted"))
    with pytest.raises(fos.ArchiveStorageError, match="mount"):
        fos.capture_media(NAME, "v1", "copy")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", "ftp://bucket/media")
    with pytest.raises(fos.InvalidSettingError, match="no URL of an object store"):
        fos.capture_media(NAME, "v1", "copy")
    assert fos.get_captured_media(NAME, "v1") is None


def test_what_is_written_to_while_it_is_copied_is_copied_as_it_is_then(
    kept: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.png")
    found = look.hashed(path, look.look(path))
    Path(path).write_text("another")
    after = kept.add(path, found)
    assert after.fact == SHA256 + look.digest(path)
    assert [each[0] for each in kept.contents()] == [look.digest(path)]
    other = write(tmp_path / "b.png")
    found = look.hashed(other, look.look(other))
    Path(other).unlink()
    assert not kept.add(other, found).fact

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    third = write(tmp_path / "c.png")
    monkeypatch.setattr(copies, "_copy", full)
    with pytest.raises(fos.ArchiveStorageError, match="No space left"):
        kept.add(third, look.hashed(third, look.look(third)))
    assert len(list(kept.folder.glob("sha256/*/*"))) == 1


def test_the_command_line(kept: MediaStore, tmp_path: Path, run: Run) -> None:
    dataset = images(tmp_path / "there", 1)
    run("create", NAME, "v1", "--media", "copy")
    assert "6 of 6 files found; 6 of them read" in run("media", "info", NAME, "v1").out
    assert "6 of 6" in run("media", "capture", NAME, "v1", "--level", "stat").out
    (tmp_path / "there/夜0.png").unlink()
    printed = run("media", "restore", NAME, "v1", str(tmp_path / "back"), "--json")
    assert printed.code == 0
    file = tmp_path / "paths.json"
    file.write_text(json.dumps(printed.json))
    assert "refers to the new files" in run("media", "repoint", NAME, str(file)).out
    dataset.reload()
    assert dataset.values("filepath") == [str(tmp_path / "back/夜0.png")]
    assert run("media", "repoint", NAME, __file__).code == 1
    assert "0 copies would be removed" in run("media", "collect", "-n").out
    assert "0 copies were removed" in run("media", "collect", "-y").out
    # Nobody is asked where nothing would go
    assert "0 copies were removed" in run("media", "collect").out
