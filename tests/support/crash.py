"""Making operations fail at named points, in this process and in ones that are killed there."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress

from typing_extensions import Self

from fiftyone_snapshots.backend import faults

SURVIVED = 0
FAILED = 3


def die() -> None:
    """Ends this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(action: Callable[[], object]) -> int:
    """Runs something in a fork of this process.

    A fork has FiftyOne loaded already, so that dozens of processes can be killed in seconds.

    Args:
        action: what to do there

    Returns:
        the exit status, negative if a signal has ended the process
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # forks and clients that were opened before them
        child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    status = FAILED
    # Nothing of pytest may run in here, whatever is raised
    with suppress(BaseException):
        warnings.simplefilter("ignore")
        try:
            action()
            status = SURVIVED
        except BaseException:  # noqa: BLE001 (told to the parent)
            traceback.print_exc()
    os._exit(status)


def killed_at(point: str, action: Callable[[], object]) -> bool:
    """Runs something in a child process that is killed at a point.

    Args:
        point: the point
        action: what to do there

    Returns:
        whether the child was killed; else it never reached the point
    """

    def run() -> None:
        with faults.arm(point, die):
            action()

    status = in_child(run)
    assert status in (-signal.SIGKILL, SURVIVED), f"the child failed, see above ({status})"
    return status == -signal.SIGKILL


def fails_at(point: str, action: Callable[[], object]) -> bool:
    """Runs something in this process that raises at a point.

    Args:
        point: the point
        action: what to do

    Returns:
        whether it raised; else it never reached the point
    """
    with faults.arm(point):
        try:
            action()
        except faults.InjectedFault:
            return True
    return False


def points_of(action: Callable[[], object]) -> list[str]:
    """Runs something and lists the points that it passes, each once, in order.

    Args:
        action: what to do

    Returns:
        their names
    """
    passed: dict[str, None] = {}
    with faults.observe(passed.setdefault):
        action()
    return list(passed)


class Gate:
    """A point at which a child process waits until this process lets it go on.

    Must be made before the child.
    """

    def __init__(self) -> None:
        self._reached = os.pipe()
        self._opened = os.pipe()

    def stop(self) -> None:
        """Says that the point is reached, and waits; for the child."""
        os.write(self._reached[1], b".")
        os.read(self._opened[0], 1)

    def wait(self) -> None:
        """Waits until the point is reached."""
        assert os.read(self._reached[0], 1), "the child ended before it reached the gate"

    def open(self) -> None:
        """Lets the child go on."""
        os.write(self._opened[1], b".")


class Child:
    """Something that runs in a fork of this process until it ends, or the ``with`` block does.

    Args:
        action: what to do there; what it returns or raises is told by :meth:`result`
    """

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._pipe = os.pipe()
        self._ended = False
        self.pid = 0

    def __enter__(self) -> Self:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.pid = os.fork()
        if not self.pid:
            self._run()
        os.close(self._pipe[1])
        return self

    def __exit__(self, *_: object) -> None:
        if not self._ended:
            self.signal(signal.SIGCONT)
            self.kill()
        os.close(self._pipe[0])

    def _run(self) -> None:
        with suppress(BaseException):
            warnings.simplefilter("ignore")
            try:
                outcome = str(self._action())
            except BaseException as error:  # noqa: BLE001 (told to the parent)
                outcome = type(error).__name__
            os.write(self._pipe[1], outcome.encode())
        os._exit(SURVIVED)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.signal(signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._ended = True

    def result(self) -> str:
        """Waits for its end; returns what it has returned, or the name of what it has raised."""
        found = b""
        while data := os.read(self._pipe[0], 4096):
            found += data
        os.waitpid(self.pid, 0)
        self._ended = True
        return found.decode()
