"""All that can be done with snapshots, the levels that it needs, and a dataset to do it to."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.access import Level

from .datasets import image_dataset
from .saved import Saved


def _without_conflicts(act: Callable[[str], object]) -> None:
    # There is nothing to review, which is said to those who may
    with suppress(fos.InvalidRequestError):
        act(_merge())


def _undo_merge(*, dry_run: bool = False) -> None:
    # Whoever may do it learns that nothing was merged
    with suppress(fos.NothingToUndoError):
        fos.undo_merge("lane", dry_run=dry_run)


def _merge() -> str:
    found = foo.get_db_conn()["snapshots.merges"].find_one({"state": "open"})
    return str(found["_id"])


def _operation() -> str:
    found = foo.get_db_conn()["snapshots.operations"].find_one({})
    return str(found["_id"])


def _address() -> str:
    return json.loads(Path("street.fos.json").read_text())["uri"]


def _undoable() -> None:
    with fos.undoable("lane", "nothing"):
        pass


TABLE: dict[str, tuple[Callable[[], Any], Level]] = {
    "list": (lambda: fos.list_snapshots("street"), Level.VIEW),
    "information": (lambda: fos.get_snapshot_info("street", "v1"), Level.VIEW),
    "browse": (lambda: fos.get_history("street"), Level.VIEW),
    "load": (lambda: fos.load_snapshot("street", "v1"), Level.VIEW),
    "load with FiftyOne": (lambda: fo.load_dataset("street", snapshot="v1"), Level.VIEW),
    "load of a Dataset": (lambda: fos.load_snapshot(fo.load_dataset("street"), "v1"), Level.VIEW),
    "clone": (lambda: fos.clone_snapshot("street", "v1", "copy"), Level.VIEW),
    "diff": (lambda: fos.diff("street", "v1", progress=False), Level.VIEW),
    "calculate": (lambda: fos.calculate_dataset_latest_changes_summary("street"), Level.VIEW),
    "preview": (
        lambda: fos.revert_dataset_to_snapshot("street", "v1", dry_run=True),
        Level.VIEW,
    ),
    "preview of restoring": (
        lambda: fos.restore_samples("street", "v1", [], dry_run=True),
        Level.VIEW,
    ),
    "preview of undoing": (lambda: fos.undo_revert("street", dry_run=True), Level.VIEW),
    "preview of undoing a restoration": (
        lambda: fos.undo_restore("street", dry_run=True),
        Level.VIEW,
    ),
    "undo restore": (lambda: fos.undo_restore("street"), Level.MANAGE),
    "fields": (lambda: fos.restorable_fields("street", "v1"), Level.VIEW),
    "version": (lambda: fos.head_version("street"), Level.VIEW),
    "verify": (lambda: fos.verify_snapshot("street", "v1"), Level.VIEW),
    "verify all": (fos.verify_all, Level.VIEW),
    "log": (lambda: fos.list_events("street"), Level.VIEW),
    "address": (lambda: fos.snapshot_uri("street", "v1"), Level.VIEW),
    "open an address": (lambda: fos.open_snapshot_uri(_address()), Level.VIEW),
    "lock": (lambda: fos.lock_snapshot("street", "v1"), Level.VIEW),
    "card": (lambda: fos.export_card("street", "v1"), Level.VIEW),
    "checkout": (lambda: fos.checkout("street.fos.json"), Level.VIEW),
    "equality": (lambda: fos.is_head_equal("street", "v1"), Level.VIEW),
    "tag": (lambda: fos.tag_snapshot("street", "v1", "new"), Level.TAG),
    "untag": (lambda: fos.untag_snapshot("street", "v1", "new"), Level.TAG),
    "create": (lambda: fos.create_snapshot("street", "v2"), Level.MANAGE),
    "delete": (lambda: fos.delete_snapshot("street", "v1"), Level.MANAGE),
    "restore": (lambda: fos.restore_snapshot("street", "old"), Level.MANAGE),
    "revert": (lambda: fos.revert_dataset_to_snapshot("street", "v1"), Level.MANAGE),
    "undo": (lambda: fos.undo_revert("street"), Level.MANAGE),
    "edit": (lambda: fos.edit_snapshot("street", "v1", description="new"), Level.MANAGE),
    "restore samples": (
        lambda: fos.restore_samples("street", "v1", fo.load_dataset("street").first().id),
        Level.MANAGE,
    ),
    "empty trash": (lambda: fos.empty_trash("street"), Level.MANAGE),
    "purge": (lambda: fos.purge(dry_run=False), Level.MANAGE),
    "preview of a purge": (fos.purge, Level.VIEW),
    "recover": (fos.recover, Level.MANAGE),
    "archive": (lambda: fos.archive_snapshot("street", "v1"), Level.MANAGE),
    "unarchive": (lambda: fos.unarchive_snapshot("street", "v1"), Level.VIEW),
    "export": (lambda: fos.export_snapshot("street", "v1", "v1.tar"), Level.VIEW),
    "import": (lambda: fos.import_snapshot("moved.tar"), Level.MANAGE),
    "pin": (lambda: fos.pin_snapshot("street", "v1"), Level.MANAGE),
    "unpin": (lambda: fos.unpin_snapshot("street", "v1"), Level.MANAGE),
    "prune": (
        lambda: fos.prune_snapshots("street", keep_last=1, dry_run=False),
        Level.MANAGE,
    ),
    "create branch": (lambda: fos.create_branch("street", "new", "v1"), Level.MANAGE),
    "list branches": (lambda: fos.list_branches("street"), Level.VIEW),
    "branch": (lambda: fos.get_branch_info("lane.night"), Level.VIEW),
    "delete branch": (lambda: fos.delete_branch("lane.night"), Level.MANAGE),
    "restore branch": (lambda: fos.restore_branch("lane.fog"), Level.MANAGE),
    "plan merge": (lambda: fos.plan_merge("lane.night", progress=False), Level.VIEW),
    "fields to merge": (lambda: fos.mergeable_fields("lane.night"), Level.VIEW),
    "list merges": (lambda: fos.list_merges("lane"), Level.VIEW),
    "merge": (lambda: fos.get_merge(_merge()), Level.VIEW),
    "conflicts": (lambda: fos.list_conflicts(_merge()), Level.VIEW),
    "samples in conflict": (lambda: fos.view_conflicts(_merge()), Level.VIEW),
    "decide conflicts": (lambda: fos.resolve_conflicts(_merge(), None, "ours"), Level.EDIT),
    "review merge": (lambda: _without_conflicts(fos.review_merge), Level.EDIT),
    "edits in a review": (lambda: _without_conflicts(fos.use_review_edits), Level.EDIT),
    "one conflict": (lambda: fos.read_conflict(_merge()), Level.VIEW),
    "discard merge": (lambda: fos.discard_merge(_merge()), Level.EDIT),
    "preview of undoing a merge": (lambda: _undo_merge(dry_run=True), Level.VIEW),
    "undo merge": (_undo_merge, Level.MANAGE),
    "apply merge": (lambda: fos.apply_merge(_merge()), Level.MANAGE),
    "make undoable": (_undoable, Level.EDIT),
    "list undoable": (lambda: fos.list_undoable("lane"), Level.VIEW),
    "preview of undoing an operation": (
        lambda: fos.undo_operation("lane", _operation(), dry_run=True),
        Level.VIEW,
    ),
    "undo an operation": (lambda: fos.undo_operation("lane", _operation()), Level.MANAGE),
    "what is made undoable": (lambda: fos.get_undo_mode("lane"), Level.VIEW),
    "choose what is made undoable": (lambda: fos.set_undo_mode("lane", "auto"), Level.MANAGE),
    "take a scheduled snapshot": (lambda: fos.take_scheduled_snapshot("lane"), Level.EDIT),
    "preview of pruning": (lambda: fos.prune_snapshots("street", keep_last=1), Level.VIEW),
}
"""What can be done, and the level that it needs."""


def street(folder: Path, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    """Makes a dataset with something for every action: what was deleted, exported and reverted.

    That takes a second, so it is done once in a process, and brought back from then on.

    Args:
        folder: where archives and exports go; it becomes the working directory
        monkeypatch: sets that for the time of a test
    """
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(folder))
    saved, files = _made_once()
    saved.bring_back()
    for name, content in files.items():
        Path(name).write_bytes(content)
    return fo.load_dataset("street")


@cache
def _made_once() -> tuple[Saved, dict[str, bytes]]:
    """Returns what the database, and the working directory, hold when it is made."""
    dataset = image_dataset("street", 4, persistent=True)
    fos.create_snapshot(dataset, "moved")
    fos.export_snapshot(dataset, "moved", "moved.tar")
    fos.delete_snapshot(dataset, "moved")
    fos.empty_trash(dataset)
    fos.create_snapshot(dataset, "v1")
    Path("street.fos.json").write_text(fos.lock_snapshot(dataset, "v1").to_text())
    fos.create_snapshot(dataset, "old")
    fos.delete_snapshot(dataset, "old")
    fos.revert_dataset_to_snapshot(dataset, "v1")
    dataset.tag_samples("edited")
    fos.restore_samples(dataset, "v1", dataset)
    # Of another dataset, as their base could not be deleted
    lane = image_dataset("lane", 2, persistent=True)
    with fos.undoable(lane, "tag"):
        lane.tag_samples("operation")
    fos.create_branch(lane, "night")
    fos.create_branch(lane, "fog")
    fos.delete_branch("lane.fog")
    fos.plan_merge("lane.night", progress=False)
    files = {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    return Saved(foo.get_db_conn()), files


def allow(level: Level) -> str:
    """Returns a policy file by which Anna has a level of every dataset."""
    return f'datasets: {{"*": {{anna: {level.name.lower()}}}}}'
