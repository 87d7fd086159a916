"""Whether a dataset was written to between two looks at it, without reading it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..mongo import engine
from ..mongo.counters import COUNTERS, count_in, counters_in
from ..mongo.database import Document, Server
from ..mongo.engine import Fact
from ..mongo.together import Question, ask
from .parts import Documents, Head, Part, State
from .together import HeldDocuments

_MOST_HELD = 16 * 1024 * 1024
"""Bytes of documents that are kept of a look. More are read again where they are needed."""


@dataclass(frozen=True)
class DatasetToken:
    """What tells whether a dataset was written to between two looks at it."""

    counters: Mapping[Part, tuple[Any, ...] | None]
    related: bytes
    """A digest of the documents that lie among those of other datasets."""
    server: ObjectId | None
    """Whose counters these are: a server that starts again counts from zero."""
    count: int = field(compare=False)
    """How many samples and frames there are, about; 0 where the server does not tell."""
    is_replicated: bool = field(compare=False)
    """Whether that server can tell later what was at one moment."""
    state: State = field(compare=False, repr=False)
    """The dataset that was looked at. What lies among documents of other datasets was read, and
    is what it was then for whoever reads it here."""

    @classmethod
    def of(cls, head: Head) -> DatasetToken:
        """Looks at a dataset."""
        return cls._look(head.database, head.state())

    @classmethod
    def of_state(cls, database: Database[Document], state: State) -> DatasetToken:
        """Looks at collections that are to be a dataset's, or some of them."""
        return cls._look(database, state)

    def again(self, database: Database[Document]) -> DatasetToken:
        """Looks at it again; if it lies elsewhere by now, its document says so."""
        return self._look(database, self.state)

    @classmethod
    def _look(cls, database: Database[Document], state: State) -> DatasetToken:
        own = {part: docs for part, docs in state.items() if part.is_own_collection}
        # Results are never changed in place (fiftyone/core/runs.py, save_run_results), so their
        # file records stand for the bytes
        shared = {part: state[part] for part in state if part not in own}
        shared.pop(Part.RESULT_CHUNKS, None)
        questions: dict[Part, Question] = {
            part: (docs.collection.name, [{"$match": dict(docs.query)}])
            for part, docs in shared.items()
        }
        counting = {part: (docs.collection.name, COUNTERS) for part, docs in own.items()}
        reading = _Reading(shared, own)
        try:
            reading.take(database, {**counting, **questions})
        except OperationFailure:
            # The server counts otherwise, or a collection is gone: then nothing is proved
            reading = _Reading(shared, own)
            reading.take(database, questions)
        server = Server.of(database)
        if not engine.holds(Fact.COUNTS_WRITES, database, server):
            reading.counters = dict.fromkeys(own)
        return cls(
            reading.counters,
            reading.digest(),
            server.process,
            reading.count,
            server.is_replicated,
            {part: reading.held(part, state[part]) for part in state},
        )

    def to_document(self) -> Document:
        """Returns what is to be kept, to tell later whether samples and frames were written to."""
        counters = {part.value: list(found or ()) for part, found in self.counters.items()}
        return {"process": self.server, "counters": counters}

    @property
    def has_counters(self) -> bool:
        """Whether the server tells its counters."""
        return None not in self.counters.values()

    def proves_no_write(self, later: DatasetToken) -> bool:
        """Returns whether a later look proves that nothing was written in between."""
        return self.has_counters and self == later


class _Reading:
    """What is read in one look."""

    def __init__(self, shared: State, own: State) -> None:
        self.counters: dict[Part, tuple[Any, ...] | None] = dict.fromkeys(own)
        self.count = 0
        self._digests = {part: hashlib.sha256() for part in shared}
        self._found: dict[Part, list[bytes]] = {part: [] for part in shared}
        self._bytes = 0

    def take(self, database: Database[Document], questions: Mapping[Part, Question]) -> None:
        """Reads."""
        for part, document in ask(database, questions):
            if part in self.counters:
                self.counters[part] = counters_in(document)
                self.count += count_in(document)
            else:
                self._take(part, document)

    def _take(self, part: Part, document: RawBSONDocument) -> None:
        self._digests[part].update(document.raw)
        self._bytes += len(document.raw)
        if self._bytes <= _MOST_HELD:
            self._found[part].append(document.raw)
        else:
            self._found.clear()

    def digest(self) -> bytes:
        """Returns a digest of all documents."""
        return hashlib.sha256(b"".join(d.digest() for d in self._digests.values())).digest()

    def held(self, part: Part, documents: Documents) -> Documents:
        """Returns the documents of a part with their content, if that is held."""
        collection, query = documents.collection, documents.query
        if part is Part.RESULT_CHUNKS and not query["files_id"]["$in"]:
            return HeldDocuments(collection, query)
        if part not in self._found:
            return Documents(collection, query)
        return HeldDocuments(collection, query, self._found[part])
