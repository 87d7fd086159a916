"""What became of media files between two moments, as far as what is known of them tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from ..config import MediaLevel
from ..results.listed import MAX_LISTED, NOTHING, Listed
from ..results.serialize import Record
from .fact import compared, is_hash
from .listing import FileState, Fingerprint, Listing, aligned


class MediaChange(str, Enum):
    """What became of a file."""

    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    """It has another content."""
    REWRITTEN = "rewritten"
    """It was written to, or put there anew, with the same size: its content may be another one."""
    MISSING = "missing"
    """It was there, and is not any more."""
    BACK = "back"
    """It was not there, and is now."""
    STILL_MISSING = "still_missing"
    UNTOLD = "untold"
    """Too little is known of it."""

    __str__ = str.__str__


@dataclass(frozen=True)
class MediaDiff(Record):
    """What became of the media files that two versions refer to; true if any is another one."""

    TOLD = ("proven",)

    level_a: MediaLevel | None
    """What was found out of the files of the version that is compared with; None if nothing."""
    level_b: MediaLevel | None
    """The same of the version whose changes are told."""
    looked_a: datetime | None
    """When that was found out."""
    looked_b: datetime | None
    files: int = 0
    """How many files ``b`` refers to."""
    unchanged: int = 0
    """Of those that both refer to; as far as size and time tell, but for :attr:`hashed`."""
    hashed: int = 0
    """How many of the unchanged have the same hash, which proves it."""
    replaced: Listed = NOTHING
    rewritten: Listed = NOTHING
    missing: Listed = NOTHING
    back: Listed = NOTHING
    still_missing: Listed = NOTHING
    untold: Listed = NOTHING
    added: Listed = NOTHING
    """Files that only ``b`` refers to."""
    removed: Listed = NOTHING
    """Files that only ``a`` refers to."""
    reason: str | None = None
    """Why nothing can be told, if that is so."""

    @property
    def proven(self) -> bool:
        """Whether all files are there and their hashes show that none was replaced."""
        lacking = self.missing or self.still_missing or self.untold
        return not (self or lacking or self.reason) and self.hashed == self.unchanged

    def __bool__(self) -> bool:
        return bool(self.replaced or self.rewritten or self.missing or self.back)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Returns what is to be told, for people."""
        if self.reason is not None:
            return [f"cannot tell: {self.reason}"]
        told = {
            "replaced": self.replaced,
            "written to since, with the same size": self.rewritten,
            "missing": self.missing,
            "back again": self.back,
            "missing as before": self.still_missing,
            "cannot tell": self.untold,
            "added": self.added,
            "not referred to any more": self.removed,
        }
        lines = [f"{what}: {listed}" for what, listed in told.items() if listed]
        return [*lines, f"unchanged: {self.unchanged:,}{self._how_far()}"]

    def _how_far(self) -> str:
        if not self.unchanged or self.hashed == self.unchanged:
            return " by their hashes" if self.unchanged else ""
        some = f"{self.hashed:,} by their hashes, the rest " if self.hashed else ""
        return f", {some}as far as size and time tell"


@dataclass(frozen=True)
class Looked:
    """What was found out of the files of a version, and when."""

    level: MediaLevel | None
    at: datetime | None
    listing: Listing
    reason: str | None = None
    """Why nothing is known, if that is so."""

    @classmethod
    def nothing(cls, reason: str) -> Looked:
        """Returns that nothing is known.

        Args:
            reason: why
        """
        return cls(None, None, Listing.empty(), reason)


@dataclass
class _Names:
    """Counts things, and keeps the first."""

    total: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.total += 1
        if len(self.first) < MAX_LISTED:
            self.first.append(name)

    def listed(self) -> Listed:
        return Listed(self.total, tuple(self.first))


def compare(a: Looked, b: Looked) -> MediaDiff:
    """Compares what was found out of two versions.

    Args:
        a: the version that is compared with
        b: the version whose changes are told

    Returns:
        the changes
    """
    reason = a.reason or b.reason
    if reason is not None:
        return MediaDiff(a.level, b.level, a.at, b.at, len(b.listing), reason=reason)
    ours, theirs = aligned(a.listing, b.listing)
    names = {change: _Names() for change in MediaChange}
    # Of most files the same is known, and there may be a million
    is_same = ~a.listing.differing(b.listing, ours, theirs)
    is_same &= b.listing.states[theirs] == FileState.FILE
    unchanged = int(is_same.sum())
    hashed = sum(is_hash(b.listing.facts[place]) for place in theirs[is_same].tolist())
    for was, is_ in zip(ours[~is_same].tolist(), theirs[~is_same].tolist(), strict=True):
        change, is_proven = judge(a.listing[was], b.listing[is_])
        unchanged += change is MediaChange.UNCHANGED
        hashed += is_proven and change is MediaChange.UNCHANGED
        names[change].add(b.listing.paths[is_])
    of = {change: found.listed() for change, found in names.items()}
    return MediaDiff(
        level_a=a.level,
        level_b=b.level,
        looked_a=a.at,
        looked_b=b.at,
        files=len(b.listing),
        unchanged=unchanged,
        hashed=hashed,
        replaced=of[MediaChange.REPLACED],
        rewritten=of[MediaChange.REWRITTEN],
        missing=of[MediaChange.MISSING],
        back=of[MediaChange.BACK],
        still_missing=of[MediaChange.STILL_MISSING],
        untold=of[MediaChange.UNTOLD],
        added=_without(b.listing, theirs.tolist()),
        removed=_without(a.listing, ours.tolist()),
    )


def _without(listing: Listing, places: Iterable[int]) -> Listed:
    common = set(places)
    return Listed.of(path for place, path in enumerate(listing.paths) if place not in common)


def judge(was: Fingerprint, is_: Fingerprint) -> tuple[MediaChange, bool]:
    """Tells what became of a file.

    Args:
        was: what was known of it
        is_: what is known of it

    Returns:
        what became of it, and whether hashes prove that
    """
    states = was.state, is_.state
    if states == (FileState.FILE, FileState.FILE):
        return _judge_content(was, is_)
    if not {*states} <= _TOLD:
        return MediaChange.UNTOLD, False
    if FileState.FILE not in states:
        return MediaChange.STILL_MISSING, False
    return (MediaChange.MISSING if states[0] is FileState.FILE else MediaChange.BACK), False


_TOLD = {FileState.FILE, FileState.MISSING, FileState.NO_FILE}


def _judge_content(was: Fingerprint, is_: Fingerprint) -> tuple[MediaChange, bool]:
    if was.size != is_.size:
        return MediaChange.REPLACED, True
    before, now = compared(was.fact), compared(is_.fact)
    common = before.keys() & now.keys()
    for kind in common & {"sha256", "md5"}:
        is_same = before[kind] == now[kind]
        return (MediaChange.UNCHANGED if is_same else MediaChange.REPLACED), True
    if common:
        # An etag is another one if the content is, and may be if it is not
        is_same = all(before[kind] == now[kind] for kind in common)
        return (MediaChange.UNCHANGED if is_same else MediaChange.REWRITTEN), False
    if was.time == is_.time:
        return MediaChange.UNCHANGED, False
    return MediaChange.REWRITTEN, False
