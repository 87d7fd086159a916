"""Tells the story (``make demo``), or opens its dataset in the App (``make app``)."""

from __future__ import annotations

import argparse
import contextlib
import signal
import socket
import sys
import time
from pathlib import Path

import fiftyone as fo
from fiftyone import ViewField as F

import fiftyone_snapshots as fos

from . import boxes, branches, digits
from .telling import say, show_history, show_trash

_PORT = 5252
"""FiftyOne's own is 5151, and its user may have that open."""
_PORTS = 50


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="make demo ARGS=...", description=__doc__)
    parser.add_argument(
        "--branches", action="store_true", help="tell of two annotators and a lead instead"
    )
    parser.add_argument("--app", action="store_true", help="open the dataset in the App")
    arguments = parser.parse_args()
    dataset = digits.make(Path(fo.config.default_dataset_dir) / digits.NAME)
    (branches.tell if arguments.branches else tell)(dataset)
    if arguments.app:
        boxes.add(dataset)
        _open_app(dataset)


def _open_app(dataset: fo.Dataset) -> None:
    """Opens the App, and waits until somebody ends it."""
    # The App's server ends with this process if that ends as Python wants it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    port = free_port()
    # In a container FiftyOne would listen on all of its addresses
    session = fo.launch_app(dataset, remote=True, address="127.0.0.1", port=port)
    print(f"\nOpen http://127.0.0.1:{port}/datasets/{digits.NAME}")
    print("and click the clock above the samples: that is the History panel. Ctrl-C ends it.")
    session.wait(-1)


def free_port() -> int:
    """Returns the port that is always the same, or the next one if somebody has it."""
    for port in range(_PORT, _PORT + _PORTS):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise SystemExit(f"The ports {_PORT} to {_PORT + _PORTS - 1} are all taken")


def tell(dataset: fo.Dataset) -> None:
    """Labels, takes snapshots, makes a mistake, looks at it, and takes it back.

    Args:
        dataset: the digits
    """
    say("500 handwritten digits, labelled. That is worth a snapshot.")
    print(">>> fos.create_snapshot('digits', 'labelled')")
    fos.create_snapshot(dataset, "labelled", "All digits checked by two annotators")

    say("A reviewer corrects three labels and tags them. Another snapshot.")
    corrected = dataset.match_tags("validation").limit(3)
    corrected.tag_samples("corrected")
    corrected.set_values("ground_truth.label", ["5", "9", "1"])
    print(">>> fos.create_snapshot('digits', 'reviewed')")
    fos.create_snapshot(dataset, "reviewed", "Three labels corrected")
    show_history(dataset)

    say("Then a bulk edit goes wrong: 3 -> 8 was meant for one view and hits the whole dataset.")
    print("And 50 samples are cleaned up that nobody wanted to lose.")
    threes = dataset.match(F("ground_truth.label") == "3")
    threes.set_values("ground_truth.label", ["8"] * len(threes))
    dataset.delete_samples(dataset.match_tags("validation").skip(50))
    print(dict(sorted(dataset.count_values("ground_truth.label").items())))

    say("What changed since the last snapshot?")
    print(">>> print(fos.diff('digits', 'reviewed'))")
    print(fos.diff(dataset, "reviewed"))

    say("The old version opens at once, read-only.")
    print(">>> snapshot = fo.load_dataset('digits', snapshot='reviewed')")
    start = time.perf_counter()
    snapshot = fo.load_dataset("digits", snapshot="reviewed")
    print(f"{snapshot.name}: {len(snapshot)} samples, in {time.perf_counter() - start:.2f} s")
    print(dict(sorted(snapshot.count_values("ground_truth.label").items())))
    try:
        snapshot.delete_samples(snapshot.limit(1))
    except fos.SnapshotReadOnlyError as error:
        print(f"SnapshotReadOnlyError: {error}")

    say("What would rolling back do?")
    print(">>> print(fos.revert_dataset_to_snapshot('digits', 'reviewed', dry_run=True))")
    plan = fos.revert_dataset_to_snapshot(dataset, "reviewed", dry_run=True)
    print(plan)

    say("Do it. What it discards goes to the trash, so even this can be undone.")
    print(">>> fos.revert_dataset_to_snapshot('digits', 'reviewed')")
    fos.revert_dataset_to_snapshot(dataset, "reviewed")
    print(dict(sorted(dataset.count_values("ground_truth.label").items())))
    assert dataset.count_values("ground_truth.label") == snapshot.count_values(
        "ground_truth.label"
    )
    show_history(dataset)
    show_trash(dataset)


if __name__ == "__main__":
    main()
