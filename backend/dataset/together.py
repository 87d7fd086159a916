"""Reading documents of several collections in one round trip."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from ..mongo.database import Document, raw_documents
from .parts import Documents

K = TypeVar("K", bound=Hashable)

_BATCH_DOCUMENTS = 1000


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
    keys = list(wanted)
    stages: list[Document] = [{"$documents": []}]
    for number, documents in enumerate(wanted.values()):
        # The largest document that there can be still has room for this around it
        reading = [
            {"$match": dict(documents.query)},
            {"$replaceWith": {"of": {"$literal": number}, "document": "$$ROOT"}},
        ]
        union = {"coll": documents.collection.name, "pipeline": reading}
        stages.append({"$unionWith": union})
    found: dict[K, list[RawBSONDocument]] = {key: [] for key in keys}
    for each in raw_documents(database).aggregate(stages, batchSize=_BATCH_DOCUMENTS):
        found[keys[each["of"]]].append(each["document"])
    return found
