"""The commands that go back: to all of a snapshot, to some samples, and back again."""

from __future__ import annotations

from argparse import Namespace

from ... import management as sdk
from ..output import Answer, about
from .snapshots import Progress


def preview_revert(options: Namespace) -> Answer:
    """Tells what a revert would change."""
    plan = sdk.revert_dataset_to_snapshot(options.dataset, options.snapshot, dry_run=True)
    counts = (
        f"  {plan.samples_to_add_back} samples come back, {plan.samples_to_restore} are restored, "
        f"{plan.samples_to_remove} are removed"
    )
    lines = [f"Would take '{plan.dataset_name}' back to '{plan.snapshot_name}':", counts]
    for what, names in (
        ("fields that come back", plan.fields_to_add_back),
        ("fields that are removed", plan.fields_to_remove),
        ("newer snapshots that are deleted", plan.snapshots_to_delete),
    ):
        lines += [f"  {what}: {', '.join(names)}"] if names else []
    return Answer(plan, "\n".join(lines))


def revert(options: Namespace, _: Progress) -> Answer:
    """Takes a dataset back."""
    sdk.revert_dataset_to_snapshot(options.dataset, options.snapshot)
    data = about(options)
    return Answer(
        data,
        f"Reverted '{options.dataset}' to '{options.snapshot}'. To take that back: "
        f"fiftyone-snapshots undo-revert '{options.dataset}'",
    )


def undo_revert(options: Namespace, _: Progress) -> Answer:
    """Undoes a revert."""
    sdk.undo_revert(options.dataset)
    snapshots = sdk.list_snapshots(options.dataset)
    data = {**about(options), "snapshots": snapshots}
    return Answer(data, f"Brought back what the last revert of '{options.dataset}' discarded")


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
