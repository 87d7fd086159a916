"""Taking media files out of a file that :mod:`.packing` wrote, of which nothing is believed.

What the file says never becomes a path but below the folder that was given, and no content is put
there that has not the hash which it is said to have.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..archive import format as archive_format
from ..archive.folder import FolderStore
from ..archive.read import Reader
from ..errors import ArchiveStorageError, DamagedArchiveError, InvalidRequestError
from ..progress import Progress, silent
from . import carried, copies, packing, placing, scenes
from .fact import SHA256, sha256_of
from .listing import FileState, Listing
from .moved import MovedMedia
from .provider import is_remote

_MEMBER = re.compile(packing.FOLDER + r"([0-9a-f]{64})")
_READ_BYTES = 1024 * 1024


@dataclass
class Unpacked:
    """Media files that were taken out of a package."""

    folder: Path
    paths: dict[str, str] = field(default_factory=dict)
    """Where each file is now, by the path that documents have."""
    written: list[Path] = field(default_factory=list)
    """Those that were put there now; the others were there with the same content."""
    staying: list[str] = field(default_factory=list)
    """Files that did not come along."""
    rewritten: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The sizes and hashes of scenes that name other files now."""

    def moved(self) -> MovedMedia:
        """Returns where the files are."""
        return MovedMedia.of(self.paths, self.staying, self.rewritten)

    def take_back(self) -> None:
        """Removes what was put there."""
        for path in self.written:
            with suppress(OSError):
                path.unlink()
        self.written.clear()


def has_media(path: Path) -> bool:
    """Returns whether a file carries media: whether anything is behind the archive in it.

    Args:
        path: a file that was exported
    """
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            return next(_behind(tar), None) is not None
    except (tarfile.TarError, EOFError, ValueError, OverflowError, OSError):
        return False


def check(path: Path, progress: Progress = silent) -> None:
    """Makes sure that all media files that a package speaks of are in it.

    Args:
        path: the package
        progress: told how far it is

    Raises:
        DamagedArchiveError: if they are not
    """
    wanted = _contents(path, _listing(path))

    def read(digest: str, _: int, chunks: Iterator[bytes]) -> None:
        content = hashlib.sha256()
        for chunk in chunks:
            content.update(chunk)
        if content.hexdigest() != digest:
            raise _altered(path, digest)

    try:
        _each(path, set(wanted.values()), read, progress)
    except OSError as error:
        raise ArchiveStorageError(
            f"'{path}' could not be read: {error.strerror or error}"
        ) from error


def unpack(path: Path, folder: Path, progress: Progress = silent) -> Unpacked:
    """Puts the media files of a package into a folder; nothing there is overwritten.

    Args:
        path: the package
        folder: the folder, which is made if it is not there
        progress: told how far it is

    Returns:
        where they are

    Raises:
        InvalidRequestError: if it carries none
        DamagedArchiveError: if it is not what was written; nothing was put into the folder then
        ArchiveStorageError: if the folder cannot be written to
    """
    listing = _listing(path)
    wanted = _contents(path, listing)
    placed = placing.places(wanted)
    if len(placed) < len(wanted):
        raise _damaged(path, "it names files that no system has")
    found = Unpacked(folder, staying=[name for name in listing.paths if name not in wanted])
    try:
        _put_all(path, wanted, placed, found, progress)
    except OSError as error:
        found.take_back()
        raise ArchiveStorageError(
            f"'{folder}' could not be written to: {error.strerror or error}"
        ) from error
    except BaseException:
        found.take_back()
        raise
    return found


def _put_all(
    path: Path, wanted: dict[str, str], placed: dict[str, str], found: Unpacked, progress: Progress
) -> None:
    of: dict[str, list[str]] = {}
    for name, digest in wanted.items():
        of.setdefault(digest, []).append(name)
    drawn: dict[str, bytes] = {}

    def put(digest: str, size: int, chunks: Iterator[bytes]) -> None:
        names = of[digest]
        if size <= scenes.MOST_BYTES and any(name.endswith(scenes.ENDING) for name in names):
            names = [name for name in names if not name.endswith(scenes.ENDING)]
            # What they name must have its place first
            content = b"".join(chunks)
            if hashlib.sha256(content).hexdigest() != digest:
                raise _altered(path, digest)
            drawn[digest], chunks = content, iter((content,))
        source: Path | None = None
        for name in names:
            target, is_there = placing.free(found.folder, placed[name], digest)
            if not is_there:
                is_right = (
                    copies.put(chunks, target, digest)
                    if source is None
                    else copies.copy_out(source, target, digest)
                )
                if not is_right:
                    raise _altered(path, digest)
                found.written.append(target)
                source = target
            found.paths[name] = str(target)

    _each(path, set(of), put, progress)
    for digest, content in drawn.items():
        for name in of[digest]:
            if name.endswith(scenes.ENDING):
                _put_scene(name, placed[name], content, found)


