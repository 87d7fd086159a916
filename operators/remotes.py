"""Operators for histories that servers share: pushing snapshots, and pulling those of others.

Where to is not theirs to choose: whoever may use the App could have the server write anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from . import preview
from .base import Plain, SnapshotOperator, Target, snapshot_names
from .form import Form
from .plain import plain
from .preview import PreviewOperator
from .words import plural, size

_SHOWN = 5


class PlanPush(PreviewOperator):
    """Tells what a push would send."""

    NAME = "plan_push"
    ACTION = Action.PUSH
    LABEL = "Preview push"
    DESCRIPTION = "Tell which snapshots a remote lacks, and how much would travel"
    ICON = "preview"
    DELEGATABLE = True

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshots."""
        _ask_remote(form, target)
        form.several("names", "Snapshots", snapshot_names(target)[::-1], "By default, all")

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Looks at what is there."""
        return _push(target, params, dry_run=True)


class PushSnapshots(SnapshotOperator):
    """Pushes snapshots to a remote."""

    ACTION = Action.PUSH
    DESCRIPTION = "Copy the snapshots that a remote lacks to it, for other servers to pull them"
    ICON = "cloud_upload"
    RISK = types.RiskLevel.MEDIUM
    DELEGATABLE = True
    SUBMIT = "Push"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshots, and says what would travel."""
        remote = _ask_remote(form, target)
        names = form.several("names", "Snapshots", snapshot_names(target)[::-1], "By default, all")
        wanted = {"remote": remote, "names": names}
        plan = preview.ask(form, ctx, PlanPush, wanted, "Looking at what is there")
        if plan is not None:
            form.say("plan", types.Notice(label=plan["message"]))

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Pushes them."""
        return _push(target, params, dry_run=False)


class PlanPull(PreviewOperator):
    """Tells what a pull would bring."""

    NAME = "plan_pull"
    ACTION = Action.PULL
    LABEL = "Preview pull"
    DESCRIPTION = "Tell which snapshots a remote has that are not here, and how much would travel"
    ICON = "preview"
    DELEGATABLE = True

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the remote."""
        _ask_remote(form, target)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Looks at what is there."""
        return _pull(target, params, dry_run=True)


class PullSnapshots(SnapshotOperator):
    """Pulls snapshots from a remote."""

    ACTION = Action.PULL
    DESCRIPTION = "Copy the snapshots that a remote has and that are not here; changes no dataset"
    ICON = "cloud_download"
    RISK = types.RiskLevel.MEDIUM
    DELEGATABLE = True
    SUBMIT = "Pull"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Says what would travel, and asks for a branch if both sides have gone on."""
        remote = _ask_remote(form, target)
        plan = preview.ask(form, ctx, PlanPull, {"remote": remote}, "Looking at what is there")
        if plan is None:
            form.text("branch", "Branch", description=_BRANCH)
            return
        form.say("plan", types.Notice(label=plan["message"]))
        if plan["pull"]["is_diverged"]:
            form.text("branch", "Branch", description=_BRANCH)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Pulls them."""
        return _pull(target, params, dry_run=False)


_BRANCH = "A name for a branch of what is newer there, to be merged, if both sides have gone on"


def _ask_remote(form: Form, target: Target) -> str:
    """Says which remote it is; asks, if there are two."""
    remotes = _remotes(target)
    chosen: str | None = remotes[0]
    if len(remotes) > 1:
        chosen = form.choice("remote", "Remote", remotes, default=remotes[0])
    else:
        form.say("where", types.Notice(label=f"Remote: {remotes[0]}"))
    return chosen or remotes[0]


def _remotes(target: Target) -> list[str]:
    remotes = management.known_remotes(target.dataset)
    if not remotes:
        raise InvalidRequestError(
            "There is no remote: set FIFTYONE_SNAPSHOTS_REMOTE to a folder, or to the URL of one "
            "in an object store, or push once from Python or the command line"
        )
    return remotes


def _remote_of(target: Target, params: Mapping[str, Any]) -> str:
    """Returns the remote that was chosen, which must be one that is offered."""
    remotes = _remotes(target)
    remote = params.get("remote") or remotes[0]
    if remote not in remotes:
        raise InvalidRequestError("This remote is not one that is set or was used before")
    return str(remote)


def _names_of(params: Mapping[str, Any]) -> list[str] | None:
    names = params.get("names")
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",")]
    if not names:
        return None
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise InvalidRequestError("The parameter 'names' must be names of snapshots")
    return [name for name in names if name] or None


def _push(target: Target, params: Mapping[str, Any], *, dry_run: bool) -> Plain:
    remote = _remote_of(target, params)
    found = management.push(target.dataset, remote, _names_of(params), dry_run=dry_run)
    if not found.snapshots and found.edited:
        message = f"{_edits(found.edited)} {'would be pushed' if dry_run else 'pushed'}"
    elif not found.snapshots:
        message = f"Nothing to push: all are in {found.remote}"
    elif dry_run:
        message = f"{_told(found.snapshots)} would be pushed, at most {size(found.size_bytes)}"
    else:
        message = f"{_told(found.snapshots)} pushed to {found.remote}: {size(found.size_bytes)}"
    return {"message": message, "push": plain(found)}


def _pull(target: Target, params: Mapping[str, Any], *, dry_run: bool) -> Plain:
    remote = _remote_of(target, params)
    branch = params.get("branch") or None
    found = management.pull(
        remote, target.dataset, _names_of(params), branch=branch, dry_run=dry_run
    )
    if not found.snapshots and found.edited:
        message = f"{_edits(found.edited)} {'would be pulled' if dry_run else 'pulled'}"
    elif not found.snapshots:
        message = f"Nothing to pull: all that {found.remote} has are here"
    elif dry_run:
        message = f"{_told(found.snapshots)} would be pulled, about {size(found.size_bytes)}"
    else:
        message = f"{_told(found.snapshots)} pulled from {found.remote}: {size(found.size_bytes)}"
    if found.branch is not None:
        message += f". Both sides have gone on since '{found.base}': merge branch '{found.branch}'"
    elif found.is_diverged:
        message += f". Both sides have gone on since '{found.base}'"
    return {"message": message, "pull": plain(found)}


def _told(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{plural(len(names), 'snapshot')} ({shown}{more})"


def _edits(names: Sequence[str]) -> str:
    return f"Edits of {_told(names)}"
