"""The table of all commands, from which the parser is made."""

from __future__ import annotations

from ..backend.actions import Action
from . import values
from .address_table import ADDRESS_COMMANDS
from .branch_table import BRANCH_COMMANDS
from .command import DATASET, SNAPSHOT, YES, Command, argument, optional
from .media_table import MEDIA_COMMANDS, MEDIA_LEVEL
from .merge_table import MERGE_COMMANDS
from .remote_table import REMOTE_COMMANDS
from .undo_table import UNDO_COMMANDS

_TAGS = argument("tags", metavar="TAG", nargs="+", help="a tag")
_OPERATION = argument("operation", metavar="ID", help="the id of the operation")
_EXIT_CODE = argument(
    "--exit-code", action="store_true", help="exit with 3 if there are differences"
)

COMMANDS = (
    Command(
        Action.CREATE.command,
        "capture a dataset as a snapshot",
        (
            DATASET,
            argument("snapshot", metavar="SNAPSHOT", help="a name for the snapshot"),
            argument("--description", "-d", metavar="TEXT", help="what the snapshot is about"),
            argument("--tag", "-t", metavar="TAG", action="append", help="a tag; may be repeated"),
            argument(
                "--trust-timestamps",
                action="store_true",
                help="take for unchanged what has the same last_modified_at (delta backend)",
            ),
            MEDIA_LEVEL,
        ),
    ),
    Command(
        Action.LIST.command,
        "list the snapshots of a dataset, or of all",
        (optional(DATASET, "the name of a dataset; by default, all"),),
    ),
    Command("info", "tell what is known of a snapshot", (DATASET, SNAPSHOT)),
    Command(Action.LOAD.command, "open a snapshot and print its summary", (DATASET, SNAPSHOT)),
    Command(
        Action.EDIT.command,
        "rename or describe a snapshot",
        (
            DATASET,
            SNAPSHOT,
            argument("--name", metavar="NAME", help="a new name"),
            argument("--description", "-d", metavar="TEXT", help="a new description; '' for none"),
        ),
    ),
    Command(Action.TAG.command, "add tags to a snapshot", (DATASET, SNAPSHOT, _TAGS)),
    Command("untag", "remove tags from a snapshot", (DATASET, SNAPSHOT, _TAGS)),
    Command(
        Action.DELETE.command, "move a snapshot to the trash", (DATASET, SNAPSHOT), destroys=True
    ),
    Command(Action.RESTORE.command, "bring a deleted snapshot back", (DATASET, SNAPSHOT)),
    Command(
        Action.REVERT.command,
        "roll a dataset back to a snapshot",
        (DATASET, SNAPSHOT),
        destroys=True,
    ),
    Command(
        Action.UNDO_REVERT.command,
        "undo the last rollback; after that, redo it",
        (
            DATASET,
            argument(
                "operation",
                metavar="OPERATION",
                nargs="?",
                help="the id of a former state, as trash lists it; by default, the last one",
            ),
            YES,
        ),
        previews=True,
    ),
    Command(
        Action.RESTORE_SAMPLES.command,
        "bring some samples, or some of their fields, back from a snapshot",
        (
            DATASET,
            SNAPSHOT,
            argument("ids", metavar="ID", nargs="+", help="the id of a sample"),
            argument(
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
            DATASET,
            argument(
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
            DATASET,
            argument(
                "a",
                metavar="A",
                nargs="?",
                help="the snapshot to compare with; by default, the latest",
            ),
            argument(
                "b",
                metavar="B",
                nargs="?",
                help="another one; by default HEAD, the current dataset",
            ),
            argument("--media", action="store_true", help="compare the media files as well"),
            _EXIT_CODE,
        ),
    ),
    Command(
        "history",
        "tell in which versions a sample changed",
        (
            DATASET,
            argument("id", metavar="ID", help="the id of the sample"),
            argument("--label", action="store_true", help="the id is that of a label"),
        ),
    ),
    Command(
        Action.CALCULATE.command,
        "count what changed since the latest snapshot",
        (
            DATASET,
            argument("--cached", action="store_true", help="as it was last calculated"),
            _EXIT_CODE,
        ),
    ),
    Command(
        Action.VERIFY.command,
        "prove that snapshots are what was captured; exits with 3 if not, with 4 if that cannot "
        "be told",
        (
            optional(DATASET, "the name of a dataset; by default, all"),
            optional(SNAPSHOT, "the name of a snapshot; by default, all"),
            argument("--media", action="store_true", help="look for the media files as well"),
        ),
    ),
    Command(
        Action.SEARCH.command,
        "find snapshots in all datasets",
        (
            argument("text", metavar="TEXT", nargs="?", help="in a name, a description or a tag"),
            argument("--created-by", metavar="USER", help="who created it"),
            argument("--since", metavar="TIME", type=values.time, help="such as 2026-03-01"),
            argument(
                "--until", metavar="TIME", type=values.time, help="a day, including it; or a time"
            ),
            argument("--tag", "-t", metavar="TAG", action="append", help="a tag; may be repeated"),
            argument("--contains-sample", metavar="ID", help="the id of a sample it has"),
            argument("--field", metavar="PATH", help="a field it has"),
            argument("--label", metavar="CLASS", help="the class of a label it has"),
        ),
    ),
    *ADDRESS_COMMANDS,
    Command(
        "trash",
        "list what can be brought back",
        (optional(DATASET, "the name of a dataset; by default, all"),),
    ),
    Command(
        Action.EMPTY_TRASH.command,
        "destroy what is in the trash for good",
        (DATASET,),
        destroys=True,
    ),
    Command(
        "operations",
        "list the operations that are under way",
        (
            DATASET,
            argument(
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
        (DATASET, SNAPSHOT),
    ),
    Command(
        Action.UNARCHIVE.command, "bring a snapshot back from the archive", (DATASET, SNAPSHOT)
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
            DATASET,
            SNAPSHOT,
            argument("path", metavar="PATH", help="a new file, such as digits-labelled.tar"),
            argument("--media", action="store_true", help="its media files as well"),
        ),
    ),
    Command(
        Action.IMPORT.command,
        "take in a snapshot that was exported",
        (
            argument("path", metavar="PATH", help="the file"),
            argument(
                "--dataset-name",
                metavar="NAME",
                help="a name for a new dataset; by default, the one that it had",
            ),
            argument(
                "--media-to",
                metavar="FOLDER",
                help="where to put the media files that are in it; nothing there is overwritten",
            ),
        ),
    ),
    Command(
        Action.PIN.command,
        "keep a snapshot from automatic archival, pruning and expiring in the trash",
        (DATASET, SNAPSHOT),
    ),
    Command(Action.UNPIN.command, "take a pin back", (DATASET, SNAPSHOT)),
    Command(
        Action.PRUNE.command,
        "delete the snapshots that no rule keeps",
        (
            DATASET,
            argument("--keep-last", metavar="N", type=values.count, help="keep the last N"),
            argument(
                "--keep-daily", metavar="N", type=values.count, help="keep one of each of N days"
            ),
            argument(
                "--keep-weekly", metavar="N", type=values.count, help="keep one of each of N weeks"
            ),
            argument(
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
            DATASET,
            SNAPSHOT,
            argument("new_dataset", metavar="NEW", help="a name for the new dataset"),
        ),
    ),
    Command(
        Action.CONVERT.command,
        "move a dataset's snapshots, and all that follow, to another storage backend",
        (
            DATASET,
            argument("backend", metavar="BACKEND", help="such as duplication or delta"),
        ),
    ),
    Command(
        Action.READ_LOG.command,
        "tell who did what, newest first",
        (
            optional(DATASET, "the name of a dataset; by default, all"),
            argument("--user", metavar="USER", help="who did it"),
            argument("--action", metavar="ACTION", help="what was done, such as revert"),
            argument("--outcome", choices=("done", "refused", "failed"), help="what came of it"),
            argument("--since", metavar="TIME", type=values.moment, help="such as 2026-03-01"),
            argument(
                "--until", metavar="TIME", type=values.moment, help="the moment after the last"
            ),
            argument(
                "--limit", metavar="N", type=values.count, default=50, help="at most so many (50)"
            ),
        ),
    ),
    Command(
        Action.EXPORT_LOG.command,
        "write the whole audit log to a file",
        (argument("path", metavar="PATH", help="a new file, ending in .jsonl or .csv"),),
    ),
    Command(
        "verify-log",
        "prove that nobody tampered with the audit log; exits with 3 if somebody did",
        (argument("--head", metavar="HEAD", help="the head that an earlier run has printed"),),
    ),
    Command("doctor", "look for what is wrong, and say what to do; exits with 3 if anything is"),
    *BRANCH_COMMANDS,
    *MEDIA_COMMANDS,
    *MERGE_COMMANDS,
    *REMOTE_COMMANDS,
    *UNDO_COMMANDS,
)


ANSWERING = frozenset(
    ("list", "info", "diff", "history", "changes", "verify", "search", "uri", "lock", "runs",
     "card", "resolve", "hash", "lineage", "trash", "operations", "operation", "events",
     "verify-log", "doctor", "branch list", "branch info", "media info", "merge list",
     "merge show", "undoable list", "remote list", "remote verify")
)  # fmt: skip
"""The commands that do nothing but answer: if that cannot be written, they have failed."""
