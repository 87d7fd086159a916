"""Looking at files: what they are now.

Nothing here fails because of a file. What keeps it from being looked at is a part of what is
known of it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

from ..progress import Progress, silent
from .fact import SHA256, sha256_of
from .listing import FileState, Fingerprint, Listing

_STAT_THREADS = 8
_SLOW_SECONDS = 0.001
"""Network file systems take longer than that for a file, but answer many questions at once. For
others, threads would only be in each other's way."""
_STAT_BATCH = 500
_HASH_THREADS = min(16, 2 * (os.cpu_count() or 1))
_AHEAD = 4
_READ_BYTES = 512 * 1024
_ATTEMPTS = 3
"""How often a file is read that somebody writes to meanwhile."""

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")

_ELSEWHERE = Fingerprint(FileState.ELSEWHERE)
_MISSING = Fingerprint(FileState.MISSING)


def look(path: str) -> Fingerprint:
    """Finds out what can be known of a file without reading it.

    Args:
        path: its path, as a document has it

    Returns:
        what was found
    """
    if not is_local(path):
        return _ELSEWHERE
    try:
        found = os.stat(path)  # noqa: PTH116 (three times as fast, and there may be a million)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # A null character: no such file can be
        return _MISSING
    except OSError as error:
        name_too_long = error.errno in _IMPOSSIBLE
        return _MISSING if name_too_long else Fingerprint(FileState.UNREADABLE)
    if not stat.S_ISREG(found.st_mode):
        return Fingerprint(FileState.NO_FILE)
    inode = found.st_ino
    # Some file systems use all 64 bits
    signed = inode if inode < 2**63 else inode - 2**64
    return Fingerprint(FileState.FILE, found.st_size, found.st_mtime_ns, signed)


_IMPOSSIBLE = frozenset({36, 40})
"""ENAMETOOLONG and ELOOP."""


def opened_at_once(path: str, flags: int) -> int:
    """Opens a file, for ``open``; whoever opens a pipe else waits until somebody writes to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_local(path: str) -> bool:
    """Returns whether a path can be that of a file of this machine.

    A relative one would be another file in each folder that somebody is in.
    """
    return os.path.isabs(path) and "://" not in path  # noqa: PTH117


def look_at_all(
    paths: Iterable[str], known: Listing, progress: Progress = silent
) -> Iterator[Listing]:
    """Finds out what can be known of files without reading them.

    Args:
        paths: their paths, sorted and each once
        known: what was known of them before: what was found out then is told of those that are
            the same files still
        progress: told how far it is

    Yields:
        what was found, of some files after the other
    """
    before = known.places()
    batches = _batches(paths, _STAT_BATCH)
    count = 0

    def look_at(batch: list[str]) -> Listing:
        return Listing.of((path, _same(look(path), known, before.get(path))) for path in batch)

    def told() -> Iterator[Listing]:
        for batch in batches:
            began = time.monotonic()
            found = look_at(batch)
            is_slow = time.monotonic() - began > _SLOW_SECONDS * len(batch)
            yield found
            if is_slow:
                break
        yield from in_threads(look_at, batches)

    for found in told():
        yield found
        count += len(found)
        progress(0.0, f"Looked at {count:,} media files")


def _same(found: Fingerprint, known: Listing, place: int | None) -> Fingerprint:
    """Returns what was known of a file, if it is the same one as far as can be seen."""
    if place is None or found.state is not FileState.FILE:
        return found
    was = known[place]
    return was if was[:4] == found[:4] else found


def hashed(path: str, found: Fingerprint, kind: str = SHA256) -> Fingerprint:
    """Reads a file.

    Args:
        path: the file
        found: what :func:`look` has found
        kind (SHA256): which hash to take; that, or :data:`MD5`

    Returns:
        what is known now, with a hash of the content unless the file cannot be read
    """
    for _ in range(_ATTEMPTS):
        if found.state is not FileState.FILE:
            return found
        try:
            fact = kind + digest(path, kind)
        except FileNotFoundError:
            return _MISSING
        except OSError:
            return found
        after = look(path)
        if after[:4] == found[:4]:
            return found._replace(fact=fact)
        found = after
    # It is written to all the time: no hash would be that of a file that there was
    return found


def digest(path: str, kind: str = SHA256) -> str:
    """Returns a hash of a file's content, in hexadecimal digits.

    Args:
        path: the file
        kind (SHA256): which one; that, or :data:`MD5`

    Raises:
        OSError: if it cannot be read
    """
    content = hashlib.new(kind.rstrip(":"), usedforsecurity=kind == SHA256)
    buffer = memoryview(bytearray(_READ_BYTES))
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        while count := file.readinto(buffer):
            content.update(buffer[:count])
    return content.hexdigest()


def hash_all(listing: Listing, progress: Progress = silent, *, is_named: bool = False) -> Listing:
    """Reads the files whose content is not known yet, several at once.

    Args:
        listing: what :func:`look_at_all` has found
        progress: told how far it is
        is_named (False): whether only a SHA-256 will do, not what other systems know

    Returns:
        the same, with a hash of each file that could be read
    """
    is_file = (listing.states == FileState.FILE).tolist()
    unread = [
        place
        for place, fact in enumerate(listing.facts)
        if is_file[place]
        and not (sha256_of(fact) if is_named else fact)
        and is_local(listing.paths[place])
    ]
    total = int(listing.sizes[unread].sum()) or 1
    done = 0
    found: dict[int, Fingerprint] = {}
    items = ((listing.paths[place], listing[place]) for place in unread)
    read = in_threads(lambda item: hashed(*item), items, _HASH_THREADS)
    for place, each in zip(unread, read, strict=True):
        found[place] = each
        done += each.size
        progress(min(1.0, done / total), f"Reading {len(unread):,} media files")
    return listing.knowing(found)


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def in_threads(
    function: Callable[[_Item], _Found], items: Iterable[_Item], threads: int = _STAT_THREADS
) -> Iterator[_Found]:
    """Yields what a function returns, called in threads and not far ahead of the caller.

    The end of the process waits for none of them: some file systems never answer.
    """
    tasks: SimpleQueue[tuple[Future[_Found], _Item] | None] = SimpleQueue()
    workers: list[threading.Thread] = []
    pending: deque[Future[_Found]] = deque()

    def work() -> None:
        while (task := tasks.get()) is not None:
            future, item = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(item))
                except BaseException as error:  # noqa: BLE001 (the caller gets it)
                    future.set_exception(error)

    try:
        for item in items:
            if len(workers) < threads:
                workers.append(threading.Thread(target=work, daemon=True))
                workers[-1].start()
            pending.append(Future())
            tasks.put((pending[-1], item))
            if len(pending) > _AHEAD * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
        for _ in workers:
            tasks.put(None)
        for worker in workers:
            worker.join()
