"""Reading the audit log, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..errors import InvalidRequestError
from ..mongo.collections import AUDIT
from ..mongo.database import Document
from .event import AuditEvent, Outcome


@dataclass(frozen=True)
class EventQuery:
    """Which events to show."""

    dataset_id: ObjectId | None = None
    dataset: str | None = None
    """The name of a dataset, of which events are wanted that tell no id: those of failed attempts,
    and those of deleted datasets of that name."""
    user: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None

    def filter(self) -> Document:
        """Returns it as MongoDB wants it.

        Raises:
            InvalidRequestError: if there are no such actions or outcomes
        """
        found: Document = {}
        if self.dataset_id is not None:
            found["dataset_id"] = str(self.dataset_id)
        elif self.dataset is not None:
            found["dataset"] = self.dataset
        if self.user is not None:
            found["user"] = self.user
        if self.action is not None:
            found["action"] = Action.named(self.action).value
        if self.outcome is not None:
            outcomes = [outcome.value for outcome in Outcome]
            if self.outcome not in outcomes:
                raise InvalidRequestError(
                    f"There is no outcome '{self.outcome}'; there are: {', '.join(outcomes)}"
                )
            found["outcome"] = Outcome(self.outcome).value
        times = {"$gte": self.since, "$lt": self.until}
        if wanted := {key: time for key, time in times.items() if time is not None}:
            found["at"] = wanted
        return found


def events(database: Database[Document], query: EventQuery) -> Iterator[AuditEvent]:
    """Gives events, newest first.

    Args:
        database: the database
        query: which ones

    Returns:
        an iterator over them
    """
    for document in database[AUDIT].find(query.filter()).sort("_id", -1):
        yield AuditEvent.from_document(document)


def users(database: Database[Document], dataset_id: ObjectId) -> list[str]:
    """Lists who has done something with a dataset."""
    found = database[AUDIT].distinct("user", {"dataset_id": str(dataset_id)})
    return sorted(user for user in found if user)


def last_name(database: Database[Document], dataset_id: ObjectId) -> str | None:
    """Returns the name under which a dataset was last seen, which may be gone."""
    found = database[AUDIT].find_one(
        {"dataset_id": str(dataset_id)}, {"dataset": 1}, sort=[("_id", -1)]
    )
    return found["dataset"] if found else None
