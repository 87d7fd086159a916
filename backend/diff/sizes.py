"""How large the versions of a dataset are, by one measure.

The size of a version is that of everything it holds, as BSON: samples and frames, saved views,
runs with their results, and so on. Snapshots note theirs when they are taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..catalog.names import HEAD
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Head, Part, State
from ..dataset.reference import DatasetReference
from ..mongo.database import Document, data_size
from ..mongo.together import Question, ask
from .records import VersionSize


def of_versions(
    database: Database[Document],
    dataset: DatasetReference,
    records: Iterable[SnapshotRecord],
    now: datetime,
) -> Iterator[VersionSize]:
    """Yields the sizes of all versions of a dataset, HEAD at the end.

    Args:
        database: the database
        dataset: the dataset
        records: its snapshots, in order of creation
        now: the time on the server

    Yields:
        the sizes
    """
    for record in records:
        yield VersionSize(record.name, record.created_at, record.sample_count, record.size_bytes)
    state = Head(database, dataset.id).state()
    yield VersionSize(HEAD, now, *_head_sizes(database, state))


def _head_sizes(database: Database[Document], state: State) -> tuple[int, int]:
    """Returns the number of samples, and the size, of all parts in one round trip."""
    size: Document = {"$group": {"_id": None, "size": {"$sum": {"$bsonSize": "$$ROOT"}}}}
    told: list[Document] = [
        {"$collStats": {"storageStats": {}}},
        {"$project": {"size": "$storageStats.size", "count": "$storageStats.count"}},
    ]
    shared: dict[Part, Question] = {
        part: (documents.collection.name, [{"$match": dict(documents.query)}, size])
        for part, documents in state.items()
        if not part.is_own_collection
    }
    own = {part: docs.collection.name for part, docs in state.items() if part.is_own_collection}
    try:
        found = list(ask(database, {**shared, **{part: (own[part], told) for part in own}}))
    except OperationFailure:
        # One is gone, and counts as empty
        count = state[Part.SAMPLES].collection.estimated_document_count()
        others = sum(int(each["size"]) for _, each in ask(database, shared))
        return count, others + data_size(database, list(own.values()))
    count = sum(int(each["count"]) for part, each in found if part is Part.SAMPLES)
    return count, sum(int(each["size"]) for _, each in found)
