"""What is to be known before a dataset gets another snapshot, each in one round trip."""

from __future__ import annotations

from dataclasses import dataclass

import bson
from bson import ObjectId
from pymongo.database import Database

from ..errors import DuplicateNameError
from ..mongo.collections import CATALOG, DATASETS
from ..mongo.database import Document
from ..mongo.together import Question, ask
from .names import taken
from .queries import NAMED, counting, same_slug
from .record import SnapshotRecord, SnapshotState

_NO_COUNTS: Document = {"own": 0, "all": 0}


@dataclass(frozen=True)
class Beginning:
    """What is known before anything is done."""

    facts: Document
    """What we remember of the dataset besides its snapshots."""
    counts: tuple[int, int]
    """See :meth:`.Catalog.counts`."""

    @classmethod
    def read(cls, database: Database[Document], dataset_id: ObjectId, name: str) -> Beginning:
        """Reads it, and checks that a name is free.

        Args:
            database: the database
            dataset_id: the dataset
            name: a valid name

        Raises:
            DuplicateNameError: if it is taken
        """
        found = _read(
            database,
            {
                "taken": (CATALOG, [{"$match": same_slug(dataset_id, name)}, {"$limit": 1}]),
                "facts": (DATASETS, [{"$match": {"_id": dataset_id}}]),
                "counts": (CATALOG, counting(dataset_id)),
            },
        )
        if "taken" in found:
            raise DuplicateNameError(taken(name, found["taken"]["name"]))
        counts = found.get("counts", _NO_COUNTS)
        return cls(found.get("facts", {}), (counts["own"], counts["all"]))


@dataclass(frozen=True)
class Place:
    """Where a snapshot comes to be, as it is while the lease is held."""

    counts: tuple[int, int]
    sequence: int
    """The position of the next snapshot, after trashed ones too."""
    latest: SnapshotRecord | None
    """The newest snapshot that can be used, if any."""

    @classmethod
    def read(cls, database: Database[Document], dataset_id: ObjectId) -> Place:
        """Reads it.

        Args:
            database: the database
            dataset_id: the dataset
        """
        own: Document = {"dataset_id": dataset_id}
        ready: Document = {**own, **NAMED, "state": SnapshotState.READY.value}
        last: list[Document] = [{"$sort": {"sequence": -1, "_id": -1}}, {"$limit": 1}]
        found = _read(
            database,
            {
                "counts": (CATALOG, counting(dataset_id)),
                "newest": (CATALOG, [{"$match": own}, *last, {"$project": {"sequence": 1}}]),
                "latest": (CATALOG, [{"$match": ready}, *last]),
            },
        )
        counts, latest = found.get("counts", _NO_COUNTS), found.get("latest")
        return cls(
            (counts["own"], counts["all"]),
            found["newest"]["sequence"] + 1 if "newest" in found else 1,
            None if latest is None else SnapshotRecord.from_document(latest),
        )


def _read(database: Database[Document], questions: dict[str, Question]) -> dict[str, Document]:
    return {
        key: bson.decode(document.raw, database.codec_options)
        for key, document in ask(database, questions)
    }
