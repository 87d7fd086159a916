"""Locks: files that name a version, and are the same for as long as the version is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.command_line import Run, in_this_process
from support.datasets import image_dataset
from support.full import Document

NAME = "street"
FILE = "street.fos.json"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of the second of two snapshots, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(NAME, "v2")
    dataset.tag_samples("x")
    fos.create_snapshot(NAME, "v3")
    path = tmp_path / FILE
    path.write_text(fos.lock_snapshot(NAME, "v3").to_text() + "\n")
    return path


def test_a_lock_is_the_same_for_as_long_as_the_version_is(lock: Path, run: Run) -> None:
    written = lock.read_text()
    assert run("lock", NAME, "v3").out == written
    assert run("lock", f"{NAME}@v3").out == written  # nobody has opened it
    assert written.isascii()
    assert json.loads(written) == {
        "format": 1,
        "uri": fos.snapshot_uri(NAME, "v3", names=False),
        "content": fos.content_hash(NAME, "v3"),
        "sample_count": 3,
        "dataset_name": NAME,
        "snapshot_name": "v3",
    }
    assert run("lock", NAME, "v2").out != written
    unnamed = run("lock", NAME, "v3", "--no-names").out
    dataset = fo.load_dataset(NAME)
    dataset.tag_samples("y")
    fos.create_snapshot(NAME, "v4")
    fos.archive_snapshot(NAME, "v3")
    assert run("lock", NAME, "v3").out == written
    fos.load_snapshot(NAME, "v4")
    fos.edit_snapshot(NAME, "v3", "w3")
    dataset.name = "road"
    assert run("lock", "road@w3", "--no-names").out == unnamed
    assert "Say which snapshot" in run("lock", "road").err
    assert run("lock", "nowhere@v3").code == 1


def test_a_checkout_opens_the_version(lock: Path, run: Run) -> None:
    assert run("checkout", FILE).out == f"{NAME}@v3\n"
    fo.load_dataset(NAME).delete_samples(fo.load_dataset(NAME).first())
    opened = fos.checkout(FILE)
    assert (opened.count_sample_tags()["x"], len(opened)) == (3, 3)
    with pytest.raises(fos.SnapshotReadOnlyError):
        opened.tag_samples("y")
    fos.edit_snapshot(NAME, "v3", "w3")
    answer = run("checkout", FILE, "--json").json
    assert answer["name"] == fos.load_snapshot(NAME, "w3").name
    assert (answer["dataset_name"], answer["snapshot_name"]) == (NAME, "w3")
    lock.write_text(run("lock", NAME, "w3", "--no-names", "--json").out)
    assert fos.checkout(lock).name == answer["name"]
    assert [event.action for event in fos.list_events(NAME, limit=1)] == ["load"]


def test_a_checkout_brings_an_archived_version_back(lock: Path, run: Run) -> None:
    fos.archive_snapshot(NAME, "v3")
    assert run("checkout", FILE).code == 0
    fos.archive_snapshot(NAME, "v3")
    for archive in lock.parent.rglob("*.tar"):
        archive.unlink()
    refused(run, "is gone", fos.ArchiveNotFoundError)


def test_a_version_that_is_gone_is_not_opened(
    lock: Path, run: Run, database: Database[Document]
) -> None:
    fos.delete_snapshot(NAME, "v3")
    refused(run, "is in the trash", fos.SnapshotNotFoundError)
    fos.create_snapshot(NAME, "v3")  # the same content, but not that version
    refused(run, "is in the trash", fos.SnapshotNotFoundError)
    fo.delete_dataset(NAME)
    refused(run, "not in this database", fos.DatasetNotFoundError)


def test_a_version_of_another_content_is_not_opened(lock: Path, run: Run) -> None:
    text = lock.read_text()
    content = fos.content_hash(NAME, "v3")
    lock.write_text(text.replace(content, fos.content_hash(NAME, "v2")))
    refused(run, "another content", fos.DamagedSnapshotError)


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no JSON": lambda lock: "<<<<<<< HEAD",
    "deep": lambda lock: "[" * 90_000,
    "a list": lambda lock: [lock],
    "empty": lambda lock: {},
    "no format": lambda lock: {**lock, "format": None},
    "a flag": lambda lock: {**lock, "format": True},
    "no address": lambda lock: {**lock, "uri": 5},
    "another scheme": lambda lock: {**lock, "uri": "https://example.com/a#" + lock["content"]},
    "brackets": lambda lock: {**lock, "uri": "fiftyone-snapshots://[x"},
    "no content": lambda lock: {key: lock[key] for key in lock if key != "content"},
    "another content": lambda lock: {**lock, "content": "sha256:" + "0" * 64},
    "an address without content": lambda lock: {**lock, "uri": lock["uri"].partition("#")[0]},
    "another count": lambda lock: {**lock, "sample_count": 4},
    "no count": lambda lock: {**lock, "sample_count": "3"},
}


def test_a_file_that_lies_is_refused(lock: Path, run: Run) -> None:
    told = json.loads(lock.read_text())
    for what, lie in LIES.items():
        lying = lie(told)
        lock.write_text(lying if isinstance(lying, str) else json.dumps(lying))
        with pytest.raises(fos.NotALockError):
            raise AssertionError(f"{what}: {fos.checkout(lock)}")
    refused(run, "no lock", fos.NotALockError)
    lock.write_text(json.dumps({**told, "format": 2}))
    refused(run, "newer version", fos.NewerFormatError)
    lock.write_bytes(b"\xff\xfe\x00")
    refused(run, "not JSON", fos.NotALockError)
    lock.unlink()
    refused(run, "cannot be read", fos.InvalidRequestError)
    lock.write_text("\ufeff" + json.dumps({**told, "dataset_name": 5, "later": True}))
    assert fos.checkout(lock).name == f"{NAME}@v3"


def refused(run: Run, why: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=why):
        fos.checkout(FILE)
    ended = run("checkout", FILE)
    assert (ended.code, ended.out) == (1, "")
    assert why in ended.err


@pytest.mark.skipif(shutil.which("dvc") is None, reason="DVC is not installed: make test-clients")
def test_dvc_runs_a_stage_again_if_the_version_is_another(lock: Path, run: Run) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "DVC_NO_ANALYTICS": "1"}

    def shell(*command: str) -> str:
        ended = subprocess.run(
            command, cwd=lock.parent, env=environment, capture_output=True, text=True, check=True
        )
        return ended.stdout

    stage = {"cmd": f"cp {FILE} model", "deps": [FILE], "outs": ["model"]}
    (lock.parent / "dvc.yaml").write_text(json.dumps({"stages": {"train": stage}}))
    shell("git", "init", "--quiet")
    shell("dvc", "init", "--quiet")
    assert "Running stage" in shell("dvc", "repro")
    lock.write_text(run("lock", NAME, "v3").out)
    assert "didn't change" in shell("dvc", "repro")
    lock.write_text(run("lock", NAME, "v2").out)
    assert "Running stage" in shell("dvc", "repro")
    assert (lock.parent / "model").read_text() == lock.read_text()
