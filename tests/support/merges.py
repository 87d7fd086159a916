"""The cases of a merge on real datasets: what base, ours and theirs are, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fiftyone as fo

from fiftyone_snapshots.backend.merge.conflicts import ConflictKind as K

BOX, MOVED, OTHER = [0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2], [0.7, 0.1, 0.2, 0.2]

Edit = Callable[[Any], None]
"""Changes a sample or a frame."""


def nothing(document: Any) -> None:
    """Leaves it as it is."""


def labels(*names: str, box: list[float] | None = None) -> fo.Detections:
    """Makes labels."""
    boxes = [box or [number / 10, 0.1, 0.1, 0.1] for number, _ in enumerate(names)]
    made = zip(names, boxes, strict=True)
    return fo.Detections(detections=[fo.Detection(label=n, bounding_box=b) for n, b in made])


def told(document: Any) -> list[str]:
    """Returns the classes of the labels of a document, in order."""
    return [label.label for label in document["gt"].detections]


@dataclass(frozen=True)
class Case:
    """A case on one sample or frame."""

    number: str
    base: Edit
    ours: Edit
    theirs: Edit
    found: Callable[[Any], Any]
    """What is looked at afterwards."""
    result: Any
    """What that is to be, or if there are conflicts what it is with ours taken."""
    kind: K | None = None
    with_theirs: Any = None
    """What it is to be with theirs taken."""


def put(**values: Any) -> Edit:
    """Sets fields."""

    def edit(document: Any) -> None:
        for name, value in values.items():
            document[name] = value() if callable(value) else value

    return edit


def label(number: int, **values: Any) -> Edit:
    """Sets attributes of a label."""

    def edit(document: Any) -> None:
        for name, value in values.items():
            document["gt"].detections[number][name] = value

    return edit


def add(name: str, box: list[float] | None = None) -> Edit:
    """Adds a label."""
    return lambda d: d["gt"].detections.append(labels(name, box=box or MOVED).detections[0])


def remove(number: int) -> Edit:
    """Removes a label."""
    return lambda d: d["gt"].detections.pop(number)


def value(name: str) -> Callable[[Any], Any]:
    """Looks at a field."""
    return lambda document: document[name]


def attribute(number: int, *names: str) -> Callable[[Any], Any]:
    """Looks at attributes of a label."""

    def found(document: Any) -> Any:
        return [document["gt"].detections[number][name] for name in names]

    return found


TWO = put(gt=lambda: labels("car", "bus"))


def _both_put_labels(number: str, before: Edit) -> Case:
    """Returns the case in which each side puts one label in place of all others."""
    ours, theirs = put(gt=lambda: labels("new")), put(gt=lambda: labels("newer"))
    return Case(number, before, ours, theirs, told, ["new"], K.LABELS_REPLACED, ["newer"])


CASES = [
    Case("1", put(x=1), nothing, put(x=2), value("x"), 2),
    Case("2", put(x=1), put(x=2), nothing, value("x"), 2),
    Case("3", put(x=1), put(x=2), put(x=2), value("x"), 2),
    Case("10", put(x=1), put(x=2), put(x=3), value("x"), 2, K.VALUE, 3),
    Case("10 list", put(v=[1, 2]), put(v=[1, 3]), put(v=[4]), value("v"), [1, 3], K.VALUE, [4]),
    Case(
        "11",
        put(d={"k": 1, "l": 1}),
        put(d={"k": 2, "l": 1}),
        put(d={"k": 1, "l": 2}),
        value("d"),
        {"k": 2, "l": 2},
    ),
    Case("12", put(x=1), put(x=None), put(x=3), value("x"), None, K.VALUE_DELETED_MODIFIED, 3),
    Case("14", TWO, add("a"), add("b", OTHER), told, ["car", "bus", "a", "b"]),
    Case("15", TWO, remove(1), nothing, told, ["car"]),
    Case(
        "16",
        TWO,
        remove(1),
        label(1, label="van"),
        told,
        ["car"],
        K.LABEL_DELETED_MODIFIED,
        ["car", "van"],
    ),
    Case(
        "17",
        TWO,
        label(0, label="truck"),
        label(0, bounding_box=MOVED),
        attribute(0, "label", "bounding_box"),
        ["truck", MOVED],
    ),
    Case(
        "18",
        TWO,
        label(0, bounding_box=MOVED),
        label(0, bounding_box=OTHER),
        attribute(0, "bounding_box"),
        [MOVED],
        K.LABEL_GEOMETRY,
        [OTHER],
    ),
    Case(
        "19",
        TWO,
        label(0, label="truck"),
        label(0, label="van"),
        told,
        ["truck", "bus"],
        K.LABEL_CLASS,
        ["van", "bus"],
    ),
    Case(
        "20",
        TWO,
        label(0, index=1),
        label(0, index=2),
        attribute(0, "index"),
        [1],
        K.LABEL_ATTRIBUTE,
        [2],
    ),
    Case(
        "21",
        TWO,
        put(gt=lambda: labels("new")),
        label(0, label="van"),
        told,
        ["new"],
        K.LABELS_REPLACED,
        ["van", "bus"],
    ),
    _both_put_labels("22", TWO),
    _both_put_labels("23", nothing),
    Case("24", TWO, add("a"), add("a"), told, ["car", "bus", "a", "a"]),
    Case("25", TWO, nothing, lambda d: d["gt"].detections.reverse(), told, ["bus", "car"]),
]
"""What can happen to a sample, and as well to a frame."""
