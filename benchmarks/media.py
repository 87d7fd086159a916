"""What it takes to find out what media files are, beside the plainest way to do the same."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fiftyone as fo
import fiftyone.core.odm as foo
from bson import ObjectId

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.config import MediaLevel
from fiftyone_snapshots.backend.media.capture import look_at
from fiftyone_snapshots.backend.media.listing import Listing

from .harness import Row, Step, compare

_NAME, _PLAIN = "bench-media", "bench-media-plain"
_REPEATS = 3
_FILE_BYTES = 200_000
_HASHED = 2_000
"""Files of that size, which the page cache holds."""

_STAT_SECONDS = 12 / 1_000_000
"""The bar of the specification, in processor time a file."""
_HASHING = 1.25
"""The same: 80% of what ``sha256sum`` does in the same time."""
_SPACE = 0.3
"""The same, of the space of the manifest."""
_SLOWER = 1.2
"""Two that are alike differ by as much on a busy machine."""


class _Cpu(Step):
    """What takes this process's time, whatever else the machine does."""

    def seconds(self) -> float:
        """Returns how much of it one run takes."""
        began = time.process_time()
        self.run()
        return time.process_time() - began


def rows(files: int) -> Iterator[Row]:
    """Measures looking, reading, storing and creating.

    Args:
        files: how many files there are

    Returns:
        an iterator over the rows
    """
    with tempfile.TemporaryDirectory(prefix="bench-media-") as folder:
        yield _reading(Path(folder))
    with tempfile.TemporaryDirectory(prefix="bench-media-") as folder:
        paths = [
            _write(Path(folder) / f"{n // 1000:04d}" / f"{n:07d}.jpg", 100) for n in range(files)
        ]
        yield from _looking(paths)
        yield from _storing(paths)


def _looking(paths: list[str]) -> Iterator[Row]:
    data, nothing = f"{len(paths):,} files", Listing.empty()
    found = compare(
        "stat of all files, CPU",
        data,
        _Cpu(lambda: look_at(paths, MediaLevel.STAT, nothing)),
        "os.stat() in a loop",
        _Cpu(lambda: [os.stat(path) for path in paths]),  # noqa: PTH116 (the plainest)
        repeats=_REPEATS,
    )
    yield found
    most = _STAT_SECONDS * len(paths)
    ratio = found.ours_seconds / most
    yield Row(
        "stat of all files, CPU", data, "12 s a million", found.ours_seconds, most, ratio, bar=1.0
    )


def _storing(paths: list[str]) -> Iterator[Row]:
    data = f"{len(paths):,} files"
    for name in (_NAME, _PLAIN):
        _dataset(name, paths)
    numbers = iter(range(1000))

    def create(name: str, media: str) -> Callable[[], object]:
        return lambda: fos.create_snapshot(name, f"v{next(numbers)}", media=media)

    def forget(name: str) -> Callable[[], object]:
        def run() -> None:
            *_, newest = fos.list_snapshots(name)
            fos.delete_snapshot(name, newest)
            fos.empty_trash(name)

        return run

    try:
        create(_NAME, "none")()
        manifest = _bytes("manifests")
        create(_PLAIN, "none")()
        yield compare(
            "create_snapshot, media='stat'",
            data,
            Step(create(_NAME, "stat"), after=forget(_NAME)),
            "create_snapshot",
            Step(create(_PLAIN, "none"), after=forget(_PLAIN)),
            repeats=_REPEATS,
        )
        create(_NAME, "stat")()
        captured = _bytes("media")
        name, ratio = "space of a capture, bytes", captured / manifest
        yield Row(name, data, "the manifest", captured, manifest, ratio, bar=_SPACE)
        create(_NAME, "stat")()
        more = _bytes("media") - captured
        name = "space of the next, files unchanged, bytes"
        yield Row(name, data, "a kilobyte in all", more, 1024, more / 1024, bar=1.0)
        yield compare(
            "create_snapshot, media='none', where media were captured before",
            data,
            Step(create(_NAME, "none"), after=forget(_NAME)),
            "where none were",
            Step(create(_PLAIN, "none"), after=forget(_PLAIN)),
            bar=_SLOWER,
            repeats=_REPEATS,
        )
    finally:
        for name in (_NAME, _PLAIN):
            fo.delete_dataset(name)
        fos.recover()


def _dataset(name: str, paths: list[str]) -> None:
    """Makes a dataset of files; ``add_samples()`` would take minutes for a million."""
    if fo.dataset_exists(name):
        fo.delete_dataset(name)
    dataset = fo.Dataset(name, persistent=True)
    dataset.add_sample(fo.Sample(paths[0]))
    collection = dataset._sample_collection
    template = collection.find_one()
    for start in range(1, len(paths), 10_000):
        collection.insert_many(
            {**template, "_id": ObjectId(), "filepath": path}
            for path in paths[start : start + 10_000]
        )


def _bytes(collection: str) -> int:
    """Returns how many bytes the documents of one of our collections have."""
    size = {"$group": {"_id": None, "bytes": {"$sum": {"$bsonSize": "$$ROOT"}}}}
    found = list(foo.get_db_conn()[f"snapshots.{collection}"].aggregate([size]))
    return int(found[0]["bytes"]) if found else 0


def _reading(folder: Path) -> Row:
    paths = [_write(folder / f"{number:05d}.jpg", _FILE_BYTES) for number in range(_HASHED)]
    names = "\0".join(paths).encode()
    return compare(
        "hash of all files",
        f"{_HASHED:,} files of {_FILE_BYTES // 1000} KB",
        Step(lambda: look_at(paths, MediaLevel.HASH, Listing.empty())),
        "sha256sum",
        Step(lambda: subprocess.run(["xargs", "-0", "sha256sum"], input=names, check=True,
                                    stdout=subprocess.DEVNULL)),
        bar=_HASHING,
        repeats=_REPEATS,
    )  # fmt: skip


def _write(path: Path, size: int) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(os.urandom(size))
    return str(path)
