"""What there is to know of an action, and the levels that actions need."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Row:
    """What there is to know of an action."""

    level: Level
    words: str
    """What it is, for people: ``may not <words>``."""
    label: str = ""
    """What its operator is called in the App."""
    doing: str = ""
    """What is said while it runs, before the snapshot's name."""
    operator: str = ""
    """The name of its operator."""
    command: str = ""
    """The subcommand of the program; by default, the value with hyphens."""
    is_recorded: bool = True
    """Whether the audit log tells of it when it was allowed; refusals it always tells of."""


class OfTable(str, Enum):
    """A row of a table of actions; its value is the name in the audit log and the journal."""

    row: Row

    def __new__(cls, value: str, row: Row) -> Self:
        """Makes an action of a row of the table below."""
        action = str.__new__(cls, value)
        action._value_ = value
        action.row = row
        return action

    @property
    def level(self) -> Level:
        """The level that it needs."""
        return self.row.level

    @property
    def command(self) -> str:
        """The subcommand of the program."""
        return self.row.command or self.value.replace("_", "-")

    @classmethod
    def named(cls, value: str) -> Self:
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
