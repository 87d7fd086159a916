"""The commands that go back: to all of a snapshot, to some samples, and back again."""

from __future__ import annotations

from argparse import Namespace

from ... import management as sdk
from ..output import Answer, about
from .snapshots import Progress


def preview_revert(options: Namespace) -> Answer:
    """Tells what a rollback would change."""
    plan = sdk.revert_dataset_to_snapshot(options.dataset, options.snapshot, dry_run=True)
    return Answer(plan, str(plan))


def revert(options: Namespace, _: Progress) -> Answer:
    """Takes a dataset back."""
    sdk.revert_dataset_to_snapshot(options.dataset, options.snapshot)
    data = about(options)
    return Answer(
        data,
        f"Rolled '{options.dataset}' back to '{options.snapshot}'. {_take_back(options)}",
    )


def preview_undo_revert(options: Namespace) -> Answer:
    """Tells what an undo would change, or what it would do again."""
    return _undoing(sdk.undo_revert(options.dataset, options.operation, dry_run=True))


def preview_merge_undo(options: Namespace) -> Answer:
    """Tells what undoing a merge would change."""
    return _undoing(sdk.undo_merge(options.dataset, dry_run=True))


def merge_undo(options: Namespace, _: Progress) -> Answer:
    """Undoes a merge."""
    sdk.undo_merge(options.dataset)
    data = {**about(options), "snapshots": sdk.list_snapshots(options.dataset)}
    return Answer(
        data, f"'{options.dataset}' is what it was before the merge. {_take_back(options)}"
    )


def _undoing(plan: sdk.UndoPlan) -> Answer:
    return Answer(plan, str(plan))


def asks_undo_revert(options: Namespace) -> bool:
    """Returns whether this would roll back again, which takes away as much as the first time."""
    state = _discarded(options)
    return state is not None and state.is_rolled_back


def undo_revert(options: Namespace, _: Progress) -> Answer:
    """Undoes a rollback, or does again what was undone."""
    state = _discarded(options)
    sdk.undo_revert(options.dataset, options.operation)
    is_redo = state is not None and state.is_rolled_back
    snapshots = sdk.list_snapshots(options.dataset)
    data = {**about(options), "snapshots": snapshots, "is_redo": is_redo}
    if state is None or not is_redo:
        last = "merge into" if state is not None and state.is_merge else "rollback of"
        if state is not None and state.is_undo:
            last = f"undo of '{state.name}' in"
        which = f"the last {last}" if options.operation is None else "a rollback of"
        return Answer(data, f"Brought back what {which} '{options.dataset}' discarded")
    if state.is_undo:
        done = f"Undid '{state.name}' in '{options.dataset}'"
    elif state.is_merge:
        done = f"Merged '{state.name}' into '{options.dataset}'"
    else:
        done = f"Rolled '{options.dataset}' back to '{state.name}'"
    text = f"{done} again. {_take_back(options)}"
    return Answer(data, text)


def _take_back(options: Namespace) -> str:
    return f"To take that back: fiftyone-snapshots undo-revert '{options.dataset}'"


def _discarded(options: Namespace) -> sdk.TrashItem | None:
    states = [
        item
        for item in sdk.list_trash(options.dataset)
        if item.kind.value == "head" and options.operation in (None, item.id)
    ]
    return states[-1] if states else None


def preview_restore_samples(options: Namespace) -> Answer:
    """Tells what restoring samples would change."""
    plan = sdk.restore_samples(
        options.dataset, options.snapshot, options.ids, options.field, dry_run=True
    )
    text = (
        f"Would restore samples of '{plan.dataset_name}' from '{plan.snapshot_name}':\n"
        f"  {plan.samples_to_add_back} samples come back, {plan.samples_to_restore} are restored, "
        f"{plan.samples_unchanged} are as in the snapshot"
    )
    if plan.fields_to_add_back:
        text += f"\n  fields that come back: {', '.join(plan.fields_to_add_back)}"
    return Answer(plan, text)


def restore_samples(options: Namespace, _: Progress) -> Answer:
    """Brings samples back."""
    result = sdk.restore_samples(options.dataset, options.snapshot, options.ids, options.field)
    return Answer(
        result,
        f"{result.samples_added} samples came back, {result.samples_changed} were restored, "
        f"{result.samples_unchanged} were as in the snapshot"
        + (
            f". To take that back: fiftyone-snapshots undo-restore '{options.dataset}'"
            if result.operation_id
            else ""
        ),
    )


def preview_undo_restore(options: Namespace) -> Answer:
    """Tells what undoing a restoration would change."""
    plan = sdk.undo_restore(options.dataset, options.operation, dry_run=True)
    text = (
        f"Would undo that samples of '{plan.dataset_name}' were restored from "
        f"'{plan.snapshot_name}':\n"
        f"  {plan.samples_changed} samples become what they were before, "
        f"{plan.samples_removed} are removed again, "
        f"{plan.samples_kept} were edited since and stay"
    )
    return Answer(plan, text)


def undo_restore(options: Namespace, _: Progress) -> Answer:
    """Undoes a restoration of samples."""
    result = sdk.undo_restore(options.dataset, options.operation)
    text = (
        f"{result.samples_changed} samples are what they were before they were restored from "
        f"'{result.snapshot_name}', {result.samples_removed} are gone again, "
        f"{result.samples_kept} were edited since and stay"
    )
    if result.fields_kept:
        text += f"; fields in use stay: {', '.join(result.fields_kept)}"
    return Answer(result, text)