def _put_scene(name: str, place: str, content: bytes, found: Unpacked) -> None:
    """Puts a scene there that names the files where they are now."""
    renamed = scenes.renamed(content, found.paths)
    digest = hashlib.sha256(renamed).hexdigest()
    target, is_there = placing.free(found.folder, place, digest)
    if not is_there:
        copies.put(iter((renamed,)), target, digest)
        found.written.append(target)
    found.paths[name] = str(target)
    if renamed != content:
        found.rewritten[name] = (len(renamed), SHA256 + digest)


def _listing(path: Path) -> Listing:
    """Returns what a package tells of the files that the snapshot names."""
    reader = Reader(FolderStore(str(path.parent)).read(path.name), str(path))
    reader.close()
    if reader.header.media is None or not has_media(path):
        raise InvalidRequestError(
            f"'{path}' carries no media files: it was exported without media=True, or is cut off"
        )
    return carried.read(reader.header.media, str(path))[2]


def _contents(path: Path, listing: Listing) -> dict[str, str]:
    """Returns the hash of each file that a package has, by what its path was."""
    wanted = {
        name: sha256_of(each.fact)
        for name, each in listing.items()
        if each.state is FileState.FILE and not is_remote(name)
    }
    if not all(_MEMBER.fullmatch(packing.FOLDER + digest) for digest in wanted.values()):
        raise _damaged(path, "it does not tell the hashes of all of its media files")
    return wanted


def _each(
    path: Path,
    wanted: set[str],
    take: Callable[[str, int, Iterator[bytes]], None],
    progress: Progress,
) -> None:
    """Reads all contents of a package, which must be those that are wanted."""
    left = set(wanted)
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in _behind(tar):
                if member.name == packing.CHECKSUMS:
                    _check_end(path, tar, member, wanted)
                    break
                match = _MEMBER.fullmatch(member.name)
                # Of a sparse one, a few bytes would fill the disk
                is_file = member.isreg() and not member.issparse()
                if match is None or not is_file or match[1] not in left:
                    raise _damaged(path, f"it holds {member.name[:100]!r}, which no package does")
                left.remove(match[1])
                content = tar.extractfile(member)
                assert content is not None
                take(match[1], member.size, _chunks(content))
                progress(1 - len(left) / len(wanted), f"Taking out {len(wanted):,} media files")
            else:
                raise _damaged(path, "it is truncated")
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        if isinstance(error, InvalidRequestError):
            raise
        raise _damaged(path, f"it is truncated or altered: {error}") from error
    if left:
        raise _damaged(path, f"{len(left)} of its media files are missing")


def _behind(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yields what comes after the archive itself, which others check."""
    is_behind = False
    while (member := tar.next()) is not None:
        # It would remember all of them
        tar.members = []  # type: ignore[attr-defined]  # (stubs hide it)
        if is_behind:
            yield member
        is_behind = is_behind or member.name == archive_format.CHECKSUMS


def _check_end(
    path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, wanted: set[str]
) -> None:
    # A line has a fixed length
    most = 200 * len(wanted)
    is_list = member.isreg() and not member.issparse() and member.size <= most
    file = tar.extractfile(member) if is_list else None
    found = None if file is None else archive_format.checksums_from_text(file.read())
    if found != {packing.FOLDER + digest: digest for digest in wanted}:
        raise _damaged(path, f"{packing.CHECKSUMS} tells of other files")


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    while chunk := content.read(_READ_BYTES):
        yield chunk


def _altered(path: Path, digest: str) -> DamagedArchiveError:
    return _damaged(path, f"{packing.FOLDER}{digest} was altered")


def _damaged(path: Path, reason: str) -> DamagedArchiveError:
    return DamagedArchiveError(f"'{path}' is damaged: {reason}. Nothing was changed.")
