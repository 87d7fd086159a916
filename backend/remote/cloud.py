"""Remotes in an object store: Amazon S3 and whatever speaks its protocol, Google's, Azure's.

The store must know how to write an object only where there is none, as S3 does by
``If-None-Match``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import obstore
from obstore import exceptions

from ..archive.cloud import first_line, open_url
from ..errors import RemoteStorageError
from .store import Created, Listed, RemoteStore

T = TypeVar("T")

_TRIES = 4
_WAIT_SECONDS = 0.1


class CloudRemote(RemoteStore):
    """An object store.

    Args:
        location: its URL

    Raises:
        InvalidSettingError: if it is no such URL
    """

    def __init__(self, location: str) -> None:
        self.location = location.rstrip("/")
        self._store = open_url(self.location)

    def put(self, key: str, data: bytes) -> None:
        """Writes an object.

        Args:
            key: its name, which tells its content
            data: its content

        Raises:
            RemoteStorageError: if the store is full, out of reach, or refuses
        """
        with self._explained("written"):
            obstore.put(self._store, key, data, use_multipart=False)

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
        taken = (exceptions.AlreadyExistsError, exceptions.PreconditionError)
        with self._explained("written"):
            try:
                obstore.put(self._store, key, data, mode="create", use_multipart=False)
            except taken:
                return False
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
        return self._read(lambda: bytes(obstore.get(self._store, key).bytes()))

    def look(self, key: str) -> Listed | None:
        """Asks for the size and time of an object, if it is there.

        Args:
            key: its name

        Returns:
            what the store tells, or None
        """
        return self._read(lambda: _listed(obstore.head(self._store, key)))

    def listed(self, prefix: str) -> list[Listed]:
        """Lists the objects in a folder and those below it.

        Args:
            prefix: the folder

        Returns:
            them, by name
        """

        def read() -> list[Listed]:
            pages = obstore.list(self._store, prefix=prefix)
            return sorted(_listed(each) for page in pages for each in page)

        return self._read(read) or []

    def folders(self) -> list[str]:
        """Lists the folders at the top."""

        def read() -> list[str]:
            found = obstore.list_with_delimiter(self._store)
            return sorted(each.rstrip("/") for each in found["common_prefixes"])

        return self._read(read) or []

    def _read(self, read: Callable[[], T]) -> T | None:
        """Reads something, or returns None if it is not there.

        The library asks again where a request fails, but not where an answer ends too early.
        """
        refused = (
            exceptions.UnauthenticatedError,
            exceptions.PermissionDeniedError,
        )
        with self._explained("read"):
            for left in reversed(range(_TRIES)):
                try:
                    return read()
                except (exceptions.NotFoundError, FileNotFoundError) as error:
                    self._check_bucket(error)
                    return None
                except refused:
                    raise
                except exceptions.BaseError:
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
                obstore.delete(self._store, key)
            except (exceptions.NotFoundError, FileNotFoundError):
                return

    def _check_bucket(self, error: BaseException) -> None:
        if "NoSuchBucket" in str(error):
            raise RemoteStorageError(
                f"There is no bucket for '{self.location}': make it, or correct the address"
            ) from error

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Says which remote it was, and what can be done."""
        try:
            yield
        except (exceptions.UnauthenticatedError, exceptions.PermissionDeniedError) as error:
            raise RemoteStorageError(
                f"The remote '{self.location}' could not be {done}: it does not accept these "
                f"credentials, or does not allow them this ({first_line(error)})."
            ) from error
        except (exceptions.BaseError, OSError) as error:
            raise RemoteStorageError(
                f"The remote '{self.location}' could not be {done}: {first_line(error)}. Try "
                "again when it can be reached: what has arrived need not travel again."
            ) from error


def _listed(found: Any) -> Listed:
    return Listed(found["path"], found["size"], found["last_modified"])
