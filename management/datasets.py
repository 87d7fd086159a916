"""The dataset that a function of the SDK was given, and the database that it is in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

import fiftyone.core.dataset as fod
from bson import ObjectId
from pymongo.database import Database

from ..backend import maintenance
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot
from ..backend.dataset.reference import DatasetReference, resolve
from ..backend.mongo import database
from ..backend.mongo.database import Document
from ..backend.results import times
from ..backend.search.history import Location

_resolved: ContextVar[tuple[object, DatasetReference] | None] = ContextVar(
    "resolved", default=None
)


@dataclass
class Look:
    """What was found out in one look at a dataset, which changes nothing."""

    locations: dict[str, Location] = field(default_factory=dict)
    """By the names under which FiftyOne has loaded them."""
    mended: set[ObjectId] = field(default_factory=set)
    """The datasets of which nobody need look again what a crash has left."""

    def reference(self, dataset: object) -> DatasetReference | None:
        """Returns the dataset of a name, if it was found."""
        found = (location.dataset for location in self.locations.values())
        return next((each for each in found if each.name == dataset), None)


_look: ContextVar[Look | None] = ContextVar("look", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Has a dataset found once for all that is asked about it in a ``with`` block.

    For what is shown at once, where each question asks for the dataset again.

    Returns:
        a context manager
    """
    token = _look.set(Look())
    try:
        yield
    finally:
        _look.reset(token)


def look() -> Look:
    """Returns what was found out in the look that this is part of."""
    return _look.get() or Look()


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
    seen = look().reference(dataset)
    return connection, resolve(connection, dataset) if seen is None else seen


def read(dataset: str | fod.Dataset) -> tuple[Database[Document], DatasetReference]:
    """Finds the dataset that the caller means, to look at it: what a crash left is mended.

    Nothing is destroyed that somebody may still want back.
    """
    connection, reference = find(dataset)
    if reference.id not in look().mended:
        maintenance.mend(connection, reference.id)
        look().mended.add(reference.id)
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
