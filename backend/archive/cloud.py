"""Archives in an object store: Amazon S3 and whatever speaks its protocol, Google's, Azure's.

Where it is and who asks is taken from the environment variables that each provider's own tools
use, such as ``AWS_ACCESS_KEY_ID`` and ``AWS_ENDPOINT_URL``. Requests that fail are repeated by the
library; an upload in several parts becomes an object only when its last part has arrived.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore import exceptions
from obstore.store import from_url

from ..errors import ArchiveNotFoundError, ArchiveStorageError, InvalidSettingError
from .store import Store

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

# S3 takes up to 10,000 parts: so an archive can have 160 GB
_PART_BYTES = 16 * 1024 * 1024
_PARALLEL_PARTS = 2
_READ_BYTES = 8 * 1024 * 1024

_QUERY = re.compile(r"\?\S+")

RETRIES: RetryConfig = {"max_retries": 8, "retry_timeout": timedelta(minutes=3)}
REQUESTS: ClientConfig = {
    "connect_timeout": timedelta(seconds=10),
    "timeout": timedelta(seconds=120),
}


class CloudStore(Store):
    """An object store."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self._store = open_url(location)

    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        """Uploads in parts while the bytes are made."""
        counted = _Counted(chunks)
        with self._explained("written to", key):
            obstore.put(
                self._store,
                key,
                counted,
                use_multipart=True,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARALLEL_PARTS,
            )
        return counted.size

    def read(self, key: str) -> Generator[bytes, None, None]:
        """Downloads piece by piece, so that each piece can be asked for again."""
        with self._explained("read from", key), ThreadPoolExecutor(max_workers=1) as pool:
            size = obstore.head(self._store, key)["size"]

            def fetch(start: int) -> bytes:
                end = min(start + _READ_BYTES, size)
                return bytes(obstore.get_range(self._store, key, start=start, end=end))

            starts = iter(range(0, size, _READ_BYTES))
            pending = pool.submit(fetch, next(starts)) if size else None
            while pending is not None:
                chunk = pending.result()
                start = next(starts, None)
                pending = None if start is None else pool.submit(fetch, start)
                yield chunk

    def exists(self, key: str) -> bool:
        """Asks for the object's size."""
        try:
            with self._explained("read from", key):
                obstore.head(self._store, key)
        except ArchiveNotFoundError:
            return False
        return True

    def is_empty(self) -> bool:
        """Lists one object; those who may not do that are told that there are some."""
        with self._explained("read from", ""):
            try:
                return not any(obstore.list(self._store, chunk_size=1))
            except exceptions.PermissionDeniedError:
                return False

    def remove(self, key: str) -> None:
        """Deletes the object."""
        # Where there is no bucket, there is no object
        missing = suppress(exceptions.NotFoundError, FileNotFoundError)
        with self._explained("removed from", key), missing:
            obstore.delete(self._store, key)

    @contextmanager
    def _explained(self, done: str, key: str) -> Iterator[None]:
        """Says which store it was, and what can be done."""
        try:
            yield
        except (exceptions.NotFoundError, FileNotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise ArchiveStorageError(
                    f"There is no bucket for '{self.location}': make it, or correct the setting"
                ) from error
            raise ArchiveNotFoundError(
                f"The archive '{self.describe(key)}' is gone. Bring the object back from a "
                "backup or an earlier version of it."
            ) from error
        except (exceptions.UnauthenticatedError, exceptions.PermissionDeniedError) as error:
            raise ArchiveStorageError(
                f"The archive could not be {done} '{self.location}': the store does not accept "
                f"these credentials, or does not allow them this ({first_line(error)}). "
                "Nothing was changed."
            ) from error
        except (exceptions.BaseError, OSError) as error:
            raise ArchiveStorageError(
                f"The archive could not be {done} '{self.location}': {first_line(error)}. "
                "Nothing was changed; try again when the store can be reached."
            ) from error


class _Counted:
    """Chunks of bytes, counted as they pass."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            yield chunk


def open_url(location: str) -> ObjectStore:
    """Opens an object store as its provider's environment variables say.

    Args:
        location: its URL

    Returns:
        the store

    Raises:
        InvalidSettingError: if it is no such URL
    """
    options: ClientConfig = {**REQUESTS}
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
    if endpoint.startswith("http://"):
        options["allow_http"] = True
    try:
        return from_url(location, client_options=options, retry_config=RETRIES)
    except (exceptions.BaseError, ValueError) as error:
        raise InvalidSettingError(
            f"'{location}' is no folder and no URL of an object store ({first_line(error)}). "
            "URLs begin with s3://, gs:// or az://, followed by the name of a bucket."
        ) from error


def first_line(error: BaseException) -> str:
    """Returns the first line of an error, without what may have been signed.

    Args:
        error: what the library has raised
    """
    line = next(iter(str(error).splitlines()), type(error).__name__)
    return _QUERY.sub("?***", line)
