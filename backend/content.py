"""When two documents say the same.

FiftyOne rewrites documents without changing what they say: it moves ``last_modified_at``, adds
missing fields as null, reorders keys, turns 1.0 into 1 on the way through the App. Documents of
equal bytes are equal at once; only for the others is this asked, and only the fields whose bytes
differ are decoded.

The rules:

- A missing key and null are the same, at every depth; but not in lists, where positions count.
- Keys have no order; lists have.
- Numbers are the same if their values are, whether whole or not; but no number is a boolean.
- What FiftyOne keeps for itself (:data:`BOOKKEEPING`) is no content.
- Samples, frames and labels are who they are by id: one that is deleted and made again is another.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import bson
from bson import ObjectId
from bson.binary import Binary

from . import layout

BOOKKEEPING = frozenset({"_id", "_dataset_id", "_rand", "created_at", "last_modified_at"})
"""Top-level fields that FiftyOne maintains by itself. Replacing a frame resets ``created_at``, and
editing one through a clips view moves ``_dataset_id``."""

DOUBLE, DOCUMENT, ARRAY = 0x01, 0x03, 0x04

_NULLS = frozenset({b"\x06", b"\x0a"})
"""Null, and "undefined", which it was called once."""

_LENGTH = struct.Struct("<i")
_NAME = b"v\x00"


class Change(NamedTuple):
    """A field whose content differs between two documents.

    The values are elements as :func:`.layout.fields` gives them, and None if missing or null.
    """

    name: str
    before: bytes | None
    after: bytes | None


def equal(one: bytes, other: bytes) -> bool:
    """Returns whether two sample or frame documents have the same content.

    Args:
        one: a BSON document
        other: another one

    Returns:
        True/False
    """
    return one == other or _equal(one, other, BOOKKEEPING)


def changes(
    before: bytes,
    after: bytes,
    skip: Collection[str] = BOOKKEEPING,
    renamed: Mapping[str, str] | None = None,
) -> Iterator[Change]:
    """Compares two documents field by field.

    Args:
        before: a BSON document
        after: a later state of it
        skip (BOOKKEEPING): fields that are no content
        renamed (None): fields that have another name later: the old name by the new one

    Yields:
        the fields that differ, under their later names
    """
    old, new = _values(before), _values(after)
    for name, former in (renamed or {}).items():
        if former in old:
            old[name] = old.pop(former)
    for name in dict.fromkeys([*old, *new]):
        was, is_ = old.get(name), new.get(name)
        if was != is_ and name not in skip and not same(was, is_):
            yield Change(name, was, is_)


def same(one: bytes | None, other: bytes | None) -> bool:
    """Returns whether two elements have the same content.

    Only what differs in bytes is looked into.

    Args:
        one: the type and bytes of a value, or None if it is missing or null
        other: another one

    Returns:
        True/False
    """
    if one == other:
        return True
    if one is None or other is None:
        return False
    if one[0] == other[0] == DOCUMENT:
        return _equal(one[1:], other[1:], skip=())
    if one[0] == other[0] == ARRAY:
        return _equal_arrays(one[1:], other[1:])
    if one[0] == other[0] != DOUBLE:
        # Of all other types, each value has one form
        return False
    return bool(_comparable(decode(one)) == _comparable(decode(other)))


def decode(element: bytes | None) -> Any:
    """Decodes an element.

    Args:
        element: the type and bytes of a value, or None

    Returns:
        the value
    """
    if element is None:
        return None
    body = element[:1] + _NAME + element[1:]
    return bson.decode(_LENGTH.pack(len(body) + 5) + body + b"\x00")["v"]


def _equal(one: bytes, other: bytes, skip: Collection[str]) -> bool:
    first = _first_difference(one, other)
    if first is not None and first.name not in skip:
        if not same(first.before, first.after):
            return False
        skip = {*skip, first.name}
    return next(changes(one, other, skip), None) is None


def _equal_arrays(one: bytes, other: bytes) -> bool:
    first = _first_difference(one, other)
    if first is not None and not same(_value(first.before), _value(first.after)):
        return False
    old, new = layout.fields(one), layout.fields(other)
    return len(old) == len(new) and all(
        (first is not None and place == first.name) or same(_value(was), _value(is_))
        for (place, was), is_ in zip(old.items(), new.values(), strict=True)
    )


def _first_difference(one: bytes, other: bytes) -> Change | None:
    """Returns the first field whose bytes differ, which mostly decides whether documents do.

    Up to there both documents have the same fields at the same places, so one walk does for both.

    Returns:
        the field with its values, or None if the documents go on with different fields
    """
    position, end = 4, min(len(one), len(other)) - 1
    while position < end:
        value = one.index(0, position + 1) + 1
        following = value + layout.value_size(one, one[position], value)
        if one[position:following] != other[position:following]:
            break
        position = following
    else:
        return None
    if one[position:value] != other[position:value]:
        return None
    kind = one[position : position + 1]
    size = layout.value_size(other, kind[0], value)
    return Change(
        one[position + 1 : value - 1].decode(),
        kind + one[value:following],
        kind + other[value : value + size],
    )


def _values(document: bytes) -> dict[str, bytes]:
    """Returns the fields that have a value: missing and null are the same to FiftyOne."""
    fields = layout.fields(document)
    return {name: element for name, element in fields.items() if element not in _NULLS}


def _value(element: bytes | None) -> bytes | None:
    return None if element in _NULLS else element


def _comparable(value: Any) -> Any:
    """Returns a value that equals only values of the same content, and itself."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, float) and math.isnan(value):
        return ("nan",)
    if isinstance(value, (ObjectId, Binary)):
        return (type(value).__name__, value, getattr(value, "subtype", None))
    return value
