"""Operators for branches: datasets to work on beside the one that others use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.branches.record import Branch
from ..backend.catalog.names import HEAD
from ..backend.errors import InvalidRequestError
from ..backend.trash.trash import TrashItem, TrashKind
from . import switching
from .base import Plain, SnapshotOperator, Target, snapshot_names
from .form import Form
from .plain import plain
from .words import ago, plural, until


class CreateBranch(SnapshotOperator):
    """Makes a branch."""

    ACTION = Action.CREATE_BRANCH
    DESCRIPTION = "Make a dataset of a snapshot, to edit it without touching what others use"
    ICON = "call_split"
    RISK = types.RiskLevel.MEDIUM
    DELEGATABLE = True
    SUBMIT = "Create branch"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for a name, and what to make it of."""
        form.text(
            "name",
            "Name",
            required=True,
            check=lambda name: management.check_new_branch(target.dataset, name),
            description=f"The new dataset is called {target.dataset}.<name>",
        )
        form.choice(
            "snapshot",
            "Made of",
            [HEAD, *snapshot_names(target)],
            default=target.snapshot or HEAD,
            labels={HEAD: f"{target.dataset} as it is now"},
            description="A snapshot, which is kept for as long as the branch exists. If the "
            "dataset has changed since the newest one, a snapshot of it is created first",
        )
        form.text("description", "Description", rows=2)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Makes it."""
        snapshot = params.get("snapshot") or target.snapshot
        branch = management.create_branch(
            target.dataset,
            params.get("name") or "",
            None if snapshot == HEAD else snapshot,
            params.get("description") or None,
        )
        return {
            "message": f"Branch '{branch.name}' is dataset '{branch.dataset_name}', made of "
            f"snapshot '{branch.base_snapshot}'",
            "branch": plain(branch),
        }


class ListBranches(SnapshotOperator):
    """Lists branches."""

    ACTION = Action.LIST_BRANCHES
    DESCRIPTION = "List the branches of this dataset"
    ICON = "call_split"

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Lists them."""
        around = management.get_branches(target.dataset)
        found, own = around.branches, around.branch
        said = f"'{target.dataset}' has {len(found)} branch{'' if len(found) == 1 else 'es'}"
        if own is not None:
            said += f", and is a branch of '{own.parent_name}' itself"
        return {"message": said, "branches": plain(found), "branch": plain(own)}

    def show(self, outputs: types.Object, result: Plain) -> None:
        """Shows them as a table."""
        table = types.TableView()
        for key in ("name", "dataset_name", "base_snapshot", "created_at", "created_by"):
            table.add_column(key, label=key.replace("_", " ").capitalize())
        outputs.list("branches", types.Object(), view=table)


class DeleteBranch(SnapshotOperator):
    """Deletes a branch."""

    ACTION = Action.DELETE_BRANCH
    DESCRIPTION = "Move a branch and its snapshots to the trash, for some days"
    ICON = "delete"
    RISK = types.RiskLevel.HIGH
    SUBMIT = "Delete branch"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the branch, and says what is lost."""
        known = _known(target)
        if not known:
            raise InvalidRequestError(f"'{target.dataset}' has no branches, and is none itself")
        first = target.dataset if target.dataset in known else None
        name = form.choice("branch", "Branch", list(known), default=first)
        if name is None:
            return
        number = len(management.list_snapshots(name))
        form.say(
            "loss",
            types.AlertView(
                severity="warning",
                label=f"Delete branch '{known[name].name}' of '{known[name].parent_name}'?",
                description=f"Dataset '{name}' goes, with everything that was edited in it and "
                f"with {plural(number, 'snapshot')}. '{known[name].parent_name}' is not touched.",
                caption="It can be brought back from the trash for some days.",
            ),
        )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Deletes it."""
        branch = management.delete_branch(params.get("branch") or target.dataset)
        return {
            "message": f"Branch '{branch.name}' was moved to the trash",
            "branch": plain(branch),
            "undo": {"action": "delete_branch", "branch": branch.dataset_name},
        }

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Leaves the branch if it was open."""
        branch = result["branch"]
        if target.dataset == branch["dataset_name"] and branch["has_parent"]:
            switching.open_other(ctx, branch["parent_name"])


class RestoreBranch(SnapshotOperator):
    """Brings a deleted branch back."""

    ACTION = Action.RESTORE_BRANCH
    DESCRIPTION = "Bring a deleted branch back from the trash, with its snapshots"
    ICON = "restore_from_trash"
    RISK = types.RiskLevel.MEDIUM
    SUBMIT = "Restore"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the branch."""
        trashed = deleted(management.list_trash(target.dataset))
        if not trashed:
            raise InvalidRequestError(f"The trash of '{target.dataset}' holds no branches")
        labels = {
            # Of two of one name, the last one
            str(item.dataset_name): f"{item.name}, deleted {ago(item.trashed_at)}"
            + (f", {until(item.expires_at)} left" if item.expires_at else "")
            for item in reversed(trashed)
        }
        form.choice("branch", "Branch", list(reversed(labels)), labels=labels)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Brings it back."""
        name = params.get("branch")
        if not name:
            raise InvalidRequestError("The parameter 'branch' is missing: which branch?")
        branch = management.restore_branch(name, params.get("operation_id") or None)
        return {
            "message": f"Branch '{branch.name}' is back, as dataset '{branch.dataset_name}'",
            "branch": plain(branch),
        }


def deleted(trash: list[TrashItem]) -> list[TrashItem]:
    """Returns the branches among what lies in the trash, the last one first."""
    return [item for item in reversed(trash) if item.kind is TrashKind.BRANCH]


def _known(target: Target) -> dict[str, Branch]:
    """Returns the branches that can be deleted from here, by the names of their datasets."""
    around = management.get_branches(target.dataset)
    found = [*([] if around.branch is None else [around.branch]), *around.branches]
    return {branch.dataset_name: branch for branch in found}
