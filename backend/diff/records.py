"""What a comparison of two versions tells, piece by piece."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from ..rawbson.ids import Ids
from ..results.serialize import Record


class Kind(str, Enum):
    """What happened to something."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    RETYPED = "retyped"

    __str__ = str.__str__


@dataclass(frozen=True)
class TagChanges(Record):
    """How often a tag was added and removed."""

    added: int = 0
    removed: int = 0


@dataclass(frozen=True)
class ClassChanges(Record):
    """What happened to the labels of one class."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    """Labels that kept this class and changed otherwise."""
    joined: int = 0
    """Labels that were relabelled to this class."""
    left: int = 0
    """Labels of this class that were relabelled."""


@dataclass(frozen=True)
class LabelChanges(Record):
    """What happened to the labels of one field, matched by their ids."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    """Labels that are in both versions and differ in any attribute."""
    relabelled: int = 0
    """Of those, how many have another class."""
    moved: int = 0
    """Of those, how many have another place: box, points, mask, support."""
    added_with_documents: int = 0
    """Of the added labels, how many came with samples or frames that were added."""
    removed_with_documents: int = 0
    attributes: Mapping[str, int] = field(default_factory=dict)
    """Changed labels by attribute, ``label`` and ``bounding_box`` among them."""
    confusion: Mapping[tuple[str | None, str | None], int] = field(default_factory=dict)
    """Relabelled labels by their classes (before, after)."""
    classes: Mapping[str | None, ClassChanges] = field(default_factory=dict)
    """By class; None for labels without one, such as heatmaps."""
    tags: Mapping[str, TagChanges] = field(default_factory=dict)
    """Tags of labels, by tag."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def to_dict(self) -> dict[str, Any]:
        """Returns the record as plain data; the confusion as a list, for JSON has no pairs."""
        confusion = [
            {"before": before, "after": after, "count": count}
            for (before, after), count in self.confusion.items()
        ]
        return {**super().to_dict(), "confusion": confusion}


@dataclass(frozen=True)
class FieldChanges(Record):
    """What happened to one field, in the samples that are in both versions."""

    path: str
    """Such as ``ground_truth``, or ``frames.objects``."""
    ids: Ids
    """The samples in which it differs."""
    frames: int | None = None
    """The frames in which it differs, for fields of frames."""
    set: int = 0
    """Samples, or frames, in which it had no value before."""
    cleared: int = 0
    """Samples, or frames, in which it has no value any more."""
    paths: Mapping[str, int] = field(default_factory=dict)
    """Differences by what differs inside the value, for embedded documents."""
    labels: LabelChanges | None = None
    """For fields of labels; includes the labels of samples and frames added and deleted."""
    renamed_from: str | None = None

    @property
    def samples(self) -> int:
        """The number of samples in which it differs."""
        return len(self.ids)

    def to_dict(self) -> dict[str, Any]:
        """Returns the record as plain data, with the number of samples and without their ids."""
        return {**super().to_dict(), "ids": None, "samples": self.samples}


@dataclass(frozen=True)
class SchemaChange(Record):
    """What happened to the declaration of a field."""

    path: str
    kind: Kind
    before: str | None = None
    """Its type before, or, if it was renamed, its name."""
    after: str | None = None


@dataclass(frozen=True)
class PropertyChange(Record):
    """What happened to something that the dataset says of itself."""

    path: str
    """Such as ``description``, ``info.source`` or ``default_classes``."""
    before: Any
    """None if it had no value."""
    after: Any


@dataclass(frozen=True)
class ItemChange(Record):
    """What happened to a saved view, a workspace, a run or a temporal tag."""

    item: str
    """``saved view``, ``workspace``, ``brain run``, ``evaluation``, ..."""
    name: str
    kind: Kind
    details: tuple[str, ...] = ()
    """What about it changed; its former name if it was renamed."""


@dataclass(frozen=True)
class FrameChanges(Record):
    """How many frames differ."""

    total: int
    """In the newer version."""
    added: int = 0
    deleted: int = 0
    changed: int = 0


@dataclass(frozen=True)
class VersionSize(Record):
    """How large a version is."""

    name: str
    created_at: datetime | None
    samples: int
    size_bytes: int


def joined(path: str, key: str) -> str:
    """Returns the path of what has a key inside something.

    Args:
        path: the path of what it is inside of, or an empty string
        key: the key, which may have dots itself, and is quoted then

    Returns:
        the path
    """
    if "." in key or '"' in key:
        key = json.dumps(key, ensure_ascii=False)
    return f"{path}.{key}" if path else key
