"""The differences of one sample as shapes: what a picture of before and after is drawn from.

Coordinates are FiftyOne's own, from 0 to 1 of the image's width and height, so that whoever draws
needs neither the image nor its size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from ..results.serialize import Record
from . import labels
from .records import Kind
from .single import FieldDifference, LabelDifference, SampleDifference

Point: TypeAlias = tuple[float, float]

_FRAME = re.compile(r"^frames\[(\d+)\]\.?")
_CORNERS = 4


class How(str, Enum):
    """What happened to a label, as a picture tells it."""

    ADDED = "added"
    REMOVED = "removed"
    RELABELLED = "relabelled"
    MOVED = "moved"
    CHANGED = "changed"
    """In something that a picture does not show, such as its confidence."""

    __str__ = str.__str__


@dataclass(frozen=True)
class Shape(Record):
    """A label as it can be drawn."""

    name: str | None
    """Its class."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, width and height."""
    lines: tuple[tuple[Point, ...], ...] = ()
    is_closed: bool = False
    """Whether each line ends where it began."""
    points: tuple[Point, ...] = ()
    note: str | None = None
    """What of it is not drawn, such as "mask" or "3D"."""


@dataclass(frozen=True)
class DrawnChange(Record):
    """A label before and after."""

    field: str
    """Without the number of the frame, such as ``frames.objects``."""
    how: tuple[How, ...]
    before: Shape | None
    """None if there was none."""
    after: Shape | None
    said: str
    """The same in words."""
    frame: int | None = None
    """The number of the frame, for labels of frames."""


@dataclass(frozen=True)
class Drawing(Record):
    """A sample before and after."""

    sample_id: str
    kind: Kind | None
    """None if it is the same in both versions."""
    changes: tuple[DrawnChange, ...]
    others: tuple[str, ...]
    """What is no label, in words."""


def draw(difference: SampleDifference) -> Drawing:
    """Returns what a picture of a sample's differences shows.

    Args:
        difference: the differences

    Returns:
        the shapes, and the rest in words
    """
    changes: list[DrawnChange] = []
    others: list[str] = []
    for field in difference.fields:
        if field.labels:
            changes += (_change(field, label) for label in field.labels)
        else:
            others.append(str(field))
    return Drawing(difference.sample_id, difference.kind, tuple(changes), tuple(others))


def _change(field: FieldDifference, label: LabelDifference) -> DrawnChange:
    frame = _FRAME.match(field.path)
    return DrawnChange(
        field=_FRAME.sub("frames.", field.path),
        how=_how(label),
        before=_shape(label.before),
        after=_shape(label.after),
        said=str(label),
        frame=int(frame[1]) if frame else None,
    )


def _how(label: LabelDifference) -> tuple[How, ...]:
    if label.kind is Kind.ADDED:
        return (How.ADDED,)
    if label.kind is Kind.REMOVED:
        return (How.REMOVED,)
    found = []
    if "label" in label.attributes:
        found.append(How.RELABELLED)
    if labels.GEOMETRY.intersection(label.attributes):
        found.append(How.MOVED)
    return tuple(found) or (How.CHANGED,)


def _shape(label: Mapping[str, Any] | None) -> Shape | None:
    if label is None:
        return None
    name = label.get("label")
    lines, points = _lines(label)
    return Shape(
        name=None if name is None else str(name),
        box=_box(label.get("bounding_box")),
        lines=lines,
        is_closed=bool(label.get("closed") or label.get("filled")),
        points=points,
        note=_note(label),
    )


def _box(value: object) -> tuple[float, float, float, float] | None:
    numbers = _numbers(value)
    # The boxes of 3D scenes are none of a picture
    return (numbers[0], numbers[1], numbers[2], numbers[3]) if len(numbers) == _CORNERS else None


def _lines(label: Mapping[str, Any]) -> tuple[tuple[tuple[Point, ...], ...], tuple[Point, ...]]:
    """Returns the lines and the single points of a label."""
    value = label.get("points")
    if not isinstance(value, list):
        return (), ()
    if label.get("_cls") == "Keypoint":
        return (), _points(value)
    lines = (_points(line) for line in value if isinstance(line, list))
    return tuple(line for line in lines if line), ()


def _points(value: Iterable[object]) -> tuple[Point, ...]:
    found = (_numbers(point) for point in value)
    return tuple((point[0], point[1]) for point in found if len(point) == 2)


def _numbers(value: object) -> list[float]:
    """Returns a list of numbers; an empty one if it is none, or has what is no number."""
    if not isinstance(value, (list, tuple)):
        return []
    if not all(isinstance(number, (int, float)) and math.isfinite(number) for number in value):
        return []
    return [float(number) for number in value]


def _note(label: Mapping[str, Any]) -> str | None:
    if label.get("mask") is not None or label.get("mask_path"):
        return "mask"
    if label.get("map") is not None or label.get("map_path"):
        return "map"
    if label.get("dimensions") or label.get("points3d"):
        return "3D"
    if support := label.get("support"):
        return f"frames {support[0]} to {support[1]}" if _numbers(support) else "support"
    return None
