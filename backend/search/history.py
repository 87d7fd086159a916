"""The history of a dataset, as a person browses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..access import arguments
from ..catalog import names
from ..catalog.catalog import Catalog
from ..catalog.record import (
    Archive,
    MergedFrom,
    SampleChangeSummary,
    SnapshotRecord,
    SnapshotState,
)
from ..config import Settings
from ..dataset import reference
from ..dataset.reference import DatasetReference
from ..diff import latest_changes
from ..errors import DatasetNotFoundError, InvalidRequestError
from ..mongo.collections import MERGES, PREFIX, REVIEWS
from ..mongo.database import Document
from ..mongo.together import Question, ask
from ..results.serialize import Record
from ..results.times import zoned

_COUNT = "count"


@dataclass(frozen=True)
class HistoryEntry(Record):
    """A snapshot, with everything that a list of snapshots shows."""

    name: str
    description: str | None
    created_at: datetime
    created_by: str | None
    state: SnapshotState
    sample_count: int
    size_bytes: int
    changes: SampleChangeSummary | None
    """Since the snapshot before it; for the first one, everything is added."""
    previous: str | None
    """The name of the snapshot before it, if any."""
    last_loaded_at: datetime | None
    expires_at: datetime | None
    """When it is destroyed for good, if it is in the trash, not pinned, and no branch's base."""
    tags: tuple[str, ...] = ()
    pinned: bool = False
    archive: Archive | None = None
    """Where its documents are, if they are not in the database."""
    id: str = ""
    dataset_name: str | None = None
    merged_from: MergedFrom | None = None
    """What was merged, if it is what a merge has ended with."""

    TOLD = ("is_archived", "is_pinned", "is_in_trash", "linear_change_summary")

    @property
    def is_archived(self) -> bool:
        """Whether its documents are in an archive."""
        return self.archive is not None

    @property
    def is_pinned(self) -> bool:
        """The same as ``pinned``, as it is called in all results."""
        return self.pinned

    @property
    def linear_change_summary(self) -> SampleChangeSummary | None:
        """The same as ``changes``, as it is called in all results."""
        return self.changes

    @property
    def is_in_trash(self) -> bool:
        """Whether it was deleted, and can be brought back."""
        return self.state is SnapshotState.TRASHED


@dataclass(frozen=True)
class HistoryQuery:
    """Which snapshots of a dataset to show."""

    text: str = ""
    """What the name, the description or a tag contains, in any case."""
    creator: str | None = None
    since: datetime | None = None
    trash: bool = False
    """Deleted snapshots instead of the others."""
    offset: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        arguments.check_fields(self)


@dataclass(frozen=True)
class History(Record):
    """A page of a dataset's history, newest first."""

    entries: list[HistoryEntry]
    matching: int
    """How many snapshots fit the query, on all pages."""
    total: int
    """How many snapshots there are."""
    in_trash: int
    creators: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Location(Record):
    """What FiftyOne has loaded under a name: a dataset, or a snapshot of one."""

    dataset: DatasetReference
    snapshot: str | None
    merge: str | None = None
    """The id of the merge whose review it is, if it is one."""

    TOLD = ("dataset_name", "snapshot_name")

    @property
    def dataset_name(self) -> str:
        """The name of the dataset."""
        return self.dataset.name

    @property
    def snapshot_name(self) -> str | None:
        """The same as ``snapshot``, as it is called in all results."""
        return self.snapshot


def locate(database: Database[Document], name: str) -> Location:
    """Tells whether a loaded dataset is a snapshot, and of which dataset.

    Args:
        database: the database
        name: the name under which FiftyOne has loaded it

    Returns:
        where that is in the history

    Raises:
        DatasetNotFoundError: if there is no such dataset, or its snapshot or dataset is gone
        NotVersionableError: if it cannot have snapshots
    """
    document = database["datasets"].find_one({"name": name}, reference.WANTED)
    collection = "" if document is None else str(document.get("sample_collection_name"))
    if document is not None and collection.startswith(REVIEWS):
        return _locate_review(database, document)
    if document is None or not collection.startswith(PREFIX):
        return Location(reference.found(database, document, name), None)
    record = Catalog(database).by_id(document["_id"])
    owner = (
        database["datasets"].find_one({"_id": record.dataset_id}, {"name": 1}) if record else None
    )
    if record is None or owner is None:
        raise DatasetNotFoundError(f"'{name}' is a snapshot that has been deleted")
    return Location(DatasetReference(owner["_id"], owner["name"]), record.name)


def _locate_review(database: Database[Document], document: Document) -> Location:
    plan = database[MERGES].find_one({"_id": document["_id"]}, {"target_id": 1}) or {}
    target = database["datasets"].find_one({"_id": plan.get("target_id")}, {"name": 1})
    if target is None:
        raise DatasetNotFoundError(f"'{document['name']}' is the review of a merge that is gone")
    merge = str(document["_id"])
    return Location(DatasetReference(target["_id"], target["name"]), None, merge)


def find_unopened(database: Database[Document], visible_name: str) -> Location | None:
    """Finds the snapshot that a name such as ``digits@v1`` means, though nobody has opened it yet.

    Args:
        database: the database
        visible_name: the name

    Returns:
        where that is in the history, or None if a dataset has the name or nothing would get it

    Raises:
        InvalidRequestError: if several snapshots would get it
    """
    parts = visible_name.split("@")
    splits = {
        "@".join(parts[:number]): "@".join(parts[number:]) for number in range(1, len(parts))
    }
    query = {"name": {"$in": [visible_name, *splits]}}
    known = {each["name"]: each["_id"] for each in database["datasets"].find(query, {"name": 1})}
    if visible_name in known:
        return None
    catalog = Catalog(database)
    found = [
        Location(DatasetReference(dataset_id, name), splits[name])
        for name, dataset_id in known.items()
        if name in splits and catalog.find(dataset_id, splits[name]) is not None
    ]
    if len(found) > 1:
        meant = " or ".join(f"load_dataset({it.dataset.name!r}, {it.snapshot!r})" for it in found)
        raise InvalidRequestError(
            f"Several snapshots could be meant by {visible_name!r}: say which, {meant}"
        )
    return found[0] if found else None


