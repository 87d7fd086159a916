"""The verbs over a link that adds 20 ms each way, as a team's shared database has.

What takes time there is the number of round trips, which no fast machine hides.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict

import fiftyone as fo
import fiftyone.core.dataset as fod
import fiftyone.core.odm as foo

import fiftyone_snapshots as fos

from .data import image_dataset
from .harness import Row, Step, clone_of, compare
from .slow_link import slow_link

_SAMPLES = 10_000
_SECONDS = 0.02
_REPEATS = 3


def rows(samples: int) -> Iterator[Row]:
    """Measures the verbs on a dataset, in a process that has the slow link only.

    Args:
        samples: the size of the dataset; measured at 10,000 alone, as it matters little

    Returns:
        an iterator over the rows
    """
    if samples != _SAMPLES:
        return
    with slow_link(os.environ["FIFTYONE_DATABASE_URI"], _SECONDS) as uri:
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.latency"],
            env={**os.environ, "FIFTYONE_DATABASE_URI": uri},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    for line in child.stdout.splitlines():
        if line.startswith("{"):
            yield Row(**json.loads(line))


def _measured(backend: str) -> Iterator[Row]:
    os.environ["FIFTYONE_SNAPSHOTS_BACKEND"] = backend
    name = f"bench-{backend}"
    data = f"{_SAMPLES:,} samples, {backend}, 2 x {_SECONDS * 1000:.0f} ms"
    dataset = image_dataset(name, _SAMPLES)
    clone = clone_of(dataset)
    fos.create_snapshot(name, "base")

    def edit() -> None:
        dataset.limit(100).set_values("uniqueness", [os.urandom(1)[0] / 255] * 100)

    create = Step(
        before=edit,
        run=lambda: fos.create_snapshot(name, "new"),
        after=lambda: (fos.delete_snapshot(name, "new"), fos.empty_trash(name)),
    )
    yield _compare("create", data, create, "Dataset.clone()", clone, bar=2.5)
    fos.create_snapshot(name, "new")
    first = Step(before=_forget, run=lambda: fo.load_dataset(name))
    load = Step(before=_forget, run=lambda: fos.load_snapshot(name, "new"))
    yield _compare("load", data, load, "first fo.load_dataset()", first, bar=5.0)
    again = Step(run=lambda: fos.load_snapshot(name, "new"))
    yield _compare("load, again", data, again, "first fo.load_dataset()", first)
    trips = Step(run=_five_round_trips)
    list_ = Step(run=lambda: fos.list_snapshots(name))
    yield _compare("list", data, list_, "five round trips (200 ms)", trips, bar=1.0)
    diff = Step(run=lambda: fos.diff(name, "base", "new"))
    yield _compare("diff of two snapshots", data, diff, "Dataset.clone()", clone)
    revert = Step(run=lambda: fos.revert_dataset_to_snapshot(name, "base"))
    undo = Step(run=lambda: fos.undo_revert(name))
    yield _compare("revert", data, Step(revert.run, after=undo.run), "Dataset.clone()", clone)
    fo.delete_dataset(name)


def _compare(
    name: str, data: str, ours: Step, baseline_name: str, baseline: Step, bar: float | None = None
) -> Row:
    return compare(name, data, ours, baseline_name, baseline, bar, repeats=_REPEATS)


def _forget() -> None:
    fod.Dataset._instances.clear()


def _five_round_trips() -> None:
    for _ in range(5):
        foo.get_db_client().admin.command("ping")


def _main() -> None:
    for backend in ("duplication", "delta"):
        for row in _measured(backend):
            print(json.dumps(asdict(row)), flush=True)


if __name__ == "__main__":
    _main()
