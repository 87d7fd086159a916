"""Reading documents of several collections in one round trip."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from ..mongo.database import Document
from ..mongo.together import ask
from ..rawbson.layout import DocumentBatch
from .parts import Documents

K = TypeVar("K", bound=Hashable)

_BATCH_IDS = 100_000


@dataclass(frozen=True)
class HeldDocuments(Documents):
    """Documents whose content was read already: as it was then, it is told again."""

    held: list[bytes] = field(default_factory=list, repr=False)

    def document_batches(self) -> Iterator[DocumentBatch]:
        """Returns the documents as they were read."""
        if self.held:
            yield DocumentBatch.of(bytearray(b"".join(self.held)))

    def decoded(self, ids: list[Any] | None = None) -> Iterator[Document]:
        """Yields them, decoded; some of them are read again."""
        if ids is not None:
            yield from super().decoded(ids)
        else:
            options = self.collection.codec_options
            yield from (bson.decode(document, options) for document in self.held)


def hold(documents: Documents) -> HeldDocuments:
    """Reads documents, to be told again as they are now.

    Args:
        documents: few documents
    """
    held = [document.raw for document in documents.documents()]
    return HeldDocuments(documents.collection, documents.query, held)


def ids_together(
    database: Database[Document], wanted: Mapping[K, Documents], most: int | None = None
) -> dict[K, list[Any]]:
    """Reads the ``_id`` of documents of several collections.

    Args:
        database: the database that all are in
        wanted: what to read, by any key
        most (None): how many of each at the most; by default, all

    Returns:
        what was found, by the same keys
    """
    found: dict[K, list[Any]] = {key: [] for key in wanted}
    limit: list[Document] = [] if most is None else [{"$limit": most}]
    questions = {
        key: (
            documents.collection.name,
            [{"$match": dict(documents.query)}, *limit, {"$project": {"_id": 1}}],
        )
        for key, documents in wanted.items()
    }
    for key, document in ask(database, questions, _BATCH_IDS):
        found[key].append(document["_id"])
    return found


def read_together(
    database: Database[Document], wanted: Mapping[K, Documents]
) -> dict[K, list[RawBSONDocument]]:
    """Reads documents of several collections, each as the bytes it is.

    Args:
        database: the database that all are in
        wanted: what to read, by any key; of large collections, not much

    Returns:
        what was found, by the same keys
    """
    found: dict[K, list[RawBSONDocument]] = {key: [] for key in wanted}
    questions = {
        key: (documents.collection.name, [{"$match": dict(documents.query)}])
        for key, documents in wanted.items()
    }
    for key, document in ask(database, questions):
        found[key].append(document)
    return found
