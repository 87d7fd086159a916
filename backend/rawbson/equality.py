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
_DOUBLE = struct.Struct("<d")
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
    return one == other or (not _surely_differ(one, other) and _equal(one, other, BOOKKEEPING))


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


def same_values(one: Any, other: Any) -> bool:
    """Returns whether two decoded values have the same content.

    Args:
        one: a value as PyMongo decodes it
        other: another one

    Returns:
        True/False
    """
    return one is other or same(_encoded(one), _encoded(other))


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


def _surely_differ(one: bytes, other: bytes) -> bool:
    """Returns whether the first difference in bytes proves that two documents differ in content.

    Up to there both have the same fields at the same places, so one walk does for both. If it is
    not a value of the same field and type, it proves nothing.
    """
    position, depth = 4, 0
    while one[position]:
        value = one.index(0, position + 1) + 1
        kind = one[position]
        size = layout.FIXED.get(kind)
        following = value + (layout.value_size(one, kind, value) if size is None else size)
        if one[position:following] != other[position:following]:
            if one[position:value] != other[position:value]:
                return False
            if not depth and one[position + 1 : value - 1].decode() in BOOKKEEPING:
                if value + layout.value_size(other, kind, value) != following:
                    return False
            elif kind in (DOCUMENT, ARRAY):
                depth += 1
                following = value + _LENGTH.size
            else:
                return kind != DOUBLE or _are_other_numbers(one, other, value)
        position = following
    return False


def _are_other_numbers(one: bytes, other: bytes, place: int) -> bool:
    """Returns whether two doubles differ: zero and what is no number have several forms."""
    was, is_ = _DOUBLE.unpack_from(one, place)[0], _DOUBLE.unpack_from(other, place)[0]
    return bool(was != is_ and not (math.isnan(was) and math.isnan(is_)))


def _equal(one: bytes, other: bytes, skip: Collection[str]) -> bool:
    return next(changes(one, other, skip), None) is None


def _equal_arrays(one: bytes, other: bytes) -> bool:
    old, new = layout.fields(one), layout.fields(other)
    return len(old) == len(new) and all(
        same(_value(was), _value(is_)) for was, is_ in zip(old.values(), new.values(), strict=True)
    )


def _values(document: bytes) -> dict[str, bytes]:
    """Returns the fields that have a value: missing and null are the same to FiftyOne."""
    fields = layout.fields(document)
    return {name: element for name, element in fields.items() if element not in _NULLS}


def _value(element: bytes | None) -> bytes | None:
    return None if element in _NULLS else element


def _encoded(value: Any) -> bytes | None:
    return _value(layout.fields(bson.encode({"v": value}))["v"])


def _comparable(value: Any) -> Any:
    """Returns a value that equals only values of the same content, and itself."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, float) and math.isnan(value):
        return ("nan",)
    if isinstance(value, (ObjectId, Binary)):
        return (type(value).__name__, value, getattr(value, "subtype", None))
    return value
