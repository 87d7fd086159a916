"""Moving snapshots to the archive and back, and writing them to files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from .base import Plain, SnapshotOperator, Target, choose_snapshot, required, snapshot_of
from .form import Form
from .words import size


class ArchiveSnapshot(SnapshotOperator):
    """Moves a snapshot out of the database."""

    ACTION = Action.ARCHIVE
    DESCRIPTION = "Move a snapshot from the database to the archive, from where it can come back"
    ICON = "archive"
    RISK = types.RiskLevel.HIGH
    DELEGATABLE = True
    SUBMIT = "Archive"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot, and says what that means."""
        if not management.archives_are_on():
            raise InvalidRequestError(
                "Archives are turned off: set FIFTYONE_SNAPSHOTS_ARCHIVE_PATH to a folder or to "
                "the URL of one in an object store"
            )
        _choose(form, target, archived=False)
        form.say(
            "what",
            types.Notice(
                label="It stays listed and can be compared, but nobody can open it until it is "
                "brought back; where it is open now, it is closed."
            ),
        )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Archives it."""
        name = snapshot_of(params, target)
        management.archive_snapshot(target.dataset, name)
        return {"message": f"Snapshot '{name}' is archived", "name": name}


class UnarchiveSnapshot(SnapshotOperator):
    """Brings a snapshot back into the database."""

    ACTION = Action.UNARCHIVE
    DESCRIPTION = "Bring an archived snapshot back into the database, so that it can be opened"
    ICON = "unarchive"
    RISK = types.RiskLevel.MEDIUM
    DELEGATABLE = True
    SUBMIT = "Unarchive"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot."""
        _choose(form, target, archived=True)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Brings it back."""
        name = snapshot_of(params, target)
        management.unarchive_snapshot(target.dataset, name)
        return {"message": f"Snapshot '{name}' can be opened again", "name": name}


class ExportSnapshot(SnapshotOperator):
    """Writes a snapshot to a file."""

    ACTION = Action.EXPORT
    DESCRIPTION = "Write a snapshot to a file, which any server takes in"
    ICON = "file_download"
    RISK = types.RiskLevel.MEDIUM
    SUBMIT = "Export"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot and the file."""
        name = choose_snapshot(form, target)
        form.text(
            "file",
            "File",
            required=True,
            check=_file,
            description="The whole path of a new file, on the machine of the App's server",
            placeholder=f"/data/{target.dataset}-{name}.tar" if name else None,
        )
        form.flag("media", "With the media files", default=False)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Exports it."""
        name, path = snapshot_of(params, target), _file(required(params, "file"))
        with_media = params.get("media") or False
        file = management.export_snapshot(target.dataset, name, path, media=with_media)
        return {
            "message": f"Snapshot '{name}' was written to {file}, {size(file.stat().st_size)}",
            "name": name,
            "file": str(file),
        }


def _file(path: object) -> Path:
    """Returns where a new file is to be.

    Args:
        path: what was filled in

    Returns:
        the file

    Raises:
        InvalidRequestError: if it cannot be made there
    """
    file = Path(path) if isinstance(path, str) else Path()
    if not file.is_absolute():
        raise InvalidRequestError(f"Give the whole path of the file, which begins with {os.sep}")
    if os.path.lexists(file):
        raise InvalidRequestError(f"{file} exists already: choose another name")
    if not file.parent.is_dir():
        raise InvalidRequestError(f"There is no folder {file.parent}")
    return file


def _choose(form: Form, target: Target, archived: bool) -> None:
    """Adds a choice among the snapshots that are in an archive, or that are not."""
    entries = management.get_history(target.dataset).entries[::-1]
    labels = {
        entry.name: f"{entry.name} ({size(entry.size_bytes)})"
        for entry in entries
        if (entry.archive is not None) == archived
    }
    if not labels:
        place = "in" if archived else "outside"
        raise InvalidRequestError(
            f"Dataset '{target.dataset}' has no snapshots {place} the archive"
        )
    default = target.snapshot if target.snapshot in labels else None
    form.choice("name", "Snapshot", list(labels), default=default, labels=labels)
