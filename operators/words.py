"""Numbers, sizes and times in words."""

from __future__ import annotations

from datetime import datetime, timezone

from ..backend.catalog.record import SampleChangeSummary
from ..backend.results.times import shown
from ..backend.trash.trash import TrashItem, TrashKind
from .plain import utc

MINUS = "−"

_EXCHANGES = {"rollback": "rollback to", "merge": "merge", "undo": "undo of"}

_UNITS = (
    (3600, 60, "minute"),
    (86400, 3600, "hour"),
    (7 * 86400, 86400, "day"),
    (30 * 86400, 7 * 86400, "week"),
    (365 * 86400, 30 * 86400, "month"),
)


def plural(number: int, noun: str) -> str:
    """Returns a number of things, such as "1 sample" or "12,000 samples"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def change_counts(summary: SampleChangeSummary | None) -> str:
    """Returns a summary in words."""
    if summary is None:
        return "unknown"
    counts = (
        (summary.num_samples_added, "added"),
        (summary.num_samples_deleted, "deleted"),
        (summary.num_samples_changed, "changed"),
    )
    told = [f"{number:,} {what}" for number, what in counts if number]
    return ", ".join(told) or "no changes"


def ago(time: datetime | None, now: datetime | None = None) -> str:
    """Returns how long ago something was, such as "3 minutes ago"."""
    if time is None:
        return "never"
    passed = ((now or datetime.now(timezone.utc)) - utc(time)).total_seconds()
    # Finer than minutes, what is on screen would change at every look
    if passed < 60:
        return "just now"
    for limit, unit, noun in _UNITS:
        if passed < limit:
            return f"{plural(int(passed // unit), noun)} ago"
    return f"{plural(int(passed // (365 * 86400)), 'year')} ago"


def until(time: datetime, now: datetime | None = None) -> str:
    """Returns how long it is until something, such as "6 days"."""
    left = (utc(time) - (now or datetime.now(timezone.utc))).total_seconds()
    if left < 60:
        return "a moment"
    for limit, unit, noun in _UNITS:
        if left < limit or noun == "day":
            return plural(max(1, round(left / unit)), noun)
    return plural(round(left / 86400), "day")


def trash_item(item: TrashItem) -> str:
    """Returns what something in the trash is.

    Args:
        item: what lies in the trash
    """
    if item.kind is TrashKind.SNAPSHOT:
        return f"Snapshot '{item.name}'"
    if item.kind is TrashKind.BRANCH:
        return f"Branch '{item.name}'"
    if item.kind is TrashKind.SAMPLES:
        return f"Samples before they were restored from '{item.name}'"
    when = "after" if item.is_rolled_back else "before"
    return f"The state {when} the {exchange(item)} '{item.name}'"


def undo_name(item: TrashItem) -> str:
    """Returns what bringing a discarded state back is called."""
    return undone_name(_kind(item), item.name, item.is_rolled_back)


def undone_name(of: str, name: str, is_redo: bool) -> str:
    """Returns what undoing an exchange of the whole dataset, or making it again, is called.

    Args:
        of: what was done: a "rollback", a "merge", or the "undo" of an operation
        name: of the snapshot, or of the operation
        is_redo: whether it is done again, since it was undone

    Returns:
        a name such as "Undo rollback to v1"
    """
    said = name if of == "rollback" else f"'{name}'"
    return f"{'Redo' if is_redo else 'Undo'} {_EXCHANGES.get(of, of)} {said}"


def exchange(item: TrashItem) -> str:
    """Returns what has discarded, or made, a former state."""
    return _EXCHANGES[_kind(item)]


def _kind(item: TrashItem) -> str:
    return "undo" if item.is_undo else "merge" if item.is_merge else "rollback"


def bring_back_name(item: TrashItem, is_last: bool) -> str:
    """Returns what bringing a discarded state back is called, if it need not be the last one."""
    return undo_name(item) if is_last else f"Bring back the s{trash_item(item)[5:]}"


def exact(time: datetime) -> str:
    """Returns a time to the second."""
    return shown(time, seconds=True)


def size(number: int) -> str:
    """Returns a number of bytes, such as "1.4 MB"."""
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return (
                f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"
            )
        amount /= 1000
    return f"{amount:.1f} TB"
