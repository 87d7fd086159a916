"""Archives in a folder, which may be on a disk of its own or mounted from elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import ArchiveNotFoundError, ArchiveStorageError, InvalidRequestError
from .store import Store

_READ_BYTES = 1024 * 1024
_PARTIAL = ".partial"


class FolderStore(Store):
    """A folder."""

    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        """Writes beside the name, to disk, and renames."""
        with self._explained("written to"):
            path, partial = self._path(key), self._path(key + _PARTIAL)
        try:
            with self._explained("written to"), partial.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            with self._explained("written to"):
                partial.rename(path)
                sync(path.parent)
        except BaseException:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        return size

    def read(self, key: str) -> Generator[bytes, None, None]:
        """Yields the bytes of the file."""
        with self._explained("read from", key), open_file(self._path(key)) as file:
            while chunk := file.read(_READ_BYTES):
                yield chunk

    def exists(self, key: str) -> bool:
        """Returns whether there is such a file."""
        with self._explained("read from"):
            return self._path(key).is_file()

    def is_empty(self) -> bool:
        """Returns whether there is no file, as in the folder of a disk that is not mounted."""
        with self._explained("read from"):
            return not any(self._path("").iterdir())

    def remove(self, key: str) -> None:
        """Removes the file."""
        with self._explained("removed from"):
            self._path(key + _PARTIAL).unlink(missing_ok=True)
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        folder = Path(self.location).expanduser()
        # Not made here: a disk that is not mounted would go unnoticed
        with self._explained("looked for in"):
            is_there = folder.is_dir()
        if not is_there:
            raise ArchiveStorageError(
                f"The folder for archives, '{folder}', does not exist: make it, or mount what "
                "should be there"
            )
        return folder / key

    @contextmanager
    def _explained(self, done: str, key: str | None = None) -> Iterator[None]:
        """Says which folder it was that the system complains about."""
        try:
            yield
        except OSError as error:
            if key is not None and isinstance(error, FileNotFoundError):
                raise ArchiveNotFoundError(
                    f"The archive '{self.describe(key)}' is gone. Bring the file back from a "
                    "backup of its store."
                ) from error
            raise ArchiveStorageError(
                f"The archive could not be {done} '{self.location}': {error.strerror or error}. "
                "Nothing was changed."
            ) from error


def absolute(path: Path) -> Path:
    """Returns a path that somebody has given as one that leads to the same place from anywhere.

    Args:
        path: the path of a file, which need not exist

    Returns:
        the path

    Raises:
        InvalidRequestError: if no file can be there, or its folder may not be entered
    """
    try:
        path = path.expanduser().absolute()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidRequestError(f"'{path}' cannot be used: {reason}") from error
    return path


def open_file(path: Path) -> BinaryIO:
    """Opens a file of a store, and nothing that one could wait for: a pipe has no end.

    Args:
        path: the file

    Returns:
        the open file

    Raises:
        OSError: if it is no regular file, or cannot be opened
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"'{path.name}' is no regular file", str(path))
    return open(descriptor, "rb")  # noqa: PTH123 (of a descriptor, which the caller closes)


def sync(folder: Path) -> None:
    """Sees to it that a new name survives a power cut.

    Args:
        folder: where the name is
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
