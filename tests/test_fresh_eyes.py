"""Faults in remotes, media and the policy; what has no mark is mended.

Each test says what a person would expect. One that passes though it has a mark fails: it can go.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from fiftyone.core.collections import SampleCollection
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.audit import describe
from fiftyone_snapshots.backend.catalog import deployment
from fiftyone_snapshots.backend.media import front_coding, look, scenes, store
from fiftyone_snapshots.backend.media.copies import MediaStore
from fiftyone_snapshots.backend.media.listing import Listing
from fiftyone_snapshots.backend.rawbson.ids import DTYPE
from fiftyone_snapshots.backend.remote import layout, table
from fiftyone_snapshots.backend.remote.folder import FolderRemote
from fiftyone_snapshots.backend.remote.store import open_store
from support.archives import forge, unpack
from support.crash import in_child, killed_at
from support.datasets import image_dataset
from support.full import Document
from support.media_files import NAME, images, write

fault = pytest.mark.xfail(strict=True, reason="a fault that is known, see its text")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MediaStore:
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(folder))
    return MediaStore.configured()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = tmp_path / "remote"
    folder.mkdir()
    return folder


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset("d", 6, persistent=True)
    fos.create_snapshot(made, "v1")
    return made


def edited(dataset: fo.Dataset, name: str) -> None:
    sample = dataset.first()
    sample["note"] = name
    sample.save()
    fos.create_snapshot(dataset, name)


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


READERS: dict[str, Callable[[Path], object]] = {
    "a.fo3d": lambda path: scenes.files_of(str(path)),
    layout.ROOT: lambda path: FolderRemote(str(path.parent)).find(path.name),
}


@fault
@pytest.mark.parametrize("name", READERS)
def test_a_pipe_keeps_nobody_waiting(name: str, tmp_path: Path) -> None:
    """A scene, or an object of a remote, to which nobody writes."""
    os.mkfifo(tmp_path / name)
    thread = threading.Thread(target=READERS[name], args=(tmp_path / name,), daemon=True)
    thread.start()
    thread.join(3)
    if is_waiting := thread.is_alive():
        os.close(os.open(tmp_path / name, os.O_WRONLY | os.O_NONBLOCK))
        thread.join(10)
    assert not is_waiting


@fault
def test_little_that_unpacks_to_much_is_refused() -> None:
    """Some kilobytes of an archive's header become 200 MB here, and could become terabytes."""
    counts = np.array([[0] + [10**6] * 200, [10**6] + [0] * 200], "<u4")
    packed = zlib.compress(counts.tobytes()), zlib.compress(b"a" * 10**6)
    with pytest.raises(ValueError, match=r"."):
        front_coding.unpack(*packed)


@fault
def test_an_order_of_more_documents_than_there_can_be_is_refused() -> None:
    """Of a manifest in a remote: a megabyte becomes gigabytes before it is compared."""
    nothing = table.Table.of(np.empty(0, DTYPE), [], [])
    step = table.Step(nothing.keys, nothing).to_document()
    forged = {**step, "ordered": 10**6, "order": zlib.compress(bytes(4 * 10**6))}
    with pytest.raises(table.MalformedError):
        table.Step.from_document(forged)


@fault
def test_repointing_leaves_what_others_have_removed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second label of a sample gets the mask of the first one, which is gone."""
    dataset = images(tmp_path, 2)
    first, second = (each.mask_path for each in dataset.first().objects.detections)
    sample_id = dataset.first()._id
    set_values = SampleCollection.set_values

    def late(self: Any, field: str, *args: Any, **kwargs: Any) -> None:
        if field == "objects.detections.mask_path":
            monkeypatch.setattr(SampleCollection, "set_values", set_values)
            removed = {"$pop": {"objects.detections": -1}}
            dataset._sample_collection.update_one({"_id": sample_id}, removed)
        set_values(self, field, *args, **kwargs)

    monkeypatch.setattr(SampleCollection, "set_values", late)
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


@fault
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


@fault
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


@fault
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


@fault
@pytest.mark.parametrize("what", FORGED)
def test_what_is_told_of_media_is_checked(what: str, tmp_path: Path) -> None:
    """Else every later capture and comparison fails, or the store writes elsewhere."""
    path = write(tmp_path / "0.png")
    whole = Listing.of([(path, look.hashed(path, look.look(path)))])
    with pytest.raises(ValueError, match=r"."):
        Listing.from_bytes(replace(whole, **FORGED[what]).to_bytes())


@fault
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
        forged = replace(told, facts=[look.SHA256 + "0" * 64])
        header["media"]["data"] = base64.b64encode(forged.to_bytes()).decode()
        return header

    archive.write_bytes(forge(unpack(archive), lie))
    fos.import_snapshot(archive)
    fos.create_snapshot(dataset, "v2", media="hash")
    captured = store.newest(database, dataset._doc.id)
    assert captured is not None
    assert store.load(database, captured).facts == [look.SHA256 + look.digest(path)]


@fault
def test_a_damaged_remote_is_mended_as_its_message_says(remote: Path, dataset: fo.Dataset) -> None:
    """'Push it again from a server that has the snapshot': that says it is there already."""
    fos.push(dataset, remote)
    next(remote.glob("*/segments/*")).unlink()
    fos.push(dataset, remote)
    assert fos.verify_remote(remote).is_ok


@fault
def test_who_is_stopped_before_the_commit_commits_nothing_that_was_collected(
    remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another push of the database ends meanwhile, and removes the note; then, gc_remote()."""
    fos.push(dataset, remote)
    edited(dataset, "v2")
    create = FolderRemote.create

    def late(self: FolderRemote, key: str, data: bytes) -> Any:
        if "/snapshots/" in key:
            monkeypatch.setattr(FolderRemote, "create", create)
            for note in remote.glob("*/pushing/*"):
                note.unlink()
            for path in remote.rglob("*"):
                os.utime(path, (0, 0))
            fos.gc_remote(remote, dry_run=False)
        return create(self, key, data)

    monkeypatch.setattr(FolderRemote, "create", late)
    with suppress(fos.SnapshotError):
        fos.push(dataset, remote)
    assert fos.verify_remote(remote).is_ok


