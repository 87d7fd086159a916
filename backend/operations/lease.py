"""Leases: at most one operation at a time on a dataset, across processes and machines.

A lease is one document in the database. Its expiry is computed and judged by the server's clock
only, so that no client's clock matters. Its holder renews it from a thread; a holder that dies is
noticed at once on its own machine, and elsewhere when the lease expires.

A holder that lives may have been stopped: a laptop that was closed, a container that was paused.
So before each command it looks at a clock of its own, one that goes on meanwhile, and asks the
server first if the lease may be over by that (see :mod:`.gate`). As it may be stopped right after
that as well, what it writes is conditional on the lease (see :mod:`.fence`).
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import psutil
from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, PyMongoError
from typing_extensions import Self

from ..errors import DatasetBusyError, LeaseLostError, OutcomeUnknownError
from ..mongo import fence, gate
from ..mongo.collections import LEASES
from ..mongo.database import Document
from ..mongo.fence import Fence

TTL_SECONDS = 20
"""How long a lease outlives its last renewal."""

Waiting: TypeAlias = Callable[[], None]
"""Called again and again by those who wait for a lease; may raise to give up."""

_RENEWALS_PER_TTL = 4
_CERTAIN = 0.75
"""The share of that time in which a holder relies on its lease without asking: clocks of two
machines do not run alike, and what is sent takes a while to arrive."""
_POLL_SECONDS = 0.05
_BRIEF_SECONDS = 5.0
"""How long is waited, in addition, for who holds it only for a moment."""


@dataclass(frozen=True)
class Holder:
    """A process, told apart from every other one."""

    host: str
    pid: int
    started: float

    @classmethod
    def this_process(cls) -> Holder:
        """Returns the process that is running."""
        pid = os.getpid()
        return cls(_host(), pid, psutil.Process(pid).create_time())

    def is_known_dead(self) -> bool:
        """Returns whether it is certain that the process has ended."""
        if self.host != _host():
            return False
        try:
            process = psutil.Process(self.pid)
            # The number may have been given to another process since
            if abs(process.create_time() - self.started) > 1:
                return True
            return bool(process.status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    def to_document(self) -> Document:
        """Returns the process as stored in the database."""
        return {"host": self.host, "pid": self.pid, "started": self.started}


def _host() -> str:
    """Names the place in which a process id means something."""
    # Containers can share a name, but not their process ids
    return f"{platform.node()}/{_boot_id()}/{_namespace()}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(uuid.getnode())


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


class Lease:
    """The right to operate on a dataset, held for the duration of a ``with`` block.

    Args:
        database: the database
        dataset_id: the dataset
        purpose: what it is held for, to be told to those who wait
        wait_seconds: how long to wait for another holder
        while_waiting (None): called again and again meanwhile
        brief (None): a purpose for which others hold it only for a moment, which does not count
    """

    def __init__(
        self,
        database: Database[Document],
        dataset_id: ObjectId,
        purpose: str,
        wait_seconds: float,
        while_waiting: Waiting | None = None,
        brief: str | None = None,
    ) -> None:
        self._leases = database[LEASES]
        self._dataset_id = dataset_id
        self._purpose = purpose
        self._wait_seconds = wait_seconds
        self._while_waiting = while_waiting
        self._brief = brief
        self._pid = os.getpid()
        self._token = uuid.uuid4().hex
        self._ended = threading.Event()
        self._renewals: threading.Thread | None = None
        self._certain_until = 0.0
        self._since: datetime | None = None
        self._context = ExitStack()

    @property
    def token(self) -> str:
        """What tells this attempt from every other one."""
        return self._token

    @property
    def since(self) -> datetime:
        """When it was taken, on the server's clock."""
        assert self._since is not None, "The lease has not been taken"
        return self._since

    def __enter__(self) -> Self:
        _in_use.add(self._token)
        try:
            self._wait()
            self._hold()
        except BaseException:
            self._context.close()
            self._ended.set()
            _in_use.discard(self._token)
            if self._since is not None:
                # Else it will expire
                with suppress(PyMongoError):
                    self._leases.delete_one(self._mine())
            raise
        return self

    def _wait(self) -> None:
        """Takes it, once nobody else has it."""
        deadline = time.monotonic() + self._wait_seconds
        while not self._acquire():
            if self._while_waiting is not None:
                self._while_waiting()
            if time.monotonic() >= deadline:
                self._give_up(is_far_over=time.monotonic() >= deadline + _BRIEF_SECONDS)
            time.sleep(_POLL_SECONDS)

    def _hold(self) -> None:
        """Renews it until it is given back."""
        self._renewals = threading.Thread(
            target=self._keep_renewing, name="fiftyone-snapshots-lease", daemon=True
        )
        try:
            self._renewals.start()
        except RuntimeError as error:
            self._renewals = None
            raise DatasetBusyError(
                f"The system lets this process start no more threads ({error}), so nothing was "
                "changed. Try again when it has fewer."
            ) from error
        self._context.enter_context(gate.asking(self._ask))
        self._context.enter_context(fence.standing(Fence(self._dataset_id, self._token)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._context.close()
        if os.getpid() != self._pid:
            # A fork of the holder: the lease is not its to give back
            return
        self._ended.set()
        if self._renewals is not None:
            self._renewals.join()
        _in_use.discard(self._token)
        try:
            was_held = self._leases.delete_one(self._mine()).deleted_count > 0
        except PyMongoError:
            # It will expire; what the block itself raised matters more
            if error is None:
                raise
            return
        is_told = isinstance(error, (LeaseLostError, OutcomeUnknownError))
        if isinstance(error, Exception) and not (was_held or is_told):
            # What it met was the work of who took over
            raise self._lost() from error

    def ensure(self) -> None:
        """Makes sure that the lease is still held, and renews it.

        Raises:
            LeaseLostError: if another process has taken over
        """
        with gate.asking(None):
            is_held = self._renew()
        if not is_held:
            raise self._lost()

    def _lost(self) -> LeaseLostError:
        return LeaseLostError(
            f"This process was out of touch for more than {TTL_SECONDS} seconds, and another "
            f"one has taken over the dataset. The {self._purpose} was not completed."
        )

    def _ask(self) -> None:
        """Asks the server before a command is sent, if the lease may be over."""
        if os.getpid() == self._pid and clock() >= self._certain_until:
            self.ensure()

    def _renew(self) -> bool:
        sent = clock()
        renewal = [{"$set": {"expires_at": _expiry()}}]
        is_held = self._leases.update_one(self._mine(), renewal).matched_count > 0
        if is_held:
            self._rely_from(sent)
        return is_held

    def _rely_from(self, sent: float) -> None:
        """Relies on the lease for a while, from when the server was asked for it."""
        self._certain_until = sent + TTL_SECONDS * _CERTAIN

    def _mine(self) -> Document:
        return {"_id": self._dataset_id, "token": self._token}

    def _acquire(self) -> bool:
        """Takes the lease if it is free, has expired, or is known to be abandoned."""
        sent = clock()
        lease = self._take()
        if lease is not None and _is_abandoned(lease):
            self._leases.delete_one({"_id": self._dataset_id, "token": lease["token"]})
            lease = self._take()
        is_taken = lease is not None and lease["token"] == self._token
        if lease is not None and is_taken:
            self._since = lease["since"]
            self._rely_from(sent)
        return is_taken

    def _take(self) -> Document | None:
        """Takes the lease if it is free; returns it as it is then, if that is known."""
        wanted = {
            "_id": self._dataset_id,
            "token": self._token,
            "purpose": self._purpose,
            "holder": Holder.this_process().to_document(),
            "since": "$$NOW",
            "expires_at": _expiry(),
        }
        # A missing document has no expiry, and null is less than any time
        is_free = {"$lte": [{"$ifNull": ["$expires_at", None]}, "$$NOW"]}
        try:
            return self._leases.find_one_and_update(
                {"_id": self._dataset_id},
                [{"$replaceWith": {"$cond": [is_free, wanted, "$$ROOT"]}}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            # Another process was quicker to insert it
            return None

    def _give_up(self, *, is_far_over: bool) -> None:
        """Tells who holds it, unless that is over in a moment."""
        lease = self._leases.find_one({"_id": self._dataset_id}) or {}
        is_brief = self._brief is not None and lease.get("purpose") == self._brief
        if is_brief and not is_far_over:
            return
        holder: dict[str, Any] = lease.get("holder", {})
        host = str(holder.get("host", "?")).split("/")[0]
        raise DatasetBusyError(
            f"The dataset is busy: {lease.get('purpose', 'another operation')} has been running "
            f"since {lease.get('since')} in process {holder.get('pid', '?')} on {host}. Nothing "
            "was changed; try again when it has finished."
        )

    def _keep_renewing(self) -> None:
        while not self._ended.wait(TTL_SECONDS / _RENEWALS_PER_TTL):
            # If the server is out of reach, it may be back before the lease expires
            with suppress(PyMongoError):
                if not self._renew():
                    return


def clock() -> float:
    """Returns the seconds on a clock that only goes forward, and goes on while we are asleep."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def drop_abandoned(database: Database[Document]) -> None:
    """Removes the leases that have run out, and those of processes that are dead.

    Args:
        database: the database
    """
    leases = database[LEASES]
    is_over: Document = {"$expr": {"$lte": ["$expires_at", "$$NOW"]}}
    for lease in list(leases.find(is_over)):
        leases.delete_one({"_id": lease["_id"], "token": lease["token"], **is_over})
    for lease in filter(_is_abandoned, list(leases.find())):
        leases.delete_one({"_id": lease["_id"], "token": lease["token"]})


def is_held(database: Database[Document], dataset_id: ObjectId) -> bool:
    """Returns whether a process that may be alive operates on a dataset.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        True/False
    """
    is_valid = {"$expr": {"$gt": ["$expires_at", "$$NOW"]}}
    lease = database[LEASES].find_one({"_id": dataset_id, **is_valid})
    return lease is not None and not _is_abandoned(lease)


def is_any_in_use() -> bool:
    """Returns whether this process operates on a dataset."""
    return bool(_in_use)


_in_use: set[str] = set()
"""The tokens that this process uses: any other one of its own it could not give back, because the
server was away then."""


def _is_abandoned(lease: Document) -> bool:
    holder = Holder(**lease["holder"])
    if holder == Holder.this_process():
        return lease["token"] not in _in_use
    return holder.is_known_dead()


def _expiry() -> Document:
    return {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": TTL_SECONDS}}
