"""The commands that are about media files."""

from __future__ import annotations

from ..backend.actions import Action
from .command import DATASET, SNAPSHOT, Command, argument

GROUPS = {"media": "what the media files of snapshots were"}
"""What the first words of commands of two words stand for."""

_LEVELS = ("stat", "remote", "hash", "copy")

MEDIA_LEVEL = argument(
    "--media",
    metavar="LEVEL",
    choices=("none", *_LEVELS),
    help="what to find out of the media files before it ends, as for 'media capture'; by default "
    "their sizes and times, for which it waits a few seconds at most",
)

MEDIA_COMMANDS = (
    Command(
        Action.CAPTURE_MEDIA.command,
        "note what the media files of a snapshot are, to tell later what became of them",
        (
            DATASET,
            SNAPSHOT,
            argument(
                "--level",
                choices=_LEVELS,
                default=_LEVELS[0],
                help="stat: their sizes and when they were written to, which is the default; "
                "remote: what object stores tell as well; hash: hashes of their content as "
                "well; copy: copies of it as well",
            ),
        ),
    ),
    Command(
        "media info", "tell what was noted of the media files of a snapshot", (DATASET, SNAPSHOT)
    ),
    Command(
        Action.RESTORE_MEDIA.command,
        "put the media files of a snapshot into a folder, as they were",
        (
            DATASET,
            SNAPSHOT,
            argument("folder", metavar="FOLDER", help="the folder; nothing there is overwritten"),
            argument("ids", metavar="ID", nargs="*", help="only those of this sample"),
        ),
    ),
    Command(
        Action.REPOINT_MEDIA.command,
        "make a dataset refer to other media files; 'undoable undo' undoes it",
        (
            DATASET,
            argument(
                "path", metavar="PATH", help="a file with what 'media restore --json' has printed"
            ),
        ),
    ),
    Command(
        Action.COLLECT_MEDIA.command,
        "remove copies of media files that no snapshot refers to any more",
        destroys=True,
    ),
)
