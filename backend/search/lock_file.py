"""Locks: small files that name a version, for what keeps files, such as git and DVC.

As long as the version is the same, so is the file, byte by byte. Names of dataset and snapshot are
in it for people, and say nothing when it is read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError, NewerFormatError, NotALockError
from ..results.serialize import Record
from . import uri

FORMAT = 1
"""The version of the format; it rises when older versions of this package would misread it."""

_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")
_MOST_BYTES = 100_000


@dataclass(frozen=True)
class SnapshotLock(Record):
    """What a lock says of a snapshot."""

    format: int
    uri: str
    """Its address, which is the same for ever."""
    content: str
    """The hash of its content, see ``content_hash()``."""
    sample_count: int
    dataset_name: str | None = None
    """The name that the dataset had when this was written, if names were wanted."""
    snapshot_name: str | None = None

    def to_text(self) -> str:
        """Returns the lock as it is in a file, but for the newline at its end."""
        told = {key: value for key, value in self.to_dict().items() if value is not None}
        return json.dumps(told, indent=2)


def read(path: Path) -> SnapshotLock:
    """Reads a lock, and checks that it agrees with itself.

    Args:
        path: the file

    Returns:
        the lock

    Raises:
        InvalidRequestError: if there is no such file
        NotALockError: if it is no lock, or contradicts itself
        NewerFormatError: if a newer version of this package has written it
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        reason = error.strerror or error
        raise InvalidRequestError(f"The file '{path}' cannot be read: {reason}") from error
    try:
        found: Any = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotALockError(f"'{path}' is no lock of a snapshot: it is not JSON") from error
    return _checked(found, path)


def _checked(found: Any, path: Path) -> SnapshotLock:
    known = found if isinstance(found, dict) else {}
    version, count = known.get("format"), known.get("sample_count")
    if type(version) is not int or "uri" not in known:
        raise NotALockError(f"'{path}' is no lock of a snapshot, as lock_snapshot() makes them")
    if version > FORMAT:
        raise NewerFormatError(f"'{path}' was written by a newer version of fiftyone-snapshots")
    try:
        named = uri.content_of(known["uri"])
    except InvalidRequestError as error:
        raise NotALockError(f"'{path}' is no lock of a snapshot: {error}") from error
    content = known.get("content")
    if type(count) is not int or not isinstance(content, str) or not _CONTENT.fullmatch(content):
        raise NotALockError(f"'{path}' is no lock of a snapshot: it does not say what is in it")
    if content != named:
        raise NotALockError(
            f"'{path}' contradicts itself: its address is one of the content '{named}', and it "
            f"says '{content}'. Somebody has edited it, or merged two of them."
        )
    names = {
        key: value
        for key in ("dataset_name", "snapshot_name")
        if isinstance(value := known.get(key), str)
    }
    return SnapshotLock(version, known["uri"], content, count, **names)
