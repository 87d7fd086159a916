"""Faults in remotes, media and the policy; what has no mark is mended.

Each test says what a person would expect. One that passes though it has a mark fails: it can go.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.media import scenes
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
}


@fault
@pytest.mark.parametrize("name", READERS)
def test_a_pipe_keeps_nobody_waiting(name: str, tmp_path: Path) -> None:
    """A scene to which nobody writes."""
    os.mkfifo(tmp_path / name)
    thread = threading.Thread(target=READERS[name], args=(tmp_path / name,), daemon=True)
    thread.start()
    thread.join(3)
    if is_waiting := thread.is_alive():
        os.close(os.open(tmp_path / name, os.O_WRONLY | os.O_NONBLOCK))
        thread.join(10)
    assert not is_waiting
