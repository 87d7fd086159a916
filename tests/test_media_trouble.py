"""Media files and copies in trouble: forged, cut off, of others, changed at that very moment."""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.media import look, store
from fiftyone_snapshots.backend.media.copies import MediaStore
from fiftyone_snapshots.backend.media.fact import SHA256
from fiftyone_snapshots.backend.media.listing import Listing
from support.archives import forge, unpack
from support.crash import in_child, killed_at
from support.full import Document
from support.media_files import NAME, images, write


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MediaStore:
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(folder))
    return MediaStore.at(str(folder))


def of_one_file(path: str, name: str = NAME) -> fo.Dataset:
    dataset = fo.Dataset(name, persistent=True)
    dataset.add_sample(fo.Sample(path))
    return dataset


def of_another_user(action: Callable[[], object], folder: Path) -> int:
    """Runs something as another user, who may look into a folder; returns the exit status."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    for path in [folder, *folder.parents[:-1]]:
        path.chmod(path.stat().st_mode | 0o055)

    def run() -> None:
        os.setgid(65534)
        os.setuid(65534)
        action()

    return in_child(run)


def test_repointing_leaves_what_others_have_removed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second label of a sample gets the mask of the first one, which is gone."""
    dataset = images(tmp_path, 2)
    first, second = (each.mask_path for each in dataset.first().objects.detections)
    sample_id = dataset.first()._id
    write = fo.Dataset._bulk_write

    def late(self: fo.Dataset, *args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(fo.Dataset, "_bulk_write", write)
        removed = {"$pop": {"objects.detections": -1}}
        dataset._sample_collection.update_one({"_id": sample_id}, removed)
        return write(self, *args, **kwargs)

    monkeypatch.setattr(fo.Dataset, "_bulk_write", late)
    fos.repoint_media(dataset, {first: "/new/0.png", second: "/new/1.png"})
    (left,) = dataset._sample_collection.find_one({"_id": sample_id})["objects"]["detections"]
    assert left["mask_path"] in ("/new/1.png", second)


def test_files_are_restored_below_the_folder_that_is_given(
    kept: MediaStore, tmp_path: Path
) -> None:
    """A path may go up, as a mask's often does: ``images/../masks/0.png``."""
    there = tmp_path / "there"
    dataset = of_one_file(write(there / "images/0.png"))
    write(there / "masks/0.png")
    sample = dataset.first()
    sample["road"] = fo.Segmentation(mask_path=f"{there}/images/../masks/0.png")
    sample.save()
    fos.create_snapshot(dataset, "v1", media="copy")
    back = fos.restore_media(dataset, "v1", to=tmp_path / "safe/inner")
    assert back
    inner = str(tmp_path / "safe/inner")
    assert all(os.path.realpath(path).startswith(inner) for path in back.paths.values())


def test_what_a_capture_counts_on_is_not_collected(
    kept: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capture comes between the look at old copies and their removal."""
    path = tmp_path / "0.png"
    dataset = of_one_file(write(path))
    fos.create_snapshot(dataset, "v1", media="copy")
    fos.delete_snapshot(dataset, "v1")
    fos.empty_trash(dataset)
    for each in kept.folder.rglob("*"):
        os.utime(each, (0, time.time() - 8 * 86400))
    facts = store.facts

    def slow(database: Database[Document]) -> set[str]:
        found = facts(database)
        fos.create_snapshot(dataset, "v2", media="copy")
        return found

    monkeypatch.setattr(store, "facts", slow)
    fos.collect_media(dry_run=False)
    path.write_text("painted over")
    assert fos.restore_media(dataset, "v2", to=tmp_path / "back")


def test_half_a_copy_that_was_put_aside_comes_back_as_no_whole_one(kept: MediaStore) -> None:
    """Who collects is killed after putting aside what is left of an attempt to copy."""
    digest = "ab" * 32
    half = kept.path(digest).with_name(f"{digest}.01234567.partial")
    half.parent.mkdir(parents=True)
    half.touch()
    os.utime(half, (0, 0))
    assert killed_at("media.put_aside", lambda: kept.remove(half.name, 7))
    assert not half.exists()
    kept.bring_back()
    assert half.exists()
    assert not kept.find(digest)


def test_a_copy_that_was_cut_off_is_made_anew(kept: MediaStore, tmp_path: Path) -> None:
    """After a power cut a copy may be empty; its size tells."""
    path = tmp_path / "0.png"
    dataset = of_one_file(write(path))
    fos.create_snapshot(dataset, "v1", media="copy")
    (copy,) = kept.folder.glob("sha256/*/*")
    copy.unlink()
    copy.touch()
    fos.create_snapshot(dataset, "v2", media="copy")
    path.write_text("painted over")
    assert fos.restore_media(dataset, "v2", to=tmp_path / "back")


@pytest.mark.parametrize("can_read", [True, False])
def test_two_users_of_a_machine_share_copies(
    can_read: bool, kept: MediaStore, tmp_path: Path
) -> None:
    """Touching a copy of somebody else's is refused, and so is reading what was read before."""
    path = write(tmp_path / "0.png")
    found = look.hashed(path, look.look(path))
    kept.folder.chmod(0o777)
    if can_read:
        kept.add(path, found)
    Path(path).chmod(0o444 if can_read else 0)
    assert of_another_user(lambda: kept.add(path, found), kept.folder) == 0


def test_long_names_are_restored(kept: MediaStore, tmp_path: Path) -> None:
    """File systems take 255 bytes: 83 Chinese characters and an ending."""
    dataset = of_one_file(write(tmp_path / "there" / f"{'图' * 83}.png"))
    fos.create_snapshot(dataset, "v1", media="copy")
    assert fos.restore_media(dataset, "v1", to=tmp_path / "back")


FORGED: dict[str, dict[str, Any]] = {
    "a state that there is not": {"states": np.array([200], np.uint8)},
    "a hash that is a path": {"facts": ["sha256:/etc/passwd"]},
}


@pytest.mark.parametrize("what", FORGED)
def test_what_is_told_of_media_is_checked(what: str, tmp_path: Path) -> None:
    """Else every later capture and comparison fails, or the store writes elsewhere."""
    path = write(tmp_path / "0.png")
    whole = Listing.of([(path, look.hashed(path, look.look(path)))])
    with pytest.raises(ValueError, match=r"."):
        Listing.from_bytes(replace(whole, **FORGED[what]).to_bytes())


def test_hashes_from_elsewhere_are_not_taken_for_those_of_files_here(
    tmp_path: Path, database: Database[Document]
) -> None:
    path = write(tmp_path / "0.png")
    dataset = of_one_file(path)
    fos.create_snapshot(dataset, "v1", media="hash")
    archive = tmp_path / "v1.tar"
    fos.export_snapshot(dataset, "v1", archive)
    fos.delete_snapshot(dataset, "v1")
    fos.empty_trash(dataset)

    def lie(header: dict[str, Any]) -> dict[str, Any]:
        told = Listing.from_bytes(base64.b64decode(header["media"]["data"]))
        forged = replace(told, facts=[SHA256 + "0" * 64])
        header["media"]["data"] = base64.b64encode(forged.to_bytes()).decode()
        return header

    archive.write_bytes(forge(unpack(archive), lie))
    fos.import_snapshot(archive)
    fos.create_snapshot(dataset, "v2", media="hash")
    captured = store.newest(database, dataset._doc.id)
    assert captured is not None
    assert store.load(database, captured).facts == [SHA256 + look.digest(path)]


@pytest.mark.parametrize("name", ["a.fo3d", "a.png.dvc"])
def test_a_pipe_keeps_nobody_waiting(name: str, tmp_path: Path) -> None:
    """A scene, or what DVC keeps beside a file, to which nobody writes."""
    path = tmp_path / name
    os.mkfifo(path)
    dataset = of_one_file(str(path) if name == "a.fo3d" else write(tmp_path / "a.png"))
    fos.create_snapshot(dataset, "v1")
    thread = threading.Thread(target=fos.capture_media, args=(dataset, "v1", "hash"), daemon=True)
    thread.start()
    thread.join(20)
    if is_waiting := thread.is_alive():
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        thread.join(10)
    assert not is_waiting


def test_lists_of_files_are_repointed(tmp_path: Path) -> None:
    dataset = of_one_file(write(tmp_path / "0.png"))
    dataset.app_config.media_fields = ["filepath", "thumbs", "more.thumbs"]
    dataset.save()
    sample = dataset.first()
    sample["thumbs"] = ["/a", "/b", "/a"]
    sample["more"] = fo.DynamicEmbeddedDocument(thumbs=["/b"])
    sample.save()
    dataset.add_dynamic_sample_fields()
    fos.repoint_media(dataset, {"/a": "/new/a"})
    fos.repoint_media(dataset, {"/b": "/new/b"})
    dataset.reload()
    assert dataset.first()["thumbs"] == ["/new/a", "/new/b", "/new/a"]
    assert dataset.first()["more"]["thumbs"] == ["/new/b"]
