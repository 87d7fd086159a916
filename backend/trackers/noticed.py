"""Runs of trackers as they were last asked for, for those who look every few seconds.

A tracker is a server elsewhere: it is asked in a thread, and nobody waits for it. Where no address
of one is set, nothing is asked and nothing is imported.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import PyMongoError

from ..catalog.catalog import Catalog
from ..dataset.reference import DatasetReference
from ..errors import SnapshotError
from ..mongo.database import Document
from ..search import uri
from . import mlflow
from .run import TrackedRun

logger = logging.getLogger(__name__)

_ADDRESS = "MLFLOW_TRACKING_URI"
"""MLflow's ``set_tracking_uri()`` sets it as well. Without, it would make a folder of its own."""

_FRESH_SECONDS = 60
_KEPT = 1000


@dataclass
class _Noticed:
    runs: tuple[TrackedRun, ...] = ()
    asked_at: float | None = None
    """None while it is still to be asked."""


_lock = threading.Lock()
_noticed: dict[Hashable, _Noticed] = {}
_addresses: dict[ObjectId, str] = {}
"""Of snapshots, which keep theirs."""
_asking: set[Hashable] = set()


def is_set() -> bool:
    """Returns whether there is a tracker to be asked."""
    return bool(os.environ.get(_ADDRESS))


def runs_of(
    database: Database[Document],
    dataset: DatasetReference,
    snapshot_ids: Iterable[str],
    *,
    also_new: bool = True,
) -> dict[str, tuple[TrackedRun, ...]]:
    """Returns the runs that used snapshots, as far as is known by now, and has them asked for.

    Args:
        database: the database
        dataset: the dataset
        snapshot_ids: the ids of the snapshots
        also_new (True): whether those are asked for that nobody has asked for yet

    Returns:
        the runs, newest first, by the ids of the snapshots; those that have none are left out
    """
    tracker, ids = os.environ.get(_ADDRESS, ""), list(snapshot_ids)
    with _lock:
        found = {id_: _noticed.get((tracker, id_), _Noticed()) for id_ in ids}
        now = time.monotonic()
        due = [
            id_
            for id_, each in found.items()
            if (also_new if each.asked_at is None else now - each.asked_at > _FRESH_SECONDS)
        ]
        key = tracker, dataset.id
        if due and key not in _asking:
            _asking.add(key)
            arguments = (database, dataset, tracker, due)
            threading.Thread(target=_ask, args=arguments, daemon=True).start()
    return {id_: each.runs for id_, each in found.items() if each.runs}


def _ask(
    database: Database[Document], dataset: DatasetReference, tracker: str, ids: list[str]
) -> None:
    try:
        for id_ in ids:
            runs: tuple[TrackedRun, ...] | None = None
            try:
                address = _address(database, dataset, ObjectId(id_))
                runs = () if address is None else tuple(mlflow.runs_on(address))
            except (SnapshotError, PyMongoError) as error:
                # Such as one that does not answer: what was known stays
                logger.debug("No runs of snapshot %s were found: %s", id_, error)
            with _lock:
                known = _noticed.pop((tracker, id_), _Noticed())
                kept = known.runs if runs is None else runs
                _noticed[tracker, id_] = _Noticed(kept, time.monotonic())
                while len(_noticed) > _KEPT:
                    _noticed.pop(next(iter(_noticed)))
            if runs is None:
                # The next one would wait as long
                return
    finally:
        with _lock:
            _asking.discard((tracker, dataset.id))


def _address(
    database: Database[Document], dataset: DatasetReference, snapshot_id: ObjectId
) -> str | None:
    if snapshot_id not in _addresses:
        record = Catalog(database).by_id(snapshot_id)
        if record is None or not record.is_complete:
            return None
        _addresses[snapshot_id] = uri.uri(database, dataset, record, names=False)
    return _addresses[snapshot_id]