@pytest.mark.parametrize(
    "address", ["s3://AKIA:ab/SECRET@bucket/x", "az://me:12/SECRET@box", "s3://SECRET@bucket/x"]
)
def test_no_secret_in_an_address_is_told(address: str) -> None:
    """Half of Amazon's keys have a slash."""
    with pytest.raises(ValueError, match="must not hold a login"):
        open_store(address)
    assert "SECRET" not in describe.text(address)


@fault
@pytest.mark.parametrize("stray", [".DS_Store", "._v1.json", "v1.json~", "v1 (copy).json"])
def test_a_stray_file_spoils_no_history(stray: str, remote: Path, dataset: fo.Dataset) -> None:
    fos.push(dataset, remote)
    (remote / str(dataset._doc.id) / "snapshots" / stray).write_bytes(b"\0")
    assert len(fos.list_remote(remote)) == 1


@fault
def test_a_damaged_dataset_is_in_no_other_ones_way(remote: Path, dataset: fo.Dataset) -> None:
    other = image_dataset("other", 2, persistent=True)
    fos.create_snapshot(other, "v1")
    fos.push(dataset, remote)
    fos.push(other, remote)
    (remote / str(other._doc.id) / "snapshots/v1.json").write_bytes(b"{}")
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")


@fault
@pytest.mark.parametrize(("is_copy", "point"), [(False, "committed_there"), (True, "sending")])
def test_a_push_that_is_repeated_leaves_no_note(
    is_copy: bool, point: str, remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all is there nothing is repeated, and a copied database calls each note otherwise."""
    if is_copy:
        note = deployment.note
        monkeypatch.setattr(deployment, "note", lambda given: replace(note(given), noted_id="-"))
    assert killed_at(f"push.{point}", lambda: fos.push("d", remote))
    fos.push("d", remote)
    assert not fos.gc_remote(remote).pushes


@fault
def test_what_killed_pushes_have_left_half_written_goes(remote: Path, dataset: fo.Dataset) -> None:
    fos.push(dataset, remote)
    left = remote / str(dataset._doc.id) / "segments" / f"{'0' * 16}.partial"
    left.touch()
    os.utime(left, (0, 0))
    fos.gc_remote(remote, dry_run=False)
    assert not left.exists()


@fault
def test_verifying_finds_what_cannot_be_pulled(remote: Path, dataset: fo.Dataset) -> None:
    fos.push(dataset, remote)
    (commit,) = remote.glob("*/snapshots/*")
    told = json.loads(commit.read_text())
    told["content"]["samples"] = "0" * 64
    commit.write_text(json.dumps(told))
    assert not fos.verify_remote(remote).is_ok


def test_nothing_is_collected_before_it_was_written(remote: Path, dataset: fo.Dataset) -> None:
    fos.push(dataset, remote)
    with pytest.raises(ValueError, match="older_than"):
        fos.gc_remote(remote, older_than=timedelta(hours=-1))


@fault
def test_a_policy_knows_a_dataset_in_a_remote_by_its_name_there(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """list_remote() hides it, and clone_from() brings it under a name that one may use."""
    fos.create_snapshot(image_dataset("secret", 2, persistent=True), "v1")
    fos.push("secret", remote)
    fo.delete_dataset("secret")
    (tmp_path / "policy.yml").write_text('datasets:\n  mine-*:\n    "*": manage\n')
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", str(tmp_path / "policy.yml"))
    assert not fos.list_remote(remote)
    with pytest.raises(fos.SnapshotPermissionError):
        fos.clone_from(remote, "secret", "mine-x")
