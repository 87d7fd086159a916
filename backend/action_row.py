"""What there is to know of an action, and the levels that actions need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


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
