"""A real App server, in a process of its own, and a real delegated worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO
from uuid import uuid4

from typing_extensions import Self

from support.environment import free_port

START_SECONDS = 180.0


class AppError(Exception):
    """A server or worker does not start, or ended by itself."""


class _Program(ABC):
    """A program of FiftyOne's, usable as a context manager; its output goes to a file.

    Args:
        log: where its output goes
        **environment: variables to set for it
    """

    def __init__(self, log: Path, **environment: str) -> None:
        self.log = log
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts it and waits until it can be used."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self._environment}
        environment.pop("FIFTYONE_SERVER", None)
        with self.log.open("ab") as log:
            self._process = self._launch(environment, log)
        try:
            self._wait_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ends it as Ctrl-C does, and by force if that does not help."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends it as a crash does."""
        self._end(signal.SIGKILL)

    def output(self) -> str:
        """Returns what it has printed so far."""
        return self.log.read_text(errors="replace")

    @abstractmethod
    def _command(self) -> list[str]:
        """Returns what starts it."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Returns whether it can be used."""

    def _launch(self, environment: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command(),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the tests
        )

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if not self.running:
                raise AppError(f"{self._command()} ended:\n{self.output()[-4000:]}")
            if time.monotonic() > deadline:
                raise AppError(f"{self._command()} does not get ready:\n{self.output()[-4000:]}")
            time.sleep(0.1)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class AppServer(_Program):
    """The server behind the App."""

    def __init__(self, log: Path, **environment: str) -> None:
        super().__init__(log, **environment)
        self.port = free_port()

    @property
    def url(self) -> str:
        """The App's address."""
        return f"http://127.0.0.1:{self.port}"

    def forget(self) -> None:
        """Makes the session of all windows a new one, as opening another dataset does.

        All windows of a server share one: the next test would open its dataset, which has the
        same name, with the view and the selected samples of the one before.
        """
        opening = {
            "initializer": {"dataset": "none at all"},
            "events": [],
            "subscription": str(uuid4()),
            "polling": True,
        }
        request = urllib.request.Request(
            f"{self.url}/events",
            json.dumps(opening).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=START_SECONDS) as reply:
            reply.read()

    def _command(self) -> list[str]:
        program = [sys.executable, "-m", "fiftyone.server.main"]
        return [*program, "--address", "127.0.0.1", "--port", str(self.port)]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/fiftyone", timeout=5) as reply:
                return int(reply.status) == 200
        except (urllib.error.URLError, OSError):
            return False


class Worker(_Program):
    """``fiftyone delegated launch``: what runs delegated operations."""

    def _command(self) -> list[str]:
        return [str(Path(sys.executable).with_name("fiftyone")), "delegated", "launch"]

    def _is_ready(self) -> bool:
        return "Delegated operation service running" in self.output()
