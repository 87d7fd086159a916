"""The dataset that a function of the SDK was given, and the database that it is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

import fiftyone.core.dataset as fod
from pymongo.database import Database

from ..backend import maintenance
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot
from ..backend.dataset.reference import DatasetReference, resolve
from ..backend.mongo import database
from ..backend.mongo.database import Document
from ..backend.results import times

_resolved: ContextVar[tuple[object, DatasetReference] | None] = ContextVar(
    "resolved", default=None
)


@contextmanager
def resolved(dataset: object, reference: DatasetReference | None) -> Iterator[None]:
    """Spares what runs in a ``with`` block from finding its dataset again.

    Args:
        dataset: what the caller has given
        reference: the dataset that it means, if that is known

    Returns:
        a context manager
    """
    token = _resolved.set(None if reference is None else (dataset, reference))
    try:
        yield
    finally:
        _resolved.reset(token)


def find(dataset: str | fod.Dataset) -> tuple[Database[Document], DatasetReference]:
    """Finds the dataset that the caller means: enough for what is asked again and again."""
    connection = database.connect()
    found = _resolved.get()
    if found is not None and found[0] is dataset:
        # Once: what is asked for later may have been renamed by then
        _resolved.set(None)
        return connection, found[1]
    return connection, resolve(connection, dataset)


def read(dataset: str | fod.Dataset) -> tuple[Database[Document], DatasetReference]:
    """Finds the dataset that the caller means, to look at it: what a crash left is mended.

    Nothing is destroyed that somebody may still want back.
    """
    connection, reference = find(dataset)
    maintenance.mend(connection, reference.id)
    return connection, reference


def name_of(
    connection: Database[Document], dataset: DatasetReference, snapshot: str | DatasetSnapshot
) -> str:
    """Returns the name that the snapshot has now that the caller means."""
    return Catalog(connection).name_of(snapshot, dataset.id, dataset.name)


def as_shown(clock: datetime) -> datetime:
    """Returns the moment at which clocks of the zone in which FiftyOne gives times show a time."""
    return times.at(clock, times.zone(database.connect()))


def change(dataset: str | fod.Dataset) -> tuple[Database[Document], DatasetReference]:
    """Finds the dataset that the caller means, to change it: all that is due is done first."""
    connection, reference = find(dataset)
    maintenance.tidy(connection, reference.id)
    return connection, reference
