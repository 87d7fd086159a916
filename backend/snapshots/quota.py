"""Keeping to the limits, by archiving what nobody has used for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..audit.recording import Recording, recording
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..config import NO_LIMIT, Settings, variable
from ..dataset.reference import DatasetReference, current_name
from ..errors import DatasetBusyError, LimitExceededError
from ..mongo.database import Document, server_time
from .archive import archive


class RoomTakenError(LimitExceededError):
    """The room that was made has been taken by somebody else.

    Whoever makes room catches it and makes some again, so that no user ever sees it.
    """


def make(
    database: Database[Document],
    dataset: DatasetReference,
    counts: tuple[int, int] | None = None,
) -> None:
    """Archives snapshots until one more fits into the limits, if archives are turned on.

    Over the limit of a dataset, of that dataset; over that of the database, of all. Those that
    were loaded longest ago go first, and before them those that never were; never the newest one
    of a dataset, a pinned one, or one that was loaded within the minimum age.

    Must not be called while an operation holds the dataset: archiving is one of its own.

    Args:
        database: the database
        dataset: the dataset that is about to have one more
        counts (None): how many there are, if that was read, see :meth:`.Catalog.counts`

    Raises:
        LimitExceededError: if none can be archived
        DatasetBusyError: if the datasets of those that could be are held by others
        ArchiveStorageError: if the store is full, out of reach, or refuses
    """
    while excesses := _excesses(database, dataset, counts):
        counts = None
        scope, error = excesses[0]
        if Settings.load().archive_path is None or not _archive_one(database, dataset, scope):
            raise error


def check(
    database: Database[Document],
    dataset: DatasetReference,
    counts: tuple[int, int] | None = None,
) -> None:
    """Checks that the room for one more snapshot is still there.

    Args:
        database: the database
        dataset: the dataset that is about to have one more
        counts (None): how many there are, if that was read, see :meth:`.Catalog.counts`

    Raises:
        RoomTakenError: if somebody else was quicker
    """
    for _, error in _excesses(database, dataset, counts):
        raise RoomTakenError(str(error))


def problem(
    database: Database[Document], dataset: DatasetReference, counts: tuple[int, int]
) -> LimitExceededError | None:
    """Returns why one more snapshot does not fit, nor could be made to fit by archiving others.

    Args:
        database: the database
        dataset: the dataset that would have one more
        counts: how many there are, see :meth:`.Catalog.counts`

    Returns:
        what to say of it, or None if one more fits
    """
    archives = Settings.load().archive_path is not None
    for scope, error in _excesses(database, dataset, counts):
        if not archives or next(_candidates(database, scope), None) is None:
            return error
    return None


def remaining(counts: tuple[int, int]) -> int | None:
    """Returns how many more snapshots of a dataset the limits allow.

    Args:
        counts: how many there are, see :meth:`.Catalog.counts`

    Returns:
        the number, or None for any
    """
    settings = Settings.load()
    limits = settings.max_per_dataset, settings.max_in_db
    left = [
        limit - count for limit, count in zip(limits, counts, strict=True) if limit != NO_LIMIT
    ]
    return max(0, min(left)) if left else None


def _excesses(
    database: Database[Document],
    dataset: DatasetReference,
    counts: tuple[int, int] | None = None,
) -> list[tuple[ObjectId | None, LimitExceededError]]:
    """Returns what is full, the dataset or the whole database (None), and what to say of it."""
    settings = Settings.load()
    limits = {dataset.id: settings.max_per_dataset, None: settings.max_in_db}
    found = Catalog(database).counts(dataset.id) if counts is None else counts
    return [
        (scope, _excess(dataset, scope, limit, count))
        for (scope, limit), count in zip(limits.items(), found, strict=True)
        if limit != NO_LIMIT and count >= limit
    ]


def _excess(
    dataset: DatasetReference, scope: ObjectId | None, limit: int, count: int
) -> LimitExceededError:
    settings = Settings.load()
    setting = "max_in_db" if scope is None else "max_per_dataset"
    place = "the database" if scope is None else f"dataset '{dataset.name}'"
    advice = "Delete snapshots that are no longer needed, archive some"
    if settings.archive_path is not None:
        advice = (
            "None of them can be archived automatically: the newest of a dataset, pinned ones, "
            f"and those loaded in the last {settings.min_last_loaded_seconds} seconds never are. "
            "Delete or archive some"
        )
    return LimitExceededError(
        f"There are {count} snapshots in {place}, and at most {limit} are allowed. No snapshot "
        f"was created. {advice}, or raise the limit with the environment variable "
        f"{variable(setting)} (-1 for no limit)."
    )


def _archive_one(
    database: Database[Document], dataset: DatasetReference, scope: ObjectId | None
) -> bool:
    """Archives the first candidate whose dataset is not busy; returns whether there was one."""
    busy: DatasetBusyError | None = None
    is_idle = _idle(database)
    for record in _candidates(database, scope):
        name = current_name(database, record.dataset_id)
        if name is None:
            continue
        wait = None if record.dataset_id == dataset.id else 0
        owner = DatasetReference(record.dataset_id, name)
        automatic = Recording(
            Action.ARCHIVE, name, owner.id, record.name, {"automatic": True}, is_incidental=True
        )
        try:
            with recording(database, automatic):
                moved = archive(database, owner, record.name, wait, is_idle)
            if moved.archive is not None:
                return True
        except DatasetBusyError as error:
            busy = error
    if busy is not None:
        raise busy
    return False


def _candidates(database: Database[Document], scope: ObjectId | None) -> Iterator[SnapshotRecord]:
    """Yields the snapshots that may be archived automatically, in the order in which they go."""
    catalog, is_idle = Catalog(database), _idle(database)
    found: list[SnapshotRecord] = []
    for dataset_id in catalog.dataset_ids() if scope is None else [scope]:
        found += [
            record
            for record in catalog.list(dataset_id)[:-1]
            if record.archive is None and is_idle(record)
        ]
    yield from sorted(found, key=_last_use)


def _idle(database: Database[Document]) -> Callable[[SnapshotRecord], bool]:
    """Returns what tells whether nobody wants a snapshot kept at hand."""
    youngest = server_time(database) - timedelta(seconds=Settings.load().min_last_loaded_seconds)

    def is_idle(record: SnapshotRecord) -> bool:
        loaded_at = record.last_loaded_at
        return not record.pinned and (loaded_at is None or loaded_at <= youngest)

    return is_idle


def _last_use(record: SnapshotRecord) -> tuple[bool, datetime]:
    return record.last_loaded_at is not None, record.last_loaded_at or record.created_at
