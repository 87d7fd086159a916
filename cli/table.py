"""The table of all commands, and the parser that it makes."""

from __future__ import annotations

from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

from ..backend.actions import Action
from . import values


@dataclass(frozen=True)
class Argument:
    """An argument of a command, as ``argparse`` takes it."""

    names: tuple[str, ...]
    options: dict[str, Any]


def _argument(*names: str, **options: Any) -> Argument:
    return Argument(names, options)


def _optional(argument: Argument, meaning: str) -> Argument:
    return Argument(argument.names, {**argument.options, "nargs": "?", "help": meaning})


_DATASET = _argument("dataset", metavar="DATASET", help="the name of the dataset")
_SNAPSHOT = _argument("snapshot", metavar="SNAPSHOT", help="the name of the snapshot")
_TAGS = _argument("tags", metavar="TAG", nargs="+", help="a tag")
_OPERATION = _argument("operation", metavar="ID", help="the id of the operation")
YES = _argument("--yes", "-y", action="store_true", help="do not ask")
_EXIT_CODE = _argument(
    "--exit-code", action="store_true", help="exit with 3 if there are differences"
)


@dataclass(frozen=True)
class Command:
    """A subcommand. The function of the same name in :mod:`.verbs` does it."""

    name: str
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
        name = self.name.replace("-", "_")
        return f"{name}_" if iskeyword(name) else name


