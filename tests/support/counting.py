"""Counts what is sent to MongoDB, whoever sends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo import monitoring


class Commands(monitoring.CommandListener):
    """The commands that all clients of this process send while they are counted."""

    def __init__(self) -> None:
        self._counted: list[str] | None = None
        self._lock = threading.Lock()

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

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


COMMANDS = Commands()
monitoring.register(COMMANDS)  # before any client exists, FiftyOne's included
