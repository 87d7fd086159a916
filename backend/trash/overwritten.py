"""What restorations of samples have overwritten, while it can still be brought back.

Of each restoration the trash keeps the documents that it changed, twice: what they were, and what
it made of them. By the latter an undo knows what was edited since, and leaves that alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from ..dataset.parts import Documents, Part
from ..mongo import fence
from ..mongo.collections import TRASH, owned_collections, staging_name, trashed_name
from ..mongo.database import Document
from ..operations.journal import Operation
from .discarded import check_trash_format
from .seal import seal

KIND = "samples"
"""What the record of such a thing says of itself; that of a discarded state says nothing."""

_FORMAT = 2
"""Versions that know of discarded states only read 1, and say so."""

_WRITTEN = "wanted."
"""The documents that the restoration wrote are called by this and their part."""

_FIELDS = ("dataset_id", "trashed_at", "snapshot_name", "sample_collection")


@dataclass(frozen=True)
class Overwritten:
    """What one restoration has overwritten."""

    id: ObjectId
    """The restoration."""
    dataset_id: ObjectId
    trashed_at: datetime
    snapshot_name: str
    """The snapshot that samples were restored from."""
    sample_collection: str
    """Where they were. A revert gives the dataset another one."""
    fields_added: Sequence[str] = ()
    """Fields that had been deleted from the schema and came back."""
    groups: Document | None = None
    """What the dataset's document said of its slices before."""
    content: Document | None = None
    """What lies in the trash, see :mod:`.seal`; None if that is not known."""

    def former(self, database: Database[Document], part: Part) -> Documents:
        """Returns the documents that were changed or deleted, as they were."""
        return Documents(database[trashed_name(self.id, part)])

    def written(self, database: Database[Document], part: Part) -> Documents:
        """Returns the documents that were changed or added, as the restoration left them."""
        return Documents(database[trashed_name(self.id, f"{_WRITTEN}{part}")])

    def details(self) -> Document:
        """Returns what :meth:`of` makes it of, for the journal."""
        found: Document = {key: getattr(self, key) for key in _FIELDS}
        return {**found, "fields_added": list(self.fields_added), "groups": self.groups}

    def save(self, database: Database[Document]) -> None:
        """Writes the record down; again, if need be."""
        document = {"_id": self.id, "format": _FORMAT, "kind": KIND, **self.details()}
        fence.put(database[TRASH], document, if_there="replace")

    @classmethod
    def from_document(cls, document: Document) -> Overwritten:
        """Reads what :meth:`save` wrote.

        Args:
            document: the record

        Raises:
            NewerFormatError: if a newer version of this package wrote it
        """
        check_trash_format(document, _FORMAT)
        return replace(cls.of(document["_id"], document), content=document.get("content"))

    @classmethod
    def of(cls, id_: ObjectId, details: Document) -> Overwritten:
        """Reads what :meth:`details` returned."""
        values: dict[str, Any] = {key: details[key] for key in _FIELDS}
        fields = tuple(details.get("fields_added") or ())
        return cls(id_, **values, fields_added=fields, groups=details.get("groups"))


def overwritten(
    database: Database[Document], dataset_id: ObjectId | None = None
) -> list[Overwritten]:
    """Lists what restorations of a dataset, or of all, have overwritten, oldest first.

    Args:
        database: the database
        dataset_id (None): a dataset

    Returns:
        what is in the trash

    Raises:
        NewerFormatError: if a newer version of this package wrote one of them
    """
    query: Document = {"kind": KIND} | ({} if dataset_id is None else {"dataset_id": dataset_id})
    found = database[TRASH].find(query).sort([("trashed_at", 1), ("_id", 1)])
    return [Overwritten.from_document(document) for document in found]


def shelve(running: Operation, item: Overwritten, parts: Sequence[Part]) -> None:
    """Moves what a restoration has staged to where the trash will find it; may be repeated.

    Args:
        running: the restoration
        item: its record
        parts: the parts that it restores
    """
    database = running.database
    item.save(database)
    running.step("recorded")
    existing = owned_collections(database, running.id)
    for part in parts:
        for name in (part.value, f"{_WRITTEN}{part}"):
            staged = staging_name(running.id, name)
            if staged in existing:
                database[staged].rename(trashed_name(running.id, name))
        running.step(f"shelved_{part.value}")
    told = {"content": content(database, item.id)}
    database[TRASH].update_one({"_id": item.id, "content": None}, {"$set": told})


def content(
    database: Database[Document], operation_id: ObjectId, then: Document | None = None
) -> Document:
    """Tells what lies in the trash of what a restoration has overwritten.

    Args:
        database: the database
        operation_id: the restoration
        then (None): what was told of it before

    Returns:
        what :func:`.seal` tells of its collections
    """
    prefix = trashed_name(operation_id, "")
    names = [n for n in owned_collections(database, operation_id) if n.startswith(prefix)]
    # Keys of documents are no paths
    keys = {name[len(prefix) :].replace(".", " "): name for name in sorted(names)}
    return seal(database, keys, then)


def follow(database: Database[Document], dataset_id: ObjectId, former: str, new: str) -> None:
    """Notes that a state of a dataset that came back has another sample collection now.

    Args:
        database: the database
        dataset_id: the dataset
        former: the sample collection that it had
        new: the one that it has
    """
    query = {"kind": KIND, "dataset_id": dataset_id, "sample_collection": former}
    database[TRASH].update_many(query, {"$set": {"sample_collection": new}})
