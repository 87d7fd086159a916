"""A dataset with a history, for each verb: what it is before, and what it must be after."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fiftyone as fo

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults

from . import merge_situations as merging
from .story import ARCHIVES, EXPORTS, NAME, REMOTE, Action, Story, change, one_snapshot


def _two_snapshots(dataset: fo.Dataset) -> None:
    one_snapshot(dataset)
    fos.create_snapshot(NAME, "v2")
    fos.load_snapshot(NAME, "v2")
    change(dataset, "zwei")


def three_snapshots(dataset: fo.Dataset) -> None:
    """Gives a dataset three snapshots, of which one was opened."""
    _two_snapshots(dataset)
    fos.create_snapshot(NAME, "v3")


def _change_little(dataset: fo.Dataset, word: str) -> None:
    """Changes few samples and frames, so that differences are worth it."""
    dataset.reload()
    sample = dataset.first()
    sample["weather"] = fo.Classification(label=word)
    sample.save()
    if dataset.media_type == "video":
        del sample.frames[1]
        sample.frames[2]["objects"] = None
        sample.save()
    else:
        dataset.delete_samples([dataset.skip(2).first().id])
    dataset.add_sample(fo.Sample(f"/media/{word}{dataset.first().filename[-4:]}"))


def _little_changed(dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v1")
    _change_little(dataset, "eins")


def _three_little_changed(dataset: fo.Dataset) -> None:
    _little_changed(dataset)
    for name in ("v2", "v3"):
        fos.create_snapshot(NAME, name)
        _change_little(dataset, name)


def _little_in_trash(dataset: fo.Dataset) -> None:
    _three_little_changed(dataset)
    fos.delete_snapshot(NAME, "v2")
    fos.delete_snapshot(NAME, "v3")


def _reverted(dataset: fo.Dataset) -> None:
    _two_snapshots(dataset)
    fos.revert_dataset_to_snapshot(NAME, "v1")


def _deleted(dataset: fo.Dataset) -> None:
    three_snapshots(dataset)
    fos.delete_snapshot(NAME, "v2")


def _archived(dataset: fo.Dataset) -> None:
    three_snapshots(dataset)
    fos.archive_snapshot(NAME, "v2")


_EXPORTED = EXPORTS / "snapshot.tar"


def _remove_export() -> None:
    _EXPORTED.unlink(missing_ok=True)


def _export() -> None:
    _remove_export()
    fos.export_snapshot(NAME, "v1", _EXPORTED)


def _destroy_snapshot(name: str) -> None:
    fos.delete_snapshot(NAME, name)
    fos.empty_trash(NAME)


def _exported(dataset: fo.Dataset) -> None:
    three_snapshots(dataset)
    _remove_export()
    fos.export_snapshot(NAME, "v2", _EXPORTED)
    _destroy_snapshot("v2")


def _clear_remote() -> None:
    for path in REMOTE.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _push() -> None:
    fos.push(NAME, REMOTE)


def _to_push(dataset: fo.Dataset) -> None:
    _clear_remote()
    _little_changed(dataset)
    _push()
    fos.create_snapshot(NAME, "v2")


def _unpush() -> None:
    """Makes the remote what it was: without the second snapshot."""
    for commit in REMOTE.glob("*/snapshots/v2.json"):
        commit.unlink()


def _pushed(dataset: fo.Dataset) -> None:
    _clear_remote()
    three_snapshots(dataset)
    _push()
    _destroy_snapshot("v2")


def _fill_trash() -> None:
    fos.create_snapshot(NAME, "t")
    fos.delete_snapshot(NAME, "t")
    fos.revert_dataset_to_snapshot(NAME, "v1")


def _full_trash(dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v1")
    _fill_trash()


def _and_empty_trash(*actions: Action) -> Action:
    def run() -> None:
        for action in actions:
            action()
        fos.empty_trash(NAME)

    return run


def _create_while_written() -> None:
    samples = fo.load_dataset(NAME)._sample_collection

    def write() -> None:
        # A process that slept changes nothing when it wakes: others have gone on by then
        if "others" not in fos.list_snapshots(NAME):
            for sample_id in samples.distinct("_id"):
                samples.update_one({"_id": sample_id}, {"$addToSet": {"tags": "meanwhile"}})

    def write_as_others() -> None:
        # In a thread of its own it is no part of the operation, and is not stopped in the middle
        with ThreadPoolExecutor(1) as thread:
            thread.submit(write).result()

    with faults.arm("create.copied_samples", write_as_others):
        fos.create_snapshot(NAME, "v2")


def _restore_samples() -> Any:
    loaded = fos.load_snapshot(NAME, "v1")
    return fos.restore_samples(NAME, "v1", loaded.values("id"))


def _restored(dataset: fo.Dataset) -> None:
    _two_snapshots(dataset)
    _restore_samples()


def _other_backend() -> str:
    used = os.environ["FIFTYONE_SNAPSHOTS_BACKEND"]
    return "duplication" if used == "delta" else "delta"


def _convert_back() -> int:
    return fos.convert_snapshots(NAME, os.environ["FIFTYONE_SNAPSHOTS_BACKEND"])


_DELTA = {"FIFTYONE_SNAPSHOTS_BACKEND": "delta", "FIFTYONE_SNAPSHOTS_CACHE_MAX": "1"}
_ARCHIVES_ON = {"FIFTYONE_SNAPSHOTS_ARCHIVE_PATH": str(ARCHIVES)}
KEEP_LITTLE = {
    f"FIFTYONE_SNAPSHOTS_SAFETY_{rule}": str(number)
    for rule, number in {"KEEP": 1, "HOURS": 0, "DAYS": 0, "WEEKS": 0}.items()
}
"""Of safety snapshots, none but those around the last operation."""
_TRASH_OFF = {"FIFTYONE_SNAPSHOTS_TRASH_DAYS": "0"}


STORIES: dict[str, Story] = {
    "create": Story(
        one_snapshot,
        lambda: fos.create_snapshot(NAME, "v2"),
        _and_empty_trash(lambda: fos.delete_snapshot(NAME, "v2")),
    ),
    "delete": Story(
        three_snapshots,
        lambda: fos.delete_snapshot(NAME, "v2"),
        lambda: fos.restore_snapshot(NAME, "v2"),
    ),
    "restore_snapshot": Story(
        _deleted,
        lambda: fos.restore_snapshot(NAME, "v2"),
        lambda: fos.delete_snapshot(NAME, "v2"),
    ),
    "edit": Story(
        one_snapshot,
        lambda: fos.edit_snapshot(NAME, "v1", new_name="w1"),
        lambda: fos.edit_snapshot(NAME, "w1", new_name="v1"),
    ),
    "revert": Story(
        _two_snapshots,
        lambda: fos.revert_dataset_to_snapshot(NAME, "v1"),
        _and_empty_trash(lambda: fos.undo_revert(NAME)),
    ),
    "undo_revert": Story(_reverted, lambda: fos.undo_revert(NAME), lambda: fos.undo_revert(NAME)),
    "empty_trash": Story(_full_trash, lambda: fos.empty_trash(NAME), _fill_trash),
    "create while written": Story(
        one_snapshot, _create_while_written, only=r"create\.(pass|patched_.*)", writes=True
    ),
    "delete for good": Story(
        three_snapshots,
        lambda: fos.delete_snapshot(NAME, "v2"),
        only=r"delete\.(noted|summarized|finishing)",
        environment=_TRASH_OFF,
    ),
    "revert for good": Story(
        _two_snapshots,
        lambda: fos.revert_dataset_to_snapshot(NAME, "v1"),
        only=r"revert\.(moved_snapshots|destroyed_.*|cleared)",
        environment=_TRASH_OFF,
    ),
    "archive": Story(
        three_snapshots,
        lambda: fos.archive_snapshot(NAME, "v2"),
        lambda: fos.unarchive_snapshot(NAME, "v2"),
        environment=_ARCHIVES_ON,
    ),
    "unarchive": Story(
        _archived,
        lambda: fos.unarchive_snapshot(NAME, "v2"),
        lambda: fos.archive_snapshot(NAME, "v2"),
        environment=_ARCHIVES_ON,
    ),
    "pin": Story(
        one_snapshot,
        lambda: fos.pin_snapshot(NAME, "v1"),
        lambda: fos.unpin_snapshot(NAME, "v1"),
    ),
    "capture_media": Story(
        one_snapshot, lambda: fos.capture_media(NAME, "v1"), lambda: fos.get_history(NAME)
    ),
    "export": Story(one_snapshot, _export, _remove_export),
    "import": Story(
        _exported, lambda: fos.import_snapshot(_EXPORTED), lambda: _destroy_snapshot("v2")
    ),
    "push": Story(_to_push, _push, _unpush),
    "pull": Story(_pushed, lambda: fos.pull(REMOTE, NAME), lambda: _destroy_snapshot("v2")),
    "restore_samples": Story(
        _two_snapshots,
        _restore_samples,
        _and_empty_trash(lambda: fos.revert_dataset_to_snapshot(NAME, "v2")),
        writes=True,
    ),
    "undo_restore": Story(
        _restored, lambda: fos.undo_restore(NAME), _restore_samples, writes=True
    ),
    "convert": Story(
        _two_snapshots, lambda: fos.convert_snapshots(NAME, _other_backend()), _convert_back
    ),
    "create_branch": Story(
        one_snapshot,
        lambda: fos.create_branch(NAME, "night", "v1"),
        _and_empty_trash(merging.delete_branch),
    ),
    "create_branch, archived": Story(
        _archived,
        lambda: fos.create_branch(NAME, "night", "v2"),
        _and_empty_trash(merging.delete_branch),
        only=r"create_branch\.(staged_archive|staging)",
        environment=_ARCHIVES_ON,
    ),
    "delete_branch": Story(
        merging.branch,
        merging.delete_branch,
        merging.restore_branch,
        use=fos.recover,
    ),
    "restore_branch": Story(
        merging.deleted_branch,
        merging.restore_branch,
        merging.delete_branch,
        use=fos.recover,
    ),
    "empty_trash, branch": Story(
        merging.deleted_branch,
        lambda: fos.empty_trash(NAME),
        only=r"empty_trash\.(committed|destroyed_branch)",
        use=fos.recover,
    ),
    "apply_merge": Story(
        merging.merge_planned,
        merging.apply_merge,
        merging.undo_merge,
        writes=True,
    ),
    "undo_operation": Story(
        merging.done,
        merging.undo_operation,
        only=r"apply_merge\.(noted|changed|took_snapshot)",
    ),
    "review_merge": Story(
        merging.conflict_planned,
        merging.review_merge,
        merging.close_review,
    ),
    "undo_merge": Story(
        merging.merged,
        lambda: fos.undo_merge(NAME),
        lambda: fos.undo_revert(NAME),
        # All others are those of undo_revert
        only=r"undo_merge\.(noted|moved_samples|shelved_dataset|committed)",
    ),
    "create, delta": Story(
        _little_changed,
        lambda: fos.create_snapshot(NAME, "v2"),
        _and_empty_trash(lambda: fos.delete_snapshot(NAME, "v2")),
        environment=_DELTA,
    ),
    "empty_trash, delta": Story(
        _little_in_trash,
        lambda: fos.empty_trash(NAME),
        only=r"(delta|empty_trash)\.",
        environment=_DELTA,
    ),
    "load, delta": Story(
        _three_little_changed,
        lambda: fos.load_snapshot(NAME, "v1"),
        lambda: fos.load_snapshot(NAME, "v2"),
        only=r"(load|delta)\.",
        environment=_DELTA,
    ),
}
"""What is done to a dataset, by a name for it."""
