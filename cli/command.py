"""What a command of the command line is, and the arguments that many have."""

from __future__ import annotations

from dataclasses import dataclass
from keyword import iskeyword
from typing import Any


@dataclass(frozen=True)
class Argument:
    """An argument of a command, as ``argparse`` takes it."""

    names: tuple[str, ...]
    options: dict[str, Any]


def argument(*names: str, **options: Any) -> Argument:
    """Returns an argument as ``add_argument()`` would be given it."""
    return Argument(names, options)


def optional(always: Argument, meaning: str) -> Argument:
    """Returns an argument that may be left out.

    Args:
        always: one that may not
        meaning: what it is, and what is done without
    """
    return Argument(always.names, {**always.options, "nargs": "?", "help": meaning})


DATASET = argument("dataset", metavar="DATASET", help="the name of the dataset")
SNAPSHOT = argument("snapshot", metavar="SNAPSHOT", help="the name of the snapshot")
YES = argument("--yes", "-y", action="store_true", help="do not ask")


@dataclass(frozen=True)
class Command:
    """A subcommand. The function of the same name in :mod:`.verbs` does it."""

    name: str
    """One word, or the word of a group, such as ``branch``, and another one."""
    help: str
    arguments: tuple[Argument, ...] = ()
    destroys: bool = False
    """Whether it takes something away: then it asks first, and ``preview_<name>`` in :mod:`.verbs`
    tells what would go."""
    previews: bool = False
    """Whether ``preview_<name>`` tells what it would change, though it asks only if there is an
    ``asks_<name>`` that says so."""

    @property
    def function(self) -> str:
        """The name of the function that does it, with a ``_`` after it where Python needs one."""
        name = self.name.replace("-", "_").replace(" ", "_")
        return f"{name}_" if iskeyword(name) else name
