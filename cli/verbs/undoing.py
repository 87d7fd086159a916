"""Commands for operations that can be undone."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from ... import management as sdk
from ..output import DONE, FOUND, Answer, table

Progress = Callable[[float, str], None]


def undoable_list(options: Namespace, _: Progress) -> Answer:
    """Lists the operations that can be undone."""
    found = sdk.list_undoable(options.dataset)
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
