"""Several at one remote at the same time, and stores that are late, slow, busy, or give out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.archive import cloud
from fiftyone_snapshots.backend.remote import push as pushing
from fiftyone_snapshots.backend.remote import write
from fiftyone_snapshots.backend.remote.folder import FolderRemote
from fiftyone_snapshots.backend.remote.store import Listed
from support.crash import die, in_child
from support.datasets import image_dataset
from support.environment import ROOT
from support.full import Document
from support.invariants import assert_sound
from support.s3 import BUCKET, Proxy, Request, empty_bucket, objects, s3_server

_REMOTE = f"s3://{BUCKET}/histories"

_SERVER = """
import os, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from support.environment import isolate
isolate(Path({home!r}), uri={uri!r}, database={database!r})
os.environ["FIFTYONE_SNAPSHOTS_MEDIA"] = "none"
import fiftyone as fo
import fiftyone_snapshots as fos
fos.clone_from({remote!r}, "d")
dataset = fo.load_dataset("d")
print("ready", flush=True)
for line in sys.stdin:
    verb, name = line.split()
    try:
        if verb == "make":
            dataset.limit(1).tag_samples({database!r} + name)
            fos.create_snapshot("d", name)
        elif verb == "rename":
            fos.edit_snapshot("d", name, new_name=name + "-other")
        else:
            fos.push("d", {remote!r}, names=[name])
    except fos.RemoteConflictError as error:
        print("told", "Pull first" in str(error), flush=True)
    except BaseException as error:
        print("failed", repr(error), flush=True)
    else:
        print("done", flush=True)
"""


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset("d", 30, persistent=True)
    fos.create_snapshot(made, "v1")
    return made


def _edited(dataset: fo.Dataset, name: str) -> None:
    dataset.limit(1).tag_samples(name)
    fos.create_snapshot(dataset, name)


class _Other:
    """A process of another database."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert self.answer() == "ready"

    def ask(self, verb: str, name: str) -> None:
        self._pipe(self._process.stdin).write(f"{verb} {name}\n")
        self._pipe(self._process.stdin).flush()

    def answer(self) -> str:
        return self._pipe(self._process.stdout).readline().strip()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


@contextmanager
def _others(remote: Path, tmp_path: Path, names: list[str]) -> Iterator[list[_Other]]:
    with ExitStack() as stack:
        processes = []
        for name in names:
            program = _SERVER.format(
                tests=str(ROOT / "tests"),
                home=str(tmp_path / name),
                uri=fo.config.database_uri,
                database=f"{fo.config.database_name}_{name}",
                remote=str(remote),
            )
            process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=dict(os.environ),
                text=True,
            )
            stack.callback(process.wait, 60)
            stack.enter_context(process)
            processes.append(process)
        yield [_Other(process) for process in processes]


def test_two_processes_push_at_the_same_time(
    remote: Path, tmp_path: Path, dataset: fo.Dataset, database: Database[Document]
) -> None:
    """Both end up in; of two that want one name, one is told to pull first."""
    fos.push("d", remote)
    names = ["anna", "ben"]
    try:
        with _others(remote, tmp_path, names) as others:

            def together(verb: str, *wanted: str) -> list[str]:
                for other, name in zip(others, wanted, strict=True):
                    other.ask(verb, name)
                return [other.answer() for other in others]

            for number in range(4):
                own = [f"{name}{number}" for name in names]
                assert together("make", *own) == ["done", "done"]
                assert together("push", *own) == ["done", "done"]
                same = [f"both{number}"] * 2
                assert together("make", *same) == ["done", "done"]
                answers = together("push", *same)
                assert sorted(answers) == ["done", "told True"]
                # What it has sent is there, and need not travel again under another name
                loser = others[answers.index("told True")]
                for verb, name in (("rename", same[0]), ("push", f"{same[0]}-other")):
                    loser.ask(verb, name)
                    assert loser.answer() == "done"
    finally:
        for name in names:
            database.client.drop_database(f"{fo.config.database_name}_{name}")
    listed = {each.name for each in fos.list_remote(remote)}
    expected = [f"{n}{i}" for n in ("anna", "ben", "both") for i in range(4)]
    assert listed == {"v1", *expected, *(f"both{i}-other" for i in range(4))}
    assert fos.verify_remote(remote).is_ok
    assert not list(remote.glob("*/pushing/*"))
    assert len(fos.pull(remote, "d").snapshots) == 16
    assert all(fos.verify_all())
    assert_sound(database)


