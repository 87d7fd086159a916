"""Measuring two things side by side, so that a noisy machine disturbs both alike."""

from __future__ import annotations

import gc
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import fiftyone as fo
import fiftyone.core.odm as foo
from tabulate import tabulate

REPEATS = 5


@dataclass(frozen=True)
class Step:
    """Something to time, with what must be done before and after, off the clock."""

    run: Callable[[], object]
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    def seconds(self) -> float:
        """Returns how long one run takes."""
        self.before()
        # What the server has still to write of the step before is not charged to this one
        foo.get_db_client().admin.command("fsync")
        gc.collect()
        start = time.perf_counter()
        self.run()
        elapsed = time.perf_counter() - start
        self.after()
        return elapsed


def clone_of(dataset: fo.Dataset) -> Step:
    """Returns what most is compared with: FiftyOne's own clone of a dataset."""
    return Step(
        run=lambda: dataset.clone("bench-clone"), after=lambda: fo.delete_dataset("bench-clone")
    )


def peak_memory(program: str) -> int:
    """Returns the most memory, in MB, that a process needs for something.

    Args:
        program: Python, which is run in a process of its own
    """
    subprocess.run([sys.executable, "-c", program], check=True)
    kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return kilobytes // (1024 * (1024 if sys.platform == "darwin" else 1))


@dataclass(frozen=True)
class Row:
    """One line of the result: ours beside a baseline."""

    name: str
    data: str
    baseline: str
    ours_seconds: float
    baseline_seconds: float
    ratio: float
    """The median of the ratios of the pairs, not the ratio of the medians."""
    bar: float | None = None
    """The ratio that must not be exceeded, where there is one."""
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the bar holds."""
        return self.bar is None or self.ratio <= self.bar


def compare(
    name: str,
    data: str,
    ours: Step,
    baseline_name: str,
    baseline: Step,
    bar: float | None = None,
    repeats: int = REPEATS,
    note: str = "",
) -> Row:
    """Times two steps in turns.

    Args:
        name: what is measured
        data: on what data
        ours: our step
        baseline_name: what it is compared with
        baseline: the other step
        bar (None): the ratio that must not be exceeded
        repeats (5): how many pairs
        note (""): a remark

    Returns:
        the medians, and the median ratio of the pairs
    """
    pairs: list[tuple[float, float]] = []
    for number in range(repeats):
        # Whoever goes second may find warm caches: take turns
        if number % 2:
            other = baseline.seconds()
            pairs.append((ours.seconds(), other))
        else:
            pairs.append((ours.seconds(), baseline.seconds()))
    return Row(
        name=name,
        data=data,
        baseline=baseline_name,
        ours_seconds=statistics.median(mine for mine, _ in pairs),
        baseline_seconds=statistics.median(other for _, other in pairs),
        ratio=statistics.median(mine / other for mine, other in pairs),
        bar=bar,
        note=note,
    )


def table(rows: Iterable[Row]) -> str:
    """Renders rows as a Markdown table."""
    return tabulate(
        [
            (
                row.name,
                row.data,
                f"{row.ours_seconds:.3f}",
                row.baseline,
                f"{row.baseline_seconds:.3f}",
                f"x{row.ratio:.2f}",
                "" if row.bar is None else f"x{row.bar:.2f} {'ok' if row.holds else 'MISSED'}",
                row.note,
            )
            for row in rows
        ],
        headers=["what", "data", "ours s", "against", "its s", "ratio", "bar", "note"],
        tablefmt="github",
        disable_numparse=True,
    )


def machine() -> str:
    """Describes what the figures were measured on."""
    server = foo.get_db_client().server_info()["version"]
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, "
        f"Python {platform.python_version()}, FiftyOne {fo.__version__}, MongoDB {server}; "
        f"medians of {REPEATS} pairs unless noted"
    )
