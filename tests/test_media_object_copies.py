"""Copies of media files in an object store."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.media import collecting, look
from support.media_files import NAME, files, groups, images, videos
from support.s3 import BUCKET, Proxy, Request, client, empty_bucket, objects, s3_server

pytest.importorskip("obstore")

from fiftyone_snapshots.backend.media import object_copies
from fiftyone_snapshots.backend.media.object_copies import ObjectCopies

URL = f"s3://{BUCKET}/media"


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def proxy(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with empty_bucket(server, monkeypatch) as state:
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", f"{URL}/")
        yield state


def copied(server: int) -> list[str]:
    """Returns the hashes of the copies that there are."""
    return [key.rpartition("/")[2] for key in objects(server) if key.startswith("media/sha256/")]


def hashes(folder: Path) -> set[str]:
    return {look.digest(str(path)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", [images, videos, groups])
def test_what_is_lost_comes_back(
    make: Callable[[Path], fo.Dataset], server: int, proxy: Proxy, tmp_path: Path
) -> None:
    make(tmp_path / "there")
    before = files(tmp_path / "there")
    fos.create_snapshot(NAME, "v1", media="copy")
    assert set(copied(server)) == hashes(tmp_path / "there")
    uploads = proxy.methods.count("PUT")
    fos.create_snapshot(NAME, "v2", media="copy")
    # Only the name of the database and the clock are written again
    assert proxy.methods.count("PUT") <= uploads + 2
    shutil.rmtree(tmp_path / "there")
    back = fos.restore_media(NAME, "v2", to=tmp_path / "back")
    assert (back.lost.total, files(tmp_path / "back")) == (0, before)
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    fos.import_snapshot(package, media_to=tmp_path / "here")
    assert files(tmp_path / "here").keys() == before.keys()


def test_a_damaged_copy_is_none(server: int, proxy: Proxy, tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="copy")
    digest = look.digest(str(tmp_path / "there/夜0.png"))
    key = f"media/sha256/{digest[:2]}/{digest}"
    client(server).put_object(Bucket=BUCKET, Key=key, Body=b"x" * 13)
    (tmp_path / "there/夜0.png").unlink()
    assert fos.restore_media(NAME, "v1", to=tmp_path / "back").lost.total == 1
    with pytest.raises(ValueError, match="damaged copy"):
        fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    client(server).delete_object(Bucket=BUCKET, Key=key)
    assert fos.restore_media(NAME, "v1", to=tmp_path / "back").lost.total == 1


def test_what_is_written_to_while_it_is_copied_is_copied_as_it_is_then(
    server: int, proxy: Proxy, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_text("before")
    found = look.hashed(str(path), look.look(str(path)))
    path.write_text("after")
    known = ObjectCopies(URL).add(str(path), found)
    assert copied(server) == [look.digest(str(path))]
    assert known.fact.endswith(look.digest(str(path)))
    path.unlink()
    ObjectCopies(URL).add(str(path), found)
    assert len(copied(server)) == 1


def test_a_store_that_refuses_is_told_of(server: int, proxy: Proxy, tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    proxy.trouble = lambda request: 403 if request.method == "PUT" else None
    with pytest.raises(fos.ArchiveStorageError, match="media"):
        fos.capture_media(NAME, "v1", "copy")
    assert fos.get_captured_media(NAME, "v1") is None
    proxy.trouble = lambda request: 403
    with pytest.raises(fos.ArchiveStorageError, match="could not be used"):
        fos.collect_media()


def test_copies_that_nobody_refers_to_are_removed(
    server: int, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1", media="copy")
    (tmp_path / "there/夜0.png").write_text("another")
    fos.create_snapshot(NAME, "v2", media="copy")
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)
    # They are new
    assert (fos.collect_media(dry_run=False).removed, len(copied(server))) == (0, 7)
    monkeypatch.setattr(collecting, "_DAYS", -1)
    told = fos.collect_media()
    assert (told.folder, told.removed, told.kept, told.dry_run) == (URL, 1, 6, True)
    assert len(copied(server)) == 7
    assert fos.collect_media(dry_run=False).removed == 1
    assert set(copied(server)) == hashes(tmp_path / "there")
    client(server).put_object(Bucket=BUCKET, Key=f"media/owners/{'0' * 24}", Body=b"")
    with pytest.raises(ValueError, match="Other databases have copies"):
        fos.collect_media()


def old(server: int, monkeypatch: pytest.MonkeyPatch) -> tuple[ObjectCopies, str]:
    """Returns a store with a copy that is old, where what is written from now on is new."""
    kept = ObjectCopies(URL)
    digest, _ = kept.add_content([b"some", b"thing"])
    key = f"media/sha256/{digest[:2]}/{digest}"
    made: datetime = client(server).head_object(Bucket=BUCKET, Key=key)["LastModified"]
    limit = made + timedelta(seconds=1)
    monkeypatch.setattr(object_copies, "_days", lambda then, now: 0.0 if then > limit else 30.0)
    # The store tells whole seconds
    time.sleep(2.1)
    return kept, digest


def test_who_wants_an_old_copy_keeps_it(
    server: int, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, digest = old(server, monkeypatch)
    assert not ObjectCopies(URL).wants(digest, 9)
    assert [each[2] for each in kept.contents()] == [0.0]
    assert not kept.remove(digest, 7)
    assert copied(server) == [digest]


def test_who_wants_a_copy_while_it_is_removed_gets_it_back(
    server: int, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, digest = old(server, monkeypatch)
    seen: list[bool] = []

    def meanwhile(point: str) -> None:
        if point == "media.put_aside":
            monkeypatch.setattr(faults, "reach", lambda point: None)
            client(server).put_object(Bucket=BUCKET, Key=f"media/wanted/{digest}", Body=b"")
            seen.append(copied(server) == [])

    monkeypatch.setattr(faults, "reach", meanwhile)
    assert not kept.remove(digest, 7)
    assert seen == [True]
    assert copied(server) == [digest]
    assert not [key for key in objects(server) if "removing" in key]


def test_who_looks_after_it_was_removed_makes_it_anew(
    server: int, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, digest = old(server, monkeypatch)

    def meanwhile(request: Request) -> None:
        if request.method == "PUT" and "wanted" in request.path:
            # It was decided before that was said
            key = f"media/sha256/{digest[:2]}/{digest}"
            client(server).delete_object(Bucket=BUCKET, Key=key)

    proxy.trouble = meanwhile
    assert kept.wants(digest, 9)


def test_what_was_put_aside_by_a_process_that_died_comes_back(
    server: int, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, digest = old(server, monkeypatch)

    def die(point: str) -> None:
        if point == "media.put_aside":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(faults, "reach", die)
        with pytest.raises(KeyboardInterrupt):
            kept.remove(digest, 7)
    assert copied(server) == []
    kept.bring_back()
    assert copied(server) == [digest]
    assert kept.find(digest) is not None
    assert kept.remove(digest, -1)
    assert copied(server) == []
    assert not kept.remove(digest, -1)
