"""Inserting many documents that are BSON already, in their order.

PyMongo wants an object for every document and looks at each, which takes longer than sending them.
But it sends the documents of a command one after the other (OP_MSG, a "document sequence"), and a
:class:`bson.raw_bson.RawBSONDocument` as the bytes that it is: so many can go as if they were one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future

from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError
from typing_extensions import Self

from .database import Document
from .gate import Workers

Bson = bytes | memoryview

_MOST_DOCUMENTS = 2000
_MOST_BYTES = 8 * 1024 * 1024
"""Less than the 16 MB that one document may have, which PyMongo takes a batch for."""


class _Batch(RawBSONDocument):
    """Documents one after the other."""

    def __init__(self, documents: bytes) -> None:
        self._documents = documents

    @property
    def raw(self) -> bytes:
        return self._documents


class Writer:
    """Inserts documents in the order in which they come, while the next ones are being read.

    Used as a context manager; when that ends without an exception, all are written.

    Args:
        target: the collection
        on_batch (None): told the documents of each command, while the server is busy with it
    """

    def __init__(
        self, target: Collection[Document], on_batch: Callable[[bytes], None] | None = None
    ) -> None:
        self._target = target
        self._on_batch = on_batch
        self._pool = Workers(max_workers=1)
        self._pending: Future[object] | None = None
        self._documents: list[Bson] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
                self._wait()
        finally:
            self._pool.shutdown()

    def write(self, documents: Iterable[Bson]) -> None:
        """Has documents written, soon.

        Args:
            documents: BSON, which must not change any more
        """
        for document in documents:
            size = len(document)
            if self._bytes + size > _MOST_BYTES or len(self._documents) == _MOST_DOCUMENTS:
                self._flush()
            self._documents.append(document)
            self._bytes += size

    def _flush(self) -> None:
        self._wait()
        if self._documents:
            batch = b"".join(self._documents)
            self._pending = self._pool.submit(_insert, self._target, _Batch(batch))
            self._documents, self._bytes = [], 0
            if self._on_batch is not None:
                self._on_batch(batch)

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()


def _insert(target: Collection[Document], batch: _Batch) -> None:
    # Not `insert_many`, which looks for the document that is refused among those it was given
    reply = target.database.command({"insert": target.name, "documents": [batch]})
    if reply.get("writeErrors"):
        raise BulkWriteError(reply)
