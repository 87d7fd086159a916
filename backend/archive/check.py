"""Proving that an archive holds what was captured, by reading all of it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby

from bson import ObjectId
from bson.errors import BSONError
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..dataset.parts import Part
from ..errors import DamagedArchiveError, SnapshotError
from ..manifest import store as manifest_store
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..progress import Progress, silent
from .read import Piece, Reader, Stream

_NOT_THE_DOCUMENTS = {
    13,  # Unauthorized
    20,  # IllegalOperation
    50,  # MaxTimeMSExpired
    91,  # ShutdownInProgress
    112,  # WriteConflict
    189,  # PrimarySteppedDown
    262,  # ExceededTimeLimit
    10107,  # NotWritablePrimary
    11600,  # InterruptedAtShutdown
    11601,  # Interrupted
    11602,  # InterruptedDueToReplStateChange
    14031,  # OutOfDiskSpace
}
"""What the server may refuse a write for, whatever is written."""

_MALFORMED = (
    ArithmeticError,
    AttributeError,
    BSONError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What reading values raises that are not what they should be."""


def check(
    database: Database[Document],
    snapshot_id: ObjectId,
    reader: Reader,
    source: str,
    progress: Progress = silent,
) -> None:
    """Compares an archive with the manifest of its snapshot.

    Args:
        database: the database
        snapshot_id: the snapshot
        reader: the archive, of which nothing was read yet
        source: where the archive is, for the error
        progress: told how far it is

    Raises:
        DamagedArchiveError: if it is not what was captured
    """
    compare(database, snapshot_id, manifests(reader, progress), source)


def manifests(reader: Stream, progress: Progress = silent) -> dict[Part, Manifest]:
    """Reads all of an archive.

    Args:
        reader: the archive, of which nothing was read yet
        progress: told how far it is

    Returns:
        the content of each part that has documents

    Raises:
        DamagedArchiveError: if the archive is damaged
    """
    pieces = counted(reader, progress, "Checking")
    with malformed_is_damaged(reader.source):
        return {
            part: Manifest.of(piece.data for piece in group)
            for part, group in groupby(pieces, key=lambda piece: piece.part)
        }


@contextmanager
def malformed_is_damaged(source: str) -> Iterator[None]:
    """Tells what documents raise that no server would have given out.

    Args:
        source: where the archive is, for the error

    Returns:
        a context manager

    Raises:
        DamagedArchiveError: if something in it cannot be read as BSON, or the server refuses it
    """
    try:
        yield
    except SnapshotError:
        raise
    except OperationFailure as error:
        if error.code in _NOT_THE_DOCUMENTS:
            raise
        details = error.details or {}
        reason = next((each["errmsg"] for each in details.get("writeErrors", [])), error)
        raise _damaged(source, reason) from error
    except _MALFORMED as error:
        raise _damaged(source, error) from error


def _damaged(source: str, reason: object) -> DamagedArchiveError:
    return DamagedArchiveError(
        f"The archive '{source}' is damaged: it holds what no dataset can ({str(reason)[:300]}). "
        "Nothing was changed."
    )


def compare(
    database: Database[Document],
    snapshot_id: ObjectId,
    found: Mapping[Part, Manifest],
    source: str,
) -> None:
    """Compares what was found with the manifest of a snapshot.

    Args:
        database: the database
        snapshot_id: the snapshot
        found: the content of each part; parts without documents may be missing
        source: where that was found, for the error

    Raises:
        DamagedArchiveError: if it is not what was captured
    """
    for part in {*manifest_store.parts(database, snapshot_id), *found}:
        expected = manifest_store.load(database, snapshot_id, part)
        differences = expected.compare(found.get(part, Manifest.empty()))
        if differences:
            raise DamagedArchiveError(
                f"'{source}' is not what was captured: of {len(expected)} {part.value}, "
                f"{len(differences.deleted_keys)} are missing, {len(differences.changed_keys)} "
                f"differ and {len(differences.added_keys)} are too many. Nothing was changed; "
                "see verify_snapshot()."
            )


def counted(reader: Stream, progress: Progress, label: str) -> Iterator[Piece]:
    """Yields the pieces of an archive and tells how far that is.

    Args:
        reader: the archive
        progress: told how far it is
        label: what is being done

    Yields:
        the pieces
    """
    return _counted(reader.pieces(), reader.header.size_bytes, progress, label)


def _counted(
    pieces: Iterable[Piece], total: int, progress: Progress, label: str
) -> Iterator[Piece]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece.data)
        progress(done / max(total, done, 1), f"{label} {piece.part.value}")
