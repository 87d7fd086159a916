"""Snapshots with their media as one file, from one machine to another."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.archives import turned_on, unpack
from support.command_line import in_this_process
from support.crash import killed_at
from support.full import Document
from support.invariants import assert_sound
from support.media_files import NAME, files, groups, images, media, videos, write

GOLDEN = Path(__file__).parent / "golden" / "package-1.tar"
"""Written by the first version of packages; never to be written anew."""

KINDS = {"images": images, "videos": videos, "groups": groups}


def named_by(dataset: fo.Dataset) -> set[str]:
    """Returns the files that a dataset refers to, as capturing finds them."""
    fos.create_snapshot(dataset, "found", media="hash")
    found = fos.restore_media(dataset, "found", to="unused")
    assert not found.lost
    return set(found.paths)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.mark.parametrize("captured", ["hash", "stat", "none"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_opens_elsewhere_with_everything_it_needs(
    kind: str, captured: str, tmp_path: Path, database: Database[Document]
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    dataset = KINDS[kind](there)
    fos.create_snapshot(NAME, "v1", media=captured)
    before, content = files(there), fos.content_hash(NAME, "v1")
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    shutil.rmtree(there)

    snapshot = fos.import_snapshot(package, media_to=here)
    assert (snapshot.name, fos.content_hash(NAME, "v1")) == ("v1", content)
    after = files(here)
    assert after.keys() == before.keys()
    # A scene names the files where they are now
    assert {name for name in after if after[name] != before[name]} <= {"scene.fo3d"}
    dataset = fo.load_dataset(NAME)
    assert named_by(dataset) == {str(here / name) for name in before}
    # The snapshot is what it was, and so the dataset can be reverted to it
    assert fos.verify_snapshot(NAME, "v1")
    assert_sound(database)


def test_a_version_of_before_reads_it_as_an_archive(tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="hash")
    plain = unpack(fos.export_snapshot(NAME, "v1", tmp_path / "plain.tar"))
    package = unpack(fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True))
    names = list(package)
    end = names.index("SHA256SUMS")
    assert names[: end + 1] == list(plain)
    assert all(package[name] == plain[name] for name in plain)
    assert names[-1] == "MEDIA-SHA256SUMS"
    for name in names[end + 1 : -1]:
        assert name == f"media/{hashlib.sha256(package[name]).hexdigest()}"
    if shutil.which("sha256sum"):
        with tarfile.open(tmp_path / "v1.tar") as tar:
            tar.extractall(tmp_path / "out", filter="data")
        check = ["sha256sum", "--check", "--quiet", "SHA256SUMS", "MEDIA-SHA256SUMS"]
        subprocess.run(check, cwd=tmp_path / "out", check=True)
    fo.delete_dataset(NAME)
    fos.import_snapshot(tmp_path / "v1.tar")
    assert fo.load_dataset(NAME).first().filepath == str(tmp_path / "there/夜0.png")


def test_a_golden_package_stays_readable(tmp_path: Path) -> None:
    assert fos.import_snapshot(GOLDEN, media_to=tmp_path / "here").description == "Golden 🏆"
    assert files(tmp_path / "here") == {
        name: name for name in ("夜.png", "day.png", "masks/夜.png")
    }
    first, _, gone = fo.load_dataset("golden")
    assert first.filepath == str(tmp_path / "here/夜.png")
    assert first.road.mask_path == str(tmp_path / "here/masks/夜.png")
    # What was missing then is missing
    assert gone.filepath.endswith("golden/gone.png")


def test_it_has_the_content_of_then_or_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path / "there", 1)
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(tmp_path / "store"))
    fos.create_snapshot(NAME, "hashed", media="hash")
    fos.create_snapshot(NAME, "sizes", media="stat")
    (tmp_path / "there/夜0.png").write_text("another one")
    (tmp_path / "there/masks/0.png").unlink()
    for name in ("hashed", "sizes"):
        with pytest.raises(fos.InvalidRequestError, match="2 media files of snapshot"):
            fos.export_snapshot(NAME, name, tmp_path / "v1.tar", media=True)
        assert not (tmp_path / "v1.tar").exists()
    write(tmp_path / "there/夜0.png")
    write(tmp_path / "there/masks/0.png")
    fos.create_snapshot(NAME, "copied", media="copy")
    before = files(tmp_path / "there")
    shutil.rmtree(tmp_path / "there")
    fos.export_snapshot(NAME, "copied", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    fos.import_snapshot(tmp_path / "v1.tar", media_to=tmp_path / "here")
    assert files(tmp_path / "here") == before


def test_of_an_archived_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turned_on(tmp_path, monkeypatch)
    images(tmp_path / "there")
    for name, level in (("v1", "hash"), ("v2", "none")):
        fos.create_snapshot(NAME, name, media=level)
    direct = fos.export_snapshot(NAME, "v1", tmp_path / "direct.tar", media=True)
    for name in ("v1", "v2"):
        fos.archive_snapshot(NAME, name)
    with pytest.raises(fos.ArchivedSnapshotError, match="unarchive_snapshot"):
        fos.export_snapshot(NAME, "v2", tmp_path / "v2.tar", media=True)
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    assert package.read_bytes() == direct.read_bytes()
    fo.delete_dataset(NAME)
    fos.import_snapshot(package, media_to=tmp_path / "here")
    assert files(tmp_path / "here") == files(tmp_path / "there")


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    write(tmp_path / "here/夜0.png", "mine")
    shutil.copytree(tmp_path / "there/masks", tmp_path / "here/masks")
    before = {
        path: path.stat().st_mtime_ns for path in (tmp_path / "here").rglob("*") if path.is_file()
    }
    fos.import_snapshot(tmp_path / "v1.tar", media_to=tmp_path / "here")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    path = Path(fo.load_dataset(NAME).first().filepath)
    assert path.parent == tmp_path / "here"
    assert path.name.startswith("夜0-")
    assert path.read_text() == "there/夜0.png"


def test_into_a_dataset_that_is_here(tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)
    before = fos.content_hash(NAME)
    fos.import_snapshot(tmp_path / "v1.tar", media_to=tmp_path / "here")
    assert fos.content_hash(NAME) == before
    assert files(tmp_path / "here") == files(tmp_path / "there")
    with pytest.raises(ValueError, match="here already"):
        fos.import_snapshot(tmp_path / "v1.tar", media_to=tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_what_carries_no_media(tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="hash")
    fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar")
    fo.delete_dataset(NAME)
    with pytest.raises(ValueError, match="carries no media"):
        fos.import_snapshot(tmp_path / "v1.tar", media_to=tmp_path / "here")
    assert not fo.list_datasets()


def test_no_folder_is_none(tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    with pytest.raises(fos.InvalidArgumentError, match="media_to is no path"):
        fos.import_snapshot(tmp_path / "v1.tar", media_to="")
    assert fos.import_snapshot(tmp_path / "v1.tar", None, media_to=None).name == "v1"


def test_names_of_the_most_bytes(tmp_path: Path) -> None:
    name = "夜" * 83 + ".png"
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_sample(fo.Sample(write(tmp_path / "there" / name)))
    fos.create_snapshot(NAME, "v1")
    fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    write(tmp_path / "here" / name, "mine")
    fos.import_snapshot(tmp_path / "v1.tar", media_to=tmp_path / "here")
    assert sorted(files(tmp_path / "here").values()) == [f"here/{name}mine", f"there/{name}"]


def test_a_file_that_is_written_to_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fiftyone_snapshots.backend.media.packing import Packed

    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    after = Packed.after

    def written_to(self: Packed, *given: object) -> object:
        (tmp_path / "there/夜0.png").write_text("Straße/夜0.pn")
        return after(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Packed, "after", written_to)
    with pytest.raises(fos.InvalidRequestError, match="was written to while it was packed"):
        fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "work"]


def test_a_killed_export_leaves_nothing(tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    for point in ("archive.media", "export.written", "export.checked"):
        assert killed_at(
            point, lambda: fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
        )
        fos.list_snapshots(NAME)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "work"], point


def test_an_import_that_dies_can_be_done_again(tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    here = tmp_path / "here"
    assert killed_at("import.staged", lambda: fos.import_snapshot(package, media_to=here))
    fos.recover()
    fos.import_snapshot(package, media_to=here)
    assert files(here) == files(tmp_path / "there")
    fo.delete_dataset(NAME)
    # As soon as the dataset is there, what is left is to refer to the files
    assert killed_at("import.committed", lambda: fos.import_snapshot(package, media_to=here))
    fos.recover()
    assert fo.load_dataset(NAME).first().filepath == str(tmp_path / "there/夜0.png")
    fos.repoint_media(NAME, fos.restore_media(NAME, "v1", to=here))
    dataset = fo.load_dataset(NAME)
    dataset.reload()
    assert dataset.first().filepath == str(here / "夜0.png")
    assert len(files(here)) == 6


def test_a_file_that_is_too_large_for_posix_has_its_size() -> None:
    from fiftyone_snapshots.backend.media import packing

    size = 9 * 1024**3
    assert tarfile.TarInfo.frombuf(packing._entry("media/x", size), "utf-8", "strict").size == size


@pytest.mark.skipif(os.name != "posix", reason="files are closed in another way")
def test_a_file_that_nobody_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    from fiftyone_snapshots.backend.media import look

    digest = look.digest

    def refuse(path: str, *_: str) -> str:
        if path.endswith("夜0.png"):
            raise PermissionError(13, "Permission denied")
        return digest(path)

    monkeypatch.setattr(look, "digest", refuse)
    with pytest.raises(fos.InvalidRequestError, match="cannot be read"):
        fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = in_this_process(capsys)
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    assert run("export", NAME, "v1", str(tmp_path / "v1.tar"), "--media").code == 0
    fo.delete_dataset(NAME)
    here = str(tmp_path / "here")
    assert run("import", str(tmp_path / "v1.tar"), "--media-to", here).code == 0
    assert fo.load_dataset(NAME).first().filepath == f"{here}/夜0.png"
    # What the snapshot names is where the dataset says
    assert (media().hashed, media().removed.total, media().added.total) == (6, 0, 0)
