"""What two sides cannot both have: the kinds of conflicts, and a conflict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from bson import ObjectId

from ..diff.labels import label_class
from ..rawbson import equality
from ..rawbson.equality import DOCUMENT
from ..results.serialize import Record

_MOST_BYTES = 256 * 1024
"""Of a value that is told with a conflict. What is merged is never what is told."""


class ConflictKind(str, Enum):
    """What kind of decision a conflict asks for."""

    SAMPLE_DELETED_MODIFIED = "sample_deleted_modified"
    """One side deleted a sample or frame that the other one changed."""
    SAME_MEDIA = "same_media"
    """Both sides added a sample of the same file, with different ids."""
    GROUP_SLOT = "group_slot"
    """Both sides put different samples into the same slice of the same group."""
    VALUE = "value"
    """Both sides set the same field to different values."""
    VALUE_DELETED_MODIFIED = "value_deleted_modified"
    """One side cleared a field that the other one changed."""
    LABEL_DELETED_MODIFIED = "label_deleted_modified"
    """One side deleted a label that the other one changed."""
    LABEL_CLASS = "label_class"
    """Both sides changed the class of a label, or its confidence."""
    LABEL_GEOMETRY = "label_geometry"
    """Both sides changed where a label is: its box, its mask, its points."""
    LABEL_ATTRIBUTE = "label_attribute"
    """Both sides changed the same attribute of a label."""
    LABELS_REPLACED = "labels_replaced"
    """One side replaced all labels of a field, as a model that is run again does, and the other
    one changed them or replaced them as well. Both together would double every object."""
    SCHEMA_TYPE = "schema_type"
    """Both sides declared a field, with different types."""
    SCHEMA_DROPPED_MODIFIED = "schema_dropped_modified"
    """One side deleted a field whose values the other one changed."""
    SCHEMA_RENAME = "schema_rename"
    """Both sides renamed the same field, to different names."""
    CLASSES = "classes"
    """Both sides changed a list of classes, and not only by adding to its end. The place in the
    list is the number of the class in exports."""
    MASK_TARGET = "mask_target"
    """Both sides gave the same key of mask targets, skeletons, camera data or label schemas
    different values."""
    RUN = "run"
    """Both sides changed the same run, or one deleted it and the other one ran it again."""
    UNIQUE_INDEX = "unique_index"
    """What comes together would break a unique index."""

    __str__ = str.__str__


class Take(str, Enum):
    """How a conflict can be decided."""

    OURS = "ours"
    """As the target has it."""
    THEIRS = "theirs"
    """As the branch has it."""
    BASE = "base"
    """As it was before either side changed it."""
    BOTH = "both"
    """Both side by side, where that is possible."""
    COMBINE = "combine"
    """Both as one: that of the target, with what the branch has more."""
    VALUE = "value"
    """A value that somebody gives."""

    __str__ = str.__str__


TAKES: Mapping[ConflictKind, frozenset[Take]] = {
    **dict.fromkeys(
        (
            ConflictKind.VALUE,
            ConflictKind.VALUE_DELETED_MODIFIED,
            ConflictKind.LABEL_DELETED_MODIFIED,
            ConflictKind.LABEL_CLASS,
            ConflictKind.LABEL_GEOMETRY,
            ConflictKind.LABEL_ATTRIBUTE,
            ConflictKind.CLASSES,
            ConflictKind.MASK_TARGET,
        ),
        frozenset({Take.OURS, Take.THEIRS, Take.BASE, Take.VALUE}),
    ),
    ConflictKind.SAMPLE_DELETED_MODIFIED: frozenset({Take.OURS, Take.THEIRS, Take.BASE}),
    ConflictKind.LABELS_REPLACED: frozenset(
        {Take.OURS, Take.THEIRS, Take.BASE, Take.BOTH, Take.VALUE}
    ),
    ConflictKind.SAME_MEDIA: frozenset({Take.OURS, Take.THEIRS, Take.BOTH, Take.COMBINE}),
    **dict.fromkeys(
        (
            ConflictKind.GROUP_SLOT,
            ConflictKind.SCHEMA_TYPE,
            ConflictKind.SCHEMA_DROPPED_MODIFIED,
            ConflictKind.SCHEMA_RENAME,
            ConflictKind.RUN,
        ),
        frozenset({Take.OURS, Take.THEIRS}),
    ),
    # Nothing but a change of one side, or other decisions, makes room in an index
    ConflictKind.UNIQUE_INDEX: frozenset(),
}
"""How a conflict of each kind can be decided."""


@dataclass(frozen=True)
class Resolution:
    """How somebody has decided a conflict."""

    take: Take
    value: Any = None
    """What was given, for :attr:`Take.VALUE`."""


@dataclass(frozen=True)
class Place:
    """The document that is merged."""

    sample_id: ObjectId | None = None
    """None for what belongs to the dataset."""
    frame_number: int | None = None


@dataclass(frozen=True)
class Conflict(Record):
    """Something that both sides changed, so that somebody must decide."""

    id: str
    """Made of what is in conflict: it is the same as long as that is."""
    kind: ConflictKind
    sample_id: str | None
    """None for what belongs to the dataset, such as its schema."""
    frame_number: int | None
    path: str
    """The field, those of frames with the prefix ``frames.``; empty for whole samples and
    frames."""
    label_id: str | None
    """The label, for conflicts about one in a list."""
    label: str | None
    """The class that the label had, or has."""
    base: Any
    """What it was; None if there was nothing."""
    ours: Any
    """What it is in the target."""
    theirs: Any
    """What it is in the branch."""
    count: int = 1
    """How many samples and frames it is about."""
    resolution: str | None = None
    """A value of :class:`Take`; None while it is open."""
    value: Any = None
    """What was given instead, if ``resolution`` is ``value``."""

    @classmethod
    def of(
        cls,
        kind: ConflictKind,
        place: Place,
        path: str,
        sides: tuple[bytes | None, bytes | None, bytes | None],
        *,
        label_id: ObjectId | None = None,
        label: str | None = None,
        count: int = 1,
        seal: bytes = b"",
    ) -> Conflict:
        """Makes a conflict.

        Args:
            kind: what kind of decision it asks for
            place: the document
            path: the field
            sides: what base, ours and theirs have, as elements
            label_id (None): the label, if it is about one in a list
            label (None): the class of the label; by default, that which the sides tell
            count (1): how many documents it is about
            seal (b""): a digest of what else it is about, such as frames

        Returns:
            the conflict
        """
        named = (kind.value, place.sample_id, place.frame_number, path, label_id, count)
        digest = hashlib.sha256(repr(named).encode())
        for side in sides:
            digest.update(b"\x00" if side is None else hashlib.sha256(side).digest())
        digest.update(seal)
        base, ours, theirs = map(_told, sides)
        return cls(
            id=digest.hexdigest()[:24],
            kind=kind,
            sample_id=None if place.sample_id is None else str(place.sample_id),
            frame_number=place.frame_number,
            path=path,
            label_id=None if label_id is None else str(label_id),
            label=next(filter(None, map(_class_in, sides)), label),
            base=base,
            ours=ours,
            theirs=theirs,
            count=count,
        )

    def decided(self, resolution: Resolution | None) -> Conflict:
        """Returns the conflict with what was decided."""
        if resolution is None:
            return self
        return replace(self, resolution=resolution.take.value, value=resolution.value)


def _told(side: bytes | None) -> Any:
    if side is not None and len(side) > _MOST_BYTES:
        return f"({len(side):,} bytes)"
    return equality.decode(side)


def _class_in(side: bytes | None) -> str | None:
    return label_class(side[1:]) if side is not None and side[0] == DOCUMENT else None
