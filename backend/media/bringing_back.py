"""Putting the files of a snapshot into a folder, as they were; nothing is overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bson import ObjectId
from pymongo.database import Database

from ..catalog import deployment
from ..catalog.record import SnapshotRecord
from ..errors import ArchiveStorageError, InvalidRequestError
from ..mongo.database import Document
from ..progress import Progress, silent
from ..results.listed import Listed
from ..results.serialize import Record
from . import capture, copies, placing, store
from .fact import MD5, SHA256, is_hash, parts
from .kept import if_configured
from .listing import FileState, Fingerprint, Listing
from .provider import is_remote
from .sources import OtherContentError, Sources


@dataclass(frozen=True)
class RestoredMedia(Record):
    """The files of a snapshot, as they were, in a folder."""

    dataset_name: str
    snapshot_name: str
    folder: str
    paths: Mapping[str, str]
    """Where each file is now, by the path that documents have."""
    written: int
    """How many of them were put there now; the others were there with the same content."""
    lost: Listed
    """Files of whose content there is no copy, and that are not what they were any more."""

    def __bool__(self) -> bool:
        return not self.lost

    def __str__(self) -> str:
        there = (
            f"{len(self.paths):,} files are in {self.folder}, {self.written:,} of them new there"
        )
        return f"{there}\nlost: {self.lost}" if self.lost else there


def bring_back(
    database: Database[Document],
    dataset_name: str,
    record: SnapshotRecord,
    samples: list[ObjectId] | None,
    folder: Path,
    progress: Progress = silent,
) -> RestoredMedia:
    """Puts files into a folder.

    Args:
        database: the database
        dataset_name: the name of the dataset
        record: the snapshot
        samples: whose files; None for all
        folder: where to put them
        progress: told how far it is

    Returns:
        where they are

    Raises:
        InvalidRequestError: if no hashes were captured of the snapshot's media
        ArchiveStorageError: if the folder cannot be written to
    """
    captured = store.find(database, record.id)
    listing = Listing.empty() if captured is None else store.load(database, captured)
    if captured is None or not any(_can_be_told(*each) for each in listing.items()):
        raise InvalidRequestError(
            f"No hashes were captured of the media of snapshot '{record.name}', so nobody can "
            "tell which files are the right ones; capture_media(..., 'copy') keeps them"
        )
    moved, found = captured.moved, dict(listing.items())
    if samples is not None:
        there = set(capture.paths_of(database, record, samples, moved))
        found = {path: each for path, each in found.items() if moved.place(path) in there}
    known = {path: each for path, each in found.items() if _can_be_told(path, each)}
    sources = Sources(if_configured(deployment.note(database).id), moved)
    placed = placing.places(known)
    paths: dict[str, str] = {}
    lost = [path for path in known if path not in placed]
    written = 0
    try:
        for number, path in enumerate(placed):
            target, is_new = _put(sources, path, known[path], folder, placed[path])
            if target is None:
                lost.append(path)
            else:
                paths[path] = str(target)
                written += is_new
            progress(number / len(placed), f"Bringing back {len(placed):,} media files")
    except OSError as error:
        raise ArchiveStorageError(
            f"'{folder}' could not be written to: {error.strerror or error}"
        ) from error
    # What was missing then is not lost
    lost += [path for path, each in found.items() if path not in known and _was_there(each)]
    return RestoredMedia(
        dataset_name, record.name, str(folder), paths, written, Listed.of(sorted(lost))
    )


def _was_there(found: Fingerprint) -> bool:
    return found.state not in (FileState.MISSING, FileState.NO_FILE)


def _can_be_told(path: str, known: Fingerprint) -> bool:
    """Returns whether the right content of a file can be told from others."""
    return known.state is FileState.FILE and (
        is_hash(known.fact) or (is_remote(path) and bool(known.fact))
    )


def _put(
    sources: Sources, path: str, known: Fingerprint, folder: Path, place: str
) -> tuple[Path | None, bool]:
    """Puts a file into a folder, unless it is there.

    Returns:
        where it is, if its content can be had; and whether it was put there now
    """
    told, target = parts(known.fact), None
    for kind in (SHA256, MD5):
        if target is None and (digest := told.get(kind.rstrip(":"))):
            target, is_there = placing.free(folder, place, digest, kind)
            if is_there:
                return target, False
    for chunks in sources.of(path, known):
        with suppress(OtherContentError):
            folder.mkdir(parents=True, exist_ok=True)
            with copies.spooled(chunks, folder) as (partial, digest):
                if target is None:
                    # Only now it can be told whether it is there
                    target, is_there = placing.free(folder, place, digest)
                    if is_there:
                        return target, False
                copies.name(partial, target)
                return target, True
    return None, False
