"""Where archives are kept: a folder, or an object store by its URL.

What is written appears under its name only when it is complete, or not at all.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable

from ..errors import InvalidSettingError

_SECRET = re.compile(
    r"^(?!abfss?:)[^:]+://[^/]*@|^(s3|gs|az)://[^/]*:|://[^/:\[]*:(?!\d+(/|$))|\?"
)
"""A login before the host, or a key whose slash hides that, as half of Amazon's do; a query. A
container of Azure's stands before an @ as well, but where there is a port, it is a number."""


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


def check_address(location: str, what: str) -> None:
    """Makes sure that there is no secret in the URL of an object store.

    Args:
        location: the URL
        what: what is there, for the error

    Raises:
        InvalidSettingError: if there is, or may be, one
    """
    if _SECRET.search(location):
        # Not told: it may be a password
        raise InvalidSettingError(
            f"The address of {what} must not hold a login or a query, which would be noted with "
            "it: set the environment variables of the store's provider instead, such as "
            "AWS_ACCESS_KEY_ID"
        )
