"""Going back one step and ten with the delta backend, beside a clone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from unittest.mock import patch

import fiftyone as fo

import fiftyone_snapshots as fos

from .data import image_dataset
from .delta import edit
from .harness import Row, Step, clone_of, compare

_NAME = "bench-back"
_BACKEND = {"FIFTYONE_SNAPSHOTS_BACKEND": "delta"}
_STEPS = 10
_REPEATS = 3

# Bars of the specification, as shares of a clone
_BARS = {1: 1.1, _STEPS: 1.4}
_ENOUGH = 200_000
"""Bars are set for so many samples: a clone of fewer takes no time."""


def rows(samples: int) -> Iterator[Row]:
    """Measures reverts of datasets in which samples were relabelled, or also came and went.

    Args:
        samples: the size of the datasets

    Returns:
        an iterator over the rows
    """
    edits: dict[str, Callable[[fo.Dataset, int], None]] = {
        "1% relabelled": _relabel,
        "0.1% added and deleted as well": lambda made, step: edit(made._sample_collection, step),
    }
    with patch.dict(os.environ, _BACKEND):
        for what, make in edits.items():
            yield from _rows(samples, what, make)


def _rows(samples: int, what: str, make: Callable[[fo.Dataset, int], None]) -> Iterator[Row]:
    dataset = image_dataset(_NAME, samples)
    for step in range(_STEPS + 1):
        fos.create_snapshot(_NAME, f"s{step}")
        make(dataset, step)
    for back, bar in _BARS.items():
        name = f"s{_STEPS - back}"

        def revert(name: str = name) -> None:
            fos.revert_dataset_to_snapshot(_NAME, name)

        def undo() -> None:
            fos.undo_revert(_NAME)
            dataset.reload()

        yield compare(
            f"revert, {back} {'step' if back == 1 else 'steps'} back, each {what}",
            f"{samples:,} samples",
            Step(revert, after=undo),
            "Dataset.clone()",
            clone_of(dataset),
            bar=bar if samples >= _ENOUGH else None,
            repeats=_REPEATS,
        )
    fo.delete_dataset(_NAME)


def _relabel(dataset: fo.Dataset, step: int) -> None:
    view = dataset.take(max(1, len(dataset) // 100), seed=51 + step)
    view.set_values("uniqueness", [step / 1000] * len(view))
