"""Commands for branches."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from ... import management as sdk
from ...backend.errors import NotABranchError
from ...backend.results.times import shown
from ..output import Answer, table

Progress = Callable[[float, str], None]


def branch_create(options: Namespace, _: Progress) -> Answer:
    """Makes a branch."""
    branch = sdk.create_branch(
        options.dataset, options.name, options.snapshot, options.description
    )
    return Answer(
        branch,
        f"Created branch '{branch.name}' of '{branch.parent_name}': dataset "
        f"'{branch.dataset_name}', made of snapshot '{branch.base_snapshot}'",
    )


def branch_list(options: Namespace, _: Progress) -> Answer:
    """Lists the branches of a dataset."""
    found = sdk.list_branches(options.dataset)
    rows = [
        (b.name, b.dataset_name, _base(b), b.created_at, b.created_by, b.description)
        for b in found
    ]
    headings = ("branch", "dataset", "base", "created", "by", "description")
    return Answer(found, table(headings, rows, "No branches"))


def branch_info(options: Namespace, _: Progress) -> Answer:
    """Tells what a dataset is a branch of."""
    branch = _get(options)
    lines = {
        "dataset": branch.dataset_name,
        "branch": branch.name,
        "parent": branch.parent_name if branch.has_parent else f"{branch.parent_name} (deleted)",
        "base": _base(branch),
        "description": branch.description or "",
        "created": f"{shown(branch.created_at, seconds=True)} by {branch.created_by or '?'}",
    }
    return Answer(branch, "\n".join(f"{key + ':':<13}{value}" for key, value in lines.items()))


def preview_branch_delete(options: Namespace) -> Answer:
    """Tells what would be deleted."""
    branch = _get(options)
    snapshots = len(sdk.list_snapshots(options.dataset))
    text = (
        f"Would delete branch '{branch.name}' of '{branch.parent_name}': dataset "
        f"'{branch.dataset_name}' and its {snapshots} snapshots"
    )
    return Answer(branch, text)


def branch_delete(options: Namespace, _: Progress) -> Answer:
    """Deletes a branch."""
    branch = sdk.delete_branch(options.dataset)
    trashed = [item for item in sdk.list_trash() if item.dataset_id == str(branch.dataset_id)]
    ends = [item.expires_at for item in trashed if item.kind.value == "branch"]
    until = " for good"
    if ends and ends[0] is not None:
        until = f"; it can be restored until {shown(ends[0], seconds=True)}"
    data = {"dataset_name": branch.dataset_name, "restorable": bool(ends)}
    return Answer(data, f"Deleted branch '{branch.dataset_name}'{until}")


def branch_restore(options: Namespace, _: Progress) -> Answer:
    """Brings a deleted branch back."""
    branch = sdk.restore_branch(options.dataset, options.operation)
    return Answer(branch, f"Restored branch '{branch.name}': dataset '{branch.dataset_name}'")


def _get(options: Namespace) -> sdk.Branch:
    branch = sdk.get_branch_info(options.dataset)
    if branch is None:
        raise NotABranchError(f"Dataset '{options.dataset}' is not a branch")
    return branch


def _base(branch: sdk.Branch) -> str:
    return branch.base_snapshot if branch.has_base else f"{branch.base_snapshot} (gone)"
