"""Which samples differ between two versions of a dataset, exactly.

:mod:`.parts` reads the documents with other bytes; here they are compared by content, and counted.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..catalog.record import SampleChangeSummary, SnapshotRecord
from ..dataset.parts import Head, Part
from ..errors import (
    ArchiveNotFoundError,
    ArchiveStorageError,
    DamagedArchiveError,
    InvalidSettingError,
)
from ..manifest.cache import CachedPart
from ..mongo.database import Document, server_time
from ..progress import Progress, silent
from ..rawbson import equality
from ..rawbson.ids import DTYPE, Ids, Keys, common
from .parts import PartComparison
from .versions import HeadVersion, NoVersion, SnapshotVersion, Version

logger = logging.getLogger(__name__)

_SUSPECTS = 50_000

# The last one, where a process lacks the packages that others have archived with
_UNREADABLE = (
    ArchiveStorageError,
    ArchiveNotFoundError,
    DamagedArchiveError,
    InvalidSettingError,
)


@dataclass(frozen=True)
class SampleChanges:
    """The samples that differ between two versions."""

    total: int
    """Samples in the newer version."""
    added: Ids
    deleted: Ids
    changed: Ids = field(default_factory=Ids)

    def summary(self, at: datetime) -> SampleChangeSummary:
        """Returns the counts, stamped with a time."""
        return SampleChangeSummary(
            total_samples=self.total,
            num_samples_added=len(self.added),
            num_samples_deleted=len(self.deleted),
            num_samples_changed=len(self.changed),
            updated_at=at,
        )


def compare(older: Version, newer: Version, progress: Progress = silent) -> SampleChanges:
    """Compares two versions of a dataset.

    A sample is changed if its content or that of any of its frames is; FiftyOne's bookkeeping
    alone is no change.

    Args:
        older: the version to compare with
        newer: the version whose changes are wanted
        progress: told how far it is

    Returns:
        the samples that were added, deleted and changed
    """
    samples = PartComparison(older, newer, Part.SAMPLES, progress)
    frames = PartComparison(older, newer, Part.FRAMES, progress)
    changed = np.concatenate(
        [
            _truly_changed(samples, samples.differences.changed_keys),
            frames.owners_of_added(),
            frames.owners_of_deleted(),
        ]
    )
    suspects = frames.differences.changed_keys
    for start in range(0, len(suspects), _SUSPECTS):
        keys = suspects[start : start + _SUSPECTS]
        owners = frames.owners_of_kept(keys)
        # One changed frame is enough to make its sample a changed one
        doubtful = ~(np.isin(owners[0], changed) & np.isin(owners[1], changed))
        found = frames.owners_of_kept(_truly_changed(frames, keys[doubtful]))
        changed = np.unique(np.concatenate([changed, *found]))
    return sample_changes(samples, changed)


def sample_changes(samples: PartComparison, changed: Keys) -> SampleChanges:
    """Returns which samples differ.

    Args:
        samples: the comparison of the samples
        changed: samples with changes in themselves or their frames; may name others, because a
            frame may belong to none

    Returns:
        the samples that were added, deleted and changed
    """
    return SampleChanges(
        total=len(samples.after),
        added=Ids(samples.differences.added_keys),
        deleted=Ids(samples.differences.deleted_keys),
        changed=Ids(common(samples.before.keys, common(samples.after.keys, np.unique(changed)))),
    )


def since_previous(
    database: Database[Document],
    previous: SnapshotRecord | None,
    record: SnapshotRecord,
    known: Mapping[tuple[ObjectId, Part], CachedPart] | None = None,
    now: datetime | None = None,
) -> SampleChangeSummary | None:
    """Returns what a snapshot changed against the one before it.

    Archives that are needed and cannot be read make that unknown, and nothing worse.

    Args:
        database: the database
        previous: the snapshot before, or None for the first one, in which everything is added
        record: the snapshot
        known (None): what need not be read, by snapshot and part
        now (None): the time on the server, if it is known

    Returns:
        the summary, or None if it is unknown
    """
    known = known or {}
    older = NoVersion() if previous is None else SnapshotVersion(database, previous, known)
    try:
        found = compare(older, SnapshotVersion(database, record, known))
    except _UNREADABLE as error:
        logger.warning("What snapshot '%s' has changed is not known: %s", record.name, error)
        return None
    return found.summary(now or server_time(database))


def in_head(
    database: Database[Document], dataset_id: ObjectId, latest: SnapshotRecord | None
) -> SampleChanges:
    """Returns what changed in a dataset since its latest snapshot.

    Args:
        database: the database
        dataset_id: the dataset
        latest: the snapshot

    Returns:
        the changes; without any snapshot everything is added
    """
    older = NoVersion() if latest is None else SnapshotVersion(database, latest)
    return compare(older, HeadVersion(Head(database, dataset_id)))


def _truly_changed(comparison: PartComparison, suspects: Keys) -> Keys:
    """Returns those documents whose content differs, and not only their bytes."""
    changed = [
        pair.key
        for pair in comparison.pairs(suspects)
        if not equality.equal(pair.before, pair.after)
    ]
    return np.array(changed, DTYPE)
