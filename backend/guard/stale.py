"""Telling those who write to a dataset that somebody else has reverted to reload it.

After a revert, views take the place of the dataset's former collections (see :mod:`..switch`), so
the server refuses such writes: "... is a view, not a collection". That does not say what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..errors import DatasetBusyError, SnapshotError, StaleDatasetError
from ..mongo.collections import DATASETS
from ..mongo.database import MERGING, Document
from ..operations import journal

_NOT_ON_VIEWS = 166
_INVALID_DOCUMENT = 121
_PREFIXES = ("samples.", "frames.samples.")


@contextmanager
def told(database: Database[Document], collection: str | None) -> Iterator[None]:
    """Says that a dataset must be reloaded, where the server says that it is a view.

    Args:
        database: the database
        collection: the collection that is written to

    Raises:
        StaleDatasetError: if it is one that the dataset had before it was reverted
        DatasetBusyError: if the dataset is being exchanged with the outcome of a merge
    """
    try:
        yield
    except OperationFailure as error:
        if collection is None or not collection.startswith(_PREFIXES):
            raise
        codes = _codes(error)
        if _INVALID_DOCUMENT in codes and MERGING in str(error.details):
            _mend(database, collection)
            raise DatasetBusyError(
                "The dataset is at the last step of a merge, which takes some milliseconds. "
                "Nothing was written: try again"
            ) from error
        if _NOT_ON_VIEWS not in codes:
            raise
        facts = database[DATASETS].find_one({"former_names": collection}, {"_id": True})
        document = facts and database["datasets"].find_one({"_id": facts["_id"]}, {"name": True})
        if not document:
            raise
        name = document["name"]
        raise StaleDatasetError(
            f"Dataset '{name}' was rolled back, or that was undone, since it was loaded here. "
            "Nothing was written. Call dataset.reload() and make the change again; in the App, "
            "reload the page."
        ) from error


def _mend(database: Database[Document], collection: str) -> None:
    """Ends a merge whose process has died: until then nobody could write."""
    keys = ("sample_collection_name", "frame_collection_name")
    query = {"$or": [{key: collection} for key in keys]}
    found = database["datasets"].find_one(query, {"_id": True})
    if found is not None:
        with suppress(SnapshotError):
            # Does nothing while the process lives
            journal.recover(database, found["_id"])


def _codes(error: OperationFailure) -> set[int | None]:
    details = error.details or {}
    return {error.code, *(each.get("code") for each in details.get("writeErrors", []))}
