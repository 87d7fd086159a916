"""Putting the files of a snapshot into a folder, as they were; nothing is overwritten."""

from __future__ import annotations

from collections.abc import Mapping
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
from . import capture, copies, look, placing, store
from .copies import MediaStore
from .listing import FileState, Fingerprint, Listing


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
    if captured is None or not captured.counts["hashed"]:
        raise InvalidRequestError(
            f"No hashes were captured of the media of snapshot '{record.name}', so nobody can "
            "tell which files are the right ones; capture_media(..., 'copy') keeps them"
        )
    listing = store.load(database, captured)
    wanted = listing.paths if samples is None else capture.paths_of(database, record, samples)
    found = _some(listing, wanted)
    known = {path: each for path, each in found.items() if each.fact.startswith(look.SHA256)}
    kept = copies.if_configured(deployment.note(database).id)
    placed = placing.places(known)
    paths: dict[str, str] = {}
    lost = [path for path in known if path not in placed]
    written = 0
    try:
        for number, path in enumerate(placed):
            digest = known[path].fact.removeprefix(look.SHA256)
            target, is_there = placing.free(folder, placed[path], digest)
            if is_there or _written(kept, path, known[path], target):
                paths[path] = str(target)
                written += not is_there
            else:
                lost.append(path)
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


def _some(listing: Listing, wanted: list[str]) -> dict[str, Fingerprint]:
    """Returns what is known of some files."""
    place = listing.places()
    return {path: listing[place[path]] for path in wanted if path in place}


def _was_there(found: Fingerprint) -> bool:
    return found.state not in (FileState.MISSING, FileState.NO_FILE)


def _written(kept: MediaStore | None, path: str, known: Fingerprint, target: Path) -> bool:
    digest = known.fact.removeprefix(look.SHA256)
    sources = [Path(path)] if kept is None else [kept.path(digest), Path(path)]
    # A copy may be damaged, and then the file may still be what it was
    return any(each.is_file() and copies.copy_out(each, target, digest) for each in sources)
