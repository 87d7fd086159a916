"""Counts what is sent to MongoDB, whoever sends it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo import monitoring

_READS = {
    "aggregate", "buildInfo", "buildinfo", "collStats", "count", "dbHash", "dbStats", "distinct",
    "endSessions", "explain", "find", "getMore", "hello", "isMaster", "ismaster", "killCursors",
    "listCollections", "listDatabases", "listIndexes", "ping", "serverStatus",
}  # fmt: skip
_STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"}
"""What is audited when another process starts, whose commands nobody sees here."""


class Commands(monitoring.CommandListener):
    """The commands that all clients of this process send while they are counted.

    Attributes:
        changes: how often something was sent that could change data, or a process was started
            that could
    """

    def __init__(self) -> None:
        self.changes = 0
        self._counted: list[str] | None = None
        self._lock = threading.Lock()
        sys.addaudithook(self._see)

    def _see(self, event: str, _: object) -> None:
        if event in _STARTS:
            self.changes += 1

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Collects the names of the commands that are sent meanwhile.

        Returns:
            a context manager that gives the list, which grows
        """
        sent: list[str] = []
        self._counted = sent
        try:
            yield sent
        finally:
            self._counted = None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        with self._lock:
            if self._counted is not None:
                self._counted.append(event.command_name)
            last = (event.command.get("pipeline") or [{}])[-1]
            if event.command_name not in _READS or {"$out", "$merge"} & set(last):
                self.changes += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


COMMANDS = Commands()
monitoring.register(COMMANDS)  # before any client exists, FiftyOne's included
