"""What a branch remembers: its parent, and the snapshot of it that it was made of.

That is kept beside what else we remember of the branch's dataset, so it goes when that goes,
whoever deletes it. Datasets and snapshots are remembered by their ids; the names that are kept are
told only once the parent or the base is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import check_format
from ..dataset.reference import DatasetReference
from ..mongo.collections import CATALOG, DATASETS
from ..mongo.database import Document
from ..results.serialize import Record

_FACT = "branch"
"""The key under which :data:`DATASETS` has it."""

_STORED = (
    "dataset_name",
    "name",
    "parent_id",
    "parent_name",
    "base_snapshot_id",
    "base_snapshot",
    "description",
    "created_at",
    "created_by",
)


@dataclass(frozen=True)
class Branch(Record):
    """A dataset that was made of a snapshot of another one, to be merged back."""

    dataset_id: ObjectId
    dataset_name: str
    """The name that the branch's dataset has now."""
    name: str
    """What the branch was called when it was created; no other branch of its parent has it."""
    parent_id: ObjectId
    parent_name: str
    """The name that the parent has now, or had when the branch was created if it is deleted."""
    base_snapshot_id: ObjectId
    base_snapshot: str
    """The name that the base has now, or had when the branch was created if it is gone."""
    description: str | None
    created_at: datetime
    created_by: str | None
    has_parent: bool = True
    """Whether the parent still exists."""
    has_base: bool = True
    """Whether the base still exists, be it archived or in the trash."""


@dataclass(frozen=True)
class Branches(Record):
    """What a dataset has to do with branches."""

    branch: Branch | None
    """What the dataset is a branch of, if it is one."""
    branches: list[Branch]
    """Its own branches, in order of creation."""


def get_branch(
    database: Database[Document], dataset: DatasetReference | Mapping[str, Any]
) -> Branch | None:
    """Tells what branch a dataset is, if it is one.

    Args:
        database: the database
        dataset: the dataset, or its document in ``datasets``

    Returns:
        the branch, or None if the dataset is none or is gone
    """
    dataset_id = dataset.id if isinstance(dataset, DatasetReference) else dataset["_id"]
    found = _select(database, {"_id": dataset_id})
    return found[0] if found else None


def branches_of(database: Database[Document], parent_id: ObjectId) -> list[Branch]:
    """Lists the branches of a dataset, in order of creation.

    Args:
        database: the database
        parent_id: the dataset

    Returns:
        the branches whose datasets exist
    """
    return _select(database, {f"{_FACT}.parent_id": parent_id})


def around(database: Database[Document], dataset_id: ObjectId) -> Branches:
    """Tells what branch a dataset is, if it is one, and which it has, at one look.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        both
    """
    return told_around(dataset_id, database[DATASETS].aggregate(looking_around(dataset_id)))


def looking_around(dataset_id: ObjectId) -> list[Document]:
    """Returns an aggregation over :data:`DATASETS` that finds what :func:`told_around` reads."""
    return _looking({"$or": [{"_id": dataset_id}, {f"{_FACT}.parent_id": dataset_id}]})


def told_around(dataset_id: ObjectId, documents: Iterable[Document]) -> Branches:
    """Tells what branch a dataset is, if it is one, and which it has, of what was found.

    Args:
        dataset_id: the dataset
        documents: what :func:`looking_around` has found

    Returns:
        both
    """
    found = _told(documents)
    own = next((each for each in found if each.dataset_id == dataset_id), None)
    return Branches(own, [each for each in found if each.parent_id == dataset_id])


def save(database: Database[Document], branch: Branch, **facts: Document) -> None:
    """Remembers that a dataset is a branch; again, if need be.

    Args:
        database: the database
        branch: the branch
        facts: what else is to be remembered of it
    """
    stored = {key: getattr(branch, key) for key in _STORED}
    Catalog(database).set_dataset_facts(branch.dataset_id, **{_FACT: stored}, **facts)


def _select(database: Database[Document], query: Mapping[str, Any]) -> list[Branch]:
    return _told(database[DATASETS].aggregate(_looking(query)))


def _told(documents: Iterable[Document]) -> list[Branch]:
    return [_read(facts) for facts in documents if facts["own"]]


def _looking(query: Mapping[str, Any]) -> list[Document]:
    return [
        {"$match": {_FACT: {"$exists": True}, **query}},
        {"$sort": {f"{_FACT}.created_at": 1, "_id": 1}},
        _named("datasets", "_id", "own"),
        _named("datasets", f"{_FACT}.parent_id", "parent"),
        _named(CATALOG, f"{_FACT}.base_snapshot_id", "base"),
    ]


def _named(collection: str, field: str, to: str) -> Document:
    return {
        "$lookup": {
            "from": collection,
            "localField": field,
            "foreignField": "_id",
            "pipeline": [{"$project": {"name": 1}}],
            "as": to,
        }
    }


def _read(facts: Document) -> Branch:
    check_format(facts)
    stored = {key: facts[_FACT].get(key) for key in _STORED}
    stored["dataset_name"] = facts["own"][0]["name"]
    for parent in facts["parent"]:
        stored["parent_name"] = parent["name"]
    for base in facts["base"]:
        stored["base_snapshot"] = base["name"]
    return Branch(
        dataset_id=facts["_id"],
        has_parent=bool(facts["parent"]),
        has_base=bool(facts["base"]),
        **stored,
    )
