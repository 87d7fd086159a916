"""Whether what changes much on a dataset is made undoable, unasked.

The environment says it for a process, and each dataset may say it for itself, for whoever works
with it. ``off`` in the environment is the last word: then nobody is asked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..config import Settings, UndoMode
from ..mongo.collections import DATASETS
from ..mongo.database import Document
from ..results.serialize import Record

REMEMBERED_SECONDS = 10.0
"""How long a process goes by what datasets have said."""

_FACT = "undo"

_said: dict[str, tuple[float, dict[ObjectId, UndoMode]]] = {}


@dataclass(frozen=True)
class UndoSetting(Record):
    """Whether what changes much on a dataset is made undoable, unasked."""

    dataset_name: str
    mode: str
    """What holds: ``off``, ``auto`` or ``on``."""
    dataset: str | None
    """What the dataset says; None if nothing."""
    environment: str | None
    """What ``FIFTYONE_SNAPSHOTS_UNDO`` says in this process; None if nothing."""

    def __str__(self) -> str:
        by = "the environment"
        if self.dataset == self.mode and self.environment != UndoMode.OFF:
            by = "the dataset"
        elif self.environment is None:
            by = "default"
        return f"{self.dataset_name}: {self.mode} (by {by})"


def choose(database: Database[Document], dataset_id: ObjectId, mode: UndoMode | None) -> None:
    """Notes what a dataset says.

    Args:
        database: the database
        dataset_id: the dataset
        mode: what it says; None for nothing
    """
    Catalog(database).set_dataset_facts(dataset_id, **{_FACT: mode and mode.value})
    _said.pop(database.name, None)


def chosen(database: Database[Document], dataset_id: ObjectId) -> UndoMode | None:
    """Returns what a dataset says now; None if nothing."""
    return _mode(Catalog(database).dataset_facts(dataset_id).get(_FACT))


def of_datasets(database: Database[Document]) -> dict[ObjectId, UndoMode]:
    """Returns what datasets have said some seconds ago at most; most say nothing.

    One question for all of them, so that the datasets that say nothing cost nothing.
    """
    now = time.monotonic()
    asked, found = _said.get(database.name, (-REMEMBERED_SECONDS, {}))
    if now - asked >= REMEMBERED_SECONDS:
        query = {_FACT: {"$in": [mode.value for mode in UndoMode]}}
        rows = database[DATASETS].find(query, {_FACT: 1})
        found = {row["_id"]: UndoMode(row[_FACT]) for row in rows}
        _said[database.name] = now, found
    return found


def in_force(settings: Settings, said: UndoMode | None) -> UndoMode:
    """Returns what holds.

    Args:
        settings: what the environment says
        said: what the dataset says

    Returns:
        the mode
    """
    if settings.undo is UndoMode.OFF:
        return UndoMode.OFF
    return said or settings.undo or UndoMode.OFF


def _mode(stored: object) -> UndoMode | None:
    # A later version may know more
    known = [mode.value for mode in UndoMode]
    return UndoMode(stored) if stored in known else None
