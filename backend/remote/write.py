"""Writing the documents of a snapshot to a remote: what it lacks, compressed, several at once.

An object that is there already, but that no snapshot needs, may be collected at any moment: unless
it was written after this push was noted. Such a one is written once more, under another name.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from types import TracebackType
from typing import NamedTuple

import numpy as np
from bson import ObjectId
from typing_extensions import Self

from ..archive.compression import compress
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..rawbson.ids import DTYPE
from . import layout, notes
from .store import Created, RemoteStore
from .table import Segment, Table

SEGMENT_BYTES = 4 * 1024 * 1024
"""A segment is full from this size on, before compression."""

_THREADS = 4
_PENDING = 8


class Written(NamedTuple):
    """Documents that were written."""

    table: Table
    """Where they are."""
    manifest: Manifest
    """What they are."""


class SegmentWriter:
    """Writes segments of a dataset, as a context manager.

    Args:
        store: the remote
        dataset_id: the dataset
        known: the names of segments that are there and stay there
        noted_at: when the push was noted, by the store's clock
        step: called now and then; may raise to give up
    """

    def __init__(
        self,
        store: RemoteStore,
        dataset_id: ObjectId,
        known: set[str],
        noted_at: datetime,
        step: Callable[[], None],
    ) -> None:
        self._store = store
        self._dataset_id = dataset_id
        self._known = known
        self._noted_at = noted_at
        self._step = step
        self._pool = ThreadPoolExecutor(_THREADS)
        self.sent_bytes = 0
        """What has travelled."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Whoever goes on must know that nothing is sent any more
        self._pool.shutdown(cancel_futures=True)

    def write(self, documents: Iterable[bytes]) -> Written:
        """Writes documents.

        Args:
            documents: BSON documents, many at once, in order

        Returns:
            what was written
        """
        segments: list[Segment] = []
        counts: list[int] = []
        manifests: list[Manifest] = []
        pending: deque[Future[tuple[Segment, int]]] = deque()

        def take() -> None:
            segment, sent = pending.popleft().result()
            segments.append(segment)
            self.sent_bytes += sent
            self._known.add(segment.name)
            self._step()

        for data in _pieces(documents):
            pending.append(self._pool.submit(self._send, data))
            manifests.append(Manifest.of([data]))
            counts.append(len(manifests[-1]))
            if len(pending) >= _PENDING:
                take()
        while pending:
            take()
        keys = np.concatenate([np.empty(0, DTYPE), *(each.in_order() for each in manifests)])
        return Written(Table.of(keys, counts, segments), Manifest.joined(manifests))

    def manifest(self, data: bytes) -> str:
        """Writes a manifest, which names the push and so is like no other; returns its name."""
        name = layout.sha256(data)
        self._store.create(layout.manifest_key(self._dataset_id, name), data)
        self.sent_bytes += len(data)
        return name

    def note(self, media: Document | None) -> str | None:
        """Writes what was captured of the media, like no other either; returns its name."""
        if media is None:
            return None
        data = notes.to_bytes(media)
        name = layout.sha256(data)
        self._store.create(layout.note_key(self._dataset_id, name), data)
        self.sent_bytes += len(data)
        return name

    def _send(self, data: bytes) -> tuple[Segment, int]:
        stored = compress(data)
        segment = Segment(layout.sha256(stored), len(stored))
        if segment.name in self._known or self._stays(segment, stored):
            return segment, 0 if segment.name in self._known else len(stored)
        stored += layout.UNIQUE + os.urandom(layout.UNIQUE_BYTES)
        segment = Segment(layout.sha256(stored), len(stored))
        self._store.create(layout.segment_key(self._dataset_id, segment.name), stored)
        return segment, len(stored)

    def _stays(self, segment: Segment, stored: bytes) -> bool:
        """Writes a segment; returns whether what is there is not to be collected."""
        key = layout.segment_key(self._dataset_id, segment.name)
        created = self._store.create(key, stored)
        if created is Created.NEW:
            return True
        found = self._store.look(key) if created is Created.SAME else None
        return found is not None and found.written_at >= self._noted_at


def _pieces(documents: Iterable[bytes]) -> Iterable[bytes]:
    waiting: list[bytes] = []
    size = 0
    for batch in documents:
        waiting.append(batch)
        size += len(batch)
        if size >= SEGMENT_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
