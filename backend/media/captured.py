"""What was captured of the media of a snapshot, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..config import MediaLevel
from ..results.serialize import Record
from .store import Capture


@dataclass(frozen=True)
class CapturedMedia(Record):
    """What was captured of the media of a snapshot, in numbers."""

    dataset_name: str
    snapshot_name: str
    level: MediaLevel
    captured_at: datetime
    """By the server's clock."""
    files: int
    """Files that the snapshot refers to, each once."""
    found: int
    hashed: int
    """Those of which a hash is known."""
    missing: int
    unchecked: int
    """Those that are elsewhere, or where nobody may look."""
    size_bytes: int
    """Of the files that were found."""

    @classmethod
    def of(cls, dataset_name: str, snapshot_name: str, found: Capture) -> CapturedMedia:
        """Tells of a capture.

        Args:
            dataset_name: the name of the dataset
            snapshot_name: the name of the snapshot
            found: what was captured
        """
        counts = found.counts
        return cls(
            dataset_name,
            snapshot_name,
            found.level,
            found.captured_at,
            files=counts["files"],
            found=counts["file"],
            hashed=counts["hashed"],
            missing=counts["missing"] + counts["no_file"],
            unchecked=counts["elsewhere"] + counts["unreadable"],
            size_bytes=counts["size_bytes"],
        )

    def __str__(self) -> str:
        told = [f"{self.found:,} of {self.files:,} files found"]
        told += [f"{self.hashed:,} of them read"] if self.hashed else []
        told += [f"{self.missing:,} missing"] if self.missing else []
        told += [f"{self.unchecked:,} elsewhere were not checked"] if self.unchecked else []
        return "; ".join(told)
