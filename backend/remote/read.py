"""Reading a snapshot from a remote as if it were an archive: its parts, piece by piece, in order.

Segments are fetched ahead of whoever reads, several at once. Each is checked against its name, and
held for as long as there is room: the documents of a snapshot go through all its segments side by
side, from their beginnings to their ends.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property

import numpy as np
from bson import ObjectId
from typing_extensions import Self

from ..archive import format as archive_format
from ..archive.compression import SpoiltError, decompress
from ..archive.read import Piece
from ..dataset.parts import Part
from ..manifest.manifest import Manifest
from ..rawbson.layout import DocumentBatch
from . import layout
from .layout import Commit
from .manifest import Content
from .store import RemoteStore
from .table import Segment, Table

_HELD_BYTES = 128 * 1024 * 1024
_AHEAD = 6
_THREADS = 4


class RemoteReader:
    """One snapshot of a remote.

    Args:
        store: the remote
        commit: the commit of the snapshot
        content: returns what it holds
        segments (None): what reads segments, if it has read some already
    """

    def __init__(
        self,
        store: RemoteStore,
        commit: Commit,
        content: Callable[[], Content],
        segments: Segments | None = None,
    ) -> None:
        self.source = store.describe(
            layout.commit_key(commit.header.dataset_id, commit.header.name)
        )
        """Where the commit is, for errors."""
        self.header = commit.header
        self._commit = commit
        self._load = content
        self._segments = segments or Segments(store, commit.header.dataset_id)

    @cached_property
    def _content(self) -> Content:
        return self._load()

    @property
    def parts(self) -> list[Part]:
        """The parts that the snapshot holds."""
        found = {*self._content.small, *self._content.tables}
        return [part for part in archive_format.ORDER if part in found]

    def pieces(self) -> Iterator[Piece]:
        """Yields the documents of all parts.

        Yields:
            the pieces

        Raises:
            DamagedRemoteError: if something is missing or was altered
            RemoteStorageError: if the remote is out of reach
        """
        for part in self.parts:
            if part in self._content.tables:
                found = self._segments.ordered(self._content.tables[part], self.source)
            else:
                found = self._segments.whole(self._content.small[part])
            for data in found:
                yield Piece(part, data)

    def check(self, manifests: Mapping[Part, Manifest]) -> None:
        """Makes sure that what was read is what was pushed.

        Args:
            manifests: what was read

        Raises:
            DamagedRemoteError: if it is something else
        """
        empty = Manifest.empty()
        expected = self._commit.content
        for part in {*expected, *manifests}:
            found = manifests.get(part, empty).fingerprint()
            if found != expected.get(part, empty.fingerprint()):
                raise layout.damaged(self.source, f"its {part.value} are not those of its commit")


class Segments:
    """The segments of a dataset in a remote.

    Args:
        store: the remote
        dataset_id: the dataset
        on_read (None): given each segment that was read
    """

    def __init__(
        self,
        store: RemoteStore,
        dataset_id: ObjectId,
        on_read: Callable[[Segment, DocumentBatch], None] | None = None,
    ) -> None:
        self._store = store
        self._dataset_id = dataset_id
        self._on_read = on_read
        self._held: OrderedDict[str, DocumentBatch] = OrderedDict()
        self._size = 0
        self.read_bytes = 0
        """What has travelled."""

    def ordered(self, table: Table, source: str) -> Iterator[bytes]:
        """Yields the documents of a table, about as many at once as a piece of an archive has.

        Args:
            table: where they are
            source: what tells so, for the error

        Yields:
            BSON documents, one after the other
        """
        if not len(table):
            return
        numbers, rows = table.numbers, table.rows
        follows = (numbers[1:] == numbers[:-1]) & (rows[1:] == rows[:-1] + 1)
        starts = np.append(0, np.flatnonzero(~follows) + 1)
        ends = np.append(starts[1:], len(table))
        firsts = np.sort(np.unique(numbers, return_index=True)[1])
        order = [table.segments[number] for number in numbers[firsts]]
        waiting: list[bytes] = []
        size = 0
        runs = zip(
            numbers[starts].tolist(), rows[starts].tolist(), (ends - starts).tolist(), strict=True
        )
        with _Ahead(self, order) as ahead:
            for number, row, count in runs:
                batch = ahead.get(table.segments[number])
                if row + count > len(batch):
                    raise layout.damaged(source, "it places documents where none are")
                data = batch.data[batch.starts[row] : batch.ends[row + count - 1]]
                waiting.append(bytes(data))
                size += len(data)
                if size >= archive_format.PIECE_BYTES:
                    yield b"".join(waiting)
                    waiting, size = [], 0
        if waiting:
            yield b"".join(waiting)

    def whole(self, segments: tuple[Segment, ...]) -> Iterator[bytes]:
        """Yields the documents of some segments, each of them as it is."""
        for _, batch in self.each(list(segments)):
            yield bytes(batch.data)

    def each(self, segments: list[Segment]) -> Iterator[tuple[Segment, DocumentBatch]]:
        """Yields segments and their documents.

        Args:
            segments: the segments, in order

        Yields:
            each of them
        """
        with _Ahead(self, segments) as ahead:
            for segment in segments:
                yield segment, ahead.get(segment)

    def fetch(self, segment: Segment) -> DocumentBatch:
        """Reads a segment.

        Args:
            segment: the segment

        Returns:
            its documents

        Raises:
            DamagedRemoteError: if it is missing or was altered
        """
        key = layout.segment_key(self._dataset_id, segment.name)
        data, source = self._store.find(key), self._store.describe(key)
        if data is None:
            raise layout.damaged(source, "it is missing")
        if layout.sha256(data) != segment.name:
            raise layout.damaged(source, "it was altered, its content is not its name's")
        if data[-len(layout.UNIQUE) - layout.UNIQUE_BYTES :].startswith(layout.UNIQUE):
            data = data[: -len(layout.UNIQUE) - layout.UNIQUE_BYTES]
        try:
            return _batch(decompress(data, archive_format.MAX_PIECE_BYTES))
        except (SpoiltError, struct.error, ValueError) as error:
            raise layout.damaged(source, str(error)) from error

    def held(self, name: str) -> DocumentBatch | None:
        """Returns a segment that was read lately."""
        if name in self._held:
            self._held.move_to_end(name)
        return self._held.get(name)

    def hold(self, segment: Segment, batch: DocumentBatch) -> None:
        """Keeps a segment that was read, for as long as there is room."""
        if self._on_read is not None:
            self._on_read(segment, batch)
        self.read_bytes += segment.size_bytes
        self._held[segment.name] = batch
        self._size += len(batch.data)
        while self._size > _HELD_BYTES and len(self._held) > 1:
            self._size -= len(self._held.popitem(last=False)[1].data)


class _Ahead:
    """Fetches segments in the order in which they are needed first."""

    def __init__(self, segments: Segments, order: list[Segment]) -> None:
        self._segments = segments
        self._coming = iter(order)
        self._pool = ThreadPoolExecutor(_THREADS)
        self._pending: dict[str, Future[DocumentBatch]] = {}

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def get(self, segment: Segment) -> DocumentBatch:
        """Returns a segment."""
        if (batch := self._segments.held(segment.name)) is not None:
            return batch
        pending = self._pending.pop(segment.name, None)
        batch = self._segments.fetch(segment) if pending is None else pending.result()
        self._segments.hold(segment, batch)
        self._begin()
        return batch

    def _begin(self) -> None:
        while len(self._pending) < _AHEAD:
            segment = next(self._coming, None)
            if segment is None:
                return
            if segment.name not in self._pending and self._segments.held(segment.name) is None:
                self._pending[segment.name] = self._pool.submit(self._segments.fetch, segment)


def _batch(data: bytes) -> DocumentBatch:
    """Finds the documents, whose lengths must add up."""
    position, total = 0, len(data)
    while position < total:
        (size,) = struct.unpack_from("<i", data, position)
        if size < 5:
            raise ValueError(f"a document of {size} bytes")
        position += size
    if position != total:
        raise ValueError("its last document is cut off")
    return DocumentBatch.of(data)
