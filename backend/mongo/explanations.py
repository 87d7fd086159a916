"""MongoDB's errors in our words: none of PyMongo's leaves a function of the public API."""

from __future__ import annotations

from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    ConnectionFailure,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
)

from ..errors import DatabaseError, DatabaseUnavailableError, SnapshotError

_OUT_OF_DISK_SPACE = 14031
_STOPPING = {91, 11600}
"""The server is shutting down."""
TOO_LARGE = {10334, 17280, 17419, 17420}
"""Of a document, a key, or what an update makes of one."""

_GONE = (AutoReconnect, ConfigurationError, ConnectionFailure, InvalidOperation)


def explained(error: PyMongoError, consequence: str = "") -> SnapshotError:
    """Says what has gone wrong.

    Args:
        error: what PyMongo has raised
        consequence (""): what came of it, a sentence

    Returns:
        the error to raise instead
    """
    code = error.code if isinstance(error, OperationFailure) else None
    if isinstance(error, _GONE) or code in _STOPPING:
        lost = f"Contact with MongoDB was lost: {error}."
        return DatabaseUnavailableError(_joined(lost, consequence))
    if is_disk_full(error):
        what = f"MongoDB's disk is full: {error}. Make room there, and try again."
    elif code in TOO_LARGE:
        what = f"That is larger than MongoDB takes in one document: {error}."
    else:
        what = f"MongoDB has failed: {error}."
    return DatabaseError(_joined(what, consequence))


def is_disk_full(error: PyMongoError) -> bool:
    """Returns whether the server could not write for lack of space."""
    code = error.code if isinstance(error, OperationFailure) else None
    return code == _OUT_OF_DISK_SPACE or "No space left on device" in str(error)


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))
