"""Which samples and frames are written to while a dataset is copied, without reading it again.

The storage engine counts the writes to each collection, and FiftyOne moves the time of nearly
every document that it writes, of which there is an index. So between two looks, the documents that
came to have another late time are found in milliseconds; and if there are exactly as many of them
as writes were counted, nothing else was written. What does not add up (a write that leaves the
time alone or is made twice, a deletion, a client whose clock is late) is not told here, and has to
be read.

A look is at one moment: no write may be counted while it is taken, nor be under way, counted but
not yet seen by others, when it begins.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import nlargest
from typing import Any, NamedTuple

from bson.datetime_ms import DatetimeMS
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..dataset.change_token import DatasetToken
from ..dataset.parts import Part
from ..mongo import engine
from ..mongo.continuity import Continuity
from ..mongo.counters import COUNTERS, counters_in, writes_under_way
from ..mongo.database import Document
from ..mongo.engine import Fact
from ..mongo.gate import Workers
from ..mongo.together import Question, ask

Counters = tuple[Any, ...]
Times = dict[Any, int]
"""The ``last_modified_at`` of documents, in milliseconds, by their ids."""

_TIME = "last_modified_at"
_AS_NUMBER: Document = {"$project": {_TIME: {"$toLong": f"${_TIME}"}}}

_NEVER = 253_402_300_799_000
"""A time in milliseconds that no clock shows: the end of the year 9999."""

_COUNTED = ("uri", "inserted", "loaded", "modified", "updated", "removed", "truncated")
"""What :func:`.counters.counters_in` returns."""

_LATE = 100
"""The times of about so many documents, the latest, are compared."""

_ATTEMPTS = 20
_INTERVAL_SECONDS = 0.1
_LONGEST_INTERVAL_SECONDS = 1.0
"""While nobody writes, looks become rarer: they cost the server what it needs for the copy."""


@dataclass(frozen=True)
class Look:
    """A dataset at a moment at which nobody wrote to its samples or frames."""

    token: DatasetToken
    counters: Mapping[Part, Counters]
    late: Mapping[Part, Times]
    """The times of all documents after the part's floor."""
    continuity: Continuity


class Watch:
    """Follows the writes to a dataset's samples and frames.

    Args:
        database: the database
        token: an earlier look at the dataset

    Attributes:
        names: the collections, by part
        is_told: whether all writes since the beginning could be told
    """

    def __init__(self, database: Database[Document], token: DatasetToken) -> None:
        self._database = database
        self._token = token
        self.names = {
            part: documents.collection.name
            for part, documents in token.state.items()
            if part.is_own_collection
        }
        self._floors: dict[Part, int] = {}
        self._last: Look | None = None
        self._touched: dict[Part, set[Any]] = {}
        self.is_told = False

    @property
    def token(self) -> DatasetToken:
        """What the last look saw, or if there was none, the earlier one."""
        return self._token if self._last is None else self._last.token

    @property
    def continuity(self) -> Continuity | None:
        """By what to tell whether writes were counted on since the last look; None without one."""
        return None if self._last is None else self._last.continuity

    def begin(self) -> None:
        """Begins anew: from now on writes are followed."""
        self._touched = {part: set() for part in self.names}
        self._last, self.is_told = None, False
        if not engine.holds(Fact.COUNTS_EACH, self._database):
            return
        try:
            self._floors = self._latest()
            self._last = self._look()
        except (OperationFailure, KeyError):
            # The server tells less, or a collection is gone
            return
        self.is_told = self._last is not None

    def look(self) -> dict[Part, set[Any]] | None:
        """Looks again.

        Returns:
            the ids of all documents that were written to since the last call, by part, or None if
            they cannot be told
        """
        self._follow()
        touched, self._touched = self._touched, {part: set() for part in self.names}
        return touched if self.is_told else None

    @contextmanager
    def following(self) -> Iterator[None]:
        """Looks again and again meanwhile, so that a document may be written to more than once."""
        ended = threading.Event()

        def follow() -> None:
            interval = _INTERVAL_SECONDS
            while self.is_told and not ended.wait(interval):
                before = self.token
                self._follow()
                is_still = before.proves_no_write(self.token)
                longer = min(2 * interval, _LONGEST_INTERVAL_SECONDS)
                interval = longer if is_still else _INTERVAL_SECONDS

        with Workers(max_workers=1) as pool:
            followed = pool.submit(follow)
            try:
                yield
            finally:
                ended.set()
                followed.result()

    def _follow(self) -> None:
        before = self._last
        try:
            now = self._look()
        except (OperationFailure, KeyError):
            now = None
        if before is None or now is None:
            self.is_told = False
            return
        for part in self.names:
            had, has = before.late[part], now.late[part]
            touched = {id_ for id_, time in has.items() if had.get(id_) != time}
            if writes(before.counters[part], now.counters[part]) != (len(touched), 0):
                self.is_told = False
            self._touched[part] |= touched
            # Else there would be more and more of them
            if len(has) > 2 * _LATE:
                self._floors[part] = nlargest(_LATE, has.values())[-1]
        self._last = now

    def _latest(self) -> dict[Part, int]:
        """Returns the times after which few documents were modified."""
        last: list[Document] = [
            {"$match": {_TIME: {"$gt": DatetimeMS(0)}}},
            {"$sort": {_TIME: -1}},
            {"$skip": _LATE},
            {"$limit": 1},
            _AS_NUMBER,
        ]
        floors = dict.fromkeys(self.names, 0)
        questions: dict[Part, Question] = {part: (name, last) for part, name in self.names.items()}
        for part, document in ask(self._database, questions):
            floors[part] = document[_TIME]
        return floors

    def _look(self) -> Look | None:
        """Looks at a moment at which nothing is written; None if there is none."""
        return quiet_look(self._database, self._token, self._floors)


