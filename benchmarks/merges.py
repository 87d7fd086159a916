"""Branches and merges, beside a clone: 1% changed on each side, 0.01% in conflict."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timezone
from unittest.mock import patch

import fiftyone as fo
from pymongo import UpdateOne

import fiftyone_snapshots as fos

from .data import image_dataset
from .harness import Row, Step, clone_of, compare, peak_memory

_NAME = "bench-merge"
_BRANCH = f"{_NAME}.lab"
_ROUNDS = 3
_CHANGED, _IN_CONFLICT = 100, 10_000
"""One sample in so many."""

# Bars of the specification, as shares of a clone
_CREATE, _PLAN, _APPLY = 1.0, 0.9, 1.6
_ENOUGH = 200_000
"""Bars are set from this size on: a clone of fewer samples takes no time."""
_MOST_MEMORY_MB = 1500
_PROGRAM = (
    "import fiftyone_snapshots as fos; "
    f"fos.apply_merge(fos.plan_merge({_BRANCH!r}, prefer='theirs'))"
)


def rows(samples: int) -> Iterator[Row]:
    """Measures branches and merges with either backend.

    Args:
        samples: the number of samples

    Returns:
        an iterator over the rows
    """
    for backend in ("duplication", "delta"):
        with patch.dict(os.environ, {"FIFTYONE_SNAPSHOTS_BACKEND": backend}):
            yield from _Bench(samples, backend).rows()


class _Bench:
    """A dataset and a branch of it."""

    def __init__(self, samples: int, backend: str) -> None:
        self._data = f"{samples:,} samples, {backend}"
        self._is_enough = samples >= _ENOUGH
        self._round = 0
        self._dataset = image_dataset(_NAME, samples)

    def rows(self) -> Iterator[Row]:
        """Measures everything, each time beside a clone."""
        fos.create_snapshot(self._dataset, "base")
        branch = Step(
            run=lambda: fos.create_branch(_NAME, "measured", "base"),
            after=lambda: fo.delete_dataset(f"{_NAME}.measured"),
        )
        yield self._row("create_branch", branch, _CREATE)
        fos.create_branch(_NAME, "lab", "base")
        self._edit(_NAME, 0)
        self._edit(_BRANCH, _CHANGED // 2)
        plan = Step(before=self._edit_one, run=lambda: fos.plan_merge(_BRANCH))
        yield self._row("plan_merge", plan, _PLAN)
        first = Step(before=self._plan_anew, run=self._apply, after=self._undo)
        yield self._row("apply_merge, the branch is captured", first, None)
        again = Step(before=self._plan, run=self._apply, after=self._undo)
        yield self._row("apply_merge", again, _APPLY)
        yield self._memory()
        for dataset in (_BRANCH, _NAME):
            fo.delete_dataset(dataset)

    def _row(self, name: str, step: Step, bar: float | None) -> Row:
        clone = clone_of(self._dataset)
        bar = bar if self._is_enough else None
        return compare(name, self._data, step, "Dataset.clone()", clone, bar, repeats=_ROUNDS)

    def _memory(self) -> Row:
        peak = peak_memory(_PROGRAM)
        return Row(
            name="memory of plan and apply, MB",
            data=self._data,
            baseline="what is allowed",
            ours_seconds=peak,
            baseline_seconds=_MOST_MEMORY_MB,
            ratio=peak / _MOST_MEMORY_MB,
            bar=1.0,
            note="resident, of the client",
        )

    def _edit(self, name: str, offset: int) -> None:
        """Changes one sample in a hundred, and one in ten thousand on both sides."""
        collection = fo.load_dataset(name)._sample_collection
        ids = [each["_id"] for each in collection.find({}, {"_id": 1}).sort("_id", 1)]
        now = datetime.now(timezone.utc)
        changed = dict.fromkeys([*ids[offset::_CHANGED], *ids[::_IN_CONFLICT]])
        updates = [
            UpdateOne(
                {"_id": id_},
                {
                    "$set": {
                        "ground_truth.detections.0.label": f"label of {name}",
                        "ground_truth.detections.1.bounding_box": [0.25, 0.25, 0.5, 0.5],
                        "last_modified_at": now,
                    }
                },
            )
            for id_ in changed
        ]
        collection.bulk_write(updates, ordered=False)

    def _edit_one(self) -> None:
        """Writes to both sides, so that nothing of them is known from before."""
        self._round += 1
        for name in (_NAME, _BRANCH):
            sample = fo.load_dataset(name).skip(self._round).first()
            sample["weather"].label = f"round {self._round}"
            sample.save()

    def _plan_anew(self) -> None:
        self._edit_one()
        self._plan()

    def _plan(self) -> None:
        fos.plan_merge(_BRANCH, prefer="theirs")

    def _apply(self) -> None:
        fos.apply_merge(fos.list_merges(_NAME)[-1])

    def _undo(self) -> None:
        fos.undo_merge(_NAME)
        fos.empty_trash(_NAME)
