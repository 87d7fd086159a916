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

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.config import MediaLevel
from fiftyone_snapshots.backend.media.capture import look_at
from fiftyone_snapshots.backend.media.listing import Listing

from .harness import Row, Step, compare

_NAME = "bench-media"
_REPEATS = 3
_FILE_BYTES = 200_000
_HASHED = 2_000
"""Files of that size, which the page cache holds."""

_HASHING = 1.25
"""The bar of the specification: 80% of what ``sha256sum`` does in the same time."""


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
        yield from _looking(Path(folder), files)
    with tempfile.TemporaryDirectory(prefix="bench-media-") as folder:
        yield _reading(Path(folder))


def _looking(folder: Path, files: int) -> Iterator[Row]:
    paths = [_write(folder / f"{n // 1000:04d}" / f"{n:07d}.jpg", 100) for n in range(files)]
    data = f"{files:,} files"
    nothing = Listing.empty()
    yield compare(
        "stat of all files, CPU",
        data,
        _Cpu(lambda: look_at(paths, MediaLevel.STAT, nothing)),
        "os.stat() in a loop",
        _Cpu(lambda: [os.stat(path) for path in paths]),  # noqa: PTH116 (the plainest)
        repeats=_REPEATS,
    )
    dataset = fo.Dataset(_NAME, persistent=True)
    dataset.add_samples([fo.Sample(path) for path in paths], progress=False)
    numbers = iter(range(1000))

    def create(media: str) -> Callable[[], object]:
        return lambda: fos.create_snapshot(_NAME, f"v{next(numbers)}", media=media)

    def forget() -> None:
        for name in fos.list_snapshots(_NAME):
            fos.delete_snapshot(_NAME, name)
        fos.empty_trash(_NAME)

    try:
        yield compare(
            "create_snapshot, media='stat'",
            data,
            Step(create("stat"), after=forget),
            "create_snapshot",
            Step(create("none"), after=forget),
            repeats=_REPEATS,
        )
        create("stat")()
        yield _space(data, 1)
        create("stat")()
        yield _space(f"{data}, unchanged", 2)
    finally:
        fo.delete_dataset(_NAME)
        fos.recover()


def _space(data: str, snapshots: int) -> Row:
    """Tells how many bytes are stored beside the manifest."""
    database = foo.get_db_conn()
    media, manifest = (
        sum(len(piece.get("data", b"")) for piece in database[f"snapshots.{name}"].find())
        for name in ("media", "manifests")
    )
    return Row(
        f"space of {snapshots} captures, bytes",
        data,
        "manifests",
        media,
        manifest,
        media / manifest,
        bar=0.3,
    )


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
