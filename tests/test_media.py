"""What the media files of a version were, and what became of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.media import look
from fiftyone_snapshots.backend.media.listing import FileState
from fiftyone_snapshots.operators.compare import HEAD
from support.docs import check_python
from support.environment import ROOT
from support.full import Document
from support.media_files import NAME, groups, images, layers, media, touch, videos, write
from support.operators import execute
from support.panel import Panel

EVERY_TYPE: dict[str, tuple[Callable[[Path], fo.Dataset], int]] = {
    "images, masks, maps, thumbnails": (images, 24),
    "videos and frames": (videos, 5),
    "groups and scenes": (groups, 6),
}


@pytest.fixture(params=["duplication", "delta"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    return str(request.param)


@pytest.mark.parametrize("kind", EVERY_TYPE)
def test_every_file_that_documents_name_is_captured(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Which reads documents in ways of its own
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")
    make, count = EVERY_TYPE[kind]
    make(tmp_path)
    fos.create_snapshot(NAME, "v1")
    assert fos.get_captured_media(NAME, "v1") is None
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == count
    found = fos.capture_media(NAME, "v1", "hash")
    assert (found.files, found.found, found.hashed) == (count, count, count)
    assert found.size_bytes == sum(path.stat().st_size for path in files)
    assert fos.get_captured_media(NAME, "v1") == found
    fos.create_snapshot(NAME, "v2")
    for path in files:
        path.write_text("another, and longer than before")
    if kind.startswith("groups"):
        # What a scene is made of now, nobody can know
        assert media().replaced.total == 2
    else:
        assert media().replaced.total == count


def test_what_becomes_of_files_is_told(backend: str, tmp_path: Path) -> None:
    dataset = images(tmp_path)
    (tmp_path / "夜3.png").unlink()
    fos.create_snapshot(NAME, "v1", media="stat")
    assert not media()
    assert (media().unchanged, media().hashed, media().still_missing.total) == (23, 0, 1)
    write(tmp_path / "夜3.png")
    write(tmp_path / "夜0.png", "!")
    touch(tmp_path / "夜1.png")
    (tmp_path / "夜2.png").unlink()
    dataset.delete_samples([dataset.last().id])
    dataset.add_sample(fo.Sample(write(tmp_path / "new.png")))
    fos.create_snapshot(NAME, "v2", media="stat")
    for found in (media("v1", "v2"), media("v1")):
        assert found
        assert found.replaced.names == (str(tmp_path / "夜0.png"),)
        assert found.rewritten.names == (str(tmp_path / "夜1.png"),)
        assert found.missing.names == (str(tmp_path / "夜2.png"),)
        assert found.added.names == (str(tmp_path / "new.png"),)
        assert (found.removed.total, found.back.total, found.unchanged) == (6, 0, 15)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    assert media().back.names == (str(tmp_path / "夜3.png"),)
    text = str(fos.diff(NAME, "v1", progress=False, media=True))
    assert "replaced: 1 (" in text
    assert "unchanged: 20, as far as size and time tell" in text


def test_hashes_prove_what_times_only_suggest(tmp_path: Path) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1", media="hash")
    assert media().proven
    touch(tmp_path / "夜0.png")
    assert media().proven
    other = (tmp_path / "夜1.png").read_text()[::-1]
    touch(tmp_path / "夜1.png")
    (tmp_path / "夜1.png").write_text(other)
    found = media()
    assert found.replaced.names == (str(tmp_path / "夜1.png"),)
    assert (found.rewritten.total, found.hashed, found.proven) == (0, 23, False)


def test_nothing_is_told_where_nothing_is_known(tmp_path: Path) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    fos.create_snapshot(NAME, "v2", media="stat")
    for a, b in (("v1", "v2"), ("v2", "v1"), ("v1", None)):
        found = media(a, b)
        assert not found
        assert found.reason is not None
        assert "'v1'" in found.reason
        assert not found.proven
    assert fos.diff(NAME, "v1", "v2", progress=False).media is None
    assert "cannot tell" in str(fos.diff(NAME, "v1", progress=False, media=True))


def test_unchanged_files_cost_nothing_in_the_next_snapshot(
    backend: str, tmp_path: Path, database: Database[Document]
) -> None:
    dataset = images(tmp_path, 20)
    fos.create_snapshot(NAME, "v1", media="stat")
    fos.create_snapshot(NAME, "v2", media="stat")
    (first,) = layers(database)
    touch(tmp_path / "夜0.png")
    dataset.add_sample(fo.Sample(write(tmp_path / "new.png")))
    fos.create_snapshot(NAME, "v3", media="stat")
    one, other = layers(database)
    assert len(other["data"]) < len(one["data"]) / 2
    assert other["layer"] != first["layer"]
    # Each can go, in whatever order, and takes what only it has needed
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)
    assert len(layers(database)) == 2
    assert media("v2", "v3").added.total == 1
    fos.delete_snapshot(NAME, "v3")
    assert len(layers(database)) == 2
    fos.restore_snapshot(NAME, "v3")
    assert media("v2", "v3").rewritten.total == 1
    fos.delete_snapshot(NAME, "v2")
    fos.empty_trash(NAME)
    assert media("v3").unchanged == 121
    fos.delete_snapshot(NAME, "v3")
    fos.empty_trash(NAME)
    assert not list(database["snapshots.media"].find())


def test_only_new_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images(tmp_path)
    read: list[str] = []
    digest = look.digest
    monkeypatch.setattr(look, "digest", lambda path, kind: read.append(path) or digest(path))
    fos.create_snapshot(NAME, "v1", media="hash")
    assert len(read) == 24
    read.clear()
    write(tmp_path / "夜0.png", "!")
    fos.create_snapshot(NAME, "v2", media="stat")
    fos.create_snapshot(NAME, "v3", media="hash")
    assert read == [str(tmp_path / "夜0.png")]
    assert media("v1", "v3").hashed == 23


def test_files_that_are_none_or_cannot_be_looked_at(tmp_path: Path) -> None:
    assert look.look("s3://bucket/x.png").state is FileState.ELSEWHERE
    assert look.look("images/x.png").state is FileState.ELSEWHERE
    assert look.look("C:\\images\\x.png").state is FileState.ELSEWHERE
    assert look.look(str(tmp_path)).state is FileState.NO_FILE
    for name in ("x", "x" * 5000, "x\0y", "x/y"):
        assert look.look(f"{tmp_path}/{name}").state is FileState.MISSING
    here = write(tmp_path / "locked" / "a.png")
    found = look.look(here)
    Path(here).unlink()
    # It vanishes between one look and the other
    assert look.hashed(here, found).state is FileState.MISSING
    write(tmp_path / "locked" / "a.png", "!")
    assert look.hashed(here, found).size == len("locked/a.png!")


def test_a_folder_that_one_may_not_enter(tmp_path: Path) -> None:
    images(tmp_path)
    folder, is_root = tmp_path / "masks", os.geteuid() == 0
    folder.chmod(0)
    if is_root:
        # Who may look everywhere
        os.seteuid(65534)
    try:
        assert look.look(str(folder / "0.png")).state is FileState.UNREADABLE
        assert look.hashed(str(folder), look.look(str(folder))).fact == ""
        fos.create_snapshot(NAME, "v1", media="hash")
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
    found = fos.get_captured_media(NAME, "v1")
    assert found is not None
    assert found.unchecked >= 4
    assert found.missing == 0
    assert media().untold.total == found.unchecked


def test_paths_that_are_strings_to_others(tmp_path: Path) -> None:
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_samples([fo.Sample("/a.png"), fo.Sample(write(tmp_path / "b.png"))])
    # FiftyOne itself would make a path of this machine of it
    dataset._sample_collection.update_one(
        {"filepath": "/a.png"}, {"$set": {"filepath": "s3://bucket/a.png"}}
    )
    fos.create_snapshot(NAME, "v1", media="hash")
    found = fos.get_captured_media(NAME, "v1")
    assert found is not None
    assert (found.files, found.found, found.unchecked) == (2, 1, 1)
    assert media().untold.names == ("s3://bucket/a.png",)


def test_no_files_at_all(tmp_path: Path) -> None:
    fo.Dataset(NAME, persistent=True)
    fos.create_snapshot(NAME, "v1", media="stat")
    found = fos.get_captured_media(NAME, "v1")
    assert found is not None
    assert found.files == 0
    assert not media()
    assert fos.verify_snapshot(NAME, "v1", media=True)


def test_another_machine_has_none_of_them(tmp_path: Path) -> None:
    images(tmp_path / "there")
    fos.create_snapshot(NAME, "v1", media="hash")
    shutil.move(tmp_path / "there", tmp_path / "elsewhere")
    assert media().missing.total == 24
    shutil.move(tmp_path / "elsewhere", tmp_path / "there")
    assert media().proven


def test_verifying_tells_whether_the_files_are_what_they_were(tmp_path: Path) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    (tmp_path / "masks/0.png").write_text("painted over in the App")
    report = fos.verify_snapshot(NAME, "v1", media=True).media
    assert report is not None
    assert (report.found, report.captured_at, bool(report)) == (24, None, True)
    fos.capture_media(NAME, "v1")
    assert fos.verify_snapshot(NAME, "v1", media=True)
    (tmp_path / "masks/0.png").write_text("painted over once more in the App")
    (tmp_path / "masks/1.png").unlink()
    touch(tmp_path / "masks/2.png")
    report = fos.verify_snapshot(NAME, "v1", media=True).media
    assert report is not None
    assert not report
    assert report.replaced.names == (str(tmp_path / "masks/0.png"),)
    assert report.missing.names == (str(tmp_path / "masks/1.png"),)
    assert report.rewritten.names == (str(tmp_path / "masks/2.png"),)


def test_the_dry_run_of_a_revert_tells_which_pixels_will_not_come_back(tmp_path: Path) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1", media="stat")
    (tmp_path / "masks/0.png").write_text("painted over in the App")
    plan = fos.revert_dataset_to_snapshot(NAME, "v1", dry_run=True)
    assert plan.media is not None
    assert plan.media.replaced.names == (str(tmp_path / "masks/0.png"),)
    fos.create_snapshot(NAME, "v2")
    assert fos.revert_dataset_to_snapshot(NAME, "v2", dry_run=True).media is None


def test_the_variable_has_every_snapshot_captured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA", "Hash")
    fos.create_snapshot(NAME, "v1")
    fos.create_snapshot(NAME, "v2", media="none")
    found = fos.get_captured_media(NAME, "v1")
    assert found is not None
    assert found.level == "hash"
    assert fos.get_captured_media(NAME, "v2") is None
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA", "md5")
    with pytest.raises(fos.InvalidSettingError, match="FIFTYONE_SNAPSHOTS_MEDIA"):
        fos.create_snapshot(NAME, "v3")
    with pytest.raises(fos.InvalidRequestError, match="'md5'"):
        fos.capture_media(NAME, "v1", "md5")
    with pytest.raises(fos.InvalidRequestError, match="captures nothing"):
        fos.capture_media(NAME, "v1", "none")
    assert fos.list_snapshots(NAME) == ["v1", "v2"]


def test_the_story_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("FIFTYONE_SNAPSHOTS_MEDIA")
    pytest.importorskip("mlflow")
    folder = tmp_path / "street"
    images(folder, name="street")

    def edit_files() -> None:
        (folder / "masks/0.png").write_text("painted over in the App")
        (folder / "夜1.png").unlink()

    def edit_files_again() -> None:
        (folder / "masks/0.png").write_text("painted over once more in the App")

    # What it sets is put back when the test ends
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", "")
    (tmp_path / "store").mkdir()
    names = {
        "edit_files": edit_files,
        "edit_files_again": edit_files_again,
        "store": str(tmp_path / "store"),
        "folder": str(tmp_path / "back"),
    }
    check_python(ROOT / "docs" / "media-and-models.md", names)


@pytest.mark.usefixtures("installed_plugin")
def test_the_app_captures_and_tells(tmp_path: Path) -> None:
    dataset = images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    compared = execute("compare_snapshots", dataset, before="v1")
    assert compared["diff"]["media"] is None
    captured = execute("capture_media", dataset, name="v1", level="hash")
    assert captured["media"]["hashed"] == 24
    (tmp_path / "masks/0.png").write_text("painted over in the App")
    compared = execute("compare_snapshots", dataset, before="v1")
    assert compared["diff"]["media"]["replaced"]["total"] == 1
    shown = Panel(NAME, compare={"dataset": NAME, "before": "v1", "after": HEAD})
    said = str(shown.find("media"))
    assert "masks/0.png" in said
    assert "unchanged: 23 by their hashes" in said
