"""Commands for operations that can be undone."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from ... import management as sdk
from ..output import DONE, FOUND, Answer, table

Progress = Callable[[float, str], None]


def undoable_list(options: Namespace, _: Progress) -> Answer:
    """Lists the operations that can be undone."""
    found = sdk.list_undoable(options.dataset, options.limit)
    rows = [
        (
            each.id,
            each.what,
            f"+{each.samples_added} -{each.samples_deleted} ~{each.samples_changed}",
            each.created_at,
            each.created_by,
            f"undone by {each.undone_by}" if each.undone_by else str(each.state),
            "yes" if each.is_undoable else "no",
        )
        for each in found
    ]
    headings = ("operation", "what", "samples", "began", "by", "state", "undoable")
    return Answer(found, table(headings, rows, "No operations"))


def preview_undoable_undo(options: Namespace) -> Answer:
    """Tells what an undo would change."""
    plan = sdk.undo_operation(options.dataset, options.operation, options.prefer, dry_run=True)
    return Answer(plan, str(plan), FOUND if plan.open_conflicts else DONE)


def undoable_undo(options: Namespace, progress: Progress) -> Answer:
    """Undoes an operation."""
    done = sdk.undo_operation(options.dataset, options.operation, options.prefer, progress)
    return Answer(
        done,
        f"{done}. To have it again: fiftyone-snapshots undoable undo "
        f"'{done.dataset_name}' {done.id}",
    )


def undoable_mode(options: Namespace, _: Progress) -> Answer:
    """Tells or chooses what is made undoable without being asked."""
    if options.mode is None:
        setting = sdk.get_undo_mode(options.dataset)
    else:
        chosen = None if options.mode == "unset" else options.mode
        setting = sdk.set_undo_mode(options.dataset, chosen)
    return Answer(setting, str(setting))


def schedule(options: Namespace, _: Progress) -> Answer:
    """Takes a scheduled snapshot."""
    taken = sdk.take_scheduled_snapshot(options.dataset)
    if taken is None:
        return Answer(None, f"'{options.dataset}' has not changed")
    return Answer(taken, f"Captured '{options.dataset}' as '{taken.name}'")