COMMANDS = (
    Command(
        Action.CREATE.command,
        "capture a dataset as a snapshot",
        (
            _DATASET,
            _argument("snapshot", metavar="SNAPSHOT", help="a name for the snapshot"),
            _argument("--description", "-d", metavar="TEXT", help="what the snapshot is about"),
            _argument(
                "--tag", "-t", metavar="TAG", action="append", help="a tag; may be repeated"
            ),
            _argument(
                "--trust-timestamps",
                action="store_true",
                help="take for unchanged what has the same last_modified_at (delta backend)",
            ),
        ),
    ),
    Command(
        Action.LIST.command,
        "list the snapshots of a dataset, or of all",
        (_optional(_DATASET, "the name of a dataset; by default, all"),),
    ),
    Command("info", "tell what is known of a snapshot", (_DATASET, _SNAPSHOT)),
    Command(Action.LOAD.command, "open a snapshot and print its summary", (_DATASET, _SNAPSHOT)),
    Command(
        Action.EDIT.command,
        "rename or describe a snapshot",
        (
            _DATASET,
            _SNAPSHOT,
            _argument("--name", metavar="NAME", help="a new name"),
            _argument(
                "--description", "-d", metavar="TEXT", help="a new description; '' for none"
            ),
        ),
    ),
    Command(Action.TAG.command, "add tags to a snapshot", (_DATASET, _SNAPSHOT, _TAGS)),
    Command("untag", "remove tags from a snapshot", (_DATASET, _SNAPSHOT, _TAGS)),
    Command(
        Action.DELETE.command, "move a snapshot to the trash", (_DATASET, _SNAPSHOT), destroys=True
    ),
    Command(Action.RESTORE.command, "bring a deleted snapshot back", (_DATASET, _SNAPSHOT)),
    Command(
        Action.REVERT.command,
        "take a dataset back to a snapshot",
        (_DATASET, _SNAPSHOT),
        destroys=True,
    ),
    Command(
        Action.UNDO_REVERT.command,
        "bring back what the last revert discarded; after that, revert again",
        (_DATASET, YES),
        previews=True,
    ),
    Command(
        Action.RESTORE_SAMPLES.command,
        "bring some samples, or some of their fields, back from a snapshot",
        (
            _DATASET,
            _SNAPSHOT,
            _argument("ids", metavar="ID", nargs="+", help="the id of a sample"),
            _argument(
                "--field",
                "-f",
                metavar="FIELD",
                action="append",
                help="only this field; may be repeated",
            ),
        ),
        previews=True,
    ),
    Command(
        Action.UNDO_RESTORE.command,
        "bring back what restoring samples has overwritten",
        (
            _DATASET,
            _argument(
                "operation",
                metavar="OPERATION",
                nargs="?",
                help="the id of the restoration; by default, the last one",
            ),
        ),
        previews=True,
    ),
    Command(
        Action.DIFF.command,
        "tell what changed between two versions of a dataset",
        (
            _DATASET,
            _argument(
                "a",
                metavar="A",
                nargs="?",
                help="the snapshot to compare with; by default, the latest",
            ),
            _argument(
                "b",
                metavar="B",
                nargs="?",
                help="another one; by default HEAD, the dataset as it is",
            ),
            _EXIT_CODE,
        ),
    ),
    Command(
        "history",
        "tell in which versions a sample changed",
        (
            _DATASET,
            _argument("id", metavar="ID", help="the id of the sample"),
            _argument("--label", action="store_true", help="the id is that of a label"),
        ),
    ),
    Command(
        Action.CALCULATE.command,
        "count what changed since the latest snapshot",
        (
            _DATASET,
            _argument("--cached", action="store_true", help="as it was last calculated"),
            _EXIT_CODE,
        ),
    ),
    Command(
        Action.VERIFY.command,
        "prove that snapshots are what was captured; exits with 3 if not, with 4 if that cannot "
        "be told",
        (
            _optional(_DATASET, "the name of a dataset; by default, all"),
            _optional(_SNAPSHOT, "the name of a snapshot; by default, all"),
            _argument("--media", action="store_true", help="look for the media files as well"),
        ),
    ),
    Command(
        Action.SEARCH.command,
        "find snapshots in all datasets",
        (
            _argument("text", metavar="TEXT", nargs="?", help="in a name, a description or a tag"),
            _argument("--created-by", metavar="USER", help="who created it"),
            _argument("--since", metavar="TIME", type=values.time, help="such as 2026-03-01"),
            _argument(
                "--until", metavar="TIME", type=values.time, help="a day, including it; or a time"
            ),
            _argument(
                "--tag", "-t", metavar="TAG", action="append", help="a tag; may be repeated"
            ),
            _argument("--contains-sample", metavar="ID", help="the id of a sample it has"),
            _argument("--field", metavar="PATH", help="a field it has"),
            _argument("--label", metavar="CLASS", help="the class of a label it has"),
        ),
    ),
    Command(
        "uri",
        "print an address for a snapshot, to be noted elsewhere",
        (
            _DATASET,
            _SNAPSHOT,
            _argument(
                "--no-names",
                action="store_true",
                help="leave the names out: the address stays the same when they change",
            ),
        ),
    ),
    Command(
        "resolve",
        "find the snapshot with an address",
        (_argument("uri", metavar="URI", help="the address"),),
    ),
    Command(
        "hash",
        "print a hash of the content of a version",
        (_DATASET, _optional(_SNAPSHOT, "a snapshot; by default, the dataset as it is")),
    ),
    Command(
        "lineage",
        "tell on which snapshots runs were computed",
        (
            _DATASET,
            _argument("key", metavar="KEY", nargs="?", help="the key of a run; by default, all"),
        ),
    ),
    Command(
        "trash",
        "list what can be brought back",
        (_optional(_DATASET, "the name of a dataset; by default, all"),),
    ),
    Command(
        Action.EMPTY_TRASH.command,
        "destroy what is in the trash for good",
        (_DATASET,),
        destroys=True,
    ),
    Command(
        "operations",
        "list the operations that are under way",
        (
            _DATASET,
            _argument(
                "--ended-within",
                metavar="SECONDS",
                type=values.count,
                default=0,
                help="also those that ended not longer ago",
            ),
        ),
    ),
    Command("operation", "tell how an operation ended, or how far it is", (_OPERATION,)),
    Command(Action.CANCEL.command, "ask for an operation to be given up", (_OPERATION,)),
    Command(Action.RECOVER.command, "mend what crashed processes left, in all datasets"),
    Command(
        Action.PURGE_ALL.command,
        "remove everything of this package from the database, for good",
        destroys=True,
    ),
    Command(
        Action.ARCHIVE.command,
        "move a snapshot from the database to the archive",
        (_DATASET, _SNAPSHOT),
    ),
    Command(
        Action.UNARCHIVE.command, "bring a snapshot back from the archive", (_DATASET, _SNAPSHOT)
    ),
    Command(
        Action.CLAIM_ARCHIVES.command,
        "make the archives that a copied database speaks of its own: the original is gone",
    ),
    Command(
        Action.LEAVE_ARCHIVES.command,
        "leave the archives that a copied database speaks of alone: the original is in use",
    ),
    Command(
        Action.EXPORT.command,
        "write a snapshot to a file, for another server",
        (
            _DATASET,
            _SNAPSHOT,
            _argument("path", metavar="PATH", help="a new file, such as digits-labelled.tar"),
        ),
    ),
    Command(
        Action.IMPORT.command,
        "take in a snapshot that was exported",
        (
            _argument("path", metavar="PATH", help="the file"),
            _argument(
                "--dataset-name",
                metavar="NAME",
                help="a name for a new dataset; by default, the one that it had",
            ),
        ),
    ),
    Command(
        Action.PIN.command,
        "keep a snapshot from automatic archival, pruning and expiring in the trash",
        (_DATASET, _SNAPSHOT),
    ),
    Command(Action.UNPIN.command, "take a pin back", (_DATASET, _SNAPSHOT)),
    Command(
        Action.PRUNE.command,
        "delete the snapshots that no rule keeps",
        (
            _DATASET,
            _argument("--keep-last", metavar="N", type=values.count, help="keep the last N"),
            _argument(
                "--keep-daily", metavar="N", type=values.count, help="keep one of each of N days"
            ),
            _argument(
                "--keep-weekly", metavar="N", type=values.count, help="keep one of each of N weeks"
            ),
            _argument(
                "--older-than",
                metavar="DAYS",
                type=values.days,
                help="keep those of the last DAYS days",
            ),
        ),
        destroys=True,
    ),
    Command(
        Action.CLONE.command,
        "make a new dataset of a snapshot",
        (
            _DATASET,
            _SNAPSHOT,
            _argument("new_dataset", metavar="NEW", help="a name for the new dataset"),
        ),
    ),
    Command(
        Action.CONVERT.command,
        "move a dataset's snapshots, and all that follow, to another storage backend",
        (
            _DATASET,
            _argument("backend", metavar="BACKEND", help="such as duplication or delta"),
        ),
    ),
    Command(
        Action.READ_LOG.command,
        "tell who did what, newest first",
        (
            _optional(_DATASET, "the name of a dataset; by default, all"),
            _argument("--user", metavar="USER", help="who did it"),
            _argument("--action", metavar="ACTION", help="what was done, such as revert"),
            _argument("--outcome", choices=("done", "refused", "failed"), help="what came of it"),
            _argument("--since", metavar="TIME", type=values.moment, help="such as 2026-03-01"),
            _argument(
                "--until", metavar="TIME", type=values.moment, help="the moment after the last"
            ),
            _argument(
                "--limit", metavar="N", type=values.count, default=50, help="at most so many (50)"
            ),
        ),
    ),
    Command(
        Action.EXPORT_LOG.command,
        "write the whole audit log to a file",
        (_argument("path", metavar="PATH", help="a new file, ending in .jsonl or .csv"),),
    ),
    Command(
        "verify-log",
        "prove that nobody tampered with the audit log; exits with 3 if somebody did",
        (_argument("--head", metavar="HEAD", help="the head that an earlier run has printed"),),
    ),
    Command("doctor", "look for what is wrong, and say what to do; exits with 3 if anything is"),
)


ANSWERING = frozenset(
    ("list", "info", "diff", "history", "changes", "verify", "search", "uri", "resolve", "hash",
     "lineage", "trash", "operations", "operation", "events", "verify-log", "doctor")
)  # fmt: skip
"""The commands that do nothing but answer: if that cannot be written, they have failed."""
