"""Whether a dataset was written to between two looks at it, without reading it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from ..mongo.database import Document, server_process, write_counters
from .parts import Documents, Head, Part


@dataclass(frozen=True)
class DatasetToken:
    """What tells whether a dataset was written to between two looks at it."""

    counters: Mapping[Part, tuple[Any, ...] | None]
    related: bytes
    """A digest of the documents that lie among those of other datasets."""
    server: ObjectId | None
    """Whose counters these are: a server that starts again counts from zero."""

    @classmethod
    def of(cls, head: Head) -> DatasetToken:
        """Looks at a dataset."""
        state = head.state()
        own = {part: docs for part, docs in state.items() if part.is_own_collection}
        # Results are never changed in place (fiftyone/core/runs.py, save_run_results), so their
        # file records stand for the bytes
        shared = set(state) - set(own) - {Part.RESULT_CHUNKS}
        return cls(
            counters={part: write_counters(docs.collection) for part, docs in own.items()},
            related=_digest([docs for part, docs in state.items() if part in shared]),
            server=server_process(head.database),
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


def _digest(documents: list[Documents]) -> bytes:
    """Returns a digest of documents of several collections, read in one round trip."""
    first, *others = documents
    unions = [
        {"$unionWith": {"coll": docs.collection.name, "pipeline": [{"$match": dict(docs.query)}]}}
        for docs in others
    ]
    pipeline = [{"$match": dict(first.query)}, *unions]
    digest = hashlib.sha256()
    for batch in first.collection.aggregate_raw_batches(pipeline):
        digest.update(batch)
    return digest.digest()
