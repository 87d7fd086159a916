"""Loading a snapshot as a read-only dataset."""

from __future__ import annotations

import fiftyone.core.dataset as fod
from pymongo.database import Database

from . import indexes, project, registry
from .catalog import Catalog
from .database import Document, server_time, unless_forbidden
from .datasets import DatasetReference


def load(database: Database[Document], dataset: DatasetReference, name: str) -> fod.Dataset:
    """Loads a snapshot.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot

    Returns:
        the snapshot, as a read-only :class:`fiftyone.core.dataset.Dataset`

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
    """
    catalog = Catalog(database)
    record = catalog.get(dataset.id, name, dataset.name)
    state = registry.create(record.backend, database).state(record)
    visible_name = project.project(database, record, state, dataset.name)
    # Those who may only read snapshots load them as well
    with unless_forbidden():
        catalog.update(record.id, last_loaded_at=server_time(database))
        indexes.provide(database, record)
    return fod.load_dataset(visible_name, reload=True)
