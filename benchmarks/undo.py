"""Undo of one operation with the delta backend, beside a clone: 1% of the samples relabelled."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from unittest.mock import patch

import fiftyone as fo

import fiftyone_snapshots as fos

from .data import image_dataset
from .harness import Row, Step, clone_of, compare

_NAME = "bench-undo"
_BACKEND = {"FIFTYONE_SNAPSHOTS_BACKEND": "delta"}
_REPEATS = 3

# Bars of the specification, as shares of a clone
_PAIR, _UNDO = 0.6, 0.4
_ENOUGH = 1_000_000
"""Bars are set for so many samples: a clone of fewer takes no time."""


class _Pair(Step):
    """The states before and after an edit, without the edit."""

    def seconds(self) -> float:
        """Returns how long both take."""
        edit = 0.0

        def timed() -> None:
            nonlocal edit
            began = time.perf_counter()
            self.run()
            edit = time.perf_counter() - began

        def block() -> None:
            with fos.undoable(_NAME, "relabel"):
                timed()

        whole = Step(block, self.before, self.after).seconds()
        return whole - edit


def rows(samples: int) -> Iterator[Row]:
    """Measures what it costs to make an operation undoable, and to undo it.

    Args:
        samples: the size of the dataset

    Returns:
        an iterator over the rows
    """
    data = f"{samples:,} samples"
    is_enough = samples >= _ENOUGH
    with patch.dict(os.environ, _BACKEND):
        dataset = image_dataset(_NAME, samples)
        clone = clone_of(dataset)
        numbers = iter(range(1000))
        edit = _Pair(
            # What nobody has captured: the state before is not there yet
            before=lambda: _edit(dataset, next(numbers)),
            run=lambda: _edit(dataset, next(numbers)),
        )
        with fos.undoable(dataset, "the first"):
            _edit(dataset, next(numbers))
        yield compare(
            "safety pair, 1% changed",
            data,
            edit,
            "Dataset.clone()",
            clone,
            bar=_PAIR if is_enough else None,
            repeats=_REPEATS,
        )

        def operation() -> None:
            dataset.reload()
            with fos.undoable(dataset, "relabel"):
                _edit(dataset, next(numbers))

        def dry_run() -> object:
            return fos.undo_operation(_NAME, fos.list_undoable(_NAME, 1)[0].id, dry_run=True)

        for name, run, bar in (
            ("plan of an undo, 1% changed", dry_run, None),
            ("undo_operation, 1% changed", _undo_last, _UNDO),
        ):
            yield compare(
                name,
                data,
                Step(run, before=operation, after=lambda: fos.empty_trash(_NAME)),
                "Dataset.clone()",
                clone,
                bar=bar if is_enough else None,
                repeats=_REPEATS,
            )
        fo.delete_dataset(_NAME)


def _undo_last() -> None:
    fos.undo_operation(_NAME, fos.list_undoable(_NAME, 1)[0].id)


def _edit(dataset: fo.Dataset, number: int) -> None:
    view = dataset.take(max(1, len(dataset) // 100), seed=51 + number)
    view.set_values("uniqueness", [number / 1000] * len(view))
