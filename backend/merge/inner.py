"""Fields inside others that one side has deleted, such as an attribute of all labels of a field.

That is one edit of a schema, and not one of every label. So before documents are merged, they are
made to agree: either nobody has the field any more, or nobody has deleted it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..rawbson import equality, layout
from ..rawbson.equality import ARRAY, DOCUMENT
from .conflicts import Take
from .elements import value
from .judge import Element

Sides = list[bytes | None]
"""A document as base, ours and theirs have it."""

Note = Callable[[str, bytes], None]
"""Told the path of a deleted field and a changed value of it."""

_NUMBERS = {Take.OURS: 1, Take.THEIRS: 2}


@dataclass(frozen=True)
class InnerField:
    """A field inside another one that one side has deleted."""

    deleted_by: Take
    is_restored: bool
    """Whether it stays, because somebody has decided so."""

    @property
    def changes_ours(self) -> bool:
        """Whether documents of the target change that nobody has edited."""
        return self.is_restored or self.deleted_by is Take.THEIRS


def agreed(fields: Mapping[str, InnerField], sides: Sides, note: Note) -> Sides:
    """Makes three versions of a document agree on the fields that one side has deleted.

    Args:
        fields: these fields by their paths
        sides: the document as base, ours and theirs have it
        note: told each value of them that the other side has changed

    Returns:
        the document as each has it
    """
    sides = list(sides)
    for path, each in fields.items():
        place = path.split(".")
        number = _NUMBERS[each.deleted_by]
        base, other = sides[0], sides[3 - number]
        was = {} if base is None else dict(_values(base, place))
        if base is not None and other is not None:
            for key, element in _values(other, place):
                if key in was and not equality.same(was[key], element):
                    note(path, element)
        deleter = sides[number]
        if not each.is_restored:
            sides = [None if side is None else without(side, place) for side in sides]
        elif deleter is not None:
            sides[number] = _with(deleter, place, was)
    return sides


def without(document: bytes, place: list[str]) -> bytes:
    """Returns a document without a field inside of it, in all labels of a list.

    Args:
        document: the document
        place: the names that lead to the field

    Returns:
        the document
    """
    fields = layout.fields(document)
    name, *rest = place
    if name not in fields:
        return document
    if not rest:
        return layout.document({key: item for key, item in fields.items() if key != name})
    return layout.document({**fields, name: _inside(fields[name], lambda d: without(d, rest))})


def _inside(element: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Changes a document, or those in a list."""
    if element[0] == DOCUMENT:
        return element[:1] + change(element[1:])
    if element[0] != ARRAY:
        return element
    items = {key: _inside(item, change) for key, item in layout.fields(element[1:]).items()}
    return element[:1] + layout.document(items)


Key = tuple[bytes, ...]
"""The ids of the documents in lists that a value is inside of."""


def _values(document: bytes, place: list[str], key: Key = ()) -> Iterator[tuple[Key, bytes]]:
    fields = layout.fields(document)
    name, *rest = place
    element = value(fields, name)
    if not rest:
        # Also one that was cleared is another value, as long as its label is there
        yield key, element or b"\x0a"
        return
    if element is None:
        return
    if element[0] == DOCUMENT:
        yield from _values(element[1:], rest, key)
    elif element[0] == ARRAY:
        for item in layout.fields(element[1:]).values():
            if item[0] == DOCUMENT:
                yield from _values(item[1:], rest, (*key, _id(item)))


def _with(document: bytes, place: list[str], values: Mapping[Key, bytes], key: Key = ()) -> bytes:
    """Returns a document that has values which it lacks."""
    fields = layout.fields(document)
    name, *rest = place
    if not rest:
        found = values.get(key)
        is_there = value(fields, name) is not None or found in (None, b"\x0a")
        return document if is_there else layout.document({**fields, name: found or b""})
    element = value(fields, name)
    if element is None:
        return document

    def change(item: bytes) -> bytes:
        is_in_list = element[0] == ARRAY
        inner = (*key, _id(bytes([DOCUMENT]) + item)) if is_in_list else key
        return _with(item, rest, values, inner)

    return layout.document({**fields, name: _inside(element, change)})


def _id(element: Element) -> bytes:
    return b"" if element is None else layout.fields(element[1:]).get("_id", b"")
