"""Operators on media files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import InvalidRequestError
from .base import Plain, SnapshotOperator, Target, snapshot_of
from .form import Form
from .plain import plain

_LEVELS = ["stat", "remote", "hash", "copy"]


class CaptureMedia(SnapshotOperator):
    """Notes what the media files of a snapshot are."""

    ACTION = Action.CAPTURE_MEDIA
    DESCRIPTION = "Note what the media files are now, to tell later whether they were replaced"
    ICON = "perm_media"
    RISK = types.RiskLevel.LOW
    DELEGATABLE = True
    SUBMIT = "Capture"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot, and how much is to be found out."""
        entries = management.get_history(target.dataset).entries
        names = [entry.name for entry in entries if not entry.is_archived]
        if not names:
            raise InvalidRequestError(
                f"Dataset '{target.dataset}' has no snapshots that are not archived"
            )
        default = target.snapshot if target.snapshot in names else names[0]
        form.choice("name", "Snapshot", names, default=default)
        form.choice("level", "What to find out", _LEVELS, default=_LEVELS[0])

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Captures them."""
        found = management.capture_media(
            target.dataset, snapshot_of(params, target), params.get("level") or _LEVELS[0]
        )
        return {"message": f"Media of '{found.snapshot_name}': {found}", "media": plain(found)}
