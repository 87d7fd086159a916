"""What a plan has worked out, for whoever applies it at once.

A plan keeps only what must be decided, so applying it works everything out again. An undo that
somebody asks for is planned and applied in one go: there is nothing to decide, and as long as
nobody has written to the dataset since, the same would come out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pymongo.database import Database

from ..dataset.change_token import DatasetToken
from ..mongo.continuity import Continuity
from ..mongo.database import Document
from ..storage.moment import KnownContent
from ..storage.watch import settled
from .samples import MergedSample

_MOST_BYTES = 64 * 1024 * 1024
"""Of documents that are held: those of 1% of a million samples need half of it."""


@dataclass
class Outcome:
    """What becomes of samples, if that is little and nobody has to decide anything."""

    samples: list[MergedSample] = field(default_factory=list)
    _target: KnownContent | None = None
    """What the target held when the plan was made, if a snapshot has told it."""
    _continuity: Continuity | None = None
    """By what to tell whether writes were counted on since."""
    _bytes: int = 0

    def begin(self, database: Database[Document], target: KnownContent) -> None:
        """Notes what the target holds.

        Args:
            database: the database
            target: what a look has just seen
        """
        self._target, self._continuity = target, settled(database, target.change_token)

    def note(self, merged: MergedSample) -> None:
        """Notes what becomes of a sample."""
        if self._continuity is None:
            return
        changes = (merged.sample, *merged.frames)
        self._bytes += sum(len(each.before or b"") + len(each.after or b"") for each in changes)
        self.samples.append(merged)
        if merged.conflicts or self._bytes > _MOST_BYTES:
            self.drop()

    def drop(self) -> None:
        """Has it worked out again."""
        self.samples.clear()
        self._continuity = None

    def target(self, now: DatasetToken, continuity: Continuity | None) -> KnownContent | None:
        """Returns what the target holds, if the same would come out.

        Args:
            now: a look at it
            continuity: by what to tell whether writes were counted on until then
        """
        before = self._target
        if before is None or self._continuity is None or continuity is None:
            return None
        is_same = before.change_token.proves_no_write(now)
        return before if is_same and self._continuity.lasts_until(continuity) else None
