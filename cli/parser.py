"""The parser of the command line, made of the table of commands."""

from __future__ import annotations

import argparse
import difflib
import re
from typing import NoReturn

from . import branch_table, media_table, merge_table, remote_table, undo_table
from .command import YES
from .output import USAGE
from .table import COMMANDS

_GROUPS = {
    **branch_table.GROUPS,
    **media_table.GROUPS,
    **merge_table.GROUPS,
    **remote_table.GROUPS,
    **undo_table.GROUPS,
}


class _Parser(argparse.ArgumentParser):
    """A parser that says which command may be meant."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with what is wrong with its arguments.

        Args:
            message: what is wrong
        """
        if message.endswith("required: COMMAND"):
            self.print_help()
            self.exit(USAGE)
        found = re.search(r"invalid choice: '(.*?)' \(choose from", message)
        if found and "COMMAND" in message:
            # Those of a group, such as ``branch``, are its own
            words = self.prog.split()[1:]
            named = [command.name.split() for command in COMMANDS]
            names = [name[len(words)] for name in named if name[: len(words)] == words]
            close = difflib.get_close_matches(found[1], names, 1)
            meant = f" Did you mean '{close[0]}'?" if close else ""
            message = f"there is no command '{found[1]}'.{meant} See {self.prog} --help"
        super().error(message)


def parser(version: str) -> argparse.ArgumentParser:
    """Makes the parser of the command line.

    Args:
        version: what is printed as the version

    Returns:
        the parser
    """
    main = _Parser(
        prog="fiftyone-snapshots",
        description="Dataset versioning for FiftyOne.",
        epilog="Exit codes: 0 done, 1 it could not be done, 2 wrong usage, 3 differences, "
        "damage or open conflicts were found, 4 it could not be told whether there is damage, or "
        "a planned merge is out of date.",
    )
    main.add_argument("--version", "-v", action="version", version=version)
    commands = main.add_subparsers(dest="command", metavar="COMMAND", required=True)
    groups = {"": commands}
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group not in groups:
            of_group = commands.add_parser(group, help=_GROUPS[group], description=_GROUPS[group])
            groups[group] = of_group.add_subparsers(metavar="COMMAND", required=True)
        sub = groups[group].add_parser(name, help=command.help, description=command.help)
        for argument in command.arguments:
            sub.add_argument(*argument.names, **argument.options)
        if command.destroys or command.previews:
            meaning = f"only say what would {'go' if command.destroys else 'change'}"
            sub.add_argument("--dry-run", "-n", action="store_true", help=meaning)
        if command.destroys:
            sub.add_argument(*YES.names, **YES.options)
        sub.add_argument("--json", action="store_true", help="print one JSON document")
        sub.set_defaults(command=command)
    return main
