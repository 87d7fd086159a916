"""Deleting old snapshots by rules, such as "one a week"."""

from __future__ import annotations

import operator
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import SupportsIndex

from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.reference import DatasetReference
from ..errors import HeldSnapshotError, InvalidRequestError, SnapshotNotFoundError
from ..mongo.database import Document, server_time
from ..results.serialize import Record
from . import delete


@dataclass(frozen=True)
class Rules:
    """Which snapshots to keep; each rule keeps some, and what none keeps is deleted."""

    keep_last: int | None = None
    """So many newest ones."""
    keep_daily: int | None = None
    """The newest one of each of the last so many days that have any.
    Days are those of ``fiftyone.config.timezone``, or of UTC."""
    keep_weekly: int | None = None
    """The newest one of each of the last so many weeks that have any, from Monday on."""
    older_than: timedelta | None = None
    """Those that are not older than this."""


@dataclass(frozen=True)
class PrunedSnapshot(Record):
    """A snapshot that was deleted, or would be."""

    name: str
    created_at: datetime
    size_bytes: int
    """What it takes up, in the database before compression, or in the archive."""
    id: str = ""


@dataclass(frozen=True)
class PruneResult(Record):
    """What :func:`prune` did, or would do."""

    TOLD = ("size_bytes",)

    dataset_name: str
    dry_run: bool
    pruned: tuple[PrunedSnapshot, ...]
    """In order of creation."""
    kept: tuple[str, ...]
    """The names of the others, in order of creation."""

    @property
    def size_bytes(self) -> int:
        """What the pruned snapshots take up, together."""
        return sum(snapshot.size_bytes for snapshot in self.pruned)

    def __str__(self) -> str:
        verb = "would be deleted" if self.dry_run else "deleted"
        total = len(self.pruned) + len(self.kept)
        megabytes = f"{self.size_bytes / 1e6:.1f} MB"
        lines = [
            f"{self.dataset_name}: {len(self.pruned)} of {total} snapshots {verb}, {megabytes}"
        ]
        lines += [
            f"  {snapshot.created_at:%Y-%m-%d}  {snapshot.size_bytes / 1e6:8.1f} MB  "
            f"{snapshot.name}"
            for snapshot in self.pruned
        ]
        return "\n".join(lines)


def prune(
    database: Database[Document], dataset: DatasetReference, rules: Rules, dry_run: bool
) -> PruneResult:
    """Moves the snapshots to the trash that no rule keeps.

    The newest snapshot, pinned ones and the bases of branches are always kept. Each deletion is an
    operation of its own: if this is interrupted, some are deleted and the others are not.

    Args:
        database: the database
        dataset: the dataset
        rules: which snapshots to keep
        dry_run: whether to only tell which would be deleted

    Returns:
        what was done

    Raises:
        InvalidRequestError: if no rule is given, or one makes no sense
    """
    _check(rules)
    records = Catalog(database).list(dataset.id)
    kept = _kept(records, rules, server_time(database))
    pruned = [record for record in records if record.name not in kept]
    if not dry_run:
        for record in pruned:
            # Somebody else may have deleted it as well, and given its name to another one, or made
            # a branch of it
            with suppress(SnapshotNotFoundError, HeldSnapshotError):
                delete.delete(database, dataset, record.name, record.id)
    return PruneResult(
        dataset_name=dataset.name,
        dry_run=dry_run,
        pruned=tuple(
            PrunedSnapshot(
                record.name,
                record.created_at,
                record.archive.size_bytes if record.archive else record.size_bytes,
                str(record.id),
            )
            for record in pruned
        ),
        kept=tuple(record.name for record in records if record.name in kept),
    )


def _check(rules: Rules) -> None:
    counts = {
        "keep_last": rules.keep_last,
        "keep_daily": rules.keep_daily,
        "keep_weekly": rules.keep_weekly,
    }
    if rules.older_than is None and not any(count is not None for count in counts.values()):
        raise InvalidRequestError(
            "Without a rule, all snapshots but the newest would be deleted: pass keep_last, "
            "keep_daily, keep_weekly or older_than"
        )
    for name, count in counts.items():
        if count is not None and not _is_count(count):
            raise InvalidRequestError(
                f"{name} must be a whole number of at least 1, not {count!r}"
            )
    if rules.older_than is not None and not _is_age(rules.older_than):
        raise InvalidRequestError(
            "older_than must be a time such as datetime.timedelta(days=30), not "
            f"{rules.older_than!r}"
        )
    if rules.older_than is not None and rules.older_than < timedelta(0):
        raise InvalidRequestError(f"older_than must not be negative, but is {rules.older_than}")


def _is_count(value: object) -> bool:
    """Callers are not type-checked: this may be anything."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return False
    return operator.index(value) >= 1


def _is_age(value: object) -> bool:
    return isinstance(value, timedelta)


def _kept(records: list[SnapshotRecord], rules: Rules, now: datetime) -> set[str]:
    newest_first = records[::-1]
    kept = {record.name for record in records if record.pinned or record.held_by}
    kept.update(record.name for record in newest_first[: rules.keep_last or 1])
    if rules.keep_daily is not None:
        kept.update(_newest_of_each(newest_first, rules.keep_daily, _day))
    if rules.keep_weekly is not None:
        kept.update(_newest_of_each(newest_first, rules.keep_weekly, _week))
    if rules.older_than is not None:
        age = rules.older_than
        kept.update(record.name for record in records if now - record.created_at <= age)
    return kept


def _newest_of_each(
    newest_first: list[SnapshotRecord], count: int, period: Callable[[datetime], object]
) -> list[str]:
    found: dict[object, str] = {}
    for record in newest_first:
        found.setdefault(period(record.created_at), record.name)
    return list(found.values())[:count]


def _day(time: datetime) -> object:
    return time.date()


def _week(time: datetime) -> object:
    return time.isocalendar()[:2]
