"""Three-way merges of labels: who they are by id, what is one unit, what was replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bson import ObjectId

from ..diff.labels import GEOMETRY, documents_in, is_label, label_class, list_name
from ..rawbson import equality, layout
from ..rawbson.equality import ARRAY, DOCUMENT
from .conflicts import ConflictKind
from .elements import are_strings, document_element, kept, merged_sets, one_sided, value
from .judge import Element, Suspect

if TYPE_CHECKING:
    from .values import Values

CLASS = ("label", "confidence", "logits")
"""What says what a label is: one unit, since a confidence is one in a class."""

PLACE = GEOMETRY | {"closed", "filled", "_cls"}
"""What says where a label is: one unit, since a mask means nothing without its box."""

_SUSPICIOUS_IOU = 0.9

ById = dict[ObjectId, bytes]


def list_field(fields: Mapping[str, bytes]) -> str | None:
    """Returns where a value keeps its list of labels, such as ``detections``, if it does."""
    return list_name(fields)


def holds_lists(*sides: Element) -> bool:
    """Returns whether these are values such as ``Detections``, all of one kind, or missing."""
    kinds = {
        None if side[0] != DOCUMENT else list_field(layout.fields(side[1:]))
        for side in sides
        if side is not None
    }
    return len(kinds) == 1 and None not in kinds


def are_labels(*sides: Element) -> bool:
    """Returns whether these are single labels, or missing."""
    return all(
        side is None or (side[0] == DOCUMENT and is_label(layout.fields(side[1:])))
        for side in sides
    )


def are_lists(*sides: Element) -> bool:
    """Returns whether these are lists that hold labels and nothing else, or missing."""
    return all(
        side is None
        or (
            side[0] == ARRAY
            and len(found := documents_in(side)) == len(layout.fields(side[1:]))
            and all(is_label(layout.fields(each)) for each in found)
        )
        for side in sides
    )


def merge_single(values: Values, path: str, base: Element, ours: bytes, theirs: bytes) -> Element:
    """Merges the only label of a field, which is who it is by the field.

    Args:
        values: merges the values of the document
        path: the field
        base: what it was
        ours: what the target has
        theirs: what the branch has

    Returns:
        what is to be
    """
    ids = [_id(side[1:]) for side in (base, ours, theirs) if side is not None]
    if len(set(ids)) == 1:
        was = None if base is None else base[1:]
        return _element(merge_label(values, path, was, ours[1:], theirs[1:], None))
    if not any(equality.changes(ours[1:], theirs[1:], skip=("_id",))):
        # Both gave it the same label; either id will do, but the same one from either side
        return min(ours, theirs, key=lambda side: _id(side[1:]) or ObjectId(b"\x00" * 12))
    return values.judge.settle(ConflictKind.VALUE, path, base, ours, theirs)


def merge_lists(
    values: Values,
    path: str,
    base: Element,
    ours: Element,
    theirs: Element,
    *,
    is_new: bool | None = None,
) -> Element:
    """Merges lists of labels, which are who they are by their ids.

    Args:
        values: merges the values of the document
        path: the field
        base: what the list was
        ours: what the target has
        theirs: what the branch has
        is_new (None): whether the field had no value before; by default, whether the list had

    Returns:
        what is to be
    """
    if equality.same(ours, theirs) or equality.same(base, theirs):
        return ours
    if equality.same(base, ours):
        return theirs
    lists = [_by_id(side) for side in (base, ours, theirs)]
    was, here, there = lists
    if was is None or here is None or there is None:
        # Somebody else than FiftyOne wrote labels without ids, or one of them twice
        return values.judge.settle(ConflictKind.VALUE, path, base, ours, theirs)
    if _is_replaced(was, here, there, base is None if is_new is None else is_new):
        return values.judge.settle(
            ConflictKind.LABELS_REPLACED,
            path,
            base,
            ours,
            theirs,
            both=lambda: _array([*here.values(), *_lacking(here, there)]),
        )
    merged: ById = {}
    for id_ in dict.fromkeys([*was, *here, *there]):
        label = _merge_by_id(values, path, id_, was.get(id_), here.get(id_), there.get(id_))
        if label is not None:
            merged[id_] = label
    _note_suspects(values, path, was, here, there)
    return _array([merged[id_] for id_ in _order(was, here, there) if id_ in merged])


def merge_label(
    values: Values,
    path: str,
    base: bytes | None,
    ours: bytes,
    theirs: bytes,
    label_id: ObjectId | None,
) -> bytes:
    """Merges a label unit by unit: what it is, where it is, its tags, and each other attribute.

    Args:
        values: merges the values of the document
        path: the field
        base: what it was
        ours: what the target has
        theirs: what the branch has
        label_id: its id, if it is one of several

    Returns:
        what is to be
    """
    was = {} if base is None else layout.fields(base)
    here, there = layout.fields(ours), layout.fields(theirs)
    versions = (base, ours, theirs)
    of_class = next(filter(None, (label_class(each) for each in versions if each)), None)
    merged: dict[str, Element] = {}
    for unit, kind in (
        (CLASS, ConflictKind.LABEL_CLASS),
        (PLACE, ConflictKind.LABEL_GEOMETRY),
    ):
        sides = tuple(_unit(fields, unit) for fields in (was, here, there))
        found = one_sided(*sides)
        if found is not None:
            result = found.value
        else:
            # A label that both sides made has no common past
            former = None if base is None else sides[0]
            result = values.judge.settle(
                kind, path, former, *sides[1:], label_id=label_id, label=of_class
            )
        fields = {} if result is None else layout.fields(result[1:])
        if unit is PLACE and "_cls" in here:
            # Whoever gives a place need not say of what kind the label is
            fields = {"_cls": here["_cls"], **fields}
        merged |= {name: value(fields, name) for name in unit if name in {*here, *fields}}
    for name in dict.fromkeys([*here, *there]):
        if name in merged or name in PLACE or name in CLASS:
            continue
        attribute = value(was, name), value(here, name), value(there, name)
        if name == "tags" and are_strings(*attribute):
            settled = one_sided(*attribute)
            merged[name] = settled.value if settled else merged_sets(*attribute)
            continue
        merged[name] = _merge_attribute(values, f"{path}.{name}", attribute, label_id, of_class)
    return layout.document(kept(here, merged))


def _merge_attribute(
    values: Values,
    path: str,
    sides: tuple[Element, Element, Element],
    label_id: ObjectId | None,
    label: str | None,
) -> Element:
    """Merges an attribute, which may hold others in its turn."""
    found = one_sided(*sides)
    if found is not None:
        return found.value
    if all(side is None or side[0] == DOCUMENT for side in sides) and None not in sides[1:]:
        was, here, there = ({} if side is None else layout.fields(side[1:]) for side in sides)
        inner = dict.fromkeys([*here, *there])
        return document_element(
            here,
            {
                name: _merge_attribute(
                    values,
                    f"{path}.{name}",
                    (value(was, name), value(here, name), value(there, name)),
                    label_id,
                    label,
                )
                for name in inner
            },
        )
    kind = ConflictKind.LABEL_ATTRIBUTE
    return values.judge.settle(kind, path, *sides, label_id=label_id, label=label)


def _merge_by_id(
    values: Values,
    path: str,
    id_: ObjectId,
    base: bytes | None,
    ours: bytes | None,
    theirs: bytes | None,
) -> bytes | None:
    sides = tuple(_element(side) for side in (base, ours, theirs))
    found = one_sided(*sides)
    if found is not None:
        return _document(found.value)
    if ours is not None and theirs is not None:
        return merge_label(values, path, base, ours, theirs, id_)
    kind = ConflictKind.LABEL_DELETED_MODIFIED
    return _document(values.judge.settle(kind, path, *sides, label_id=id_))


def _is_replaced(was: ById, here: ById, there: ById, is_new: bool) -> bool:
    """Returns whether all labels of a list were replaced by others, on either side."""
    if not was:
        return is_new and bool(here) and bool(there) and not here.keys() & there.keys()
    return any(side and not side.keys() & was.keys() for side in (here, there))


def _order(was: ById, here: ById, there: ById) -> list[ObjectId]:
    """Returns the order of all labels: ours, or theirs if only they moved any; new ones last."""
    common = was.keys() & here.keys() & there.keys()

    def of(side: ById) -> list[ObjectId]:
        return [id_ for id_ in side if id_ in common]

    first, second = (there, here) if of(here) == of(was) != of(there) else (here, there)
    return list(dict.fromkeys([*first, *second, *was]))


def _lacking(here: ById, there: ById) -> list[bytes]:
    return [label for id_, label in there.items() if id_ not in here]


def _by_id(side: Element) -> ById | None:
    """Returns the labels of a list by their ids, or None if these do not tell them apart."""
    if side is None:
        return {}
    if side[0] != ARRAY:
        return None
    labels = documents_in(side)
    found = {id_: label for label in labels if (id_ := _id(label)) is not None}
    return found if len(found) == len(layout.fields(side[1:])) else None


def _note_suspects(values: Values, path: str, was: ById, here: ById, there: ById) -> None:
    """Notes labels of the same class at the same place of which each side has added one."""
    new = [
        [(id_, _class_and_box(label)) for id_, label in side.items() if id_ not in other]
        for side, other in ((here, was.keys() | there.keys()), (there, was.keys() | here.keys()))
    ]
    for id_, (label, box) in new[0]:
        for other_id, (other_label, other_box) in new[1]:
            if box and other_box and label == other_label and _iou(box, other_box):
                judge = values.judge
                judge.suspects.append(
                    Suspect(judge.place, judge.prefix + path, label, id_, other_id)
                )


def _class_and_box(label: bytes) -> tuple[str | None, list[float] | None]:
    box = equality.decode(layout.fields(label).get("bounding_box"))
    is_box = isinstance(box, list) and len(box) == 4
    if not is_box or not all(isinstance(side, (int, float)) for side in box):
        box = None
    return label_class(label), box


def _iou(one: list[float], other: list[float]) -> bool:
    """Returns whether two boxes cover nearly the same."""
    sides = [
        min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) - max(one[axis], other[axis])
        for axis in (0, 1)
    ]
    if min(sides) <= 0:
        return False
    common = sides[0] * sides[1]
    return common >= _SUSPICIOUS_IOU * (one[2] * one[3] + other[2] * other[3] - common)


def _unit(fields: Mapping[str, bytes], names: Any) -> Element:
    """Returns some attributes of a label as one value."""
    found = {name: fields[name] for name in sorted(names) if name in fields}
    return _element(layout.document(found)) if found else None


def _id(label: bytes) -> ObjectId | None:
    found = equality.decode(layout.fields(label).get("_id"))
    return found if isinstance(found, ObjectId) else None


def _element(document: bytes | None) -> Element:
    return None if document is None else bytes([DOCUMENT]) + document


def _document(element: Element) -> bytes | None:
    return None if element is None else element[1:]


def _array(labels: list[bytes]) -> bytes:
    fields = {str(number): bytes([DOCUMENT]) + label for number, label in enumerate(labels)}
    return bytes([ARRAY]) + layout.document(fields)
