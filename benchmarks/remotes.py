"""Remotes in a folder, beside a clone: the first push, steps of 1%, and pulling all of it."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest.mock import patch

import fiftyone as fo

import fiftyone_snapshots as fos

from .data import image_dataset
from .delta import edit
from .harness import Row, Step, clone_of

_NAME = "bench-remotes"
_STEPS = 10
_FIRST = 3
_BACKEND = {"FIFTYONE_SNAPSHOTS_BACKEND": "delta"}

# Bars of the specification, as shares of a clone, and of one archive
_PUSH, _STEP, _STORAGE, _LOAD, _PULL = 1.6, 0.1, 1.35, 2.0, 3.0
_ENOUGH = 200_000
"""Bars are set for so many samples: a clone of fewer takes no time."""

Pairs = list[tuple[float, float]]


def rows(samples: int) -> Iterator[Row]:
    """Measures pushing and pulling.

    Args:
        samples: the number of samples

    Returns:
        an iterator over the rows
    """
    folder = Path(tempfile.mkdtemp(prefix="bench-remotes-"))
    try:
        with patch.dict(os.environ, _BACKEND):
            yield from _Bench(samples, folder).rows()
    finally:
        shutil.rmtree(folder)


class _Bench:
    def __init__(self, samples: int, folder: Path) -> None:
        self._samples = samples
        self._folder = folder
        self._dataset = image_dataset(_NAME, samples)
        self._clone = clone_of(self._dataset)

    def rows(self) -> Iterator[Row]:
        """Measures everything, each time beside a clone."""
        fos.create_snapshot(_NAME, "s0")
        places = [f"first{number}" for number in range(_FIRST)]
        first = [self._beside(partial(self._push, place)) for place in places]
        yield self._row("push, the first", first, _PUSH)
        self._push("all")
        steps: Pairs = []
        for number in range(1, _STEPS + 1):
            edit(self._dataset._sample_collection, number)
            fos.create_snapshot(_NAME, f"s{number}")
            steps.append(self._beside(lambda: self._push("all")))
        yield self._row("push, 1% changed", steps, _STEP)
        yield self._storage()
        newest: Pairs = []
        for _ in range(_FIRST):
            self._forget(f"s{_STEPS}")
            newest.append(self._beside(lambda: fos.pull(self._folder / "all", _NAME)))
        yield self._row("pull of the newest", newest, _LOAD)
        clone = self._clone.seconds()
        fo.delete_dataset(_NAME)
        whole = Step(lambda: fos.clone_from(self._folder / "all", _NAME)).seconds()
        yield self._row("pull of eleven, into nothing", [(whole, clone)], _PULL)
        fo.delete_dataset(_NAME)

    def _push(self, remote: str) -> None:
        (self._folder / remote).mkdir(exist_ok=True)
        fos.push(_NAME, self._folder / remote)

    def _forget(self, snapshot: str) -> None:
        fos.delete_snapshot(_NAME, snapshot)
        fos.empty_trash(_NAME)

    def _beside(self, run: Callable[[], object]) -> tuple[float, float]:
        other = self._clone.seconds()
        return Step(run).seconds(), other

    def _storage(self) -> Row:
        archive = fos.export_snapshot(_NAME, "s0", self._folder / "s0.tar").stat().st_size
        stored = sum(each.stat().st_size for each in self._folder.rglob("all/**/*"))
        return Row(
            name="storage of eleven, MB",
            data=f"{self._samples:,} samples",
            baseline="one archive",
            ours_seconds=stored / 1e6,
            baseline_seconds=archive / 1e6,
            ratio=stored / archive,
            bar=_STORAGE if self._samples >= _ENOUGH else None,
        )

    def _row(self, name: str, pairs: Pairs, bar: float) -> Row:
        return Row(
            name=name,
            data=f"{self._samples:,} samples",
            baseline="Dataset.clone()",
            ours_seconds=statistics.median(ours for ours, _ in pairs),
            baseline_seconds=statistics.median(other for _, other in pairs),
            ratio=statistics.median(ours / other for ours, other in pairs),
            bar=bar if self._samples >= _ENOUGH else None,
            note=f"{len(pairs)} pairs",
        )
