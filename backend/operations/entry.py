"""The entries of the journal: which operations there are, and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import bson
from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..catalog.queries import usable
from ..catalog.record import SnapshotRecord, check_format
from ..errors import NewerFormatError, OperationNotFoundError
from ..mongo import fence
from ..mongo.collections import CATALOG, JOURNAL
from ..mongo.database import Document
from ..mongo.together import Question, ask
from ..results.serialize import Record


class OperationState(str, Enum):
    """How far an operation has come."""

    RUNNING = "running"
    COMMITTED = "committed"
    DONE = "done"
    UNDONE = "undone"


UNFINISHED = [OperationState.RUNNING.value, OperationState.COMMITTED.value]
"""The states, as stored, in which an entry is to be recovered should its process be dead."""


_STORED = {Action.RESTORE: "restore_snapshot"}
"""What the journal calls otherwise than the table of actions."""

_VERBS = {_STORED.get(action, action.value): action for action in Action}
# No version writes that any more
_VERBS["summarize"] = Action.CALCULATE


def stored_verb(verb: Action) -> str:
    """Returns what the journal calls an action."""
    return _STORED.get(verb, verb.value)


@dataclass(frozen=True)
class Entry(Record):
    """A journal entry."""

    id: ObjectId
    dataset_id: ObjectId
    verb: Action
    state: OperationState
    details: dict[str, Any]
    started_at: datetime
    finished_at: datetime | None
    progress: float
    label: str
    error: str | None
    is_cancelled: bool = False
    """Whether somebody asked for it to be given up."""

    @classmethod
    def from_document(cls, document: Document) -> Entry:
        """Reads an entry from the database."""
        check_format(document)
        if document["verb"] not in _VERBS:
            raise NewerFormatError(
                f"The journal holds an operation '{document['verb']}', which this version of "
                "fiftyone-snapshots does not know. Upgrade it with: "
                "pip install --upgrade fiftyone-snapshots"
            )
        return cls(
            id=document["_id"],
            dataset_id=document["dataset_id"],
            verb=_VERBS[document["verb"]],
            state=OperationState(document["state"]),
            details=document["details"],
            started_at=document["started_at"],
            finished_at=document.get("finished_at"),
            progress=document.get("progress", 0.0),
            label=document.get("label", ""),
            error=document.get("error"),
            is_cancelled=document.get("cancelled", False),
        )

    @property
    def is_committed(self) -> bool:
        """Whether the change has been made visible."""
        return self.state in (OperationState.COMMITTED, OperationState.DONE)


def unfinished_datasets(database: Database[Document]) -> list[ObjectId]:
    """Lists the datasets with operations that are under way or were left unfinished."""
    found: list[ObjectId] = database[JOURNAL].distinct(
        "dataset_id", {"state": {"$in": UNFINISHED}}
    )
    return found


def unfinished(database: Database[Document], dataset_id: ObjectId | None = None) -> list[Entry]:
    """Lists the unfinished operations on a dataset or on all, oldest first."""
    query: Document = {"state": {"$in": UNFINISHED}}
    if dataset_id is not None:
        query["dataset_id"] = dataset_id
    found = database[JOURNAL].find(query).sort([("started_at", 1), ("_id", 1)])
    return [Entry.from_document(document) for document in found]


@dataclass(frozen=True)
class Start:
    """What is to be known before something is done with a dataset."""

    unfinished: list[Entry]
    """The unfinished operations on it, oldest first."""
    snapshot: SnapshotRecord | None
    """The snapshot that was asked for, if there is one."""
    along: dict[str, Document | None]
    """What else belongs to it, by collection, see :func:`..mongo.fence.read_along`."""

    @classmethod
    def of(
        cls, database: Database[Document], dataset_id: ObjectId, name: str | None = None
    ) -> Start:
        """Reads all of it in one round trip.

        Args:
            database: the database
            dataset_id: the dataset
            name (None): the name of a snapshot, if one is asked for

        Returns:
            what there is
        """
        is_left: Document = {"dataset_id": dataset_id, "state": {"$in": UNFINISHED}}
        own: list[Document] = [{"$match": {"_id": dataset_id}}]
        questions: dict[str, Question] = {
            JOURNAL: (JOURNAL, [{"$match": is_left}, {"$sort": {"started_at": 1, "_id": 1}}]),
            **{collection: (collection, own) for collection in fence.along()},
        }
        if name is not None:
            questions[CATALOG] = CATALOG, [{"$match": usable(dataset_id, name)}]
        found: dict[str, list[Document]] = {key: [] for key in questions}
        for key, document in ask(database, questions):
            found[key].append(bson.decode(document.raw, database.codec_options))
        return cls(
            [Entry.from_document(document) for document in found.pop(JOURNAL)],
            next(map(SnapshotRecord.from_document, found.pop(CATALOG, ())), None),
            {key: next(iter(documents), None) for key, documents in found.items()},
        )


def get(database: Database[Document], operation_id: str) -> Entry:
    """Returns the journal entry of an operation.

    Args:
        database: the database
        operation_id: the operation's id

    Returns:
        the entry

    Raises:
        OperationNotFoundError: if there is none
    """
    document = None
    if ObjectId.is_valid(operation_id):
        document = database[JOURNAL].find_one({"_id": ObjectId(operation_id)})
    if document is None:
        raise OperationNotFoundError(
            f"There is no operation {operation_id!r}; entries are kept for 30 days"
        )
    return Entry.from_document(document)
