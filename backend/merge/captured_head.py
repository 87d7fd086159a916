"""A dataset of which the samples need not be read: they are what its newest snapshot holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Head, Part
from ..diff import version_hash
from ..diff.versions import HeadVersion, SnapshotVersion
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..progress import Progress, silent


@dataclass(frozen=True)
class ReadHead(HeadVersion):
    """The editable state of a dataset, of which some parts were read already."""

    read: Mapping[Part, Manifest] = field(default_factory=dict)

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns what was read, or reads it."""
        return self.read[part] if part in self.read else super().manifest(part, progress)


def head_version(
    database: Database[Document], dataset_id: ObjectId, latest: SnapshotRecord | None
) -> HeadVersion:
    """Returns a dataset as it is now, with what its newest snapshot tells of it.

    Args:
        database: the database
        dataset_id: the dataset
        latest: its newest snapshot, if it has any

    Returns:
        the dataset
    """
    head = Head(database, dataset_id)
    noted = dict(Catalog(database).dataset_facts(dataset_id).get("witness") or {})
    is_of_latest = latest is not None and noted.pop("snapshot_id", None) == latest.id
    if latest is None or not is_of_latest or not version_hash.is_untouched(head, noted):
        return HeadVersion(head)
    snapshot = SnapshotVersion(database, latest)
    return ReadHead(head, {part: snapshot.manifest(part) for part in (Part.SAMPLES, Part.FRAMES)})
