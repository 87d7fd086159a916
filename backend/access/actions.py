"""What can be done with snapshots, what one must be allowed for it, and what is worth a note."""

from __future__ import annotations

from enum import Enum, IntEnum

from typing_extensions import Self

from ..errors import InvalidRequestError


class Level(IntEnum):
    """What somebody may do with a dataset; each level includes those before it."""

    NONE = 0
    VIEW = 1
    TAG = 2
    EDIT = 3
    MANAGE = 4

    @property
    def label(self) -> str:
        """What FiftyOne's hosted product calls it."""
        return "no access" if self is Level.NONE else f"Can {self.name.lower()}"


class Action(str, Enum):
    """Something that can be done, with the level that it needs.

    Snapshots have no permissions of their own: what counts is the level on their dataset.
    """

    level: Level
    is_recorded: bool
    """Whether the audit log tells of it when it was allowed; refusals it always tells of."""
    words: str
    """What it is, for people."""

    def __new__(cls, value: str, level: Level, is_recorded: bool, words: str) -> Self:
        """Makes an action of a row of the table below."""
        action = str.__new__(cls, value)
        action._value_ = value
        action.level = level
        action.is_recorded = is_recorded
        action.words = words
        return action

    @classmethod
    def named(cls, value: str) -> Action:
        """Finds an action.

        Args:
            value: its value, such as ``"create"``, or itself

        Returns:
            the action

        Raises:
            InvalidRequestError: if there is none
        """
        for action in cls:
            if action == value:
                return action
        raise InvalidRequestError(
            f"There is no action '{value}'; there are: {', '.join(item.value for item in cls)}"
        )

    LIST = "list", Level.VIEW, False, "list snapshots"
    SEARCH = "search", Level.VIEW, False, "search snapshots"
    DIFF = "diff", Level.VIEW, False, "compare versions"
    CALCULATE = "calculate", Level.VIEW, False, "calculate changes"
    VERIFY = "verify", Level.VIEW, False, "verify snapshots"
    READ_LOG = "read_log", Level.VIEW, False, "read the audit log"

    LOAD = "load", Level.VIEW, True, "load snapshots"
    CLONE = "clone", Level.VIEW, True, "clone snapshots"
    EXPORT = "export", Level.VIEW, True, "export snapshots"
    UNARCHIVE = "unarchive", Level.VIEW, True, "unarchive snapshots"

    TAG = "tag", Level.TAG, True, "tag snapshots"

    CREATE = "create", Level.MANAGE, True, "create snapshots"
    EDIT = "edit", Level.MANAGE, True, "edit snapshots"
    DELETE = "delete", Level.MANAGE, True, "delete snapshots"
    RESTORE = "restore", Level.MANAGE, True, "restore deleted snapshots"
    REVERT = "revert", Level.MANAGE, True, "revert to snapshots"
    UNDO_REVERT = "undo_revert", Level.MANAGE, True, "undo reverts"
    RESTORE_SAMPLES = "restore_samples", Level.MANAGE, True, "restore samples"
    UNDO_RESTORE = "undo_restore", Level.MANAGE, True, "undo restorations of samples"
    EMPTY_TRASH = "empty_trash", Level.MANAGE, True, "empty the trash"
    ARCHIVE = "archive", Level.MANAGE, True, "archive snapshots"
    IMPORT = "import", Level.MANAGE, True, "import snapshots"
    PIN = "pin", Level.MANAGE, True, "pin snapshots"
    UNPIN = "unpin", Level.MANAGE, True, "unpin snapshots"
    PRUNE = "prune", Level.MANAGE, True, "prune snapshots"
    CONVERT = "convert", Level.MANAGE, True, "convert snapshots"
    CANCEL = "cancel", Level.MANAGE, True, "cancel operations"
    RECOVER = "recover", Level.MANAGE, True, "mend what crashes left"
    PURGE_ALL = "purge_all", Level.MANAGE, False, "remove everything of this package"
    CLAIM_ARCHIVES = "claim_archives", Level.MANAGE, True, "claim archives"
    LEAVE_ARCHIVES = "leave_archives", Level.MANAGE, True, "leave archives"
    EXPORT_LOG = "export_log", Level.MANAGE, True, "export the audit log"

    # Done by the package itself, in the process of whoever comes by: nobody is asked
    EXPIRE = "expire", Level.MANAGE, True, "destroy expired trash"
    PURGE = "purge", Level.MANAGE, True, "destroy the snapshots of deleted datasets"
