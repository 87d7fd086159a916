"""Finding the dataset that a caller means, and refusing what cannot be versioned."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

import fiftyone.constants as foc
import fiftyone.core.dataset as fod
import fiftyone.core.view as fov
import fiftyone.migrations as fomi
from bson import ObjectId
from pymongo.database import Database

from ..errors import DatasetNotFoundError, InvalidRequestError, NotVersionableError
from ..mongo.collections import PREFIX, REVIEWS
from ..mongo.database import Document

_GENERATED_PREFIXES = ("patches.", "frames.", "clips.")

WANTED = {"name": 1, "sample_collection_name": 1, "version": 1, "persistent": 1}
"""The fields of a dataset document that tell whether it can have snapshots."""


@dataclass(frozen=True)
class DatasetReference:
    """A dataset, by the id that it keeps when it is renamed."""

    id: ObjectId
    name: str
    version: str | None = field(default=None, compare=False)
    """Of FiftyOne, as which it is stored, if that is known."""
    is_persistent: bool = field(default=True, compare=False)
    """Whether FiftyOne keeps it; taken for granted if that is not known."""


def resolve(database: Database[Document], dataset: object) -> DatasetReference:
    """Finds a dataset that can have snapshots.

    Args:
        database: the database
        dataset: the name of a dataset, or a :class:`fiftyone.core.dataset.Dataset`

    Returns:
        the dataset

    Raises:
        DatasetNotFoundError: if there is no such dataset
        NotVersionableError: if it is a view, a generated dataset or itself a snapshot
        InvalidRequestError: if it is neither a name nor a dataset
    """
    if isinstance(dataset, fov.DatasetView):
        raise NotVersionableError(
            "A view cannot have snapshots: pass its dataset, or its dataset's name"
        )
    if isinstance(dataset, fod.Dataset):
        if dataset.deleted:
            raise DatasetNotFoundError(f"Dataset '{dataset.name}' is deleted")
        query: Document = {"_id": dataset._doc.id}
        name: str = dataset.name
    elif isinstance(dataset, str):
        query = {"name": dataset}
        name = dataset
    else:
        raise InvalidRequestError(
            f"Expected the name of a dataset or a Dataset, not {type(dataset).__name__}: "
            f"{dataset!r}"
        )

    return found(database, database["datasets"].find_one(query, WANTED), name)


def found(database: Database[Document], document: Document | None, name: str) -> DatasetReference:
    """Returns a dataset that was looked up, if it can have snapshots.

    Args:
        database: the database
        document: of the dataset document, the fields that are :data:`WANTED`; None if there is
            none
        name: the name that was looked up

    Returns:
        the dataset

    Raises:
        DatasetNotFoundError: if there is no such dataset
        NotVersionableError: if it is a generated dataset or itself a snapshot
    """
    if document is None:
        raise DatasetNotFoundError(_not_found(database, name))
    check_versionable(document)
    is_persistent = bool(document.get("persistent"))
    return DatasetReference(
        document["_id"], document["name"], document.get("version"), is_persistent
    )


def check_versionable(document: Document) -> None:
    """Refuses what FiftyOne keeps among the datasets and is not one that people edit.

    Args:
        document: a dataset document

    Raises:
        NotVersionableError: if it is that of a snapshot, or of a generated dataset
    """
    collection = document.get("sample_collection_name") or ""
    if collection.startswith(PREFIX):
        raise NotVersionableError(
            f"'{document['name']}' is a snapshot, which is read-only and has no snapshots of its "
            "own: pass the dataset that it was taken of, or clone it to a new dataset first"
        )
    if collection.startswith(REVIEWS):
        raise NotVersionableError(
            f"'{document['name']}' is the review of a merge, which goes when that is applied or "
            "discarded: pass the dataset that is merged into"
        )
    if collection.startswith(_GENERATED_PREFIXES):
        raise NotVersionableError(
            f"'{document['name']}' is a generated dataset (patches, frames or clips), which "
            "FiftyOne makes again whenever it is needed: pass the dataset it was made from"
        )


def _not_found(database: Database[Document], name: str) -> str:
    """Says that there is no such dataset, and which one may be meant."""
    listed: Document = {"sample_collection_name": {"$regex": "^samples\\."}, "name": {"$type": 2}}
    names = database["datasets"].distinct("name", listed)
    # What somebody has called a branch is not what its dataset is called
    branches = [each for each in names if each.endswith(f".{name}")]
    close = [*branches, *difflib.get_close_matches(name, names, 1)]
    meant = f". Did you mean '{close[0]}'?" if close else ""
    return f"Dataset '{name}' not found{meant}"


def migrate(dataset: DatasetReference) -> None:
    """Brings a dataset up to the version of this FiftyOne, as loading it would.

    FiftyOne migrates datasets when they are loaded, and earlier versions kept elsewhere what
    belongs to one: until 0.19, runs lay inside the dataset document.

    Args:
        dataset: the dataset
    """
    if dataset.version != foc.VERSION:
        fomi.migrate_dataset_if_necessary(dataset.name)


def current_name(database: Database[Document], dataset_id: ObjectId) -> str | None:
    """Returns the name that a dataset has now.

    Args:
        database: the database
        dataset_id: the dataset's id

    Returns:
        the name, or None if the dataset is gone
    """
    document = database["datasets"].find_one({"_id": dataset_id}, {"name": 1})
    return None if document is None else str(document["name"])


def is_deleted(database: Database[Document], dataset_id: ObjectId) -> bool:
    """Returns whether a dataset that had snapshots is gone.

    Args:
        database: the database
        dataset_id: the dataset's id

    Returns:
        True/False
    """
    return database["datasets"].find_one({"_id": dataset_id}, {"_id": 1}) is None