def quiet_look(
    database: Database[Document], token: DatasetToken, floors: Mapping[Part, int]
) -> Look | None:
    """Looks at a dataset at a moment at which nothing is written.

    Args:
        database: the database
        token: an earlier look at it
        floors: the times after which documents are told, in milliseconds, by part

    Returns:
        what was seen, or None if there was no such moment

    Raises:
        KeyError: if the server tells less than is needed
        OperationFailure: if it refuses, or a collection is gone
    """
    looks = (_take_look(database, token, floors) for _ in range(_ATTEMPTS))
    return next(filter(None, looks), None)


def _take_look(
    database: Database[Document], token: DatasetToken, floors: Mapping[Part, int]
) -> Look | None:
    names = {part: token.state[part].collection.name for part in floors}
    token = token.again(database)
    before = {part: found for part, found in token.counters.items() if found is not None}
    if len(before) < len(names):
        raise KeyError
    status = database.command("serverStatus", repl=0, locks=0)
    if writes_under_way(status):
        return None
    continuity = Continuity.of(database, status)
    questions: dict[tuple[bool, Part], Question] = {}
    for part, name in names.items():
        late = {_TIME: {"$gt": DatetimeMS(floors[part])}}
        questions[False, part] = (name, [{"$match": late}, _AS_NUMBER])
    # Last: what was counted meanwhile may have been seen or not
    questions.update(((True, part), (name, COUNTERS)) for part, name in names.items())
    late_times: dict[Part, Times] = {part: {} for part in names}
    for (is_counted, part), document in ask(database, questions):
        if not is_counted:
            late_times[part][document["_id"]] = document[_TIME]
        elif counters_in(document) != before[part]:
            return None
    return Look(token, before, late_times, continuity)


def settled(database: Database[Document], token: DatasetToken) -> Continuity | None:
    """Makes sure that all writes that were counted at a look could be seen by others then.

    Args:
        database: the database
        token: the look, which was just taken

    Returns:
        by what to tell later whether writes were counted on; None if that cannot be told
    """
    parts = [part for part, documents in token.state.items() if part.is_own_collection]
    try:
        look = quiet_look(database, token, dict.fromkeys(parts, _NEVER))
    except (OperationFailure, KeyError):
        return None
    return look.continuity if look is not None and token.proves_no_write(look.token) else None


class Writes(NamedTuple):
    """How many writes were counted."""

    written: int
    """Documents that were inserted or updated."""
    removed: int


def writes(before: Counters, after: Counters) -> Writes | None:
    """Returns how often a collection was written to.

    Args:
        before: what the engine counted
        after: what it counted later

    Returns:
        the numbers, or None if documents were written in other ways as well
    """
    if not len(before) == len(after) == len(_COUNTED):
        return None
    was, is_ = (dict(zip(_COUNTED, counters, strict=True)) for counters in (before, after))
    if any(was[each] != is_[each] for each in ("uri", "loaded", "truncated")):
        return None
    since = {
        each: is_[each] - was[each] for each in ("inserted", "modified", "updated", "removed")
    }
    return Writes(since["inserted"] + since["modified"] + since["updated"], since["removed"])
