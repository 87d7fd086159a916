"""Commands on where snapshots are kept, and for how long."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from datetime import timedelta

from ... import management as sdk
from ..output import Answer, nothing_done, size

Progress = Callable[[float, str], None]


def archive(options: Namespace, _: Progress) -> Answer:
    """Moves a snapshot to the archive."""
    if _is_archived(options):
        return Answer(_archived(options, True), nothing_done(options, "is archived"))
    sdk.archive_snapshot(options.dataset, options.snapshot)
    return Answer(
        _archived(options, True),
        f"Archived snapshot '{options.snapshot}' of '{options.dataset}'",
    )


def claim_archives(*_: object) -> Answer:
    """Makes the archives of a copied database its own."""
    count = sdk.claim_archives()
    return Answer({"archives": count}, f"{count} archives belong to this database now")


def leave_archives(*_: object) -> Answer:
    """Leaves the archives of a copied database to the original."""
    count = sdk.leave_archives()
    text = f"{count} archives are left to the database that wrote them"
    return Answer({"archives": count}, text)


def unarchive(options: Namespace, _: Progress) -> Answer:
    """Brings a snapshot back from the archive."""
    was_archived = _is_archived(options)
    sdk.unarchive_snapshot(options.dataset, options.snapshot)
    text = (
        f"Brought back snapshot '{options.snapshot}' of '{options.dataset}'"
        if was_archived
        else nothing_done(options, "is not archived")
    )
    return Answer(_archived(options, False), text)


def export(options: Namespace, _: Progress) -> Answer:
    """Writes a snapshot to a file."""
    path = sdk.export_snapshot(
        options.dataset, options.snapshot, options.path, media=options.media
    )
    bytes_ = path.stat().st_size
    data = {"path": str(path), "size_bytes": bytes_}
    return Answer(data, f"Exported snapshot '{options.snapshot}' to {path} ({size(bytes_)})")


def import_(options: Namespace, _: Progress) -> Answer:
    """Takes a snapshot in from a file."""
    snapshot = sdk.import_snapshot(options.path, options.dataset_name, media_to=options.media_to)
    return Answer(snapshot, f"Imported snapshot '{snapshot.name}'")


def pin(options: Namespace, _: Progress) -> Answer:
    """Keeps a snapshot."""
    before = sdk.get_snapshot_info(options.dataset, options.snapshot)
    snapshot = sdk.pin_snapshot(options.dataset, options.snapshot)
    if before is not None and before.is_pinned:
        return Answer(snapshot, nothing_done(options, "is pinned"))
    return Answer(snapshot, f"Pinned snapshot '{snapshot.name}'")


def unpin(options: Namespace, _: Progress) -> Answer:
    """Takes a pin back."""
    before = sdk.get_snapshot_info(options.dataset, options.snapshot)
    snapshot = sdk.unpin_snapshot(options.dataset, options.snapshot)
    if before is not None and not before.is_pinned:
        return Answer(snapshot, nothing_done(options, "is not pinned"))
    return Answer(snapshot, f"Unpinned snapshot '{snapshot.name}'")


def _is_archived(options: Namespace) -> bool:
    snapshot = sdk.get_snapshot_info(options.dataset, options.snapshot)
    # What is unknown, the action itself says best
    return snapshot is not None and snapshot.is_archived


def _archived(options: Namespace, is_archived: bool) -> dict[str, object]:
    return {
        "dataset_name": options.dataset,
        "snapshot_name": options.snapshot,
        "is_archived": is_archived,
        # Until 0.2
        "snapshot": options.snapshot,
        "archived": is_archived,
    }


def preview_prune(options: Namespace) -> Answer:
    """Tells what would be deleted."""
    return _prune(options, dry_run=True)


def asks_prune(options: Namespace) -> bool:
    """Returns whether there is something to delete."""
    return bool(_prune(options, dry_run=True).data.pruned)


def prune(options: Namespace, _: Progress) -> Answer:
    """Deletes what no rule keeps."""
    return _prune(options, dry_run=False)


def _prune(options: Namespace, dry_run: bool) -> Answer:
    days = options.older_than
    result = sdk.prune_snapshots(
        options.dataset,
        keep_last=options.keep_last,
        keep_daily=options.keep_daily,
        keep_weekly=options.keep_weekly,
        older_than=None if days is None else timedelta(days=days),
        dry_run=dry_run,
    )
    return Answer(result, str(result))
