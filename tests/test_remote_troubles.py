"""What can go wrong with a remote in a folder: what others put there, lies, and who is killed."""

from __future__ import annotations

import json
import os
import threading
import tracemalloc
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
from fiftyone_snapshots.backend.archive.folder import FolderStore
from fiftyone_snapshots.backend.archive.location import open_store as open_archives
from fiftyone_snapshots.backend.audit import describe
from fiftyone_snapshots.backend.catalog import deployment
from fiftyone_snapshots.backend.rawbson.ids import DTYPE
from fiftyone_snapshots.backend.remote import layout, table
from fiftyone_snapshots.backend.remote.folder import FolderRemote
from fiftyone_snapshots.backend.remote.store import open_store
from support.crash import killed_at
from support.datasets import image_dataset


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
    layout.ROOT: lambda path: FolderRemote(str(path.parent)).find(path.name),
    "a.tar": lambda path: list(FolderStore(str(path.parent)).read(path.name)),
}


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_keeps_nobody_waiting(name: str, tmp_path: Path) -> None:
    """An object of a remote, or an archive, to which nobody writes."""
    os.mkfifo(tmp_path / name)
    refused: list[BaseException] = []

    def read() -> None:
        try:
            READERS[name](tmp_path / name)
        except fos.SnapshotError as error:
            refused.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(30)
    if thread.is_alive():
        os.close(os.open(tmp_path / name, os.O_WRONLY | os.O_NONBLOCK))
        thread.join(10)
    assert "no regular file" in str(refused)


def test_an_order_of_more_documents_than_there_can_be_is_refused() -> None:
    """Of a manifest in a remote: a megabyte would become gigabytes before it is compared."""
    nothing = table.Table.of(np.empty(0, DTYPE), [], [])
    step = table.Step(nothing.keys, nothing).to_document()
    forged = {**step, "ordered": 10**6, "order": zlib.compress(bytes(4 * 10**6))}
    tracemalloc.start()
    try:
        with pytest.raises(table.MalformedError, match="more or fewer"):
            table.Step.from_document(forged).applied_to(nothing)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_a_damaged_remote_is_mended_as_its_message_says(remote: Path, dataset: fo.Dataset) -> None:
    edited(dataset, "v2")
    fos.push(dataset, remote)
    segments = sorted(remote.glob("*/segments/*"))
    segments[0].unlink()
    segments[-1].write_bytes(b"painted over")
    problems = "\n".join(fos.verify_remote(remote).problems)
    assert "push again" in problems
    named = [name for name in ("v1", "v2") if f"'{name}'" in problems]
    assert named
    for name in named:
        (remote / str(dataset._doc.id) / "snapshots" / f"{name}.json").unlink()
    assert fos.push(dataset, remote).snapshots == named
    assert fos.verify_remote(remote).is_ok


@pytest.mark.parametrize("is_noted_again", [False, True])
def test_who_is_stopped_before_the_commit_commits_nothing_that_was_collected(
    is_noted_again: bool, remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another push of the database ends meanwhile, and removes the note; then, gc_remote().

    A third one may have begun when it wakes up, and made the same note again.
    """
    fos.push(dataset, remote)
    edited(dataset, "v2")
    create = FolderRemote.create

    def late(self: FolderRemote, key: str, data: bytes) -> Any:
        if "/snapshots/" in key:
            monkeypatch.setattr(FolderRemote, "create", create)
            (note,) = remote.glob("*/pushing/*")
            note.unlink()
            for path in remote.rglob("*"):
                os.utime(path, (0, 0))
            fos.gc_remote(remote, dry_run=False)
            if is_noted_again:
                note.write_bytes(b"{}")
        return create(self, key, data)

    monkeypatch.setattr(FolderRemote, "create", late)
    with suppress(fos.SnapshotError):
        fos.push(dataset, remote)
    assert [each.name for each in fos.list_remote(remote)] == ["v1"]
    assert fos.verify_remote(remote).is_ok


@pytest.mark.parametrize(
    "address", ["s3://AKIA:ab/SECRET@bucket/x", "az://me:ab/SECRET@box", "s3://SECRET@bucket/x"]
)
def test_no_secret_in_an_address_is_told(address: str) -> None:
    """Half of Amazon's keys have a slash; errors and the audit log then tell them."""
    with pytest.raises(ValueError, match="must not hold a login"):
        open_store(address)
    with pytest.raises(ValueError, match="must not hold a login"):
        open_archives(address)
    assert "SECRET" not in describe.text(address)


@pytest.mark.parametrize("stray", [".DS_Store", "._v1.json", "v1.json~", "v1 (copy).json"])
def test_a_stray_file_spoils_no_history(stray: str, remote: Path, dataset: fo.Dataset) -> None:
    fos.push(dataset, remote)
    (remote / str(dataset._doc.id) / "snapshots" / stray).write_bytes(b"\0")
    assert len(fos.list_remote(remote)) == 1


@pytest.mark.parametrize("name", ["a!\u0301b", "版本 1", "ſt_art.2", "V" * 255, "图" * 60, "١-५"])
def test_no_name_is_taken_for_a_stray_file(name: str, remote: Path, dataset: fo.Dataset) -> None:
    edited(dataset, name)
    fos.push(dataset, remote)
    assert [each.name for each in fos.list_remote(remote)] == ["v1", name]
    assert not fos.gc_remote(remote, older_than=timedelta(0)).objects


def test_a_damaged_dataset_is_in_no_other_ones_way(remote: Path, dataset: fo.Dataset) -> None:
    other = image_dataset("other", 2, persistent=True)
    fos.create_snapshot(other, "v1")
    fos.push(dataset, remote)
    fos.push(other, remote)
    (remote / str(other._doc.id) / "snapshots/v1.json").write_bytes(b"{}")
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")


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


def test_what_killed_pushes_have_left_half_written_goes(remote: Path, dataset: fo.Dataset) -> None:
    fos.push(dataset, remote)
    left = remote / str(dataset._doc.id) / "segments" / f"{'0' * 16}.partial"
    left.touch()
    os.utime(left, (0, 0))
    fos.gc_remote(remote, dry_run=False)
    assert not left.exists()


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
