"""Loading a snapshot as a read-only dataset."""

from __future__ import annotations

import fiftyone.core.dataset as fod
from pymongo.database import Database

from . import indexes, project, registry
from .archive import unarchive
from .catalog import Catalog
from .database import Document, server_time, unless_forbidden
from .datasets import DatasetReference
from .model import SnapshotRecord


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
        ArchivedSnapshotError: if it is archived, and not to be brought back unasked
    """
    catalog = Catalog(database)
    record = unarchive.available(database, dataset, name)
    # Those who may only read snapshots load them as well
    may_write = False
    with unless_forbidden():
        # Before it is opened, so that nobody archives it meanwhile for not having been used
        catalog.update(record.id, last_loaded_at=server_time(database))
        may_write = True
    try:
        state = registry.create(record.backend, database).state(record)
        visible_name = project.project(database, record, state, dataset.name)
    finally:
        _check_still_there(database, dataset, record)
    if may_write:
        indexes.provide(database, record)
    return fod.load_dataset(visible_name, reload=True)


def _check_still_there(
    database: Database[Document], dataset: DatasetReference, record: SnapshotRecord
) -> None:
    """Closes a snapshot again that somebody else has archived or destroyed at this moment."""
    catalog = Catalog(database)
    current = catalog.by_id(record.id)
    if current is None or current.archive is not None:
        project.remove(database, record.id)
        unarchive.check_available(catalog.get(dataset.id, record.name, dataset.name), dataset)
