"""Situations in which branches are made, merged, and taken back, and what is done in them."""

from __future__ import annotations

import fiftyone as fo
import fiftyone.core.odm as foo

import fiftyone_snapshots as fos

from .story import NAME, change, one_snapshot


def branch(dataset: fo.Dataset) -> None:
    one_snapshot(dataset)
    fos.create_branch(NAME, "night", "v1")
    (branch,) = fos.list_branches(NAME)
    fos.create_snapshot(branch.dataset_name, "own")


def delete_branch() -> None:
    fos.delete_branch(fos.list_branches(NAME)[-1].dataset_name)


def restore_branch() -> None:
    trashed = [item for item in fos.list_trash(NAME) if item.kind.value == "branch"]
    fos.restore_branch(str(trashed[-1].dataset_name))


def deleted_branch(dataset: fo.Dataset) -> None:
    branch(dataset)
    delete_branch()


def plan_merge() -> None:
    fos.plan_merge(f"{NAME}.lab", NAME, base="v1", prefer="ours", progress=False)


def merge_planned(dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v1")
    branch = dataset.clone(f"{NAME}.lab", persistent=True)
    change(dataset, "eins")
    change(branch, "zwei")
    # Else each merge would create another one
    fos.create_snapshot(branch, "theirs")
    plan_merge()


def apply_merge() -> None:
    fos.apply_merge(fos.list_merges(NAME)[-1])


def conflict_planned(dataset: fo.Dataset) -> None:
    merge_planned(dataset)
    for name in (NAME, f"{NAME}.lab"):
        side = fo.load_dataset(name, reload=True)
        side.set_values("note", [name] * len(side))
    fos.plan_merge(f"{NAME}.lab", NAME, base=None, progress=False)


def review_merge() -> None:
    fos.review_merge(fos.list_merges(NAME)[-1])


def close_review() -> None:
    fo.delete_dataset(fos.list_merges(NAME)[-1].review().name)


def merged(dataset: fo.Dataset) -> None:
    merge_planned(dataset)
    apply_merge()


def undo_merge() -> None:
    fos.undo_merge(NAME)
    # What the merge ended with is held, also in the trash, for as long as the branch is there
    foo.get_db_conn()["snapshots.catalog"].update_many({}, {"$set": {"held_by": []}})
    fos.empty_trash(NAME)
    plan_merge()


def done(dataset: fo.Dataset) -> None:
    one_snapshot(dataset)
    with fos.undoable(NAME, "edit"):
        change(dataset, "zwei")


def relabelled(dataset: fo.Dataset) -> None:
    """Provides an operation that changes one sample, so that an undo can do it where it lies."""
    one_snapshot(dataset)
    with fos.undoable(NAME, "relabel"):
        dataset.limit(1).set_values("weather.label", ["zwei"])


def undo_operation() -> None:
    wanted = next(each for each in fos.list_undoable(NAME) if each.is_undoable)
    fos.undo_operation(NAME, wanted.id, prefer="ours")
