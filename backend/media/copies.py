"""Copies of media files, in a folder, by the hash of their content.

``<folder>/sha256/ab/ab12…`` is the content whose SHA-256 that is; it comes to be under this name
as a whole or not at all, and never changes. Many databases may use one folder. Each leaves its
mark there, so that none takes away what another one needs.

No copy is a hard link to what it is a copy of: painting over a mask in the App writes into the
file, and so would paint over the copy. Where the file system can share blocks until one side is
written to (btrfs, xfs), a copy takes neither time nor space.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .. import faults
from ..errors import ArchiveStorageError
from . import look
from .fact import sha256_of
from .kept import Copies, Copy
from .listing import Fingerprint

try:
    import fcntl
except ImportError:  # a system that has no such files
    fcntl = None  # type: ignore[assignment]

_FICLONE = 0x40049409
"""Linux: make a file share the blocks of another one."""

_CONTENT = "sha256"
_OWNERS = "owners"
_PARTIAL = ".partial"
_REMOVING = ".removing"
_READ_BYTES = 1024 * 1024


class MediaStore(Copies):
    """A folder of copies.

    Args:
        folder: the folder, which is there
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.location = str(folder)

    @classmethod
    def at(cls, given: str) -> MediaStore:
        """Opens a folder.

        Args:
            given: the folder

        Raises:
            ArchiveStorageError: if it is not there
        """
        folder = Path(given).expanduser().absolute()
        # Not made here: a disk that is not mounted would go unnoticed
        if not folder.is_dir():
            raise ArchiveStorageError(
                f"The folder for copies of media, '{folder}', does not exist: make it, or mount "
                "what should be there"
            )
        return cls(folder)

    def path(self, digest: str) -> Path:
        """Returns where the content with a hash is, or would be.

        Args:
            digest: its SHA-256, in hexadecimal digits
        """
        return self.folder / _CONTENT / digest[:2] / digest

    def find(self, digest: str) -> Copy | None:
        """Looks for the file."""
        try:
            found = self.path(digest).stat()
        except OSError:
            return None
        return Copy(self, digest, found.st_size)

    def read(self, digest: str) -> BinaryIO:
        """Opens the file."""
        with self._explained():
            return self.path(digest).open("rb")

    def add(self, source: str, found: Fingerprint) -> Fingerprint:
        """Copies a file; blocks are shared where the file system can do that."""
        while digest := sha256_of(found.fact):
            target = self.path(digest)
            with self._explained():
                if _is_wanted_again(target, found.size):
                    return found
                target.parent.mkdir(parents=True, exist_ok=True)
            if not os.access(source, os.R_OK):
                # It is gone, or somebody has taken the right to read it away
                return look.look(source)
            with self._beside(target) as partial:
                try:
                    _copy(Path(source), partial)
                except FileNotFoundError:
                    return look.look(source)
                is_whole = look.digest(str(partial)) == target.name
                if is_whole:
                    partial.chmod(0o444)
                    partial.rename(target)
                    return found
            found = look.hashed(source, look.look(source))
        return found

    def wants(self, digest: str, size: int) -> bool:
        """Touches the copy."""
        with self._explained():
            is_there = _is_wanted_again(self.path(digest), size)
        return not is_there

    def add_content(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Writes beside the copies, and gives it its name when the hash is known."""
        # A name like those of others, so that what is left of it is found
        partial = self.path(secrets.token_hex(32) + _PARTIAL)
        with self._explained():
            partial.parent.mkdir(parents=True, exist_ok=True)
        content, size = hashlib.sha256(), 0
        try:
            with self._explained(), partial.open("xb") as to:
                for chunk in chunks:
                    content.update(chunk)
                    size += len(chunk)
                    to.write(chunk)
                to.flush()
                os.fsync(to.fileno())
            digest = content.hexdigest()
            if self.wants(digest, size):
                with self._explained():
                    self.path(digest).parent.mkdir(parents=True, exist_ok=True)
                    partial.chmod(0o444)
                    partial.rename(self.path(digest))
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return digest, size

    def mark(self, owner: str) -> None:
        """Touches a file with the name of the database."""
        with self._explained():
            (self.folder / _OWNERS).mkdir(exist_ok=True)
            (self.folder / _OWNERS / owner).touch()

    def owners(self) -> list[str]:
        """Lists these files."""
        with suppress(FileNotFoundError):
            return sorted(path.name for path in (self.folder / _OWNERS).iterdir())
        return []

    def contents(self) -> Iterator[tuple[str, int, float]]:
        """Lists the copies, and what is left of attempts."""
        now = time.time()
        for path in (self.folder / _CONTENT).glob("*/*"):
            with suppress(FileNotFoundError):
                found = path.stat()
                yield path.name, found.st_size, (now - found.st_mtime) / 86400

    def remove(self, name: str, days: float) -> bool:
        """Puts it aside first: who finds no copy makes one."""
        faults.reach("media.removing")
        path = self.path(name)
        aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_REMOVING}")
        with self._explained(), suppress(FileNotFoundError):
            # Who finds no copy makes one; who has found it has touched it before
            path.rename(aside)
            faults.reach("media.put_aside")
            is_old = time.time() - aside.stat().st_mtime > days * 86400
            if is_old or path.exists():
                aside.unlink()
                return is_old
            aside.rename(path)
        return False

    def bring_back(self) -> None:
        """Puts back what was put aside."""
        for aside in (self.folder / _CONTENT).glob(f"*/*{_REMOVING}"):
            # What is left of an attempt to copy has dots in its name, and is no copy
            path = aside.with_name(aside.name.rsplit(".", 2)[0])
            with self._explained(), suppress(FileNotFoundError):
                if path.exists():
                    aside.unlink()
                else:
                    aside.rename(path)

    @contextmanager
    def _beside(self, target: Path) -> Iterator[Path]:
        partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}{_PARTIAL}")
        try:
            with self._explained():
                yield partial
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArchiveStorageError(
                f"The store of media '{self.folder}' could not be used: {error.strerror or error}"
            ) from error


def _is_wanted_again(copy: Path, size: int) -> bool:
    """Tells whoever clears up that a copy is wanted; returns whether it is there, and whole."""
    try:
        # After a power cut a file may be shorter than what was written to it
        if copy.stat().st_size != size:
            return False
        # That of another user may not be touched; it is new for who has just made it
        with suppress(PermissionError):
            os.utime(copy)
    except FileNotFoundError:
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    """Copies a file's content, sharing its blocks where the file system can do that."""
    with source.open("rb") as from_, target.open("xb") as to:
        if fcntl is not None:
            with suppress(OSError):
                fcntl.ioctl(to.fileno(), _FICLONE, from_.fileno())
                os.fsync(to.fileno())
                return
        while chunk := from_.read(_READ_BYTES):
            to.write(chunk)
        to.flush()
        os.fsync(to.fileno())


def copy_out(source: Path, target: Path, digest: str) -> bool:
    """Copies a file to where none is, and compares what has arrived with a hash.

    Args:
        source: the file
        target: where to; nothing there is overwritten
        digest: the SHA-256 that the content must have

    Returns:
        whether the content was the right one; else nothing was left there

    Raises:
        OSError: if it cannot be read or written
    """
    with source.open("rb") as file:
        return put(iter(lambda: file.read(_READ_BYTES), b""), target, digest)


def put(chunks: Iterable[bytes], target: Path, digest: str) -> bool:
    """Writes a file to where none is, and compares what has arrived with a hash.

    Args:
        chunks: the content
        target: where to; nothing there is overwritten
        digest: the SHA-256 that the content must have

    Returns:
        whether the content was the right one; else nothing was left there

    Raises:
        OSError: if it cannot be written
    """
    with spooled(chunks, target.parent) as (partial, found):
        if found != digest:
            return False
        name(partial, target)
    return True


@contextmanager
def spooled(chunks: Iterable[bytes], folder: Path) -> Iterator[tuple[Path, str]]:
    """Writes a file that has no name yet; it is gone at the end unless it was given one.

    Args:
        chunks: the content
        folder: where to put it

    Returns:
        a context manager giving the file and the SHA-256 of its content

    Raises:
        OSError: if it cannot be written
    """
    content = hashlib.sha256()
    # Not with the name in it: with some letters more, it may be too long
    partial = folder / f".{secrets.token_hex(8)}{_PARTIAL}"
    try:
        with partial.open("xb") as to:
            for chunk in chunks:
                content.update(chunk)
                to.write(chunk)
        yield partial, content.hexdigest()
    finally:
        partial.unlink(missing_ok=True)


def name(partial: Path, target: Path) -> None:
    """Gives a file its name, unless somebody has put a file there meanwhile.

    Args:
        partial: the file
        target: the name

    Raises:
        FileExistsError: if there is one
    """
    try:
        # Unlike a renaming, this fails then
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has links
        if os.path.lexists(target):
            raise
        partial.rename(target)
