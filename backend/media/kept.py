"""Where copies of media files are kept: a folder, or an object store by its URL."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

from .. import config
from ..archive.store import check_address
from ..config import Settings
from ..errors import ArchiveStorageError, InvalidSettingError
from .listing import Fingerprint


class Copies(ABC):
    """A place for copies, by the hash of their content. Each comes to be as a whole, or not."""

    location: str
    """The folder or URL."""

    @abstractmethod
    def find(self, digest: str) -> Copy | None:
        """Returns the copy of the content with a hash; None if there is none.

        Args:
            digest: its SHA-256, in hexadecimal digits

        Raises:
            ArchiveStorageError: if the store is out of reach
        """

    @abstractmethod
    def wants(self, digest: str, size: int) -> bool:
        """Tells whoever clears up that a copy is wanted; returns whether there is none.

        Args:
            digest: its SHA-256, in hexadecimal digits
            size: how many bytes it has
        """

    @abstractmethod
    def add(self, source: str, found: Fingerprint) -> Fingerprint:
        """Copies a file, unless there is a copy of its content.

        Args:
            source: the file
            found: what is known of it, with its hash

        Returns:
            what is known of it now: somebody may have written to it

        Raises:
            ArchiveStorageError: if the store is full, or refuses
        """

    @abstractmethod
    def add_content(self, chunks: Iterable[bytes]) -> tuple[str, int]:
        """Copies what is read from elsewhere.

        Args:
            chunks: the content

        Returns:
            its SHA-256, and how many bytes it has

        Raises:
            ArchiveStorageError: if the store is full, or refuses
        """

    @abstractmethod
    def mark(self, owner: str) -> None:
        """Notes that a database uses the store.

        Args:
            owner: the id of the database
        """

    @abstractmethod
    def owners(self) -> list[str]:
        """Returns the ids of the databases that use the store."""

    @abstractmethod
    def contents(self) -> Iterator[tuple[str, int, float]]:
        """Yields the hash of each copy, its size, and how many days ago it was last asked for.

        What is left of attempts to copy is told of as well, by its name.
        """

    @abstractmethod
    def remove(self, name: str, days: float) -> bool:
        """Removes a copy, unless somebody has asked for it since.

        Args:
            name: its hash, or the name of what is left of an attempt
            days: it is kept if it was asked for since so many days ago

        Returns:
            whether it was removed
        """

    @abstractmethod
    def bring_back(self) -> None:
        """Brings back what was put aside by a process that died before it had decided."""

    @abstractmethod
    def read(self, digest: str) -> BinaryIO:
        """Opens a copy.

        Args:
            digest: its SHA-256, in hexadecimal digits

        Raises:
            ArchiveStorageError: if it cannot be read
        """


@dataclass(frozen=True)
class Copy:
    """A copy that is there."""

    kept: Copies
    digest: str
    size: int

    def open(self) -> BinaryIO:
        """Opens it; see :meth:`Copies.read`."""
        return self.kept.read(self.digest)

    def __str__(self) -> str:
        return f"{self.kept.location}: {self.digest}"


def configured() -> Copies:
    """Opens the store that the settings name.

    Returns:
        the store

    Raises:
        InvalidSettingError: if they name none, or a package is missing for it
        ArchiveStorageError: if it is not there
    """
    given = Settings.load().media_store
    if given is None:
        raise InvalidSettingError(
            f"Copies of media need a place: set {config.variable('MEDIA_STORE')} to a folder, or "
            "the URL of an object store"
        )
    # Late, because only those who use one need it
    if "://" not in given:
        folder = importlib.import_module(".copies", __package__)
        return cast(Copies, folder.MediaStore.at(given))
    check_address(given, "copies of media")
    try:
        objects = importlib.import_module(".object_copies", __package__)
    except ImportError as error:
        raise InvalidSettingError(
            f"Copies of media in '{given}' need the package obstore, which is not installed. "
            "Install it with: pip install obstore"
        ) from error
    return cast(Copies, objects.ObjectCopies(given))


def if_configured(owner: str) -> Copies | None:
    """Returns the store that the settings name, if it is there: files may be had without.

    Args:
        owner: the id of the database that looks for copies, which so says that it needs them: the
            one that it is a copy of may be about to remove them
    """
    try:
        kept = configured()
    except (InvalidSettingError, ArchiveStorageError):
        return None
    # Nobody removes anything from a store that is mounted only for reading
    with suppress(ArchiveStorageError):
        kept.mark(owner)
    return kept
