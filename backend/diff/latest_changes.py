"""The changes of HEAD since the latest snapshot, as last counted, and whether they still are.

Counting reads the whole dataset, so what was counted is kept, together with what was compared: a
snapshot, and a sample collection, which no two states of a dataset share. Every operation that
makes another snapshot the latest one, or exchanges the dataset's state, so makes what is kept out
of date without having to think of it. Edits in place are told by their times, and restored
samples, whose times are old, by the time at which they were restored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import SampleChangeSummary, SnapshotRecord
from ..mongo.database import Document, server_time
from . import changes


def basis(snapshot_id: ObjectId | None, sample_collection: str | None) -> Document:
    """Returns what was compared, as it is kept.

    Args:
        snapshot_id: the snapshot that was the latest one, or None if there was none
        sample_collection: the dataset's sample collection

    Returns:
        the document
    """
    return {"snapshot_id": snapshot_id, "sample_collection": sample_collection}


def calculate(database: Database[Document], dataset_id: ObjectId) -> SampleChangeSummary:
    """Counts the changes of a dataset since its latest snapshot, and keeps the counts.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        the counts, stamped with the time from which on edits may be missing in them
    """
    catalog = Catalog(database)
    latest = catalog.latest(dataset_id)
    latest_id = None if latest is None else latest.id
    compared = basis(latest_id, _sample_collection(database, dataset_id))
    start = server_time(database)
    summary = changes.in_head(database, dataset_id, latest).summary(start)
    catalog.set_latest_changes(dataset_id, summary, compared)
    return summary


def note_none(
    database: Database[Document],
    record: SnapshotRecord,
    since: datetime,
    sample_collection: str | None = None,
    **facts: Any,
) -> None:
    """Notes that the dataset is what its latest snapshot holds.

    Args:
        database: the database
        record: the snapshot
        since: the time from which on it may have been edited
        sample_collection (None): the dataset's, if it is known
        **facts: what else is to be remembered of the dataset
    """
    known = sample_collection or _sample_collection(database, record.dataset_id)
    compared = basis(record.id, known)
    summary = SampleChangeSummary(record.sample_count, 0, 0, 0, since)
    Catalog(database).set_latest_changes(record.dataset_id, summary, compared, **facts)


def carried(facts: Document, sample_collection: str) -> Document:
    """Returns what is kept of a state that is being discarded, to be kept with it.

    Args:
        facts: what is remembered of the dataset
        sample_collection: the sample collection of that state

    Returns:
        the fields ``latest_changes`` and ``changes_since`` of a discarded state
    """
    compared = facts.get("latest_changes_basis") or {}
    if compared.get("sample_collection") != sample_collection:
        # Counted of another state, or by an earlier version of this package
        return {"latest_changes": None, "changes_since": None}
    return {
        "latest_changes": facts.get("latest_changes"),
        "changes_since": compared.get("snapshot_id"),
    }


def are_of_others(document: Document, facts: Document, latest: SnapshotRecord | None) -> bool:
    """Tells whether another snapshot, or another state, was compared; see :func:`are_stale`."""
    now = basis(None if latest is None else latest.id, document.get("sample_collection_name"))
    return bool(facts.get("latest_changes_basis") != now)


def are_stale(document: Document, facts: Document, latest: SnapshotRecord | None) -> bool:
    """Tells whether other things were compared than the dataset and its latest snapshot now.

    Args:
        document: the dataset document
        facts: what is remembered of the dataset
        latest: its latest snapshot, if any

    Returns:
        True/False
    """
    if are_of_others(document, facts, latest):
        return True
    restored_at = facts.get("restored_at")
    counted_at = (facts.get("latest_changes") or {}).get("updated_at")
    return counted_at is None or (restored_at is not None and restored_at > counted_at)


def _sample_collection(database: Database[Document], dataset_id: ObjectId) -> str | None:
    document = database["datasets"].find_one({"_id": dataset_id}, {"sample_collection_name": 1})
    return None if document is None else document.get("sample_collection_name")
