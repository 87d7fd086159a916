"""Stopping a process before one of its commands to MongoDB, and waking it when others went on."""

from __future__ import annotations

import json
import os
import signal
import struct
import threading
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

from .full import Document

_WRITES = {
    "insert", "update", "delete", "findAndModify", "drop", "renameCollection", "create", "collMod"
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

    pid = _fork(run)
    os.close(writing)
    told = b""
    while data := os.read(reading, 1 << 16):
        told += data
    os.close(reading)
    os.waitpid(pid, 0)
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
            try:
                action()
                outcome = "done"
            except BaseException as error:  # noqa: BLE001 (told to the parent)
                outcome = type(error).__name__
            os.write(writing, outcome.encode())

        self._pid = _fork(run)
        os.close(writing)
        _, status = os.waitpid(self._pid, os.WUNTRACED)
        self.is_stopped = os.WIFSTOPPED(status)
        if not self.is_stopped:
            os.close(self._reading)

    def wake(self) -> str:
        """Lets it go on, and returns what came of it, or the name of what it has raised."""
        os.kill(self._pid, signal.SIGCONT)
        os.waitpid(self._pid, 0)
        self.is_stopped = False
        outcome = os.read(self._reading, 1 << 12).decode()
        os.close(self._reading)
        return outcome

    def end(self) -> None:
        """Ends it, if nobody has woken it."""
        if self.is_stopped:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            os.close(self._reading)


def lease_runs_out(database: Database[Document]) -> None:
    """Does what time would do to the lease of a process that is stopped."""
    past = datetime(2000, 1, 1, tzinfo=timezone.utc)
    database["snapshots.leases"].update_many({}, {"$set": {"expires_at": past}})


def _fork(run: Callable[[], None]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # forks and clients that were opened before them
        pid = os.fork()
    if not pid:
        with suppress(BaseException):
            warnings.simplefilter("ignore")
            run()
        os._exit(0)
    return pid


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
