"""The commands that are about operations that can be undone."""

from __future__ import annotations

from ..backend.actions import Action
from . import values
from .command import DATASET, Command, argument

GROUPS = {"undoable": "operations that can be undone one by one"}
"""What the first words of commands of two words stand for."""

UNDO_COMMANDS = (
    Command(
        Action.LIST_UNDOABLE.command,
        "list the operations on a dataset that can be undone, newest first",
        (
            DATASET,
            argument("--limit", metavar="N", type=values.count, help="at most so many"),
        ),
    ),
    Command(
        Action.SET_UNDO_MODE.command,
        "tell or choose whether what changes much on a dataset is made undoable without being "
        "asked",
        (
            DATASET,
            argument(
                "mode",
                metavar="MODE",
                nargs="?",
                choices=("off", "auto", "on", "unset"),
                help="off, auto, on, or unset to go by the environment; by default, only tell",
            ),
        ),
    ),
    Command(
        Action.SCHEDULE.command,
        "take a safety snapshot of a dataset, if it has changed: for cron or a timer",
        (DATASET,),
    ),
    Command(
        Action.UNDO_OPERATION.command,
        "undo one operation, and keep what was done since; exits with 3 if somebody must decide "
        "something before: 'merge resolve' and 'merge apply' do that",
        (
            DATASET,
            argument("operation", metavar="ID", help="its id, as 'undoable list' prints it"),
            argument(
                "--prefer",
                metavar="SIDE",
                choices=("ours", "theirs"),
                help="what is taken where it was changed again since: ours for what it is now, "
                "theirs for what it was before",
            ),
        ),
        destroys=True,
    ),
)
