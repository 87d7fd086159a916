"""What becomes of a look at media files in the background when its process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.crash import killed_at
from support.environment import ROOT
from support.full import Document
from support.media_files import NAME, images, media


@pytest.fixture(autouse=True)
def as_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIFTYONE_SNAPSHOTS_MEDIA")


def test_who_is_killed_leaves_nothing(tmp_path: Path, database: Database[Document]) -> None:
    images(tmp_path)

    def act() -> None:
        fos.create_snapshot(NAME, "v1")
        fos.wait_for_media()

    assert killed_at("capture_media.stored", act)
    fos.recover()
    assert fos.list_snapshots(NAME) == ["v1"]
    assert not list(database["snapshots.media"].find())
    assert media().reason is not None
    assert fos.capture_media(NAME, "v1").found == 24


PROGRAM = """
import fiftyone_snapshots as fos
fos.create_snapshot({name!r}, "v1")
"""

NEVER_ENDING = """
import threading
from fiftyone_snapshots.backend.media import later, look
later._LAST_SECONDS = 0.1
look._STAT_BATCH, look._SLOW_SECONDS = 1, -1.0
looked, first = look.look, []
def look_at(path):
    if first:
        threading.Event().wait()
    first.append(path)
    return looked(path)
look.look = look_at
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, as a process of its own."""
    return started("-c", program.format(name=NAME))


def started(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs Python to its end."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False
    )


def test_a_process_that_ends_finishes_it(tmp_path: Path) -> None:
    images(tmp_path)
    ended = run(PROGRAM)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    found = fos.get_captured_media(NAME, "v1")
    assert found is not None
    assert found.found == 24


def test_a_process_that_ends_does_not_wait_for_ever(
    tmp_path: Path, database: Database[Document]
) -> None:
    images(tmp_path)
    ended = run(NEVER_ENDING + PROGRAM)
    assert (ended.returncode, ended.stdout) == (0, "")
    (line,) = ended.stderr.splitlines()
    assert f"capture_media('{NAME}', 'v1')" in line
    assert not list(database["snapshots.media"].find())
    assert fos.capture_media(NAME, "v1").found == 24


# As Python 3.12.1 does, which lets a process that ends start no thread
NO_THREADS = """
import threading
from fiftyone_snapshots.backend.media import later, look
looked, ending = look.look, threading.Event()
def look_at(path):
    ending.wait()
    return looked(path)
look.look = look_at
def start(self):
    raise RuntimeError("can't create new thread at interpreter shutdown")
def end():
    threading.Thread.start = start
    ending.set()
threading._register_atexit(end)
"""


def test_a_process_that_can_start_no_thread_any_more_says_what_is_left(
    tmp_path: Path, database: Database[Document]
) -> None:
    images(tmp_path)
    ended = run(NO_THREADS + PROGRAM)
    assert (ended.returncode, ended.stdout) == (0, "")
    (line,) = ended.stderr.splitlines()
    assert f"capture_media('{NAME}', 'v1')" in line
    assert not list(database["snapshots.leases"].find())


CHILD = """
import multiprocessing
import fiftyone_snapshots as fos

def act():
    fos.create_snapshot({name!r}, "v1")

if __name__ == "__main__":
    child = multiprocessing.get_context({how!r}).Process(target=act)
    child.start()
    child.join()
    raise SystemExit(child.exitcode)
"""


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_child_that_ends_finishes_it_as_well(how: str, tmp_path: Path) -> None:
    images(tmp_path)
    # A child that is spawned imports it
    program = tmp_path / "program.py"
    program.write_text(CHILD.format(name=NAME, how=how))
    ended = started(program)
    assert ended.returncode == 0, ended.stderr
    found = fos.get_captured_media(NAME, "v1")
    assert found is not None
    assert found.found == 24
