"""Reading an archive, and refusing one that is not what was written.

Nothing of an archive ever becomes a path: files whose names are not those of the format are
refused, whatever they are.
"""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple, Protocol

from typing_extensions import Buffer

from ..dataset.parts import Part
from ..errors import DamagedArchiveError
from . import format as archive_format
from .compression import SpoiltError, decompress
from .format import Header, PartTotals

_BUFFER_BYTES = 1024 * 1024
_MAX_FILE_BYTES = 64 * 1024 * 1024
_THREADS = 2

_LENGTH = struct.Struct("<i")
_SMALLEST = 5
"""Bytes of a document without fields."""


class Piece(NamedTuple):
    """Some documents of one part, in their order."""

    part: Part
    data: bytes
    """BSON documents, one after the other."""


class Stream(Protocol):
    """A whole snapshot that comes piece by piece, from an archive or elsewhere."""

    source: str
    header: Header

    @property
    def parts(self) -> list[Part]:
        """The parts that it holds; known once all pieces were read."""

    def pieces(self) -> Iterator[Piece]:
        """Yields the documents of all parts, each part in one go."""


class _Member(NamedTuple):
    name: str
    part: Part
    data: bytes


class Reader:
    """Reads one archive from a stream, once.

    Args:
        chunks: the bytes of the archive, closed when they are not needed any more
        source: where they come from, for errors

    Raises:
        NotAnArchiveError: if it is something else
        NewerFormatError: if a newer version of this package wrote it
        DamagedArchiveError: if it is damaged already where it begins
    """

    def __init__(self, chunks: Generator[bytes, None, None], source: str) -> None:
        self.source = source
        """Where the archive is, for errors."""
        self._checksums: dict[str, str] = {}
        self._totals: dict[Part, PartTotals] = {}
        self._chunks = chunks
        try:
            self._tar, first = self._open()
            self.header = Header.from_json(self._content(first), source)
        except BaseException:
            chunks.close()
            raise
        self.checksum = ""
        """Of the checksums, and so of everything; known once all pieces were read."""

    @property
    def parts(self) -> list[Part]:
        """The parts that the archive holds; known once all pieces were read."""
        return list(self._totals)

    def close(self) -> None:
        """Gives up what was opened, if no piece is wanted."""
        self._chunks.close()

    def pieces(self) -> Iterator[Piece]:
        """Yields all documents, piece by piece.

        Only when this ends without an error they are known to be what was written.

        Yields:
            the pieces

        Raises:
            DamagedArchiveError: if the archive is truncated, or anything in it was altered
        """
        found: dict[Part, PartTotals] = {}
        with closing(self._chunks), closing(self._unpacked(self._members())) as unpacked:
            for piece, count in unpacked:
                so_far = found.get(piece.part, PartTotals())
                found[piece.part] = so_far.plus(count, len(piece.data))
                yield piece
        for part, expected in self._totals.items():
            if found.get(part, PartTotals()) != expected:
                raise self._damaged(f"it does not hold all of its {part.value}")
        if set(found) - set(self._totals):
            raise self._damaged("it holds more than it says")

    def pieces_of(self, wanted: Collection[Part]) -> Iterator[Piece]:
        """Yields the documents of some parts, and reads no further than these.

        Pieces are checked one by one, by the checksums that zstd keeps.

        Args:
            wanted: the parts

        Yields:
            the pieces

        Raises:
            DamagedArchiveError: if what was read is damaged
        """
        last = max(archive_format.ORDER.index(part) for part in wanted)
        members = self._members_of(wanted, archive_format.ORDER[last + 1 :])
        with closing(self._chunks), closing(self._unpacked(members)) as unpacked:
            for piece, _ in unpacked:
                yield piece

    def _open(self) -> tuple[tarfile.TarFile, tarfile.TarInfo]:
        try:
            stream = _Stream(self._chunks)
            tar = tarfile.open(  # noqa: SIM115 (holds nothing but the stream)
                fileobj=stream, mode="r|", bufsize=_BUFFER_BYTES
            )
            first = tar.next()
        except tarfile.TarError as error:
            raise archive_format.not_an_archive(self.source) from error
        if first is None or first.name != archive_format.HEADER:
            raise archive_format.not_an_archive(self.source)
        return tar, first

    def _members(self) -> Iterator[_Member]:
        """Yields all pieces, and checks the files that tell what there must be."""
        for member, piece in self._files():
            if piece is not None:
                yield _Member(member.name, piece, self._content(member))
            elif member.name == archive_format.PARTS:
                self._read_totals(member)
            else:
                self._check_checksums(self._content(member))

    def _members_of(self, wanted: Collection[Part], later: Collection[Part]) -> Iterator[_Member]:
        """Yields the pieces of some parts, until those that come later begin."""
        for member, piece in self._files():
            if piece is None or piece in later:
                return
            if piece in wanted:
                yield _Member(member.name, piece, self._content(member))

    def _files(self) -> Iterator[tuple[tarfile.TarInfo, Part | None]]:
        """Yields all files after the first, with the part that a piece belongs to."""
        name, expected = archive_format.HEADER, None
        while name != archive_format.CHECKSUMS:
            member = self._next(name)
            if member is None:
                raise self._damaged(f"it is truncated, it ends after {name}")
            name = member.name
            piece = archive_format.piece_of(name)
            is_known = piece is not None or name in (
                archive_format.PARTS,
                archive_format.CHECKSUMS,
            )
            if not is_known or not member.isreg():
                raise self._damaged(f"it holds {name[:100]!r}, which no archive does")
            if piece is not None:
                if piece[1] and piece != expected:
                    raise self._damaged(f"what comes before {name} is missing")
                expected = (piece[0], piece[1] + 1)
            yield member, None if piece is None else piece[0]

    def _next(self, after: str) -> tarfile.TarInfo | None:
        try:
            return self._tar.next()
        except (tarfile.TarError, EOFError) as error:
            raise self._damaged(f"it is truncated or altered after {after}: {error}") from error

    def _content(self, member: tarfile.TarInfo) -> bytes:
        if member.size > _MAX_FILE_BYTES:
            raise self._damaged(f"{member.name} has {member.size} bytes, which no archive has")
        try:
            file = self._tar.extractfile(member)
            data = file.read() if file is not None else b""
        except (tarfile.TarError, EOFError) as error:
            raise self._damaged(f"it is truncated in {member.name}: {error}") from error
        if len(data) != member.size:
            raise self._damaged(f"it is truncated in {member.name}")
        self._checksums[member.name] = hashlib.sha256(data).hexdigest()
        return data

    def _read_totals(self, member: tarfile.TarInfo) -> None:
        try:
            self._totals = archive_format.totals_from_json(self._content(member))
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(f"{member.name} is unreadable ({error})") from error

    def _check_checksums(self, data: bytes) -> None:
        found = dict(self._checksums)
        self.checksum = found.pop(archive_format.CHECKSUMS)
        try:
            expected = archive_format.checksums_from_text(data)
        except ValueError as error:
            raise self._damaged(f"{archive_format.CHECKSUMS} is unreadable ({error})") from error
        for name in expected:
            if name not in found:
                raise self._damaged(f"{name} is missing")
        for name, checksum in found.items():
            if expected.get(name) != checksum:
                raise self._damaged(f"{name} was altered, its checksum differs")

    def _unpacked(self, members: Iterator[_Member]) -> Generator[tuple[Piece, int], None, None]:
        """Decompresses ahead of the caller, in order."""
        with ThreadPoolExecutor(_THREADS) as pool:
            pending: deque[Future[tuple[Piece, int]]] = deque()
            for name, part, data in members:
                pending.append(pool.submit(self._unpack, name, part, data))
                if len(pending) > _THREADS:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()

    def _unpack(self, name: str, part: Part, data: bytes) -> tuple[Piece, int]:
        try:
            documents = decompress(data, archive_format.MAX_PIECE_BYTES)
            return Piece(part, documents), _count(documents)
        except (SpoiltError, struct.error) as error:
            raise self._damaged(f"{name} was altered ({error})") from error

    def _damaged(self, reason: str) -> DamagedArchiveError:
        return DamagedArchiveError(
            f"The archive '{self.source}' is damaged: {reason}. Nothing was changed. Bring the "
            "file back from a backup of its store."
        )


def _count(documents: bytes) -> int:
    """Counts documents, whose lengths must add up."""
    position = count = 0
    while position < len(documents):
        size = _LENGTH.unpack_from(documents, position)[0]
        if size < _SMALLEST:
            raise SpoiltError(f"a document of {size} bytes")
        position += size
        count += 1
    if position != len(documents):
        raise SpoiltError("its last document is cut off")
    return count


class _Stream(io.RawIOBase):
    """Chunks of bytes as a file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer)
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
