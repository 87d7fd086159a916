"""Writing an archive, as a stream of bytes: whoever takes them sets the pace."""

from __future__ import annotations

import calendar
import hashlib
import tarfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from .. import faults
from ..dataset.parts import Part, Source
from ..progress import Progress, silent
from ..rawbson import layout
from . import format as archive_format
from .compression import compress
from .format import Header, PartTotals

_THREADS = 2


class Writer:
    """The stream of one archive.

    Args:
        header: what it is a snapshot of
        documents: what it holds
        progress: told how far it is
    """

    def __init__(
        self, header: Header, documents: Mapping[Part, Source], progress: Progress = silent
    ) -> None:
        self._header = header
        self._documents = documents
        self._progress = progress
        self._time = calendar.timegm(header.created_at.utctimetuple())
        self._checksums: dict[str, str] = {}
        self._done = 0

    def chunks(self) -> Iterator[bytes]:
        """Yields the archive from its beginning to its end; once only.

        Yields:
            bytes
        """
        yield from self._file(archive_format.HEADER, self._header.to_json())
        totals = {}
        for part in archive_format.ORDER:
            if part not in self._documents:
                continue
            totals[part] = PartTotals()
            pieces = _compressed(_pieces(self._documents[part]))
            for number, (count, size, data) in enumerate(pieces):
                yield from self._file(archive_format.piece_name(part, number), data)
                totals[part] = totals[part].plus(count, size)
                faults.reach("archive.piece")
                self._report(size, part.value)
        yield from self._file(archive_format.PARTS, archive_format.totals_to_json(totals))
        listed = archive_format.checksums_to_text(self._checksums)
        yield from self._file(archive_format.CHECKSUMS, listed)
        yield bytes(2 * tarfile.BLOCKSIZE)

    def _file(self, name: str, data: bytes) -> Iterator[bytes]:
        self._checksums[name] = hashlib.sha256(data).hexdigest()
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        entry.mtime = self._time
        yield entry.tobuf(tarfile.USTAR_FORMAT)
        yield data
        yield bytes(-len(data) % tarfile.BLOCKSIZE)

    def _report(self, size: int, part: str) -> None:
        self._done += size
        total = max(self._header.size_bytes, self._done, 1)
        self._progress(self._done / total, f"Archiving {part}")


def _pieces(documents: Source) -> Iterator[bytes]:
    """Yields batches of whole documents, about as large as a piece should be."""
    waiting: list[bytes] = []
    size = 0
    for batch in documents.batches():
        waiting.append(batch)
        size += len(batch)
        if size >= archive_format.PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _compressed(pieces: Iterable[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Yields number of documents, size and compressed bytes of each piece, in order."""
    with ThreadPoolExecutor(_THREADS) as pool:
        pending: deque[Future[tuple[int, int, bytes]]] = deque()
        for piece in pieces:
            pending.append(pool.submit(_compress, piece))
            if len(pending) > _THREADS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _compress(piece: bytes) -> tuple[int, int, bytes]:
    return len(layout.DocumentBatch.of(piece)), len(piece), compress(piece)
