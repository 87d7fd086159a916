"""Deleted branches: datasets that can be brought back, with their snapshots, for a while.

A deleted branch lies in collections of ours, as a discarded HEAD does: its samples and frames by
renaming, copies of the rest. Its snapshots stay where they are. What is known of it as a branch
stays too, and so its base is held.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from bson import ObjectId
from pymongo.database import Database

from ..catalog import holding
from ..catalog.catalog import Catalog
from ..mongo import fence
from ..mongo.collections import TRASH
from ..mongo.database import Document
from . import discarded

KIND = "branch"
"""What the record of such a thing says of itself; that of a discarded state says nothing."""

_FORMAT = 3
"""Versions that read less do not know that datasets can be in the trash."""


@dataclass(frozen=True)
class TrashedBranch:
    """A branch that was deleted."""

    id: ObjectId
    """The operation that deleted it."""
    dataset_id: ObjectId
    """Of the dataset that it was, and will be again."""
    dataset_name: str
    name: str
    parent_id: ObjectId
    trashed_at: datetime
    content: Document | None = None
    """What was in it when it was deleted, see :mod:`.seal`; None if that is not known."""

    def save(self, database: Database[Document]) -> None:
        """Writes the record down; again, if need be."""
        values = asdict(self)
        document = {"_id": values.pop("id"), "format": _FORMAT, "kind": KIND, **values}
        fence.put(database[TRASH], document, if_there="replace")

    @classmethod
    def from_document(cls, document: Document) -> TrashedBranch:
        """Reads what :meth:`save` wrote.

        Raises:
            NewerFormatError: if a newer version of this package wrote it
        """
        discarded.check_trash_format(document, _FORMAT)
        values = {"content": None, **document, "id": document["_id"]}
        return cls(**{item.name: values[item.name] for item in fields(cls)})


def branches(
    database: Database[Document], dataset_id: ObjectId | None = None
) -> list[TrashedBranch]:
    """Lists deleted branches, oldest first.

    Args:
        database: the database
        dataset_id (None): only those of this dataset, or this one itself

    Returns:
        what is in the trash

    Raises:
        NewerFormatError: if a newer version of this package wrote one of them
    """
    query: Document = {"kind": KIND}
    if dataset_id is not None:
        query["$or"] = [{"dataset_id": dataset_id}, {"parent_id": dataset_id}]
    found = database[TRASH].find(query).sort([("trashed_at", 1), ("_id", 1)])
    return [TrashedBranch.from_document(document) for document in found]


def is_trashed(database: Database[Document], dataset_id: ObjectId) -> bool:
    """Returns whether a dataset that is gone is a branch that can come back."""
    query = {"kind": KIND, "dataset_id": dataset_id}
    return database[TRASH].find_one(query, {"_id": 1}) is not None


def release_base(
    database: Database[Document], dataset_id: ObjectId, facts: Document | None = None
) -> None:
    """Lets go of what a branch needed that is gone for good, if the dataset was one.

    Args:
        database: the database
        dataset_id: the dataset that the branch was
        facts (None): what is remembered of it, if that was read already
    """
    if facts is None:
        facts = Catalog(database).dataset_facts(dataset_id)
    if "branch" in facts:
        holding.release_all(database, dataset_id)


def forget(database: Database[Document], branch: TrashedBranch) -> None:
    """Destroys what is kept of a branch itself, once its snapshots are destroyed.

    Args:
        database: the database
        branch: the branch
    """
    release_base(database, branch.dataset_id)
    Catalog(database).forget_dataset(branch.dataset_id)
    # Last, as it is what makes that an interrupted attempt is repeated
    discarded.destroy_head(database, branch.id)
