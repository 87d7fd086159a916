"""Copies of media files in an object store, by the hash of their content.

``<url>/sha256/ab/ab12…`` is the content whose SHA-256 that is, as in a folder. An object has no
time that could be set when it is asked for again: who wants an old one writes ``wanted/ab12…``
first, and then looks whether it is there. Who removes one copies it to ``removing/ab12…``, removes
it, and looks then whether somebody wants it, for whom it is put back. So one of the two sees the
other.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast

import obstore
from obstore import exceptions

from .. import faults
from ..archive.cloud import CloudStore, first_line, open_url
from ..errors import ArchiveStorageError
from . import look
from .fact import sha256_of
from .kept import Copies, Copy
from .listing import Fingerprint
from .objects import Stream

_READ_BYTES = 1024 * 1024
_MEMORY_BYTES = 64 * 1024 * 1024
_YOUNG_DAYS = 3
"""Nobody removes what is not older than that; who wants it need not say so."""


class ObjectCopies(Copies):
    """An object store of copies.

    Args:
        location: its URL
    """

    def __init__(self, location: str) -> None:
        self.location = location.rstrip("/")
        self._objects = CloudStore(self.location)
        self._store = open_url(self.location)
        self._began: tuple[datetime, float] | None = None
        self._lock = threading.Lock()

    def find(self, digest: str) -> Copy | None:
        """Looks for the object."""
        found = self._look(_key(digest))
        return None if found is None else Copy(self, digest, int(found["size"]))

    def wants(self, digest: str, size: int) -> bool:
        """Looks for the object; of an old one, it is said first that it is wanted."""
        found = self._look(_key(digest))
        if found is not None and _days(found["last_modified"], self._now()) > _YOUNG_DAYS:
            with self._explained():
                obstore.put(self._store, f"wanted/{digest}", b"")
            found = self._look(_key(digest))
        return found is None or int(found["size"]) != size

    def add(self, source: str, found: Fingerprint) -> Fingerprint:
        """Uploads a file; what is not what it was in the end does not come to be."""
        known = found
        while digest := sha256_of(known.fact):
            if not self.wants(digest, known.size):
                break
            content = _Checked(source, digest)
            try:
                self._objects.write(_key(digest), content)
                break
            except Exception:
                # What the library makes of what it was told is not what was said
                if not content.is_other:
                    raise
            known = look.hashed(source, look.look(source))
        return known

    def add_content(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Uploads what has its name only when all of it was read."""
        content, size = hashlib.sha256(), 0
        with tempfile.SpooledTemporaryFile(_MEMORY_BYTES) as spool:
            for chunk in chunks:
                content.update(chunk)
                size += len(chunk)
                try:
                    spool.write(chunk)
                except OSError as error:
                    raise ArchiveStorageError(
                        f"A media file could not be put down in '{tempfile.gettempdir()}' before "
                        f"it is copied: {error.strerror}. Make room there, or set TMPDIR to "
                        "another folder."
                    ) from error
            digest = content.hexdigest()
            if self.wants(digest, size):
                spool.seek(0)
                self._objects.write(_key(digest), iter(lambda: spool.read(_READ_BYTES), b""))
        return digest, size

    def mark(self, owner: str) -> None:
        """Writes an object with the name of the database."""
        with self._explained():
            obstore.put(self._store, f"owners/{owner}", b"")

    def owners(self) -> list[str]:
        """Lists these objects."""
        return sorted(item["path"].rpartition("/")[2] for item in self._list("owners"))

    def contents(self) -> Iterator[tuple[str, int, float]]:
        """Lists the objects, and what was said to be wanted."""
        now = self._now()
        wanted = {
            item["path"].rpartition("/")[2]: _days(item["last_modified"], now)
            for item in self._list("wanted")
        }
        for item in self._list("sha256"):
            name = item["path"].rpartition("/")[2]
            days = _days(item["last_modified"], now)
            yield name, int(item["size"]), min(days, wanted.get(name, days))

    def remove(self, name: str, days: float) -> bool:
        """Removes an object, and puts it back for whoever has said meanwhile that it is wanted."""
        faults.reach("media.removing")
        with self._explained(), suppress(FileNotFoundError, exceptions.NotFoundError):
            if self._is_wanted(name, days):
                return False
            obstore.copy(self._store, _key(name), f"removing/{name}")
            obstore.delete(self._store, _key(name))
            faults.reach("media.put_aside")
            is_wanted = self._is_wanted(name, days)
            if is_wanted and self._look(_key(name)) is None:
                obstore.copy(self._store, f"removing/{name}", _key(name))
            self._delete(f"removing/{name}")
            if not is_wanted:
                self._delete(f"wanted/{name}")
            return not is_wanted
        return False

    def bring_back(self) -> None:
        """Puts back what was put aside by a process that died."""
        for item in self._list("removing"):
            name = item["path"].rpartition("/")[2]
            with self._explained():
                if self._look(_key(name)) is None:
                    obstore.copy(self._store, f"removing/{name}", _key(name))
                self._delete(f"removing/{name}")

    def read(self, digest: str) -> BinaryIO:
        """Downloads it, piece by piece."""
        return cast("BinaryIO", io.BufferedReader(Stream(self._objects.read(_key(digest)))))

    def _is_wanted(self, name: str, days: float) -> bool:
        now, said = self._now(), self._look(f"wanted/{name}")
        found = self._look(_key(name))
        return any(
            each is not None and _days(each["last_modified"], now) <= days
            for each in (said, found)
        )

    def _delete(self, key: str) -> None:
        with suppress(FileNotFoundError, exceptions.NotFoundError):
            obstore.delete(self._store, key)

    def _now(self) -> datetime:
        """Returns the time by the store's clock, which is that of its objects."""
        with self._lock:
            if self._began is None:
                with self._explained():
                    obstore.put(self._store, "clock", b"")
                    told = obstore.head(self._store, "clock")["last_modified"]
                self._began = told, time.monotonic()
            at, then = self._began
        return at + timedelta(seconds=time.monotonic() - then)

    def _look(self, key: str) -> Any:
        with self._explained():
            try:
                return obstore.head(self._store, key)
            except (exceptions.NotFoundError, FileNotFoundError) as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    def _list(self, prefix: str) -> list[Any]:
        with self._explained():
            return [item for page in obstore.list(self._store, prefix=prefix) for item in page]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (exceptions.BaseError, OSError) as error:
            raise ArchiveStorageError(
                f"The store of media '{self.location}' could not be used: {first_line(error)}"
            ) from error


class _Checked:
    """A file as it is uploaded, which breaks off if it is not what it was."""

    def __init__(self, source: str, digest: str) -> None:
        self._source, self._digest = source, digest
        self.is_other = False

    def __iter__(self) -> Iterator[bytes]:
        content = hashlib.sha256()
        try:
            with open(self._source, "rb", opener=look.opened_at_once) as file:
                while chunk := file.read(_READ_BYTES):
                    content.update(chunk)
                    yield chunk
            if content.hexdigest() != self._digest:
                raise ValueError(f"'{self._source}' was written to")
        except (OSError, ValueError):
            self.is_other = True
            raise


def _key(name: str) -> str:
    return f"sha256/{name[:2]}/{name}"


def _days(then: datetime, now: datetime) -> float:
    return (now - then).total_seconds() / 86400
