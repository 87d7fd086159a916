"""A dataset of which what a snapshot tells need not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bson import ObjectId
from pymongo.database import Database

from ..dataset.change_token import DatasetToken
from ..dataset.parts import Head, Part
from ..diff.versions import HeadVersion
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..progress import Progress, silent
from ..storage import counted
from ..storage.moment import KnownContent


@dataclass(frozen=True)
class ReadHead(HeadVersion):
    """The editable state of a dataset, of which some parts were read already."""

    read: Mapping[Part, Manifest] = field(default_factory=dict)
    content: KnownContent | None = None
    """What was read, with a look that tells for how long it holds; None if nothing was."""

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns what was read, or reads it."""
        return self.read[part] if part in self.read else super().manifest(part, progress)


def head_version(database: Database[Document], dataset_id: ObjectId) -> ReadHead:
    """Returns a dataset as it is now, with what its latest snapshots tell of it.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        the dataset
    """
    head = Head(database, dataset_id)
    token = DatasetToken.of(head)
    read = counted.recall(database, dataset_id, token)
    return ReadHead(head, read, KnownContent(read, token) if read else None)
