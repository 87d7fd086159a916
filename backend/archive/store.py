"""Where archives are kept: a folder, or an object store by its URL.

What is written appears under its name only when it is complete, or not at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable


class Store(ABC):
    """A place for archives.

    Args:
        location: the folder or URL
    """

    def __init__(self, location: str) -> None:
        self.location = location

    def describe(self, key: str) -> str:
        """Returns where an archive is, as people say it."""
        return f"{self.location.rstrip('/')}/{key}"

    @abstractmethod
    def write(self, key: str, chunks: Iterable[bytes]) -> int:
        """Stores an archive; if that fails, nothing of it is left.

        Args:
            key: a name that nobody has ever used
            chunks: its bytes

        Returns:
            how many bytes there were

        Raises:
            ArchiveStorageError: if the store is full, out of reach, or refuses
        """

    @abstractmethod
    def read(self, key: str) -> Generator[bytes, None, None]:
        """Yields the bytes of an archive.

        Args:
            key: its name

        Yields:
            bytes

        Raises:
            ArchiveNotFoundError: if there is no such archive
            ArchiveStorageError: if the store is out of reach, or refuses
        """

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Returns whether there is an archive of that name.

        Args:
            key: the name

        Raises:
            ArchiveStorageError: if the store is out of reach, or refuses
        """

    @abstractmethod
    def is_empty(self) -> bool:
        """Returns whether nothing at all is to be seen there.

        Raises:
            ArchiveStorageError: if the store is out of reach, or refuses
        """

    @abstractmethod
    def remove(self, key: str) -> None:
        """Removes an archive, and what is left of an attempt to write it, if there is one.

        Args:
            key: its name

        Raises:
            ArchiveStorageError: if the store is out of reach, or refuses
        """
