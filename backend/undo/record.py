"""What is known of an operation that can be undone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from bson import ObjectId

from ..catalog.record import FORMAT_VERSION, check_format
from ..mongo.database import Document
from ..results.serialize import Record


class UndoableState(str, Enum):
    """How an operation has ended."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """It has raised an error, and what it had changed by then can be undone."""
    INTERRUPTED = "interrupted"
    """Its process has died, or the state after it could not be kept, so nobody knows where it
    ended; the state before it is kept."""

    __str__ = str.__str__


@dataclass(frozen=True)
class UndoableOperation(Record):
    """Something that was done to a dataset, and that can be undone by itself."""

    id: str
    dataset_name: str
    what: str
    state: UndoableState
    created_at: datetime
    """When it began."""
    created_by: str | None
    host: str
    interface: str
    """``SDK``, ``operator``, ``panel``, ``delegated`` or ``CLI``."""
    ended_at: datetime | None
    samples_added: int
    samples_deleted: int
    samples_changed: int
    """Samples that it changed in themselves or in their frames."""
    before: str | None
    """The snapshot that the dataset was before it; None if that is gone."""
    after: str | None
    """The snapshot that the dataset was after it; None if that is gone."""
    is_undoable: bool
    """Whether it can be undone now."""
    undone_by: str | None
    """The operation that has undone it, unless that was undone in its turn."""
    undoes: str | None
    """The operation that it has undone."""
    error: str | None
    """What it has ended with."""

    def __str__(self) -> str:
        counts = (
            (self.samples_added, "added"),
            (self.samples_deleted, "deleted"),
            (self.samples_changed, "changed"),
        )
        told = ", ".join(f"{number:,} {what}" for number, what in counts if number)
        undone = ", undone" if self.undone_by else ""
        samples = f"samples: {told}" if told else "no samples"
        return f"{self.what} ({self.state}{undone}; {samples}) by {self.created_by or 'unknown'}"


@dataclass(frozen=True)
class OperationRecord:
    """An operation, as it is stored."""

    id: ObjectId
    dataset_id: ObjectId
    what: str
    state: UndoableState
    created_at: datetime
    created_by: str | None
    host: str
    interface: str
    by: dict[str, Any]
    """The process that it runs in, see :class:`.Holder`."""
    before_id: ObjectId
    made_before: bool
    """Whether the snapshot before was made for it, and was not there already."""
    after_id: ObjectId | None = None
    """The snapshot after it; of an undo that is under way, the one that there will be."""
    ended_at: datetime | None = None
    samples_added: int = 0
    samples_deleted: int = 0
    samples_changed: int = 0
    undoes: ObjectId | None = None
    undone_by: ObjectId | None = None
    error: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the state after it is known."""
        return self.state in (UndoableState.DONE, UndoableState.FAILED)

    def to_document(self) -> Document:
        """Returns the operation as it is stored."""
        document = {**asdict(self), "_id": self.id, "format": FORMAT_VERSION}
        del document["id"]
        return {**document, "state": self.state.value}

    @classmethod
    def from_document(cls, document: Document) -> OperationRecord:
        """Reads what :meth:`to_document` wrote."""
        check_format(document)
        values = {key: item for key, item in document.items() if key not in ("_id", "format")}
        values["state"] = UndoableState(document["state"])
        return cls(id=document["_id"], **values)
