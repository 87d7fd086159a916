"""Asking several collections in one round trip."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from .database import Document, raw_documents

K = TypeVar("K", bound=Hashable)

Question: TypeAlias = tuple[str, Sequence[Mapping[str, Any]]]
"""The name of a collection, and the stages of an aggregation over it."""

_BATCH_DOCUMENTS = 1000


def ask(
    database: Database[Document],
    questions: Mapping[K, Question],
    batch_size: int = _BATCH_DOCUMENTS,
) -> Iterator[tuple[K, RawBSONDocument]]:
    """Runs aggregations over several collections as one.

    Args:
        database: the database that all are in
        questions: the aggregations, by any key
        batch_size (1000): how many documents come at once, at the most

    Yields:
        what each yields, as the bytes it is, with its key; those of one key in their order
    """
    keys = list(questions)
    stages: list[Document] = [{"$documents": []}]
    for number, (name, pipeline) in enumerate(questions.values()):
        # The largest document that there can be still has room for this around it
        told = {"$replaceWith": {"of": {"$literal": number}, "document": "$$ROOT"}}
        stages.append({"$unionWith": {"coll": name, "pipeline": [*pipeline, told]}})
    for each in raw_documents(database).aggregate(stages, batchSize=batch_size):
        yield keys[each["of"]], each["document"]
