"""Dropping collections that the chain does not name (any more)."""

from __future__ import annotations

from bson import ObjectId
from pymongo.database import Database

from ..database import Document
from ..namespaces import delta_collections
from ..withdraw import withdraw
from . import chain as chains

_GONE = (
    "This snapshot is not held ready any more, to make room for others: nothing is lost, load it "
    "again with fo.load_dataset(dataset, snapshot=name)"
)


def sweep(database: Database[Document], dataset_id: ObjectId) -> None:
    """Drops the collections of a dataset that nothing needs; the caller holds its lease.

    Args:
        database: the database
        dataset_id: the dataset
    """
    existing = delta_collections(database, dataset_id)
    used = chains.load(database, dataset_id).tokens()
    for name, token in existing.items():
        if token not in used:
            withdraw(database, name, _GONE)
            database.drop_collection(name)
