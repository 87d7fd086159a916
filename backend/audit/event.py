"""One event of the audit log, and the hash by which the next one holds on to it.

An event is stored as plain values only, so that its hash can be calculated again from the export,
by whoever doubts it, with nothing but JSON and SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from ..catalog.record import check_format
from ..errors import SnapshotError
from ..mongo.database import Document
from ..results.serialize import Record
from ..results.times import shown

FIRST = 1
"""The number of the first event."""

BEGINNING = "0" * 64
"""What the first event has for the hash of the one before it."""


class Outcome(str, Enum):
    """What came of an action."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class AuditEvent(Record):
    """Something that somebody did, or tried to do."""

    TOLD = ("dataset_name", "snapshot_name")

    sequence: int
    """Its number; the first one has 1, and none is left out."""
    at: datetime
    """When it was noted, on the server's clock."""
    user: str | None
    host: str
    interface: str
    """``SDK``, ``operator``, ``panel``, ``delegated`` or ``CLI``."""
    action: str
    dataset: str | None
    """The name that the dataset had; None for all datasets at once."""
    dataset_id: str | None
    snapshot: str | None
    parameters: dict[str, Any]
    counts: dict[str, int]
    seconds: float | None
    """How long it took; None if its process did not live to tell."""
    outcome: Outcome
    error: str | None
    operations: tuple[str, ...]
    """The ids of its journal entries, for ``get_operation()``."""
    previous: str
    """The hash of the event before it."""
    hash: str

    @property
    def dataset_name(self) -> str | None:
        """The same as ``dataset``, as it is called in all results."""
        return self.dataset

    @property
    def snapshot_name(self) -> str | None:
        """The same as ``snapshot``, as it is called in all results."""
        return self.snapshot

    @classmethod
    def from_document(cls, document: Document) -> AuditEvent:
        """Reads an event from the database.

        Args:
            document: the event as stored

        Returns:
            the event

        Raises:
            SnapshotError: if somebody has made something else of it
        """
        check_format(document)
        names = {item.name for item in fields(cls)} - {"sequence"}
        try:
            values = {name: document[name] for name in names}
            values["outcome"] = Outcome(values["outcome"])
            values["operations"] = tuple(values["operations"])
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(
                f"Event {document['_id']} of the audit log is damaged: verify_audit_log() tells "
                "more of it"
            ) from error
        return cls(sequence=document["_id"], **values)

    def __str__(self) -> str:
        """Tells it in a line."""
        what = self.action + (f" {self.snapshot}" if self.snapshot else "")
        where = f" of {self.dataset}" if self.dataset else ""
        error = f" ({self.error})" if self.error else ""
        return (
            f"{shown(self.at, seconds=True)}  {self.user or 'unknown'}  {what}{where}: "
            f"{self.outcome.value}{error}"
        )


def plain(document: Document) -> dict[str, Any]:
    """Returns an event as JSON knows it.

    Args:
        document: an event as stored

    Returns:
        a dict, with the time in ISO 8601 and UTC
    """
    at = document["at"]
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    said = at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    values = {key: value for key, value in document.items() if key != "_id"}
    return {"sequence": document["_id"], **values, "at": said}


def digest(document: Document) -> str:
    """Returns the hash that an event must have.

    Args:
        document: an event as stored, with or without its hash

    Returns:
        SHA-256 of its JSON without ``hash``: keys in order, no spaces, ASCII only
    """
    values = {key: value for key, value in plain(document).items() if key != "hash"}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
