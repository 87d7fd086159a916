"""Values as elements: their type and bytes, and None for one that is missing or null."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..rawbson import equality, layout
from ..rawbson.equality import ARRAY, DOCUMENT
from .judge import Element, encoded

NULLS = frozenset({b"\x06", b"\x0a"})


@dataclass(frozen=True)
class OneSided:
    """What becomes of a value that not both sides have changed differently."""

    value: Element


def one_sided(base: Element, ours: Element, theirs: Element) -> OneSided | None:
    """Returns what becomes of a value, or None if both sides changed it differently."""
    if ours == theirs or equality.same(ours, theirs) or equality.same(base, theirs):
        return OneSided(ours)
    return OneSided(theirs) if equality.same(base, ours) else None


def value(fields: Mapping[str, bytes], name: str) -> Element:
    """Returns the value of a field: missing and null are the same."""
    found = fields.get(name)
    return None if found in NULLS else found


def document_element(ours: Mapping[str, bytes], merged: Mapping[str, Element]) -> bytes:
    """Returns a document with our fields in their order, and what was added after them."""
    return bytes([DOCUMENT]) + layout.document(kept(ours, merged))


def kept(ours: Mapping[str, bytes], merged: Mapping[str, Element]) -> dict[str, bytes]:
    """Returns the fields of a merged document; null stays null where it was null."""
    fields: dict[str, bytes] = {}
    for name in dict.fromkeys([*ours, *merged]):
        element = merged.get(name) if name in merged else ours[name]
        if element is not None:
            fields[name] = element
        elif ours.get(name) in NULLS:
            fields[name] = ours[name]
    return fields


def are_strings(*sides: Element) -> bool:
    """Returns whether these are lists of strings, or missing."""
    return all(side is None or _strings(side) is not None for side in sides)


def merged_sets(base: Element, ours: Element, theirs: Element) -> Element:
    """Merges lists of strings of which the order says nothing: nothing is ever in conflict.

    Args:
        base: what they were
        ours: what the target has
        theirs: what the branch has

    Returns:
        ours without what theirs removed, and then what theirs added
    """
    was, here, there = (_strings(side) or [] for side in (base, ours, theirs))
    removed = set(was).difference(there)
    merged = [item for item in here if item not in removed]
    merged += [item for item in there if item not in was and item not in here]
    return encoded(merged)


def _strings(side: Element) -> list[str] | None:
    if side is None:
        return []
    found = equality.decode(side) if side[0] == ARRAY else None
    if isinstance(found, list) and all(isinstance(item, str) for item in found):
        return found
    return None


def fields_of(side: Element) -> dict[str, bytes]:
    """Returns the fields of an embedded document; none if there is none."""
    return {} if side is None else layout.fields(side[1:])
