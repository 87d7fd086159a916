"""The media files of a snapshot, behind its archive and in the same file.

They follow ``SHA256SUMS``, with which the archive itself ends, so that readers which know nothing
of them stop there: ``media/<sha256>`` is the content with that hash, each once, and
``MEDIA-SHA256SUMS`` tells that all have come. Which path had which content, the header tells.
"""

from __future__ import annotations

import hashlib
import io
import logging
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from pymongo.database import Database

from .. import faults
from ..archive.format import checksums_to_text
from ..catalog import deployment
from ..catalog.record import SnapshotRecord
from ..config import MediaLevel
from ..errors import ArchivedSnapshotError, InvalidRequestError
from ..mongo.database import Document, server_time
from ..progress import Progress, silent
from ..results.listed import Listed
from . import capture, carried, store
from .changes import MediaChange, judge
from .fact import sha256_of
from .kept import Copy, if_configured
from .listing import FileState, Fingerprint, Listing
from .moved import NOTHING
from .provider import is_local_file, is_remote
from .sources import Sources

logger = logging.getLogger(__name__)

Content: TypeAlias = Path | bytes | Copy
"""A content, or where it is."""

FOLDER = "media/"
CHECKSUMS = "MEDIA-SHA256SUMS"

_READ_BYTES = 1024 * 1024
_LARGEST_USTAR = 8 * 1024**3
"""From here on, the size of a file does not fit where POSIX has it."""


@dataclass(frozen=True)
class Packed:
    """The media files that go with an archive."""

    header: Document
    """What the archive's header tells of them."""
    contents: dict[str, Content]
    """Each content, or where it is, by its SHA-256."""

    def after(self, archive: Iterable[bytes], progress: Progress = silent) -> Iterator[bytes]:
        """Yields an archive, and the files behind it.

        Args:
            archive: the archive
            progress: told how far it is, from when the archive is written

        Yields:
            bytes

        Raises:
            InvalidRequestError: if a file was written to meanwhile, or cannot be read
        """
        yield from _without_end(archive)
        for number, (digest, path) in enumerate(self.contents.items()):
            progress(number / len(self.contents), f"Packing {len(self.contents):,} media files")
            yield from _file(digest, path)
            faults.reach("archive.media")
        listed = checksums_to_text({FOLDER + digest: digest for digest in self.contents})
        yield _entry(CHECKSUMS, len(listed))
        yield listed
        yield bytes(-len(listed) % tarfile.BLOCKSIZE)
        yield bytes(2 * tarfile.BLOCKSIZE)


def gather(
    database: Database[Document], record: SnapshotRecord, progress: Progress = silent
) -> Packed:
    """Finds the media files of a snapshot, with the content that they had.

    What was captured says which content that is. Where nothing was captured, it is what the files
    have now.

    Args:
        database: the database
        record: the snapshot
        progress: told how far it is

    Returns:
        the files

    Raises:
        ArchivedSnapshotError: if it is archived, and hashes of its media were not captured
        InvalidRequestError: if some of the files are not to be had any more
    """
    captured = store.find(database, record.id)
    known = Listing.empty() if captured is None else store.load(database, captured)
    is_told = captured is not None and not _untold(known)
    if record.archive is not None and not is_told:
        raise ArchivedSnapshotError(
            f"Snapshot '{record.name}' is archived, and no hashes of its media were captured "
            "before. Bring it back first, with unarchive_snapshot()."
        )
    moment = server_time(database)
    moved = NOTHING if captured is None else captured.moved
    located = {path: moved.place(path) for path in known.paths}
    if not is_told:
        located = capture.located_paths(database, record, moved)
    there = sorted(set(located.values()))
    # Contents are named by their SHA-256
    seen = capture.look_at(there, MediaLevel.COPY, moved.places(known), progress)
    found = seen.called(located)
    sources = Sources(if_configured(deployment.note(database).id), moved)
    contents, lost = _contents(known if is_told else found, known, found, sources)
    if lost:
        raise InvalidRequestError(
            f"{len(lost):,} media files of snapshot '{record.name}' are not what they were, or "
            f"cannot be read, and there are no copies of them: {Listed.of(sorted(lost)).names}. "
            "Nothing was written. Bring them back, or note with capture_media(..., 'hash') that "
            "they are others now."
        )
    if is_told and captured is not None:
        level, moment, data = captured.level, captured.captured_at, known.to_bytes()
    else:
        level, data = MediaLevel.HASH, found.to_bytes()
    if len(data) > carried.MOST_BYTES:
        raise InvalidRequestError(
            f"Snapshot '{record.name}' refers to {len(found):,} files, which are more than fit "
            "into one package: export it without media, and push or copy these"
        )
    told = known if is_told else found
    if elsewhere := sum(map(is_remote, told.paths)):
        logger.warning(
            "%d media files of snapshot '%s' are on no disk of this machine, so not in the file",
            elsewhere,
            record.name,
        )
    return Packed(carried.told(level, moment, data), contents)


