"""What a plan has worked out, for whoever applies it at once.

A plan keeps only what must be decided, so applying it works everything out again. An undo that
somebody asks for is planned and applied in one go: there is nothing to decide, and as long as
nobody has written to the dataset since, the same would come out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..dataset.change_token import DatasetToken
from ..storage.moment import KnownContent
from .samples import MergedSample

_MOST_BYTES = 64 * 1024 * 1024
"""Of documents that are held: those of 1% of a million samples need half of it."""


@dataclass
class Outcome:
    """What becomes of samples, if that is little and nobody has to decide anything."""

    target: KnownContent | None = None
    """What the target held when the plan was made, if a snapshot has told it."""
    samples: list[MergedSample] = field(default_factory=list)
    _is_whole: bool = True
    _bytes: int = 0

    def note(self, merged: MergedSample) -> None:
        """Notes what becomes of a sample."""
        if not self._is_whole:
            return
        changes = (merged.sample, *merged.frames)
        self._bytes += sum(len(each.before or b"") + len(each.after or b"") for each in changes)
        self.samples.append(merged)
        if merged.conflicts or self._bytes > _MOST_BYTES:
            self.drop()

    def drop(self) -> None:
        """Has it worked out again."""
        self.samples.clear()
        self._is_whole = False

    def holds(self, now: DatasetToken) -> bool:
        """Returns whether the same would come out.

        Args:
            now: a look at the target
        """
        if self.target is None or not self._is_whole:
            return False
        return self.target.change_token.proves_no_write(now)