def browse(
    database: Database[Document], dataset: DatasetReference, query: HistoryQuery
) -> History:
    """Lists snapshots of a dataset, those that are being created included.

    Args:
        database: the database
        dataset: the dataset
        query: which ones

    Returns:
        a page of its history
    """
    return page(Catalog(database).list_all(dataset.id), dataset.name, query)


def page(records: Sequence[SnapshotRecord], dataset_name: str, query: HistoryQuery) -> History:
    """Lists those of a dataset's snapshots that fit a query.

    Args:
        records: all of its snapshots, in order of creation
        dataset_name: its name
        query: which ones

    Returns:
        a page of its history
    """
    named = [record for record in records if not record.is_safety]
    live = [record for record in named if record.is_live]
    trashed = [record for record in named if not record.is_live]
    before = dict(zip([record.id for record in live], [None, *live], strict=False))
    shown = [record for record in (trashed if query.trash else live) if _fits(record, query)]
    shown.reverse()
    end = None if query.limit is None else query.offset + query.limit
    return History(
        entries=[
            _entry(record, before.get(record.id), dataset_name)
            for record in shown[query.offset : end]
        ],
        matching=len(shown),
        total=len(live),
        in_trash=len(trashed),
        creators=sorted({record.created_by for record in named if record.created_by}),
    )


def latest_changes_are_stale(
    database: Database[Document],
    document: Document | None,
    facts: Document,
    latest: SnapshotRecord | None,
) -> bool:
    """Tells at a glance whether a dataset seems to have changed since its changes were counted.

    Timestamps answer at once at any size, but miss some changes: good for a hint, nothing more.

    Args:
        database: the database
        document: the dataset document, None if it is gone
        facts: what is remembered of the dataset
        latest: its latest snapshot, if any

    Returns:
        True/False
    """
    summary = SampleChangeSummary.from_dict(facts.get("latest_changes"))
    if document is None or summary is None or summary.updated_at is None:
        return True
    if latest_changes.are_stale(document, facts, latest):
        return True
    deleted_at = document.get("last_deletion_at")
    if deleted_at is not None and deleted_at > summary.updated_at:
        return True
    is_newer: list[Document] = [
        {"$match": {"last_modified_at": {"$gt": summary.updated_at}}},
        {"$limit": 1},
        {"$project": {"_id": 1}},
    ]
    names = [document.get(key) for key in ("sample_collection_name", "frame_collection_name")]
    questions: dict[str, Question] = {name: (name, is_newer) for name in names if name}
    counting: Question = (document["sample_collection_name"], [{"$collStats": {"count": {}}}])
    try:
        answers = list(ask(database, {**questions, _COUNT: counting}))
    except OperationFailure:
        # There is no such collection
        return summary.total_samples != 0
    counts = [answer["count"] for key, answer in answers if key == _COUNT]
    return len(counts) < len(answers) or sum(counts) != summary.total_samples


def head_version(database: Database[Document], dataset_id: ObjectId) -> str:
    """Returns a text that is another one after every revert, undo and restore of samples."""
    names = {"sample_collection_name": 1}
    document = database["datasets"].find_one({"_id": dataset_id}, names) or {}
    restored_at = Catalog(database).dataset_facts(dataset_id).get("restored_at")
    return f"{document.get('sample_collection_name')} {restored_at}"


def count_documents(database: Database[Document], dataset_id: ObjectId) -> int:
    """Returns about how many samples and frames a dataset has, at once at any size."""
    document = database["datasets"].find_one({"_id": dataset_id}) or {}
    names = [document.get(key) for key in ("sample_collection_name", "frame_collection_name")]
    return sum(database[name].estimated_document_count() for name in names if name)


def mentions(text: str, *places: str | None) -> bool:
    """Returns whether any of some texts contains another one, in any case."""
    wanted = names.folded(text.strip())
    return any(wanted in names.folded(place or "") for place in places)


def _fits(record: SnapshotRecord, query: HistoryQuery) -> bool:
    return (
        mentions(query.text, record.name, record.description, *record.tags)
        and (query.creator is None or record.created_by == query.creator)
        and (query.since is None or zoned(record.created_at) >= zoned(query.since))
    )


def _entry(
    record: SnapshotRecord, before: SnapshotRecord | None, dataset_name: str
) -> HistoryEntry:
    expires_at = None
    if record.trashed_at is not None and not record.pinned and not record.held_by:
        expires_at = record.trashed_at + timedelta(days=Settings.load().trash_days)
    return HistoryEntry(
        name=record.name,
        description=record.description,
        created_at=record.created_at,
        created_by=record.created_by,
        state=record.state,
        sample_count=record.sample_count,
        size_bytes=record.size_bytes,
        changes=record.changes,
        previous=before.name if before else None,
        last_loaded_at=record.last_loaded_at,
        expires_at=expires_at,
        tags=record.tags,
        pinned=record.pinned,
        archive=record.archive,
        id=str(record.id),
        dataset_name=dataset_name,
        merged_from=record.merged_from,
    )
