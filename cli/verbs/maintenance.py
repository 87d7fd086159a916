"""Commands on operations and on the whole: what is under way, mending, removal, the doctor."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from ... import management as sdk
from ..output import DONE, FOUND, Answer, table

__all__ = [
    "cancel",
    "doctor",
    "operation",
    "operations",
    "preview_purge",
    "purge",
    "recover",
]

Progress = Callable[[float, str], None]


def operations(options: Namespace, _: Progress) -> Answer:
    """Lists operations."""
    found = sdk.list_operations(options.dataset, options.ended_within)
    rows = [
        (
            entry.id,
            entry.verb.value,
            entry.state.value,
            "" if entry.finished_at else f"{entry.progress:.0%} {entry.label}",
            entry.started_at,
            entry.finished_at,
        )
        for entry in found
    ]
    headings = ("id", "verb", "state", "progress", "begun", "ended")
    return Answer(found, table(headings, rows, "Nothing is under way"))


def operation(options: Namespace, _: Progress) -> Answer:
    """Tells how an operation ended."""
    entry = sdk.get_operation(options.operation)
    error = f": {entry.error}" if entry.error else ""
    return Answer(entry, f"{entry.verb.value}: {entry.state.value}{error}")


def cancel(options: Namespace, _: Progress) -> Answer:
    """Cancels an operation."""
    in_time = sdk.cancel_operation(options.operation)
    text = "It is given up at its next step" if in_time else "It is too late for that"
    return Answer({"cancelled": in_time}, text)


def recover(*_: object) -> Answer:
    """Mends what crashed processes left."""
    done = sdk.recover()
    return Answer(
        done,
        f"{done.operations} operations were undone or finished, the snapshots of "
        f"{done.deleted_datasets} deleted datasets and {done.stray_collections} stray collections "
        "were removed",
    )


def preview_purge(*_: object) -> Answer:
    """Tells what would be removed."""
    found = sdk.purge(dry_run=True)
    return Answer(
        found,
        "Would remove all snapshots and everything else of this package from the database. They "
        f"cannot be brought back. FiftyOne's datasets stay as they are.\n{found}",
    )


def purge(*_: object) -> Answer:
    """Removes everything of ours."""
    found = sdk.purge(dry_run=False)
    return Answer(found, f"Removed from the database:\n{found}")


def doctor(*_: object) -> Answer:
    """Looks for what is wrong."""
    diagnosis = sdk.diagnose()
    return Answer(diagnosis, str(diagnosis), DONE if diagnosis else FOUND)
