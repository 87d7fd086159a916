"""A dataset of which the samples need not be read: they are what a snapshot holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
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


def head_version(database: Database[Document], dataset_id: ObjectId) -> ReadHead:
    """Returns a dataset as it is now, with what a snapshot tells if nobody has written since.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        the dataset
    """
    head, catalog = Head(database, dataset_id), Catalog(database)
    facts = catalog.dataset_facts(dataset_id)
    for witness in ("safety_witness", "witness"):
        noted = dict(facts.get(witness) or {})
        record = catalog.by_id(noted.pop("snapshot_id")) if noted else None
        if record is not None and record.is_live and version_hash.is_untouched(head, noted):
            snapshot = SnapshotVersion(database, record)
            parts = (Part.SAMPLES, Part.FRAMES)
            return ReadHead(head, {part: snapshot.manifest(part) for part in parts})
    return ReadHead(head)