def _untold(known: Listing) -> list[str]:
    """Returns the files that were there, and of which no hash is known."""
    return [
        path
        for path, each in known.items()
        if is_local_file(path, each) and not sha256_of(each.fact)
    ]


def _contents(
    wanted: Listing, known: Listing, found: Listing, sources: Sources
) -> tuple[dict[str, Content], list[str]]:
    """Returns where each content is, and which files are not to be had."""
    place, contents, lost = known.places(), dict[str, Content](), list[str]()
    for (path, each), (_, now) in zip(wanted.items(), found.items(), strict=True):
        was = known[place[path]] if path in place else None
        if is_remote(path):
            # What is elsewhere can be had from there
            continue
        source: Content | None = None
        if each.state is FileState.UNREADABLE or _is_other(was, now, each):
            pass
        elif each.state is not FileState.FILE:
            # What was missing is missing
            continue
        else:
            source = Path(sources.moved.place(path))
        digest = sha256_of(each.fact)
        if source is None and digest:
            source = sources.copy(digest) or sources.former_scene(path, digest)
        if source is None:
            lost.append(path)
        else:
            contents.setdefault(digest, source)
    return dict(sorted(contents.items())), lost


def _is_other(was: Fingerprint | None, now: Fingerprint, wanted: Fingerprint) -> bool:
    """Returns whether a file has not the content that is wanted, as far as is known."""
    if wanted.state is FileState.FILE and sha256_of(wanted.fact) != sha256_of(now.fact):
        return True
    if now.state is FileState.FILE and not sha256_of(now.fact):
        return True
    gone = (MediaChange.REPLACED, MediaChange.MISSING)
    return was is not None and judge(was, now)[0] in gone


def _without_end(archive: Iterable[bytes]) -> Iterator[bytes]:
    """Yields a tar file but for what says that nothing follows."""
    end = 2 * tarfile.BLOCKSIZE
    held = b""
    for chunk in archive:
        held += chunk
        if len(held) > end:
            yield held[:-end]
            held = held[-end:]
    if held.strip(b"\0"):
        yield held


def _file(digest: str, path: Content) -> Iterator[bytes]:
    name = digest if isinstance(path, bytes) else str(path)
    try:
        with _opened(path) as file:
            size = path.size if isinstance(path, Copy) else file.seek(0, 2)
            if not isinstance(path, Copy):
                file.seek(0)
            yield _entry(FOLDER + digest, size)
            content, left = hashlib.sha256(), size
            while left and (chunk := file.read(min(left, _READ_BYTES))):
                content.update(chunk)
                left -= len(chunk)
                yield chunk
            is_whole = not left and not file.read(1) and content.hexdigest() == digest
    except OSError as error:
        raise InvalidRequestError(
            f"'{name}' could not be read: {error.strerror or error}. Nothing was written."
        ) from error
    if not is_whole:
        raise InvalidRequestError(
            f"'{name}' was written to while it was packed, or is a damaged copy. Nothing was "
            "written; try again."
        )
    yield bytes(-size % tarfile.BLOCKSIZE)


def _opened(content: Content) -> BinaryIO:
    if isinstance(content, bytes):
        return io.BytesIO(content)
    return content.open() if isinstance(content, Copy) else content.open("rb")


def _entry(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    is_large = size >= _LARGEST_USTAR
    return entry.tobuf(tarfile.GNU_FORMAT if is_large else tarfile.USTAR_FORMAT)
