"""Reading many documents as the server sends them.

PyMongo makes an object of every document, even in raw batches, which takes longer than receiving
them. So replies are taken as they come, and cut here.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing, suppress
from typing import Any

from bson import Int64
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from ..rawbson import layout
from .database import Document

_RAW = CodecOptions(document_class=RawBSONDocument)

_GROWTH = 4
"""So many times as many documents as in the first reply are in those that follow."""


def arrays(
    collection: Collection[Document], find: Mapping[str, Any]
) -> Generator[tuple[memoryview, bool], None, None]:
    """Yields what the server's replies consist of: arrays of documents, as BSON.

    Args:
        collection: the collection
        find: the options of the command ``find``, such as its filter and ``batchSize``

    Yields:
        arrays, and of each whether it is the last one; there is at least one
    """
    database = collection.database
    command: dict[str, Any] = {"find": collection.name, **find}
    if collection.read_concern.document:
        command["readConcern"] = collection.read_concern.document
    # Whoever has waited for one reply will not mind a larger one, and each is a round trip
    size = _GROWTH * find["batchSize"]
    more: dict[str, Any] = {"collection": collection.name, "batchSize": size}
    cursor = 0
    with database.client.start_session(causal_consistency=False) as session:
        try:
            while True:
                reply: Any = database.command(command, codec_options=_RAW, session=session)
                array, cursor = _cut(reply.raw)
                yield array, not cursor
                if not cursor:
                    return
                command = {"getMore": Int64(cursor), **more}
        finally:
            if cursor:
                # Whoever asked has had enough, or the server is gone
                kill = {"killCursors": collection.name, "cursors": [Int64(cursor)]}
                with suppress(PyMongoError):
                    database.command(kill, session=session)


def document_batches(
    collection: Collection[Document], query: Mapping[str, Any], size: int, **options: Any
) -> Generator[tuple[layout.DocumentBatch, bool], None, None]:
    """Yields documents as batches of BSON.

    Args:
        collection: the collection
        query: which documents
        size: how many at the most in the first batch; there are more in those that follow
        **options: other options of the command ``find``

    Yields:
        batches, which may be empty, and of each whether it is the last one
    """
    find = {"filter": dict(query), "batchSize": size, **options}
    with closing(arrays(collection, find)) as found:
        for array, is_last in found:
            yield layout.DocumentBatch.of_array(array), is_last


def _cut(reply: bytes) -> tuple[memoryview, int]:
    """Returns the array of documents in a reply, and the number of the cursor that has more."""
    found: dict[str, tuple[int, int]] = {}
    places = {name: start for name, start, _ in layout.elements(reply, 0)}
    for name, start, end in layout.elements(reply, places["cursor"]):
        found[name] = start, end
    start, end = found.get("firstBatch") or found["nextBatch"]
    number = slice(*found["id"])
    return memoryview(reply)[start:end], int.from_bytes(reply[number], "little")
