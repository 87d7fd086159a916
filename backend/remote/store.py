"""Where a remote is: a folder, or an object store by its URL.

An object is written once and never changed, so whatever fails can be sent again. The one write
that decides, a commit, is put where nothing is: if the answer to it is lost, what is there tells.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from datetime import datetime
from enum import Enum
from typing import NamedTuple, cast

from ..archive.store import check_address
from ..errors import InvalidSettingError


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


class RemoteStore(ABC):
    """A place for histories. All methods raise RemoteStorageError if it is out of reach."""

    location: str
    """The folder or URL."""

    def describe(self, key: str) -> str:
        """Returns where an object is, as people say it."""
        return f"{self.location}/{key}"

    @abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Writes an object, over another one if there is one."""

    @abstractmethod
    def create(self, key: str, data: bytes) -> Created:
        """Writes an object where there is none, and tells what came of it."""

    @abstractmethod
    def find(self, key: str) -> bytes | None:
        """Reads an object, or returns None if there is none."""

    @abstractmethod
    def look(self, key: str) -> Listed | None:
        """Tells the size and time of an object, or returns None if there is none."""

    @abstractmethod
    def listed(self, prefix: str) -> list[Listed]:
        """Lists the objects in a folder and those below it, by name."""

    def unfinished(self) -> list[Listed]:
        """Lists what is half written, where a store shows that: most show whole objects only."""
        return []

    @abstractmethod
    def folders(self) -> list[str]:
        """Lists the folders at the top."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Removes an object, if it is there."""


def open_store(location: str) -> RemoteStore:
    """Opens a remote.

    Args:
        location: a folder, or a URL such as ``s3://bucket/prefix``

    Returns:
        the store

    Raises:
        InvalidSettingError: if it is neither, holds a password, or a package is missing
        RemoteStorageError: if the folder does not exist
    """
    # Late, because only those who use one need it
    if "://" not in location or location.startswith("file://"):
        folder = importlib.import_module(".folder", __package__)
        return cast(RemoteStore, folder.FolderRemote(location.removeprefix("file://")))
    check_address(location, "a remote")
    try:
        cloud = importlib.import_module(".cloud", __package__)
    except ImportError as error:
        raise InvalidSettingError(
            f"A remote in '{location}' needs the package obstore, which is not installed. "
            "Install it with: pip install obstore"
        ) from error
    return cast(RemoteStore, cloud.CloudRemote(location))
