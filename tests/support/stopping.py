"""Stopping a process before one of its commands to MongoDB, and waking it when others went on."""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import select
import signal
import struct
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.synchronous.pool import Connection

from fiftyone_snapshots.backend.mongo import fence
from fiftyone_snapshots.backend.operations import lease

from .full import Document

_LIMIT_SECONDS = 90
"""How long a child may take; it needs a few seconds, or many on a busy machine."""

_WRITES = {
    "insert", "update", "delete", "findAndModify", "drop", "renameCollection", "create", "collMod",
    "createIndexes", "dropIndexes",
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A command that an operation has sent while it held a lease."""

    number: int
    name: str
    collection: str
    writes: bool

    def __str__(self) -> str:
        return f"{self.number}: {self.name} {self.collection}"


def commands_of(action: Callable[[], object]) -> list[Command]:
    """Runs something in a child process, and lists the commands that it sends under a lease."""
    found: list[Command] = []
    reading, writing = os.pipe()

    def run() -> None:
        _watch(found.append)
        action()
        os.write(writing, json.dumps([vars(command) for command in found]).encode())

    child = _Child(run)
    os.close(writing)
    told = b""
    while data := child.read(reading):
        told += data
    os.close(reading)
    child.wait()
    assert told, "the action failed"
    return [Command(**values) for values in json.loads(told)]


class Sleeper:
    """A process that does something, and is stopped before it sends one command.

    Args:
        action: what it does
        number: the number of the command
    """

    def __init__(self, action: Callable[[], object], number: int) -> None:
        self._reading, writing = os.pipe()

        def look(command: Command) -> None:
            if command.number == number:
                os.kill(os.getpid(), signal.SIGSTOP)

        def run() -> None:
            _watch(look)
            # However long it sleeps, it takes itself for the holder of the lease
            lease.clock = lambda: 0.0
            try:
                action()
                outcome = "done"
            except BaseException as error:  # noqa: BLE001 (told to the parent)
                outcome = type(error).__name__
            os.write(writing, outcome.encode())

        self._child = _Child(run)
        os.close(writing)
        self.is_stopped = os.WIFSTOPPED(self._child.wait(os.WUNTRACED))
        if not self.is_stopped:
            os.close(self._reading)

    def wake(self) -> str:
        """Lets it go on, and returns what came of it, or the name of what it has raised."""
        self.is_stopped = False
        os.kill(self._child.pid, signal.SIGCONT)
        self._child.wait()
        outcome = os.read(self._reading, 1 << 12).decode()
        os.close(self._reading)
        return outcome

    def end(self) -> None:
        """Ends it, if nobody has woken it."""
        if self.is_stopped:
            self._child.kill()
            os.close(self._reading)


def lease_runs_out(database: Database[Document]) -> None:
    """Does what time would do to the lease of a process that is stopped."""
    past = datetime(2000, 1, 1, tzinfo=timezone.utc)
    database["snapshots.leases"].update_many({}, {"$set": {"expires_at": past}})


class _Child:
    """A fork of this process, which is never waited for without a limit.

    Args:
        run: what it does
    """

    def __init__(self, run: Callable[[], None]) -> None:
        # Where it writes to, if it is told to say what it waits for
        self._stacks = tempfile.TemporaryFile()  # noqa: SIM115 (closed when it has ended)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # forks and clients that were opened before them
            # What is collected in the child would have to be copied to it first
            gc.freeze()
            self.pid = os.fork()
            if self.pid:
                gc.unfreeze()
        if not self.pid:
            with suppress(BaseException):
                faulthandler.register(signal.SIGUSR1, self._stacks)
                warnings.simplefilter("ignore")
                run()
            os._exit(0)

    def wait(self, options: int = 0) -> int:
        """Waits until it has ended or, if the options say so, stopped; returns its status."""
        deadline = time.monotonic() + _LIMIT_SECONDS
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, options | os.WNOHANG)
            if pid:
                if not os.WIFSTOPPED(status):
                    self._stacks.close()
                return status
            time.sleep(0.01)
        raise self._stuck()

    def read(self, pipe: int) -> bytes:
        """Returns what it has written to a pipe since; nothing if it has ended."""
        if not select.select([pipe], [], [], _LIMIT_SECONDS)[0]:
            raise self._stuck()
        return os.read(pipe, 1 << 16)

    def kill(self) -> None:
        """Ends it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._stacks.close()

    def _stuck(self) -> AssertionError:
        os.kill(self.pid, signal.SIGUSR1)
        time.sleep(1)
        self._stacks.seek(0)
        told = self._stacks.read().decode(errors="replace")
        self.kill()
        return AssertionError(f"the child hung for {_LIMIT_SECONDS} s, in\n{told}")


def _watch(look: Callable[[Command], None]) -> None:
    """Has every command under a lease looked at just before it is sent, in all threads."""
    count, lock = 0, threading.Lock()

    def see(command: Any) -> None:
        nonlocal count
        if fence.current() is None:
            return
        with lock:
            name = next(iter(command))
            stages = command.get("pipeline") or [{}]
            writes = name in _WRITES or bool({"$out", "$merge"} & set(stages[-1]))
            seen = Command(count, name, str(command[name]), writes)
            count += 1
        look(seen)

    by_command, by_message = Connection.command, Connection.send_message

    def command(self: Any, dbname: str, spec: Any, *args: Any, **kwargs: Any) -> Any:
        # After the gate, which has let it pass
        with suppress(AttributeError):
            see(spec)
        return by_command(self, dbname, spec, *args, **kwargs)

    def send_message(self: Any, message: bytes, max_doc_size: int) -> None:
        (size,) = struct.unpack_from("<i", message, 21)
        see(bson.decode(message[21 : 21 + size], _RAW))
        by_message(self, message, max_doc_size)

    Connection.command = command  # type: ignore[method-assign]
    Connection.send_message = send_message  # type: ignore[method-assign]


_RAW = bson.CodecOptions(document_class=RawBSONDocument)
