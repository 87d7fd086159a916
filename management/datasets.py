"""The dataset that a function of the SDK was given, and the database that it is in."""

from __future__ import annotations

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


def find(dataset: str | fod.Dataset) -> tuple[Database[Document], DatasetReference]:
    """Finds the dataset that the caller means: enough for what is asked again and again."""
    connection = database.connect()
    return connection, resolve(connection, dataset)


def name_of(
    connection: Database[Document], dataset: DatasetReference, snapshot: str | DatasetSnapshot
) -> str:
    """Returns the name that the snapshot has now that the caller means."""
    return Catalog(connection).name_of(snapshot, dataset.id, dataset.name)


def as_shown(clock: datetime) -> datetime:
    """Returns the moment at which clocks of the zone in which FiftyOne gives times show a time."""
    return times.at(clock, times.zone(database.connect()))


def use(dataset: str | fod.Dataset) -> tuple[Database[Document], DatasetReference]:
    """Finds the dataset that the caller means, and puts it right if need be."""
    connection = database.connect()
    maintenance.purge_deleted_datasets(connection)
    reference = resolve(connection, dataset)
    maintenance.tidy(connection, reference.id)
    return connection, reference
