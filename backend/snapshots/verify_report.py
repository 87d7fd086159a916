"""What came of verifying a snapshot: of the whole, of each part, and of the media."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ..results.listed import NOTHING, Listed
from ..results.serialize import Record


class Verdict(str, Enum):
    """What came of verifying a snapshot."""

    INTACT = "intact"
    DAMAGED = "damaged"
    UNTOLD = "untold"
    """It could not be told: something could not be read, which may be as it should be."""

    __str__ = str.__str__


@dataclass(frozen=True)
class PartReport(Record):
    """What was found of one kind of documents."""

    TOLD = ("ok",)

    part: str
    expected: int | None
    """Documents that were captured; None if that is no longer known."""
    found: int
    missing: Listed = NOTHING
    unexpected: Listed = NOTHING
    altered: Listed = NOTHING
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
    """References to other places than this machine's file system, or where nobody may look."""
    captured_at: datetime | None = None
    """When it was noted what the files were; None if it never was, so that nothing but whether
    they are there is told."""
    replaced: Listed = NOTHING
    """Files that have another content than then."""
    rewritten: Listed = NOTHING
    """Files of the same size that were written to since, of whose content no hash was noted."""
    hashed: int = 0
    """Files whose hashes prove that they are what they were."""

    def __bool__(self) -> bool:
        return not (self.missing or self.replaced or self.rewritten)

    def __str__(self) -> str:
        told = [f"media: {self.found} files found"]
        told += [f"missing {self.missing}"] if self.missing else []
        told += [f"replaced {self.replaced}"] if self.replaced else []
        told += [f"written to since {self.rewritten}"] if self.rewritten else []
        told += [f"{self.hashed} as captured by their hashes"] if self.hashed else []
        told += [f"{self.unchecked} elsewhere were not checked"] if self.unchecked else []
        return "; ".join(told)


@dataclass(frozen=True)
class VerifyReport(Record):
    """Whether a snapshot is what was captured; true if it is."""

    TOLD = ("ok", "verdict")

    dataset_name: str
    snapshot_name: str
    parts: tuple[PartReport, ...]
    lost_results: Listed = NOTHING
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
