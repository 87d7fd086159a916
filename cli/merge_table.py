"""The commands that are about merges."""

from __future__ import annotations

from ..backend.actions import Action
from .command import DATASET, Command, argument

GROUPS = {"merge": "bring the work on a branch into another dataset"}
"""What the first words of commands of two words stand for."""

_MERGE = argument("merge", metavar="ID", help="the id of the merge, as 'merge plan' prints it")
_KIND = argument("--kind", metavar="KIND", help="only conflicts of this kind, such as label_class")
_FIELD = argument("--field", "-f", metavar="FIELD", help="only conflicts in this field")
_LABEL = argument("--label", metavar="CLASS", help="only conflicts about labels of this class")

MERGE_COMMANDS = (
    Command(
        Action.PLAN_MERGE.command,
        "tell what a merge would change, and what must be decided; exits with 3 if anything must",
        (
            argument("branch", metavar="BRANCH", help="the name of the dataset to merge"),
            argument(
                "--into", metavar="DATASET", help="the dataset to merge it into; its parent if not"
            ),
            argument(
                "--base",
                metavar="SNAPSHOT",
                help="the snapshot that both began with, by name or id, if that is not known",
            ),
            argument(
                "--no-base",
                action="store_true",
                help="there is none: everything in which they differ is in conflict",
            ),
            argument(
                "--field",
                "-f",
                metavar="FIELD",
                action="append",
                help="only this field; may be repeated",
            ),
            argument(
                "--view", metavar="NAME", help="only the samples of a saved view of the branch"
            ),
            argument(
                "--prefer",
                metavar="SIDE",
                action="append",
                help="ours or theirs, KIND=ours, or FIELD=theirs; may be repeated",
            ),
        ),
    ),
    Command("merge list", "list the merges of a dataset", (DATASET,)),
    Command(
        "merge show",
        "tell what is known of a merge; exits with 3 if conflicts are open",
        (
            _MERGE,
            argument("--conflicts", "-c", action="store_true", help="list the conflicts"),
            _KIND,
            _FIELD,
            _LABEL,
        ),
    ),
    Command(
        Action.RESOLVE_MERGE.command,
        "decide conflicts; exits with 3 if others remain",
        (
            _MERGE,
            argument(
                "--take",
                metavar="SIDE",
                required=True,
                choices=("ours", "theirs", "base", "both", "combine", "none"),
                help="ours, theirs, base, both or combine; none opens them again",
            ),
            _KIND,
            _FIELD,
            _LABEL,
            argument(
                "--conflict", metavar="ID", action="append", help="only this one; may be repeated"
            ),
        ),
    ),
    Command(
        Action.REVIEW_MERGE.command,
        "make a dataset of the samples in conflict, as both sides have them, and print its name",
        (_MERGE,),
    ),
    Command(
        "merge use-edits",
        "decide conflicts as they were edited in the review; exits with 3 if others remain",
        (_MERGE,),
    ),
    Command(
        Action.APPLY_MERGE.command,
        "apply a merge; exits with 3 if conflicts are open, with 4 if a side has changed",
        (
            _MERGE,
            argument("--snapshot", metavar="NAME", help="a name for the snapshot it ends with"),
            argument("--description", "-d", metavar="TEXT", help="what that is about"),
        ),
        destroys=True,
    ),
    Command(
        Action.UNDO_MERGE.command,
        "take the last merge back whole; merging again works",
        (DATASET,),
        previews=True,
    ),
    Command(Action.DISCARD_MERGE.command, "give a planned merge up", (_MERGE,)),
)
