"""Checking that nobody has altered, removed or slipped in an event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pymongo.database import Database

from ..errors import InvalidRequestError
from ..mongo.collections import AUDIT, AUDIT_HEAD
from ..mongo.database import Document
from ..results.serialize import Record
from .event import BEGINNING, FIRST, digest
from .log import HEAD


@dataclass(frozen=True)
class AuditReport(Record):
    """Whether the audit log is what was written; true if it is, as far as it can be known."""

    TOLD = ("ok",)

    events: int
    """How many were found to be right, from the first one on."""
    head: str | None
    """The last of them: keep it outside of the database, and pass it in next time."""
    sequence: int | None = None
    """The number of the first event that is wrong."""
    problem: str | None = None
    """What is wrong with it."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None

    def __bool__(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None

    def __str__(self) -> str:
        """Tells it in a line."""
        if self.problem is None:
            return f"The audit log is intact: {self.events} events"
        return f"The audit log was tampered with at event {self.sequence}: {self.problem}"


def verify(database: Database[Document], known: str | None = None) -> AuditReport:
    """Follows the chain of hashes from the first event to the last.

    Args:
        database: the database
        known (None): the ``head`` of an earlier report, kept where nobody could alter it

    Returns:
        the report

    Raises:
        InvalidRequestError: if ``known`` is not the head of a report
    """
    # First, so that every event that is noted here can be found below
    noted = database[AUDIT_HEAD].find_one({"_id": HEAD})
    marks = _Marks()
    if noted is not None:
        marks.add(noted["sequence"], noted["hash"], "the log has been longer")
    if known is not None:
        marks.add(*_parse(known), "an earlier report has seen it")
    last, previous = FIRST - 1, BEGINNING

    def report(sequence: int | None = None, problem: str | None = None) -> AuditReport:
        head = f"{last}:{previous}" if last >= FIRST else None
        return AuditReport(last, head, sequence, problem)

    for event in _ordered(database):
        sequence = event["_id"]
        if not isinstance(sequence, int) or sequence < FIRST:
            return report(last + 1, f"an event numbered {sequence!r} was inserted")
        if sequence > last + 1:
            gone = (
                "it was" if sequence == last + 2 else f"it and the others before {sequence} were"
            )
            return report(last + 1, f"{gone} removed")
        if event.get("hash") != _digest(event):
            return report(sequence, "it was altered")
        if event.get("previous") != previous:
            # Which of the two is the false one, their hashes cannot tell
            after = f", or event {sequence} after it was" if last >= FIRST else ""
            return report(max(last, FIRST), f"it was replaced{after}")
        if not marks.agree(sequence, event["hash"]):
            return report(sequence, "it was replaced, with all that follow it")
        last, previous = sequence, event["hash"]
    if missing := marks.beyond(last):
        return report(last + 1, f"it was removed from the end: {missing}")
    if noted is None and last >= FIRST:
        return report(last, "the note of how far the log has come was removed")
    return report()


def _digest(event: Document) -> str | None:
    try:
        return digest(event)
    except (AttributeError, KeyError, TypeError, ValueError):
        # It has lost what every event has
        return None


class _Marks:
    """Events that are known to have been in the log."""

    def __init__(self) -> None:
        self._hashes: dict[int, set[str]] = {}
        self._reasons: dict[int, str] = {}

    def add(self, sequence: int, hash_: str, reason: str) -> None:
        self._hashes.setdefault(sequence, set()).add(hash_)
        self._reasons[sequence] = reason

    def agree(self, sequence: int, hash_: str) -> bool:
        return self._hashes.get(sequence, {hash_}) == {hash_}

    def beyond(self, last: int) -> str | None:
        return next((why for number, why in self._reasons.items() if number > last), None)


def _ordered(database: Database[Document]) -> Iterable[Document]:
    return database[AUDIT].find().sort("_id", 1)


def _parse(head: str) -> tuple[int, str]:
    number, _, hash_ = head.partition(":")
    if not number.isdigit() or len(hash_) != len(BEGINNING):
        raise InvalidRequestError(f"'{head}' is not the head of an audit report, as in 12:0a1b…")
    return int(number), hash_
