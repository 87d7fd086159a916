"""Printing what the stories show."""

from __future__ import annotations

import fiftyone as fo
from tabulate import tabulate

import fiftyone_snapshots as fos


def say(text: str) -> None:
    """Prints what happens next."""
    print(f"\n--- {text}")


def show_history(dataset: fo.Dataset) -> None:
    """Prints the snapshots of a dataset."""
    rows = []
    for name in fos.list_snapshots(dataset):
        info = fos.get_snapshot_info(dataset, name)
        assert info is not None
        changes = info.linear_change_summary
        assert changes is not None
        counts = (
            f"+{changes.num_samples_added} -{changes.num_samples_deleted} "
            f"~{changes.num_samples_changed}"
        )
        rows.append((name, info.description, changes.total_samples, counts))
    print(tabulate(rows, headers=["snapshot", "description", "samples", "changes"]))


def show_trash(dataset: fo.Dataset) -> None:
    """Prints what can still be brought back."""
    rows = [
        (item.kind.value, item.name, f"{item.size_bytes / 1e6:.1f} MB", item.expires_at.date())
        for item in fos.list_trash(dataset)
    ]
    print()
    print(tabulate(rows, headers=["in the trash", "rolled back to", "size", "until"]))
