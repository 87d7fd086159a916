"""Looking at the media files of new snapshots: in a thread of this process, and nobody waits.

The thread ends when there is nothing left to look at. It is no part of what began it: neither
under its lease nor in its event, but acting as whoever asked for that. Whatever goes wrong, nobody
is told: without what was to be found, comparing says that it cannot tell.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from pymongo.database import Database

from ..access import actor
from ..access.actor import Actor
from ..catalog.catalog import Catalog
from ..catalog.record import DatasetSnapshot
from ..config import MediaLevel
from ..dataset.reference import DatasetReference
from ..errors import DatasetNotFoundError, LeaseLostError, SnapshotNotFoundError
from ..mongo.database import Document
from ..operations import lease
from . import capture

logger = logging.getLogger(__name__)

_LAST_SECONDS = 5.0
"""How long a process that ends waits for what is still to be looked at."""

_GIVING_WAY_SECONDS = 0.05
"""What is between two looks at some hundred files while this process operates on a dataset: only
one thread of Python runs at a time."""

_TOLD = 5
"""Of how many snapshots it tells by name that it did not."""


@dataclass(frozen=True)
class _Wanted:
    """A snapshot whose files are to be looked at."""

    database: Database[Document]
    dataset: DatasetReference
    snapshot: DatasetSnapshot
    who: Actor


class _GivenUpError(Exception):
    """The process ends."""


@dataclass
class _Queue:
    """What is still to be looked at, the one that is being looked at first."""

    wanted: deque[_Wanted] = field(default_factory=deque)
    changed: threading.Condition = field(default_factory=threading.Condition)
    is_closing: bool = False
    """Whether the process ends as soon as nothing is left, or in a moment."""
    is_ending: bool = False
    failed: list[_Wanted] = field(default_factory=list)
    """What could not be looked at because the process ends."""
    pid: int = field(default_factory=os.getpid)


_queue = _Queue()


def _of_this_process() -> _Queue:
    """Returns the queue; a fork has none of what its parent has to do, nor its thread."""
    global _queue  # noqa: PLW0603
    if _queue.pid != os.getpid():
        _queue = _Queue()
    return _queue


def look_later(
    database: Database[Document], dataset: DatasetReference, snapshot: DatasetSnapshot
) -> None:
    """Has the media files of a new snapshot looked at, at :attr:`MediaLevel.STAT`; never fails.

    Args:
        database: the database
        dataset: the dataset
        snapshot: the snapshot
    """
    queue = _of_this_process()
    with queue.changed:
        queue.wanted.append(_Wanted(database, dataset, snapshot, actor.current()))
        if len(queue.wanted) > 1:
            return
        try:
            threading.Thread(
                target=_look_at_all, args=(queue,), name="fiftyone-snapshots-media", daemon=True
            ).start()
        except RuntimeError as error:
            # The system has no more of them, or the process is ending
            logger.debug("No media files are looked at: %s", error)
            queue.wanted.clear()


def wait(timeout: float | None = None) -> bool:
    """Waits until all has been looked at that this process is to look at.

    Args:
        timeout (None): for how many seconds at most; by default, for as long as it takes

    Returns:
        whether all has been
    """
    queue = _of_this_process()
    with queue.changed:
        return queue.changed.wait_for(lambda: not queue.wanted, timeout)


def under_way() -> frozenset[str]:
    """Returns the ids of the snapshots that this process is still to look at the files of."""
    queue = _of_this_process()
    with queue.changed:
        return frozenset(each.snapshot.id for each in queue.wanted)


def _look_at_all(queue: _Queue) -> None:
    is_left = True
    while is_left:
        try:
            _look_at(queue, queue.wanted[0])
        finally:
            with queue.changed:
                queue.wanted.popleft()
                is_left = bool(queue.wanted)
                queue.changed.notify_all()


def _look_at(queue: _Queue, wanted: _Wanted) -> None:
    def go_on(*_: object) -> None:
        if queue.is_ending:
            raise _GivenUpError
        if lease.is_any_in_use():
            time.sleep(_GIVING_WAY_SECONDS)

    database, dataset = wanted.database, wanted.dataset

    def look() -> None:
        name = Catalog(database).name_of(wanted.snapshot, dataset.id, dataset.name)
        capture.capture(database, dataset, name, MediaLevel.STAT, go_on, is_asked_for=False)

    try:
        with actor.acting_as(wanted.who.interface, wanted.who.user):
            try:
                look()
            except LeaseLostError:
                # The computer has slept: what was found then is not stored
                look()
    except Exception as error:  # noqa: BLE001 (such as one that was deleted, or no server)
        logger.debug(
            "The media files of snapshot '%s' were not looked at: %r", wanted.snapshot.name, error
        )
        is_gone = isinstance(error, (DatasetNotFoundError, SnapshotNotFoundError))
        if queue.is_closing and not is_gone:
            queue.failed.append(wanted)


def _end() -> None:
    """Lets what is under way finish, for a moment, and says so if that was not enough."""
    queue = _of_this_process()
    queue.is_closing = True
    with suppress(KeyboardInterrupt):
        if wait(_LAST_SECONDS) and not queue.failed:
            return
    queue.is_ending = True
    left = [*queue.failed, *queue.wanted]
    calls = [f"capture_media({each.dataset.name!r}, {each.snapshot.name!r})" for each in left]
    more = f" and {len(left) - _TOLD:,} more" if len(left) > _TOLD else ""
    logger.warning(
        "This process ends before it has looked at all media files of its new snapshots. %s%s "
        "will tell what they are then.",
        ", ".join(calls[:_TOLD]),
        more,
    )


# Not atexit: threads and pools cannot be used any more by then (threading._shutdown, which comes
# first), and the children of multiprocessing end without it. As concurrent.futures does
with suppress(RuntimeError):
    # A process that is ending already has nothing to look at
    threading._register_atexit(_end)  # type: ignore[attr-defined]
