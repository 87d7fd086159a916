"""Loading a snapshot as a read-only dataset."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import fiftyone.core.dataset as fod
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..actions import Action
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset import generated
from ..dataset.parts import State
from ..dataset.reference import DatasetReference
from ..diff import views
from ..errors import DatasetBusyError, SnapshotError
from ..media import versions
from ..mongo.database import Document, is_forbidden
from ..operations.journal import Operation, operation, recovers
from ..projection import indexes, opened, project
from ..storage import registry
from . import unarchive

_ATTEMPTS = 10

_NOTHING: State = {}

_WAIT_SECONDS = 3600
"""Whoever wants a snapshot that somebody else is making readable waits until it is."""


@views.opens
def load(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    mend: Callable[[], bool] = lambda: False,
) -> fod.Dataset:
    """Loads a snapshot.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        mend: called before anything is made, to mend what dead processes have left of the
            dataset; returns whether there was something to mend

    Returns:
        the snapshot, as a read-only :class:`fiftyone.core.dataset.Dataset`

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        ArchivedSnapshotError: if it is archived, and not to be brought back unasked
    """
    may_write, noted = _note(database, dataset, name)
    if noted is not None and (snapshot := opened.again(database, noted, dataset.name)) is not None:
        return snapshot
    if noted is None and mend():
        may_write, noted = _note(database, dataset, name)
    try:
        opening = _open(database, dataset, name, may_write, noted)
        is_mended = opening.seen.is_unfinished and mend()
    except SnapshotError:
        # What a dead process has left may be in the way
        if not mend():
            raise
        is_mended = True
    if is_mended:
        opening = _open(database, dataset, name, *_note(database, dataset, name))
    record, seen = opening.record, opening.seen
    if may_write:
        indexes.provide(database, record, opening.state)
    with opened.looked_at(record.id) if seen.is_current else nullcontext():
        snapshot = fod.load_dataset(opening.name, reload=True)
    opened.remember(database, record, dataset.name, opening.state, snapshot, seen)
    return snapshot


@dataclass(frozen=True)
class _Opening:
    """A snapshot that FiftyOne can load."""

    record: SnapshotRecord
    name: str
    """The projection's."""
    state: State
    seen: opened.Look


def _note(
    database: Database[Document], dataset: DatasetReference, name: str
) -> tuple[bool, SnapshotRecord | None]:
    """Notes that a snapshot is loaded, so that nobody archives it for not having been used.

    Those who may only read snapshots load them as well.

    Returns:
        whether it could be noted, and the snapshot, if there is one and it is not archived
    """
    try:
        return True, Catalog(database).note_loaded(dataset.id, name)
    except OperationFailure as error:
        if not is_forbidden(error):
            raise
        return False, None


def _open(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    may_write: bool,
    noted: SnapshotRecord | None,
) -> _Opening:
    """Projects a snapshot, and makes it readable if need be."""
    record = noted or unarchive.available(database, dataset, name)
    if may_write and noted is None:
        record = _note(database, dataset, name)[1] or record
    backend = registry.create(record.backend, database)
    for _ in range(_ATTEMPTS):
        state = _NOTHING
        try:
            state = backend.ready(record) or _materialise(database, dataset, record)
            shown = versions.shown(database, record, state)
            projected = project.project(database, record, state, dataset.name, shown)
        finally:
            seen = opened.look(database, record, state)
            _check_still_there(database, dataset, record, seen.record)
        if projected.is_new and seen.has_unmarked:
            generated.remove_unmarked(database, record.id)
        # Meanwhile others may have needed the place
        if seen.fingerprint is not None or backend.is_materialised(record):
            return _Opening(record, projected.name, state, seen)
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
        snapshot_of=dataset.name,
        snapshot_id=record.id,
        snapshot_name=record.name,
        backend=record.backend,
    ) as running:
        # It may have been deleted or archived meanwhile
        record = running.snapshot
        unarchive.check_available(record, dataset)
        running.step("found")
        state = registry.create(record.backend, database).state(record, running.progress)
        running.committing("materialised")
        running.complete()
    return state


@recovers(Action.LOAD)
def _recover(running: Operation) -> None:
    """Drops what was half made."""
    registry.create(running.details["backend"], running.database).tidy(running.dataset_id)


def _check_still_there(
    database: Database[Document],
    dataset: DatasetReference,
    record: SnapshotRecord,
    current: SnapshotRecord | None,
) -> None:
    """Closes a snapshot again that somebody else has archived or destroyed at this moment."""
    if current is None or current.archive is not None:
        project.remove(database, record.id)
        record = Catalog(database).get(dataset.id, record.name, dataset.name)
        unarchive.check_available(record, dataset)
