"""Whether the storage engine has gone on counting writes since an earlier moment.

Its counters begin anew when the server starts, and when the engine closes a collection that nobody
has used for ten minutes; a ``validate`` might reset them as well. So they can be compared with
earlier ones if the server is the same, nothing was closed since or too little time has passed for
that, and nothing was validated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from .database import Document, Server

_IDLE_SHARE = 0.8
"""Of the time that MongoDB has the engine wait before it closes what is not used."""

_idle: dict[ObjectId, float] = {}
"""For how long each server's engine closes nothing, by the id of its process: it is set when the
process starts (MongoDB's wiredtiger_parameters.idl)."""


@dataclass(frozen=True)
class Continuity:
    """What a server tells of itself at a moment."""

    process: str
    closed: int
    """How many collections the engine has closed because nobody used them, dropped ones too."""
    validated: int
    """How many collections were validated."""
    idle_seconds: float
    """For so long the engine closes nothing that was just used."""
    at: datetime

    @staticmethod
    def told(
        database: Database[Document], status: Mapping[str, Any], server: Server | None = None
    ) -> dict[str, Any]:
        """Asks the server.

        Args:
            database: the database
            status: what ``serverStatus`` has just told
            server (None): what it has said of itself before; by default, it is asked

        Returns:
            the values of the fields

        Raises:
            KeyError: if the server tells too little
            OperationFailure: if it refuses to
        """
        server = server or Server.of(database)
        return {
            "process": str(server.process),
            "closed": int(status["wiredTiger"]["data-handle"]["connection sweep dhandles closed"]),
            "validated": int(status["metrics"]["commands"]["validate"]["total"]),
            "idle_seconds": _idle_seconds(database, server.process),
            "at": server.time,
        }

    @staticmethod
    def of(database: Database[Document], status: Mapping[str, Any]) -> Continuity:
        """Looks at a server.

        Args:
            database: the database
            status: what ``serverStatus`` has just told

        Raises:
            KeyError: if the server tells too little
            OperationFailure: if it refuses to
        """
        return Continuity(**Continuity.told(database, status))

    def lasts_until(self, later: Continuity) -> bool:
        """Returns whether whatever was counted by a later moment was added to what was counted.

        Args:
            later: a look at that moment
        """
        if (self.process, self.validated) != (later.process, later.validated):
            return False
        seconds = (later.at - self.at).total_seconds()
        return self.closed == later.closed or seconds < self.idle_seconds


def _idle_seconds(database: Database[Document], process: ObjectId | None) -> float:
    if process is None:
        raise KeyError("processId")
    if process not in _idle:
        setting = "wiredTigerFileHandleCloseIdleTime"
        told = database.client.admin.command({"getParameter": 1, setting: 1})
        _idle[process] = _IDLE_SHARE * told[setting]
    return _idle[process]
