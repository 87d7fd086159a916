"""Loading a snapshot as a read-only dataset."""

from __future__ import annotations

import fiftyone.core.dataset as fod
from pymongo.database import Database

from ..actions import Action
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.parts import State
from ..dataset.reference import DatasetReference
from ..diff import views
from ..errors import DatasetBusyError
from ..mongo.database import Document, unless_forbidden
from ..operations.journal import Operation, operation, recovers
from ..projection import indexes, project
from ..storage import registry
from . import unarchive

_ATTEMPTS = 10

_WAIT_SECONDS = 3600
"""Whoever wants a snapshot that somebody else is making readable waits until it is."""


@views.opens
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
        catalog.note_loaded(record.id)
        may_write = True
    try:
        visible_name, state = _open(database, dataset, record)
    finally:
        _check_still_there(database, dataset, record)
    if may_write:
        indexes.provide(database, record, state)
    return fod.load_dataset(visible_name, reload=True)


def _open(
    database: Database[Document], dataset: DatasetReference, record: SnapshotRecord
) -> tuple[str, State]:
    """Projects a snapshot, and makes it readable if need be.

    Returns:
        the projection's name, and where the snapshot's documents are
    """
    backend = registry.create(record.backend, database)
    for _ in range(_ATTEMPTS):
        state = backend.ready(record) or _materialise(database, dataset, record)
        visible_name = project.project(database, record, state, dataset.name)
        # Meanwhile others may have needed the place
        if backend.is_materialised(record):
            return visible_name, state
    raise DatasetBusyError(
        f"Snapshot '{record.name}' could not be held ready: too many others are being loaded at "
        "the same time. Try again later."
    )


def _materialise(
    database: Database[Document], dataset: DatasetReference, record: SnapshotRecord
) -> State:
    """Makes a snapshot readable; alone, so that it is done once however many want it."""
    with operation(
        database,
        dataset.id,
        Action.LOAD,
        wait_seconds=_WAIT_SECONDS,
        snapshot_id=record.id,
        snapshot_name=record.name,
        backend=record.backend,
    ) as running:
        # It may have been deleted or archived meanwhile
        record = Catalog(database).get(dataset.id, record.name, dataset.name)
        unarchive.check_available(record, dataset)
        running.step("found")
        state = registry.create(record.backend, database).state(record, running.progress)
        running.committing("materialised")
        running.commit()
    return state


@recovers(Action.LOAD)
def _recover(running: Operation) -> None:
    """Drops what was half made."""
    registry.create(running.details["backend"], running.database).tidy(running.dataset_id)


def _check_still_there(
    database: Database[Document], dataset: DatasetReference, record: SnapshotRecord
) -> None:
    """Closes a snapshot again that somebody else has archived or destroyed at this moment."""
    catalog = Catalog(database)
    current = catalog.by_id(record.id)
    if current is None or current.archive is not None:
        project.remove(database, record.id)
        unarchive.check_available(catalog.get(dataset.id, record.name, dataset.name), dataset)
