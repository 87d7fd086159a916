"""Commands for histories and tables outside MongoDB."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from datetime import timedelta

from ... import management as sdk
from ..output import FOUND, Answer, size, table

Progress = Callable[[float, str], None]


def preview_remote_push(options: Namespace) -> Answer:
    """Tells what would be pushed."""
    return _push(options, dry_run=True)


def remote_push(options: Namespace, _: Progress) -> Answer:
    """Pushes snapshots."""
    return _push(options, dry_run=False)


def _push(options: Namespace, *, dry_run: bool) -> Answer:
    result = sdk.push(options.dataset, options.remote, options.names or None, dry_run=dry_run)
    done = "Would push" if dry_run else "Pushed"
    about = "at most " if dry_run else ""
    much = f"{about}{size(result.size_bytes)}"
    return Answer(result, _told(done, result.snapshots, much, result.edited))


def preview_remote_pull(options: Namespace) -> Answer:
    """Tells what would be pulled."""
    return _pull(options, dry_run=True)


def remote_pull(options: Namespace, _: Progress) -> Answer:
    """Pulls snapshots."""
    return _pull(options, dry_run=False)


def _pull(options: Namespace, *, dry_run: bool) -> Answer:
    result = sdk.pull(
        options.remote,
        options.dataset,
        options.names or None,
        branch=options.branch,
        dry_run=dry_run,
    )
    return Answer(result, _pulled(result))


def preview_remote_clone(options: Namespace) -> Answer:
    """Tells what would be pulled."""
    return _clone(options, dry_run=True)


def remote_clone(options: Namespace, _: Progress) -> Answer:
    """Makes a dataset of one in a remote."""
    return _clone(options, dry_run=False)


def _clone(options: Namespace, *, dry_run: bool) -> Answer:
    result = sdk.clone_from(options.remote, options.dataset, options.name, dry_run=dry_run)
    return Answer(result, f"{_pulled(result)}: dataset '{result.dataset_name}'")


def _pulled(result: sdk.PullResult) -> str:
    done = "Would pull" if result.dry_run else "Pulled"
    said = _told(done, result.snapshots, size(result.size_bytes), result.edited)
    if result.branch is not None:
        said += f"\nBoth sides have gone on since '{result.base}': merge '{result.branch}'"
    elif result.is_diverged:
        said += (
            f"\nBoth sides have gone on since '{result.base}': give --branch to have what is "
            "newer there as a branch, to be merged"
        )
    return said


def remote_list(options: Namespace, _: Progress) -> Answer:
    """Lists the snapshots in a remote."""
    found = sdk.list_remote(options.remote, options.dataset)
    rows = [
        (each.dataset_name, each.name, each.created_at, each.created_by, each.sample_count)
        for each in found
    ]
    headings = ("dataset", "snapshot", "created", "by", "samples")
    return Answer(found, table(headings, rows, "No snapshots"))


def preview_remote_gc(options: Namespace) -> Answer:
    """Tells what would be removed."""
    return _gc(options, dry_run=True)


def remote_gc(options: Namespace, _: Progress) -> Answer:
    """Removes what is not needed."""
    return _gc(options, dry_run=False)


def _gc(options: Namespace, *, dry_run: bool) -> Answer:
    days = options.older_than
    limit = timedelta(hours=1) if days is None else timedelta(days=days)
    result = sdk.gc_remote(options.remote, older_than=limit, dry_run=dry_run)
    done = "Would remove" if dry_run else "Removed"
    lines = [f"{done} {result.objects} objects ({size(result.size_bytes)}) that nothing needs"]
    if result.kept_objects:
        lines.append(f"Kept {result.kept_objects} that are too new, or that a push may need")
    lines += [f"Push under way, or broken off: {each}" for each in result.pushes]
    return Answer(result, "\n".join(lines))


def remote_verify(options: Namespace, _: Progress) -> Answer:
    """Proves that a remote holds what was pushed to it."""
    result = sdk.verify_remote(options.remote, options.dataset)
    if result.is_ok:
        said = f"{result.snapshots} snapshots are whole: {size(result.size_bytes)} read"
        return Answer(result, said)
    return Answer(result, "\n".join(result.problems), FOUND)


def export_table(options: Namespace, _: Progress) -> Answer:
    """Writes the labels of a snapshot to a Parquet file."""
    path = sdk.export_table(options.dataset, options.snapshot, options.path)
    data = {
        "dataset_name": options.dataset,
        "snapshot_name": options.snapshot,
        "path": str(path),
    }
    return Answer(data, f"Wrote {path}")


def _told(done: str, names: list[str], much: str, edited: list[str]) -> str:
    said = [f"{done} {', '.join(names)} ({much})"] if names else []
    if edited:
        said.append(f"{done} edits of {', '.join(edited)}")
    return "\n".join(said) or "Nothing to do: all are there"
