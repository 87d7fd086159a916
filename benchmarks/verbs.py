"""Create, load and revert, beside what FiftyOne does with whole datasets."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import fiftyone as fo
import fiftyone.core.odm as foo

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.dataset.parts import Documents
from fiftyone_snapshots.backend.manifest.manifest import Manifest

from .data import image_dataset
from .harness import Row, Step, clone_of, compare

_SMALL = 1_000

_LARGE_ENOUGH = 200_000
"""From this size on some bars are set: below, what they measure is lost in fixed costs."""


def rows(samples: int) -> Iterator[Row]:
    """Measures the verbs on a dataset.

    Args:
        samples: the size of the dataset

    Returns:
        an iterator over the rows
    """
    data = f"{samples:,} samples"
    dataset = image_dataset("bench", samples)
    clone = clone_of(dataset)
    yield compare(
        "create",
        data,
        _create(dataset),
        "Dataset.clone()",
        clone,
        bar=1.3 if samples >= _LARGE_ENOUGH else None,
    )
    with patch.object(Manifest, "read", _read_small_parts):
        copy = _create(dataset)
        yield compare("create, without manifest", data, copy, "Dataset.clone()", clone, bar=0.9)
    yield compare("create", data, _create(dataset), "raw $out", _out(dataset))

    fos.create_snapshot(dataset, "base")
    small = image_dataset("bench-small", _SMALL)
    fos.create_snapshot(small, "base")
    yield compare(
        "load",
        data,
        Step(lambda: fo.load_dataset("bench", snapshot="base")),
        f"load of a snapshot of {_SMALL:,}",
        Step(lambda: fo.load_dataset("bench-small", snapshot="base")),
        bar=2.0,
    )
    yield compare(
        "load",
        data,
        Step(lambda: fo.load_dataset("bench", snapshot="base")),
        "fo.load_dataset()",
        Step(lambda: fo.load_dataset("bench", reload=True)),
    )

    branch = Step(
        run=lambda: fos.create_branch("bench", "measured", "base"),
        after=lambda: fo.delete_dataset("bench.measured"),
    )
    yield compare("branch", data, branch, "Dataset.clone()", clone)

    revert = Step(
        before=lambda: _edit(dataset),
        run=lambda: fos.revert_dataset_to_snapshot("bench", "base"),
        after=lambda: fos.empty_trash("bench"),
    )
    yield compare("revert, 1% changed", data, revert, "Dataset.clone()", clone, bar=1.5)

    undo = Step(
        before=lambda: (_edit(dataset), fos.revert_dataset_to_snapshot("bench", "base")),
        run=lambda: fos.undo_revert("bench"),
        after=lambda: fos.empty_trash("bench"),
    )
    yield compare(
        "undo of a revert",
        data,
        undo,
        "Dataset.clone()",
        clone,
        bar=0.2 if samples >= _LARGE_ENOUGH else None,
    )
    fo.delete_dataset("bench")
    fo.delete_dataset("bench-small")


_read = Manifest.read


def _read_small_parts(documents: Documents, *_: object) -> Manifest:
    """Reads what lies among documents of other datasets, but neither samples nor frames."""
    return _read(documents) if documents.query else Manifest.empty()


def _create(dataset: fo.Dataset) -> Step:
    def clean() -> None:
        fos.delete_snapshot(dataset, "measured")
        fos.empty_trash(dataset)

    return Step(lambda: fos.create_snapshot(dataset, "measured"), after=clean)


def _out(dataset: fo.Dataset) -> Step:
    database = foo.get_db_conn()
    source = database[dataset._sample_collection_name]
    return Step(
        run=lambda: source.aggregate([{"$out": "bench_out"}]),
        after=lambda: database.drop_collection("bench_out"),
    )


def _edit(dataset: fo.Dataset) -> None:
    view = dataset.take(max(1, len(dataset) // 100), seed=51)
    view.set_values("uniqueness", [0.25] * len(view))
