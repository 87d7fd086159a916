"""Where a remote is: a folder, or an object store by its URL, both through one library.

An object is written once and never changed, so whatever fails can be sent again. The one write
that decides, a commit, is put where nothing is: if the answer to it is lost, what is there tells.
"""

from __future__ import annotations

import importlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..errors import InvalidSettingError, RemoteStorageError

T = TypeVar("T")

_TRIES = 4
_WAIT_SECONDS = 0.1

_LOGIN = re.compile(r"://[^/@]*:[^/]*@|\?")
_QUERY = re.compile(r"\?\S+")


class Listed(NamedTuple):
    """An object, as the store lists it."""

    key: str
    size_bytes: int
    written_at: datetime
    """By the store's clock."""


class Created(Enum):
    """What came of writing an object where there is none."""

    NEW = "new"
    SAME = "same"
    """It was there already with this content, or arrived though the answer was lost."""
    OTHER = "other"
    """Another one is there."""


class RemoteStore:
    """A place for histories.

    Args:
        location: a folder, or a URL such as ``s3://bucket/prefix``

    Raises:
        InvalidSettingError: if it is neither, holds a password, or the package is missing
        RemoteStorageError: if the folder does not exist
    """

    def __init__(self, location: str) -> None:
        if "://" in location and _LOGIN.search(location):
            # Not told: it may be a password
            raise InvalidSettingError(
                "The address of a remote must not hold a login or a query, which would be noted "
                "with it: set the environment variables of the store's provider instead, such "
                "as AWS_ACCESS_KEY_ID"
            )
        try:
            # Only those who use a remote need the library for it
            self._library: Any = importlib.import_module("obstore")
            self._exceptions: Any = importlib.import_module("obstore.exceptions")
            self._stores: Any = importlib.import_module("obstore.store")
        except ImportError as error:
            raise InvalidSettingError(
                "Remotes need the package obstore, which is not installed. Install it with: "
                "pip install obstore"
            ) from error
        self.location = location.removeprefix("file://").rstrip("/") or "/"
        self._folder: Path | None = None
        self._store: Any = self._opened()

    def describe(self, key: str) -> str:
        """Returns where an object is, as people say it."""
        return f"{self.location}/{key}"

    def put(self, key: str, data: bytes) -> None:
        """Writes an object.

        Args:
            key: its name, which tells its content
            data: its content

        Raises:
            RemoteStorageError: if the store is full, out of reach, or refuses
        """
        with self._explained("written"):
            self._library.put(self._store, key, data, use_multipart=False)
            self._sync(key)

    def create(self, key: str, data: bytes) -> Created:
        """Writes an object where there is none.

        Args:
            key: its name
            data: its content

        Returns:
            what came of it

        Raises:
            RemoteStorageError: if the store is full, out of reach, or refuses
        """
        for left in reversed(range(_TRIES)):
            try:
                if self._put_new(key, data):
                    return Created.NEW
            except RemoteStorageError:
                # The answer may have been lost, but not the object
                if (found := self.find(key)) is None:
                    if not left:
                        raise
                    time.sleep(_WAIT_SECONDS)
                    continue
            else:
                found = self.find(key)
            return Created.SAME if found == data else Created.OTHER
        raise AssertionError("the last try has returned or raised")

    def _put_new(self, key: str, data: bytes) -> bool:
        taken = (self._exceptions.AlreadyExistsError, self._exceptions.PreconditionError)
        with self._explained("written"):
            try:
                self._library.put(self._store, key, data, mode="create", use_multipart=False)
            except taken:
                return False
            self._sync(key)
        return True

    def find(self, key: str) -> bytes | None:
        """Reads an object, if it is there.

        Args:
            key: its name

        Returns:
            its content, or None

        Raises:
            RemoteStorageError: if the store is out of reach, or refuses
        """
        return self._read(lambda: bytes(self._library.get(self._store, key).bytes()))

    def look(self, key: str) -> Listed | None:
        """Asks for the size and time of an object, if it is there.

        Args:
            key: its name

        Returns:
            what the store tells, or None
        """
        return self._read(lambda: _listed(self._library.head(self._store, key)))

    def listed(self, prefix: str) -> list[Listed]:
        """Lists the objects in a folder and those below it.

        Args:
            prefix: the folder

        Returns:
            them, by name
        """

        def read() -> list[Listed]:
            pages = self._library.list(self._store, prefix=prefix)
            return sorted(_listed(each) for page in pages for each in page)

        return self._read(read) or []

    def folders(self) -> list[str]:
        """Lists the folders at the top."""

        def read() -> list[str]:
            found = self._library.list_with_delimiter(self._store)
            return sorted(each.rstrip("/") for each in found["common_prefixes"])

        return self._read(read) or []

    def _read(self, read: Callable[[], T]) -> T | None:
        """Reads something, or returns None if it is not there.

        The library asks again where a request fails, but not where an answer ends too early.
        """
        refused = (
            self._exceptions.UnauthenticatedError,
            self._exceptions.PermissionDeniedError,
        )
        with self._explained("read"):
            for left in reversed(range(_TRIES)):
                try:
                    return read()
                except (self._exceptions.NotFoundError, FileNotFoundError) as error:
                    self._check_bucket(error)
                    return None
                except refused:
                    raise
                except self._exceptions.BaseError:
                    if not left:
                        raise
                    time.sleep(_WAIT_SECONDS)
        raise AssertionError("the last try has returned or raised")

    def remove(self, key: str) -> None:
        """Removes an object, if it is there.

        Args:
            key: its name
        """
        with self._explained("removed"):
            try:
                self._library.delete(self._store, key)
            except (self._exceptions.NotFoundError, FileNotFoundError):
                return

    def _opened(self) -> Any:
        # Late, because it loads the library of object stores
        from ..archive import cloud  # noqa: PLC0415

        if "://" not in self.location:
            folder = Path(self.location).expanduser().absolute()
            # Not made here: a disk that is not mounted would go unnoticed
            if not folder.is_dir():
                raise RemoteStorageError(
                    f"The folder '{folder}' does not exist: make it, or mount what should be there"
                )
            self._folder = folder
            self.location = str(folder)
            return self._stores.LocalStore(str(folder))
        return cloud.open_url(self.location)

    def _sync(self, key: str) -> None:
        """Sees to it that a file survives a power cut, and so everything that names it later."""
        if self._folder is None:
            return
        path = self._folder / key
        for place in (path, path.parent):
            descriptor = os.open(place, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _check_bucket(self, error: BaseException) -> None:
        if "NoSuchBucket" in str(error):
            raise RemoteStorageError(
                f"There is no bucket for '{self.location}': make it, or correct the address"
            ) from error

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Says which remote it was, and what can be done."""
        exceptions = self._exceptions
        try:
            yield
        except (exceptions.UnauthenticatedError, exceptions.PermissionDeniedError) as error:
            raise RemoteStorageError(
                f"The remote '{self.location}' could not be {done}: it does not accept these "
                f"credentials, or does not allow them this ({_first_line(error)})."
            ) from error
        except (exceptions.BaseError, OSError) as error:
            raise RemoteStorageError(
                f"The remote '{self.location}' could not be {done}: {_first_line(error)}. Try "
                "again when it can be reached: what has arrived need not travel again."
            ) from error


def _listed(found: Any) -> Listed:
    return Listed(found["path"], found["size"], found["last_modified"])


def _first_line(error: BaseException) -> str:
    """Returns the first line of an error, without what may have been signed."""
    line = next(iter(str(error).splitlines()), type(error).__name__)
    return _QUERY.sub("?***", line)
