"""Faults in remotes, media and the policy; what has no mark is mended.

Each test says what a person would expect. One that passes though it has a mark fails: it can go.
"""

from __future__ import annotations

import json
import os
import threading
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

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.audit import describe
from fiftyone_snapshots.backend.catalog import deployment
from fiftyone_snapshots.backend.media import front_coding, scenes
from fiftyone_snapshots.backend.rawbson.ids import DTYPE
from fiftyone_snapshots.backend.remote import layout, table
from fiftyone_snapshots.backend.remote.folder import FolderRemote
from fiftyone_snapshots.backend.remote.store import open_store
from support.crash import killed_at
from support.datasets import image_dataset

fault = pytest.mark.xfail(strict=True, reason="a fault that is known, see its text")


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
