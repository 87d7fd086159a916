"""Remotes in a folder, which may be on a disk of its own or mounted from elsewhere.

Without the library of object stores, whose threads do not survive a fork.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from ..archive.folder import open_file, sync
from ..errors import RemoteStorageError
from .store import Created, Listed, RemoteStore

_PARTIAL = ".partial"
_PARTIAL_NAME = re.compile(rf"[0-9a-f]{{16}}{re.escape(_PARTIAL)}")


class FolderRemote(RemoteStore):
    """A folder.

    Args:
        location: its path

    Raises:
        RemoteStorageError: if it does not exist
    """

    def __init__(self, location: str) -> None:
        self._folder = Path(location).expanduser().absolute()
        self.location = str(self._folder)
        with self._explained("read"):
            is_there = self._folder.is_dir()
        # Not made here: a disk that is not mounted would go unnoticed
        if not is_there:
            raise RemoteStorageError(
                f"The folder '{self.location}' does not exist: make it, or mount what should be "
                "there"
            )

    def put(self, key: str, data: bytes) -> None:
        """Writes beside the name, to disk, and renames."""
        with self._explained("written"), self._partial(key, data) as partial:
            partial.rename(self._folder / key)

    def create(self, key: str, data: bytes) -> Created:
        """Writes beside the name, to disk, and gives the file its name if nobody has it."""
        with self._explained("written"), self._partial(key, data) as partial:
            try:
                os.link(partial, self._folder / key)
            except FileExistsError:
                return Created.SAME if self.find(key) == data else Created.OTHER
        return Created.NEW

    def find(self, key: str) -> bytes | None:
        """Reads the file."""
        with self._explained("read"):
            try:
                with open_file(self._folder / key) as file:
                    return file.read()
            except FileNotFoundError:
                return None

    def look(self, key: str) -> Listed | None:
        """Asks the system for its size and time."""
        with self._explained("read"):
            try:
                return self._listed(self._folder / key)
            except FileNotFoundError:
                return None

    def listed(self, prefix: str) -> list[Listed]:
        """Lists files, without those that are being written."""
        found = []
        with self._explained("read"):
            for path in (self._folder / prefix).rglob("*"):
                # What is removed meanwhile is not there
                with suppress(FileNotFoundError):
                    if path.is_file() and not path.name.endswith(_PARTIAL):
                        found.append(self._listed(path))
        return sorted(found)

    def unfinished(self) -> list[Listed]:
        """Lists the files that are being written, or were when somebody was killed."""
        found = []
        with self._explained("read"):
            for path in self._folder.rglob(f"*{_PARTIAL}"):
                with suppress(FileNotFoundError):
                    if _is_partial(path):
                        found.append(self._listed(path))
        return found

    def folders(self) -> list[str]:
        """Lists folders."""
        with self._explained("read"):
            return sorted(path.name for path in self._folder.iterdir() if path.is_dir())

    def remove(self, key: str) -> None:
        """Removes the file."""
        with self._explained("removed"):
            (self._folder / key).unlink(missing_ok=True)

    def _listed(self, path: Path) -> Listed:
        stat = path.stat()
        written_at = datetime.fromtimestamp(stat.st_mtime, timezone.utc)
        return Listed(path.relative_to(self._folder).as_posix(), stat.st_size, written_at)

    @contextmanager
    def _partial(self, key: str, data: bytes) -> Iterator[Path]:
        """Writes a file beside a name, which survives a power cut once it has that."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{secrets.token_hex(8)}{_PARTIAL}")
        try:
            with partial.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield partial
            sync(path.parent)
        finally:
            partial.unlink(missing_ok=True)

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Says which folder it was that the system complains about."""
        try:
            yield
        except OSError as error:
            raise RemoteStorageError(
                f"The remote '{self.location}' could not be {done}: {error.strerror or error}. "
                "Try again when it can be: what has arrived need not travel again."
            ) from error


def _is_partial(path: Path) -> bool:
    """Returns whether a file is called as those are that we are writing."""
    return _PARTIAL_NAME.fullmatch(path.name) is not None and path.is_file()
