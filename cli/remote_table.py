"""The commands that are about histories and tables outside MongoDB."""

from __future__ import annotations

from ..backend.actions import Action
from . import values
from .command import DATASET, SNAPSHOT, Command, argument

GROUPS = {"remote": "share histories with other servers"}
"""What the first words of commands of two words stand for."""

_REMOTE = argument(
    "remote", metavar="REMOTE", help="a folder, or a URL such as s3://bucket/histories"
)
_NAMES = argument("names", metavar="SNAPSHOT", nargs="*", help="a snapshot; by default, all")
_THERE = argument("--dataset", metavar="DATASET", help="a dataset there, or its id")

REMOTE_COMMANDS = (
    Command(
        "export-table",
        "write the labels of a snapshot to a Parquet file",
        (
            DATASET,
            SNAPSHOT,
            argument("path", metavar="PATH", help="a new file, ending in .parquet"),
        ),
    ),
    Command(
        Action.PUSH.command,
        "copy the snapshots that a remote lacks to it",
        (DATASET, _REMOTE, _NAMES),
        previews=True,
    ),
    Command(
        Action.PULL.command,
        "copy the snapshots that are not here from a remote",
        (
            DATASET,
            _REMOTE,
            _NAMES,
            argument(
                "--branch",
                metavar="NAME",
                help="a name for a branch of the newest one, if both sides have gone on",
            ),
        ),
        previews=True,
    ),
    Command(
        Action.CLONE_FROM.command,
        "make a dataset of one in a remote",
        (
            _REMOTE,
            argument(
                "dataset", metavar="DATASET", help="the name of the dataset there, or its id"
            ),
            argument("--name", metavar="NAME", help="a name for the dataset here"),
        ),
        previews=True,
    ),
    Command(
        Action.LIST_REMOTE.command,
        "list the snapshots in a remote",
        (_REMOTE, _THERE),
    ),
    Command(
        Action.GC_REMOTE.command,
        "remove what no snapshot in a remote needs",
        (
            _REMOTE,
            argument(
                "--older-than",
                metavar="DAYS",
                type=values.days,
                help="only what is older than DAYS days; by default, than an hour",
            ),
        ),
        destroys=True,
    ),
    Command(
        Action.VERIFY_REMOTE.command,
        "prove that a remote holds what was pushed to it; exits with 3 if it does not",
        (_REMOTE, _THERE),
    ),
)
