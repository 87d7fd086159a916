"""Finding snapshots, across datasets.

What the catalog's indexes can answer is asked of the server first; texts in any language,
manifests and labels are looked at only for what is left, which the limits of snapshots keep few.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.queries import NAMED
from ..catalog.record import SampleChangeSummary, SnapshotRecord
from ..dataset.parts import Part
from ..errors import InvalidRequestError, SnapshotError
from ..manifest import store as manifest_store
from ..mongo.database import Document
from ..rawbson.ids import Ids, positions
from ..results import times
from ..results.serialize import Record
from . import index as search_index
from .history import mentions

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundSnapshot(Record):
    """A snapshot that fits a search."""

    dataset_name: str
    name: str
    description: str | None
    created_at: datetime
    created_by: str | None
    tags: tuple[str, ...]
    sample_count: int
    size_bytes: int
    changes: SampleChangeSummary | None
    """Since the snapshot before it; for the first one, everything is added."""
    id: str = ""
    is_archived: bool = False
    is_pinned: bool = False

    TOLD = ("linear_change_summary",)

    @property
    def linear_change_summary(self) -> SampleChangeSummary | None:
        """The same as ``changes``, as it is called in all results."""
        return self.changes


@dataclass(frozen=True)
class SnapshotQuery:
    """What is known of the snapshots that are wanted; all of it must be true of each."""

    text: str = ""
    """What the name, the description, a tag or the dataset's name contains, in any case."""
    created_by: str | None = None
    since: date | None = None
    """A time, or a day from whose beginning on they were created."""
    until: date | None = None
    """A time before which they were created, or the last day on which they were."""
    tags: tuple[str, ...] = ()
    """All of these."""
    sample_id: ObjectId | None = None
    field: str | None = None
    """The path of a field, those of frames with the prefix ``frames.``."""
    label: str | None = None
    """The class of a label, in whatever field."""


def search(database: Database[Document], query: SnapshotQuery) -> list[FoundSnapshot]:
    """Finds snapshots.

    One that cannot be looked into, because it is damaged or not in the database, does not hinder
    others from being found; a warning names it.

    Args:
        database: the database
        query: what to find

    Returns:
        the snapshots, newest first

    Raises:
        InvalidRequestError: if the query cannot be meant
    """
    catalog = Catalog(database)
    if query.field is not None:
        # Of those of which they were not noted at capture
        for record in catalog.select({"live": True, "fields": None}):
            with _not_in_the_way(record):
                search_index.note_fields(database, record)
    names = {document["_id"]: document["name"] for document in _datasets(database)}
    checks: list[Callable[[SnapshotRecord], bool]] = [
        lambda record: mentions(
            query.text, record.name, record.description, names[record.dataset_id], *record.tags
        )
    ]
    if (sample_id := query.sample_id) is not None:
        checks.append(lambda record: _has_sample(database, record, sample_id))
    if (label := query.label) is not None:
        checks.append(lambda record: search_index.has_class(database, record, label))
    found = [
        record
        for record in catalog.select(_catalog_query(query, times.zone(database)))
        if record.is_complete and record.dataset_id in names and _fits(record, checks)
    ]
    found.sort(key=lambda record: (record.created_at, record.id), reverse=True)
    return [_found(record, names[record.dataset_id]) for record in found]


def _catalog_query(query: SnapshotQuery, zone: tzinfo) -> Document:
    found: Document = {"live": True, **NAMED}
    if query.created_by is not None:
        found["created_by"] = query.created_by
    if query.tags:
        found["tags"] = {"$all": list(query.tags)}
    if query.field is not None:
        found["fields"] = query.field
    period = {}
    if query.since is not None:
        period["$gte"] = _start(query.since, zone)
    if query.until is not None:
        is_day = not isinstance(query.until, datetime)
        period["$lt"] = _start(query.until + timedelta(days=1 if is_day else 0), zone)
    if len(period) == 2 and period["$gte"] >= period["$lt"]:
        raise InvalidRequestError(f"Nothing can be since {query.since} and until {query.until}")
    return {**found, "created_at": period} if period else found


def _start(moment: date, zone: tzinfo) -> datetime:
    """Returns a time, or when a day begins in the zone in which days are shown."""
    return times.zoned(moment) if isinstance(moment, datetime) else times.begin(moment, zone)


def _datasets(database: Database[Document]) -> list[Document]:
    ids = Catalog(database).dataset_ids()
    return list(database["datasets"].find({"_id": {"$in": ids}}, {"name": 1}))


def _has_sample(database: Database[Document], record: SnapshotRecord, sample_id: ObjectId) -> bool:
    manifest = manifest_store.load(database, record.id, Part.SAMPLES)
    _, known = positions(manifest.keys, Ids.of([sample_id]).keys)
    return bool(known[0])


def _fits(record: SnapshotRecord, checks: list[Callable[[SnapshotRecord], bool]]) -> bool:
    with _not_in_the_way(record):
        return all(check(record) for check in checks)
    return False


@contextmanager
def _not_in_the_way(record: SnapshotRecord) -> Iterator[None]:
    try:
        yield
    except SnapshotError as error:
        logger.warning("Snapshot '%s' could not be searched: %s", record.name, error)


def _found(record: SnapshotRecord, dataset_name: str) -> FoundSnapshot:
    return FoundSnapshot(
        dataset_name=dataset_name,
        name=record.name,
        description=record.description,
        created_at=record.created_at,
        created_by=record.created_by,
        tags=record.tags,
        sample_count=record.sample_count,
        size_bytes=record.size_bytes,
        changes=record.changes,
        id=str(record.id),
        is_archived=record.archive is not None,
        is_pinned=record.pinned,
    )
