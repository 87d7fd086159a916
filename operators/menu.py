"""The menu of a snapshot: what is offered, in the History panel and in the banner alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .. import management
from ..backend.access import Action
from ..backend.search.history import HistoryEntry
from .archive import ArchiveSnapshot, ExportSnapshot, UnarchiveSnapshot
from .base import SnapshotOperator
from .branches import CreateBranch
from .change import CloneSnapshot, EditSnapshot, VerifySnapshot
from .compare import HEAD
from .pin import PinSnapshot, UnpinSnapshot
from .restore_samples import RestoreSamples
from .revert import RevertToSnapshot
from .tags import TagSnapshot
from .trash import DeleteSnapshot, RestoreSnapshot

LOOK, MANAGE, DANGER = "look", "manage", "danger"
"""The groups of the menu, in this order."""

COMPARE_HEAD, COMPARE_PREVIOUS = "compare_head", "compare_previous"

DIALOGS: dict[str, type[SnapshotOperator]] = {
    "revert": RevertToSnapshot,
    "clone": CloneSnapshot,
    "edit": EditSnapshot,
    "verify": VerifySnapshot,
    "delete": DeleteSnapshot,
    "restore": RestoreSnapshot,
    "restore_samples": RestoreSamples,
    "archive": ArchiveSnapshot,
    "export": ExportSnapshot,
    "unarchive": UnarchiveSnapshot,
    "tag": TagSnapshot,
    "create_branch": CreateBranch,
}
"""What opens a form."""

AT_ONCE: dict[str, type[SnapshotOperator]] = {"pin": PinSnapshot, "unpin": UnpinSnapshot}
"""What asks nothing: the same menu takes it back."""


@dataclass(frozen=True)
class Choice:
    """What a menu offers."""

    value: str
    label: str
    group: str = ""
    """Choices of different groups are parted by a line."""
    is_dangerous: bool = False
    """Whether it discards something; shown in red."""


@dataclass(frozen=True)
class Chosen:
    """What was chosen from the menu."""

    action: str
    name: str
    """The snapshot."""

    @classmethod
    def of(cls, value: object) -> Chosen:
        """Reads a choice's value."""
        action, _, name = str(value or "").partition("/")
        return cls(action, name)

    @property
    def versions(self) -> tuple[str, str] | None:
        """The versions to compare, the older one first, if that was chosen."""
        if self.action == COMPARE_HEAD:
            return self.name, HEAD
        if self.action == COMPARE_PREVIOUS:
            older, _, newer = self.name.partition("/")
            return older, newer
        return None

    @property
    def params(self) -> dict[str, str]:
        """What the dialog is told of the snapshot."""
        return {"snapshot" if self.action == "create_branch" else "name": self.name}


def choices(entry: HistoryEntry, why_not: Callable[[Action], str | None]) -> list[Choice]:
    """Returns what can be done with a snapshot: what only looks, what manages, what discards.

    Args:
        entry: the snapshot
        why_not: tells why whoever looks may not do something, or None if they may

    Returns:
        the choices, group by group
    """
    # What no name contains keeps action and names apart
    found = [Choice(f"{COMPARE_HEAD}/{entry.name}", "Compare with current dataset", LOOK)]
    if entry.previous:
        value = f"{COMPARE_PREVIOUS}/{entry.previous}/{entry.name}"
        found.append(Choice(value, f"Compare with previous ({entry.previous})", LOOK))
    for group, offered in _groups(entry).items():
        found += [
            Choice(f"{action.value}/{entry.name}", said, group, group == DANGER)
            for action, said in offered.items()
            if why_not(action) is None
        ]
    return found


def _groups(entry: HistoryEntry) -> dict[str, dict[Action, str]]:
    look = {Action.VERIFY: "Verify"}
    manage = {
        Action.CREATE_BRANCH: "Create branch of it",
        Action.EDIT: "Edit name and description",
        Action.TAG: "Edit tags",
    }
    if entry.pinned:
        manage[Action.UNPIN] = "Unpin"
    else:
        manage[Action.PIN] = "Pin: keep from automatic archival and pruning"
    if entry.archive is not None:
        manage[Action.UNARCHIVE] = "Bring back from the archive"
        manage[Action.EXPORT] = "Export to a file"
        return {LOOK: look, MANAGE: manage, DANGER: {Action.DELETE: "Delete snapshot"}}
    manage[Action.EXPORT] = "Export to a file"
    manage[Action.CLONE] = "Clone to a new dataset"
    if management.archives_are_on():
        manage[Action.ARCHIVE] = "Archive"
    danger = {
        Action.REVERT: "Rollback to this snapshot",
        Action.RESTORE_SAMPLES: "Restore samples from it",
        Action.DELETE: "Delete snapshot",
    }
    return {LOOK: look, MANAGE: manage, DANGER: danger}
