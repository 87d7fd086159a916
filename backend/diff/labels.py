"""Counting what happened to the labels of one field, matched by their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import fiftyone.core.labels as fol
from bson import ObjectId

from ..rawbson import equality, layout
from ..rawbson.equality import ARRAY, DOCUMENT
from .records import ClassChanges, LabelChanges, TagChanges

GEOMETRY = frozenset(
    {
        "bounding_box",
        "dimensions",
        "line",
        "lines",
        "location",
        "map",
        "map_path",
        "mask",
        "mask_path",
        "point",
        "points",
        "polygon",
        "polygons",
        "rotation",
        "support",
    }
)
"""Attributes that say where a label is, in space or time."""

OTHER = "(others)"
"""Counts whatever is beyond :data:`MAX_DISTINCT`."""

MAX_DISTINCT = 10_000
"""Distinct classes, tags or attributes that are told apart. A field of free text may have as many
as there are labels, and counting must not need more memory than that."""


def _subclasses(base: Any) -> Iterator[Any]:
    for kind in base.__subclasses__():
        yield kind
        yield from _subclasses(kind)


_LIST_FIELDS = {kind.__name__: kind._LABEL_LIST_FIELD for kind in _subclasses(fol._HasLabelList)}
"""Where each list of labels keeps them, such as ``detections`` of ``Detections``."""

_SINGLE = {kind.__name__ for kind in _subclasses(fol.Label)} - set(_LIST_FIELDS)
_OBJECT_ID = 0x07

Key = TypeVar("Key", bound=Hashable)


class LabelPair(NamedTuple):
    """A label before and after, as BSON; None where there was none."""

    before: bytes | None
    after: bytes | None


def labels_in(element: bytes | None) -> list[bytes] | None:
    """Returns the labels in the value of a field.

    Args:
        element: the type and bytes of a value, or None if there is none

    Returns:
        the labels as BSON documents, or None if there is none in the value, and no place for any
    """
    if element is None:
        return []
    if element[0] == DOCUMENT:
        fields = layout.fields(element[1:])
        list_field = list_name(fields)
        if list_field is not None:
            labels = fields.get(list_field, b"")
            return documents_in(labels) if labels[:1] == bytes([ARRAY]) else []
        return [element[1:]] if is_label(fields) else None
    if element[0] == ARRAY:
        found = [each for each in documents_in(element) if is_label(layout.fields(each))]
        return found or None
    return None


def labels_of(change: equality.Change) -> tuple[list[bytes], list[bytes]] | None:
    """Returns the labels in the value of a field before and after.

    Args:
        change: the value before and after

    Returns:
        the labels, or None if neither value has any, nor a place for them
    """
    before, after = labels_in(change.before), labels_in(change.after)
    if (before is None or change.before is None) and (after is None or change.after is None):
        return None
    # A list of labels that was emptied does not show what it was a list of
    return before or [], after or []


def list_fields(change: equality.Change) -> set[str] | None:
    """Returns where a value that holds labels keeps them, or None for one that is a label."""
    names = set()
    for element in (change.before, change.after):
        if element is not None and element[0] == DOCUMENT:
            fields = layout.fields(element[1:])
            name = list_name(fields)
            if name is None:
                return None
            names.add(name)
    return names


def list_name(fields: Mapping[str, bytes]) -> str | None:
    """Returns where an embedded document keeps a list of labels, if it is made for one."""
    return _LIST_FIELDS.get(equality.decode(fields.get("_cls")))


def pairs(before: list[bytes], after: list[bytes]) -> Iterator[LabelPair]:
    """Matches labels by id; those that are the same to the last byte are left out.

    Args:
        before: labels
        after: later labels

    Yields:
        labels that were added, removed, or may have changed
    """
    common = Counter(before) & Counter(after)
    old = _by_id(before, common.copy())
    new = _by_id(after, common)
    for key in dict.fromkeys([*old, *new]):
        yield LabelPair(old.get(key), new.get(key))


def attribute_changes(pair: LabelPair) -> list[equality.Change]:
    """Returns the attributes that differ between a label before and after."""
    if pair.before is None or pair.after is None:
        return []
    return list(equality.changes(pair.before, pair.after, skip=("_id",)))


class LabelCounter:
    """Counts the changes of the labels of one field."""

    def __init__(self) -> None:
        self._totals: Counter[str] = Counter()
        self._attributes: Counter[str] = Counter()
        self._confusion: Counter[tuple[str | None, str | None]] = Counter()
        self._classes: dict[str, Counter[str | None]] = {
            kind: Counter() for kind in ("added", "removed", "changed", "joined", "left")
        }
        self._tags: dict[str, Counter[str]] = {"added": Counter(), "removed": Counter()}

    def count(self, before: list[bytes], after: list[bytes], *, whole: bool) -> None:
        """Counts what happened to the labels of one document.

        Args:
            before: its labels
            after: its labels later
            whole: whether the document itself was added or deleted, and the labels with it
        """
        for pair in pairs(before, after):
            if pair.before is None or pair.after is None:
                kind = "added" if pair.before is None else "removed"
                self._totals[kind] += 1
                self._totals[f"{kind}_with_documents"] += whole
                note(self._classes[kind], label_class(pair.after or pair.before or b""))
            else:
                self._count_changed(pair)

    def result(self) -> LabelChanges:
        """Returns the counts as a record."""
        names = dict.fromkeys(name for counter in self._classes.values() for name in counter)
        tags = dict.fromkeys(tag for counter in self._tags.values() for tag in counter)
        return LabelChanges(
            **{
                name: self._totals[name]
                for name in (
                    "added",
                    "removed",
                    "changed",
                    "relabelled",
                    "moved",
                    "added_with_documents",
                    "removed_with_documents",
                )
            },
            attributes=dict(self._attributes.most_common()),
            confusion=dict(self._confusion.most_common()),
            classes={
                name: ClassChanges(**{kind: self._classes[kind][name] for kind in self._classes})
                for name in sorted(names, key=str)
            },
            tags={
                tag: TagChanges(self._tags["added"][tag], self._tags["removed"][tag])
                for tag in sorted(tags)
            },
        )

    def _count_changed(self, pair: LabelPair) -> None:
        changes = attribute_changes(pair)
        if not changes:
            return
        self._totals["changed"] += 1
        if any(change.name in GEOMETRY for change in changes):
            self._totals["moved"] += 1
        relabelled = False
        for change in changes:
            note(self._attributes, change.name)
            if change.name == "label":
                relabelled = True
                was, is_ = _text(change.before), _text(change.after)
                note(self._confusion, (was, is_), (OTHER, OTHER))
                note(self._classes["left"], was)
                note(self._classes["joined"], is_)
            elif change.name == "tags":
                count_tags(self._tags, change)
        if relabelled:
            self._totals["relabelled"] += 1
        else:
            note(self._classes["changed"], label_class(pair.after or b""))


def count_tags(counters: Mapping[str, Counter[str]], change: equality.Change) -> None:
    """Counts the tags that a list of tags gained and lost.

    Args:
        counters: the counters of tags that were ``added`` and ``removed``
        change: the list before and after
    """
    before, after = (set(map(str, equality.decode(tags) or ())) for tags in change[1:])
    for kind, tags in (("added", after - before), ("removed", before - after)):
        for tag in tags:
            note(counters[kind], tag)


def note(counter: Counter[Key], key: Key, other: Key = OTHER) -> None:  # type: ignore[assignment]
    """Counts something, together with others if there are too many kinds of it."""
    counter[key if key in counter or len(counter) < MAX_DISTINCT else other] += 1


def label_class(label: bytes) -> str | None:
    """Returns the class of a label, or None for one without, such as a heatmap."""
    return _text(layout.fields(label).get("label"))


def _text(element: bytes | None) -> str | None:
    value = equality.decode(element)
    return None if value is None else str(value)


def documents_in(array: bytes) -> list[bytes]:
    """Returns the documents in an array, given with its type."""
    return [item[1:] for item in layout.fields(array[1:]).values() if item[0] == DOCUMENT]


def is_label(fields: Mapping[str, bytes]) -> bool:
    """Returns whether an embedded document is a label; those of groups have ids, too."""
    return (
        fields.get("_id", b"\x00")[0] == _OBJECT_ID
        and equality.decode(fields.get("_cls")) in _SINGLE
    )


def _by_id(labels: list[bytes], common: Counter[bytes]) -> dict[Hashable, bytes]:
    """Returns the labels that are not in common, by their ids.

    A label can be in a list twice, and without an id if somebody else than FiftyOne wrote it.
    """
    found: dict[Hashable, bytes] = {}
    occurrences: Counter[ObjectId | None] = Counter()
    for label in labels:
        if common[label]:
            common[label] -= 1
            continue
        id_ = equality.decode(layout.fields(label).get("_id"))
        occurrences[id_] += 1
        found[id_, occurrences[id_]] = label
    return found