def test_a_collection_that_is_killed_has_removed_nothing_that_is_needed(
    remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each of its deletions."""
    _edited(dataset, "v2")
    fos.push("d", remote)
    needed = {path for path in remote.rglob("*") if path.is_file()}
    (folder,) = (each for each in remote.iterdir() if each.is_dir())
    for number in range(3):
        for kind in ("segments", "manifests", "notes"):
            (folder / kind).mkdir(exist_ok=True)
            (folder / kind / f"{number}{'f' * 63}").write_bytes(b"left over")
    (folder / "segments" / f"{'0' * 16}.partial").touch()
    for path in remote.rglob("*"):
        os.utime(path, (0, 0))
    whole = remote.parent / "whole"
    shutil.copytree(remote, whole)
    found = fos.gc_remote(remote)
    assert found.objects == 10
    remove = FolderRemote.remove

    def collect(before: int) -> None:
        left = before

        def removing(self: FolderRemote, key: str) -> None:
            nonlocal left
            if not left:
                die()
            left -= 1
            remove(self, key)

        monkeypatch.setattr(FolderRemote, "remove", removing)
        fos.gc_remote(remote, dry_run=False)

    # That which tells the store's time is one more
    for number in range(found.objects + 1):
        shutil.rmtree(remote)
        shutil.copytree(whole, remote)
        assert in_child(lambda: collect(number)) < 0  # noqa: B023 (called at once)
        assert needed <= set(remote.rglob("*"))
        for path in remote.glob("clock/*"):
            os.utime(path, (0, 0))
        fos.gc_remote(remote, dry_run=False)
        assert {path for path in remote.rglob("*") if path.is_file()} == needed
    assert fos.verify_remote(remote).is_ok
    assert fos.push("d", remote).already_there == 2


def _list_late(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """Has objects be listed only when they could have been so many times."""
    listed, missed = FolderRemote.listed, dict[str, int]()

    def late(self: FolderRemote, prefix: str) -> list[Listed]:
        found = []
        for each in listed(self, prefix):
            missed[each.key] = missed.get(each.key, 0) + 1
            if missed[each.key] > looks:
                found.append(each)
        return found

    monkeypatch.setattr(FolderRemote, "listed", late)


def test_what_is_listed_late_is_no_conflict(
    remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as late:
        late.setattr(pushing, "_LISTED_WAITS", (0.0,))
        _list_late(late, 3)
        assert fos.push("d", remote).snapshots == ["v1"]
        # It has not waited for longer, and the note keeps what nobody can see the use of
        (note,) = remote.glob("*/pushing/*")
        for path in set(remote.rglob("*")) - {note}:
            os.utime(path, (note.stat().st_mtime, note.stat().st_mtime))
        assert not fos.gc_remote(remote, older_than=timedelta(0), dry_run=False).objects
    with monkeypatch.context() as late:
        _list_late(late, 2)
        assert fos.push("d", remote).snapshots == ["v1"]
        assert not list(remote.glob("*/pushing/*"))
    assert [each.name for each in fos.list_remote(remote)] == ["v1"]
    assert fos.verify_remote(remote).is_ok


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def s3(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setattr(write, "SEGMENT_BYTES", 4096)
    with empty_bucket(server, monkeypatch) as state:
        yield state


def _of(request: Request, kind: str) -> bool:
    return f"/{kind}/" in request.path


def test_a_store_that_is_busy_or_slow_is_asked_again(
    s3: Proxy, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says 503 to two of three requests, or answers when nobody listens any more."""
    monkeypatch.setattr(cloud, "REQUESTS", {**cloud.REQUESTS, "timeout": timedelta(seconds=1)})
    _edited(dataset, "v2")
    asked: dict[str, int] = {}

    def trouble(request: Request) -> int | None:
        number = asked[request.path] = asked.get(request.path, 0) + 1
        if number == 1 and _of(request, "manifests"):
            time.sleep(2)
        return 503 if number % 3 else None

    s3.trouble = trouble
    assert fos.push("d", _REMOTE).snapshots == ["v1", "v2"]
    fo.delete_dataset("d")
    assert fos.clone_from(_REMOTE, "d").snapshots == ["v1", "v2"]
    s3.trouble = lambda request: None
    assert fos.verify_remote(_REMOTE).is_ok
    assert all(fos.verify_all())


@pytest.mark.parametrize("kind", ["segments", "manifests", "snapshots"])
@pytest.mark.parametrize("backend", ["delta", "duplication"])
def test_a_pull_of_many_that_fails_in_the_middle_goes_on(
    backend: str,
    kind: str,
    s3: Proxy,
    server: int,
    dataset: fo.Dataset,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What came in is whole; the rest is pulled when the store is back."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    for name in ("v2", "v3"):
        _edited(dataset, name)
    fos.push("d", _REMOTE)
    fo.delete_dataset("d")
    keys = [key for key in objects(server) if f"/{kind}/" in key]
    gone = sorted(keys)[: max(1, len(keys) // 2)]
    s3.trouble = lambda request: 503 if any(key in request.path for key in gone) else None
    with pytest.raises(fos.RemoteStorageError, match="what has arrived need not travel again"):
        fos.clone_from(_REMOTE, "d")
    assert_sound(database)
    s3.trouble = lambda request: None
    if fo.dataset_exists("d"):
        assert all(fos.verify_all())
        fos.pull(_REMOTE, "d")
    else:
        fos.clone_from(_REMOTE, "d")
    assert fos.list_snapshots("d") == ["v1", "v2", "v3"]
    assert all(fos.verify_all())
    assert_sound(database)
