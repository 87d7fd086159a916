"""How large the versions of a dataset are, by one measure.

The size of a version is that of everything it holds, as BSON: samples and frames, saved views,
runs with their results, and so on. Snapshots note theirs when they are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.names import HEAD
from ..dataset.parts import Head, Part, State
from ..dataset.reference import DatasetReference
from ..mongo.database import Document, data_size
from .records import VersionSize


def of_versions(
    database: Database[Document], dataset: DatasetReference, now: datetime
) -> Iterator[VersionSize]:
    """Yields the sizes of all versions of a dataset, HEAD at the end.

    Args:
        database: the database
        dataset: the dataset
        now: the time on the server

    Yields:
        the sizes
    """
    for record in Catalog(database).list(dataset.id):
        yield VersionSize(record.name, record.created_at, record.sample_count, record.size_bytes)
    state = Head(database, dataset.id).state()
    samples = state[Part.SAMPLES].collection.estimated_document_count()
    yield VersionSize(HEAD, now, samples, _head_size(database, state))


def _head_size(database: Database[Document], state: State) -> int:
    own = [state[part].collection.name for part in state if part.is_own_collection]
    parts = [
        (
            state[part].collection,
            [
                {"$match": dict(state[part].query)},
                {"$project": {"_id": 0, "size": {"$bsonSize": "$$ROOT"}}},
            ],
        )
        for part in state
        if not part.is_own_collection
    ]
    # What lies among the documents of other datasets is asked for in one go
    (collection, pipeline), *others = parts
    pipeline += [{"$unionWith": {"coll": each.name, "pipeline": sizes}} for each, sizes in others]
    pipeline.append({"$group": {"_id": None, "size": {"$sum": "$size"}}})
    found = collection.aggregate(pipeline, allowDiskUse=True)
    return data_size(database, own) + sum(int(total["size"]) for total in found)
