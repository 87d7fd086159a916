"""What a comparison of two versions tells, as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import fiftyone as fo
import plotly.graph_objects as go
from bson import ObjectId

from ..catalog.record import SampleChangeSummary
from ..media.changes import MediaDiff
from ..rawbson.ids import Ids
from ..results.serialize import Record
from . import plots, report, views
from .records import (
    FieldChanges,
    FrameChanges,
    ItemChange,
    PropertyChange,
    SchemaChange,
    TagChanges,
    VersionSize,
)


@dataclass(frozen=True)
class DatasetDiff(Record):
    """Everything that differs between two versions of a dataset."""

    dataset_name: str
    dataset_id: ObjectId
    a: str
    """The version that is compared with; ``HEAD`` for the dataset as it was when compared."""
    b: str | None
    """The version whose changes these are; None for the dataset as it was when compared."""
    a_id: ObjectId | None
    b_id: ObjectId | None
    compared_at: datetime
    """By the server's clock."""
    total_a: int
    total_b: int
    added: Ids
    """Samples that only ``b`` has."""
    deleted: Ids
    """Samples that only ``a`` has."""
    changed: Ids
    """Samples whose content, or that of any of their frames, differs."""
    frames: FrameChanges | None
    """None if neither version has frames."""
    fields: Mapping[str, FieldChanges]
    """The fields in which samples or frames differ, by path."""
    tags: Mapping[str, TagChanges]
    """Samples that gained or lost each tag."""
    schema: tuple[SchemaChange, ...]
    properties: tuple[PropertyChange, ...]
    items: tuple[ItemChange, ...]
    """Saved views, workspaces, runs and temporal tags."""
    versions: tuple[VersionSize, ...]
    """All snapshots up to now and HEAD, in order."""
    media: MediaDiff | None = None
    """What became of the media files; None if that was not asked for."""

    def __bool__(self) -> bool:
        return bool(
            self.added
            or self.deleted
            or self.changed
            or self.schema
            or self.properties
            or self.items
            or self.media
        )

    @property
    def summary(self) -> SampleChangeSummary:
        """The counts of samples, as the summaries of snapshots give them."""
        return SampleChangeSummary(
            total_samples=self.total_b,
            num_samples_added=len(self.added),
            num_samples_deleted=len(self.deleted),
            num_samples_changed=len(self.changed),
            updated_at=self.compared_at,
        )

    def __str__(self) -> str:
        return report.render(self)

    def added_view(self) -> fo.DatasetView:
        """Returns the samples that were added, as a view into ``b``."""
        return views.newer(self, self.added)

    def deleted_view(self) -> fo.DatasetView:
        """Returns the samples that were deleted, as a view into ``a``, where they still are."""
        return views.older(self, self.deleted)

    def changed_view(self, field: str | None = None, *, before: bool = False) -> fo.DatasetView:
        """Returns the samples that changed.

        Args:
            field (None): only those in which this field of :attr:`fields` differs
            before (False): whether to show them as they were, in ``a``, rather than as they are
                in ``b``

        Returns:
            a view; without the samples that were deleted from the dataset since
        """
        ids = self.changed if field is None else views.field_of(self, field).ids
        return views.older(self, ids) if before else views.newer(self, ids)

    def plot(self) -> dict[str, go.Figure]:
        """Draws the differences.

        Returns:
            Plotly figures: ``classes`` (what happened to the labels of each class), ``confusion``
            (which class became which) and ``versions`` (the size of all versions)
        """
        return plots.figures(self)

    def to_dict(self) -> dict[str, Any]:
        """Returns the differences as plain data, which JSON can hold.

        Ids are left out but for their numbers: there may be millions of them.
        """
        return {
            **super().to_dict(),
            "added": len(self.added),
            "deleted": len(self.deleted),
            "changed": len(self.changed),
        }
