"""The commands on what is noted of versions elsewhere, and found by it."""

from __future__ import annotations

from ..backend.actions import Action
from .command import DATASET, SNAPSHOT, Command, argument, optional

_NO_NAMES = argument(
    "--no-names",
    action="store_true",
    help="leave the names out, so that it stays the same when they change",
)

ADDRESS_COMMANDS = (
    Command(
        "uri",
        "print an address for a snapshot, to be noted elsewhere",
        (
            DATASET,
            SNAPSHOT,
            _NO_NAMES,
        ),
    ),
    Command(
        "lock",
        "print a small file that names a version, for git and DVC",
        (
            argument("dataset", metavar="DATASET", help="the name of the dataset, or street@v3"),
            optional(SNAPSHOT, "the name of the snapshot, if DATASET does not say it"),
            _NO_NAMES,
        ),
    ),
    Command(
        "checkout",
        "open the version that a lock names, and print the name under which FiftyOne has it",
        (argument("path", metavar="PATH", help="the file, such as street.fos.json"),),
    ),
    Command(
        Action.LIST_RUNS.command,
        "list the runs of MLflow that used a version",
        (DATASET, SNAPSHOT),
    ),
    Command(
        "open-run",
        "open the version that a run used, and print the name under which FiftyOne has it",
        (
            argument("run", metavar="RUN", help="the run, such as mlflow:<run id>"),
            argument(
                "--context", metavar="TEXT", help="what it was used for, if there are several"
            ),
        ),
    ),
    Command(
        "card",
        "print what a version says of itself, for a catalogue or a README",
        (
            DATASET,
            SNAPSHOT,
            argument(
                "--format",
                choices=("croissant", "markdown"),
                default="croissant",
                help="JSON-LD of Croissant 1.1, which is the default, or Markdown",
            ),
        ),
    ),
    Command(
        "resolve",
        "find the snapshot with an address",
        (argument("uri", metavar="URI", help="the address"),),
    ),
    Command(
        "hash",
        "print a hash of the content of a version",
        (DATASET, optional(SNAPSHOT, "a snapshot; by default, the dataset as it is")),
    ),
    Command(
        "lineage",
        "tell on which snapshots runs were computed",
        (
            DATASET,
            argument("key", metavar="KEY", nargs="?", help="the key of a run; by default, all"),
        ),
    ),
)
