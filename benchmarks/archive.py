"""Archive and unarchive, beside FiftyOne's clone: time, compression, throughput and memory."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import fiftyone as fo
import psutil

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.mongo.database import connect

from .data import image_dataset
from .harness import Row, Step, clone_of, compare

_NAME = "bench-archive"
_LARGE_ENOUGH = 200_000
_MEMORY_BAR_MB = 300


def rows(samples: int) -> Iterator[Row]:
    """Measures archiving a snapshot in a folder and bringing it back.

    Args:
        samples: the size of the dataset

    Returns:
        an iterator over the rows
    """
    data = f"{samples:,} samples"
    dataset = image_dataset(_NAME, samples)
    fos.create_snapshot(_NAME, "base")
    clone = clone_of(dataset)
    bars = (1.5, 3.0) if samples >= _LARGE_ENOUGH else (None, None)
    with tempfile.TemporaryDirectory() as folder, _archive_path(folder):
        archive = Step(run=_archive, after=_unarchive)
        row = compare("archive", data, archive, "Dataset.clone()", clone, bar=bars[0])
        yield _noted(row, _archive, _unarchive)
        back = Step(before=_archive, run=_unarchive)
        row = compare("unarchive", data, back, "Dataset.clone()", clone, bar=bars[1])
        _archive()
        yield _noted(row, _unarchive, lambda: None)
    fo.delete_dataset(_NAME)


def _archive() -> None:
    fos.archive_snapshot(_NAME, "base")


def _unarchive() -> None:
    fos.unarchive_snapshot(_NAME, "base")


def _noted(row: Row, action: Callable[[], None], undo: Callable[[], None]) -> Row:
    """Adds what one more run shows: memory, throughput, and how well it compresses."""
    before = _size()
    with _peak_memory() as peak:
        action()
    compressed = before[1] or _size()[1]
    undo()
    note = (
        f"{before[0] / 1e6 / row.ours_seconds:.0f} MB/s, {before[0] / compressed:.1f} : 1, "
        f"+{peak[0] / 1e6:.0f} MB of memory"
    )
    assert peak[0] / 1e6 < _MEMORY_BAR_MB, note
    return replace(row, note=note)


def _size() -> tuple[int, int]:
    (record,) = [record for record in Catalog(connect()).list_all() if record.name == "base"]
    return record.size_bytes, record.archive.size_bytes if record.archive else 0


@contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Tells by how many bytes this process grows at most."""
    process, ended, peak = psutil.Process(), threading.Event(), [0]
    start = process.memory_info().rss

    def watch() -> None:
        while not ended.wait(0.01):
            peak[0] = max(peak[0], process.memory_info().rss - start)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


@contextmanager
def _archive_path(folder: str) -> Iterator[None]:
    os.environ["FIFTYONE_SNAPSHOTS_ARCHIVE_PATH"] = folder
    try:
        yield
    finally:
        del os.environ["FIFTYONE_SNAPSHOTS_ARCHIVE_PATH"]
