"""Runs the benchmarks: ``make bench``, ``make bench-large``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from itertools import chain

import fiftyone as fo

from . import (
    archive,
    delta,
    diff,
    going_back,
    latency,
    media,
    merges,
    overhead,
    panel,
    reads,
    remotes,
    undo,
    verbs,
    writers,
)
from .harness import Row, machine, table

SIZES = (10_000, 200_000)
LARGE = 1_000_000

SUITES: dict[str, Callable[[int], Iterator[Row]]] = {
    "verbs": verbs.rows,
    "delta": delta.rows,
    "diff": diff.rows,
    "going-back": going_back.rows,
    "reads": reads.rows,
    "overhead": overhead.rows,
    "archive": archive.rows,
    "latency": latency.rows,
    "writers": writers.rows,
    "media": media.rows,
    "merges": merges.rows,
    "undo": undo.rows,
    "remotes": remotes.rows,
    "panel": panel.rows,
}


def main() -> int:
    """Runs the suites that were asked for and prints their table.

    Returns:
        0 if every bar holds, else 1
    """
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--large", action="store_true", help=f"{LARGE:,} samples")
    parser.add_argument("--size", type=int, action="append", help="samples; may be repeated")
    parser.add_argument("--suite", choices=SUITES, action="append", help="may be repeated")
    arguments = parser.parse_args()

    sizes = arguments.size or ([LARGE] if arguments.large else SIZES)
    # Whose bars are set at that size; the others take much longer
    default = ["diff"] if arguments.large else SUITES
    suites = [SUITES[name] for name in arguments.suite or default]
    # No thread does anything besides what is measured
    os.environ["FIFTYONE_SNAPSHOTS_MEDIA"] = "none"
    # A run that was killed may have left some
    fo.delete_datasets("bench-*")
    print(machine(), file=sys.stderr)
    rows = []
    for row in chain.from_iterable(suite(size) for size in sizes for suite in suites):
        print(f"  {row.name}: x{row.ratio:.2f} of {row.baseline}", file=sys.stderr)
        rows.append(row)
    print(table(rows))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
