"""The commands that are about branches."""

from __future__ import annotations

from ..backend.actions import Action
from .command import DATASET, Command, argument

GROUPS = {"branch": "work on a dataset beside the one that others use"}
"""What the first words of commands of two words stand for."""

_BRANCH = argument("dataset", metavar="BRANCH", help="the name of the branch's dataset")

BRANCH_COMMANDS = (
    Command(
        Action.CREATE_BRANCH.command,
        "make a branch of a dataset",
        (
            DATASET,
            argument("name", metavar="NAME", help="a name for the branch"),
            argument(
                "--snapshot",
                metavar="SNAPSHOT",
                help="the snapshot to make it of; by default, the dataset as it is now",
            ),
            argument("--description", "-d", metavar="TEXT", help="what the branch is for"),
        ),
    ),
    Command(Action.LIST_BRANCHES.command, "list the branches of a dataset", (DATASET,)),
    Command("branch info", "tell what a dataset is a branch of", (_BRANCH,)),
    Command(
        Action.DELETE_BRANCH.command,
        "move a branch to the trash, with its snapshots",
        (_BRANCH,),
        destroys=True,
    ),
    Command(
        Action.RESTORE_BRANCH.command,
        "bring a deleted branch back",
        (
            _BRANCH,
            argument(
                "operation",
                metavar="OPERATION",
                nargs="?",
                help="the id of a deleted branch, as trash lists it; by default, the last one",
            ),
        ),
    ),
)
