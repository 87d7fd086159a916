"""What came of verifying a snapshot: of the whole, of each part, and of the media."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from ..results.serialize import Record

MAX_LISTED = 100
"""Damaged documents named in a report; there is no end to what can be damaged."""


class Verdict(str, Enum):
    """What came of verifying a snapshot."""

    INTACT = "intact"
    DAMAGED = "damaged"
    UNTOLD = "untold"
    """It could not be told: something could not be read, which may be as it should be."""

    __str__ = str.__str__


@dataclass(frozen=True)
class Listed(Record):
    """Some things, of which only the first are named."""

    total: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[object]) -> Listed:
        """Counts things and keeps the first names.

        Args:
            names: the things' names

        Returns:
            how many there are, and the first
        """
        remaining = iter(names)
        first = tuple(str(name) for name in islice(remaining, MAX_LISTED))
        return cls(len(first) + sum(1 for _ in remaining), first)

    def __bool__(self) -> bool:
        return self.total > 0

    def __str__(self) -> str:
        more = f" and {self.total - 5} more" if self.total > 5 else ""
        return f"{self.total} ({', '.join(self.names[:5])}{more})"


@dataclass(frozen=True)
class PartReport(Record):
    """What was found of one kind of documents."""

    TOLD = ("ok",)

    part: str
    expected: int | None
    """Documents that were captured; None if that is no longer known."""
    found: int
    missing: Listed = Listed()
    unexpected: Listed = Listed()
    altered: Listed = Listed()
    problem: str | None = None
    """What kept the documents from being compared, if anything."""

    @property
    def ok(self) -> bool:
        """Whether the documents are what was captured."""
        return not (self.missing or self.unexpected or self.altered or self.problem)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if self.ok:
            return f"{self.part}: {self.found} as captured"
        kinds = {"missing": self.missing, "unexpected": self.unexpected, "altered": self.altered}
        findings = [f"{kind} {listed}" for kind, listed in kinds.items() if listed]
        findings += [self.problem] if self.problem else []
        expected = "?" if self.expected is None else self.expected
        return f"{self.part}: {self.found} of {expected}; {'; '.join(findings)}"


@dataclass(frozen=True)
class MediaReport(Record):
    """Which media files are still where the samples say."""

    found: int
    missing: Listed
    unchecked: int
    """References to other places than this machine's file system."""

    def __bool__(self) -> bool:
        return not self.missing

    def __str__(self) -> str:
        unchecked = f"; {self.unchecked} elsewhere were not checked" if self.unchecked else ""
        missing = f"; missing {self.missing}" if self.missing else ""
        return f"media: {self.found} files found{missing}{unchecked}"


@dataclass(frozen=True)
class VerifyReport(Record):
    """Whether a snapshot is what was captured; true if it is."""

    TOLD = ("ok", "verdict")

    dataset_name: str
    snapshot_name: str
    parts: tuple[PartReport, ...]
    lost_results: Listed = Listed()
    """Runs whose results were captured and cannot be loaded any more, by key."""
    media: MediaReport | None = None
    """None if media were not asked for."""
    problem: str | None = None
    """What is wrong with the snapshot as a whole, if anything."""
    untold: str | None = None
    """Why it could not be told whether the snapshot is as captured, if it could not."""

    @property
    def verdict(self) -> Verdict:
        """Whether the snapshot is as captured, wherever the media are."""
        if not all(self.parts) or self.lost_results or self.problem:
            return Verdict.DAMAGED
        return Verdict.UNTOLD if self.untold else Verdict.INTACT

    @property
    def is_intact(self) -> bool:
        """Whether everything that the snapshot holds is as captured, wherever the media are."""
        return self.verdict is Verdict.INTACT

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.is_intact and (self.media is None or bool(self.media))

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        verdict = {
            Verdict.INTACT: "as captured",
            Verdict.DAMAGED: "DAMAGED",
            Verdict.UNTOLD: "could not be told",
        }[self.verdict]
        lines = [f"Snapshot '{self.snapshot_name}' of dataset '{self.dataset_name}': {verdict}"]
        lines += [f"  {reason}" for reason in (self.problem, self.untold) if reason]
        lines += [f"  {part}" for part in self.parts if part.found or not part.ok]
        lines += [f"  runs without results: {self.lost_results}"] if self.lost_results else []
        lines += [f"  {self.media}"] if self.media is not None else []
        return "\n".join(lines)
