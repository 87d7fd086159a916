"""Three-way merges of samples and frames, as BSON documents."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..rawbson import equality, layout
from .conflicts import ConflictKind
from .elements import kept, value
from .judge import Judge
from .values import Values

OWN = frozenset({*equality.BOOKKEEPING, "_sample_id", "frame_number"})
"""What makes a document that document, or FiftyOne maintains."""

_TOUCHED = ("created_at", "last_modified_at")

_EMPTY = layout.document({})


def merge(
    values: Values, base: bytes | None, ours: bytes | None, theirs: bytes | None
) -> bytes | None:
    """Merges a sample without its frames, or a frame.

    Args:
        values: merges the values of the document
        base: the document as it was, or None if there was none
        ours: the document as the target has it
        theirs: the document as the branch has it

    Returns:
        the document as it is to be, or None if there is to be none
    """
    if ours is None and theirs is None:
        return None
    if ours is None or theirs is None:
        return _merge_one(values.judge, base, ours, theirs)
    if equality.equal(ours, theirs) or (base is not None and equality.equal(base, theirs)):
        return ours
    return _merge_fields(values, base or _EMPTY, ours, theirs)


def is_changed(base: bytes | None, side: bytes | None) -> bool:
    """Returns whether a side has changed a document, or made or deleted it."""
    if base is None or side is None:
        return base is not side
    return not equality.equal(base, side)


def adopted(document: bytes, like: Mapping[str, bytes]) -> bytes:
    """Returns a document of the branch as one of the target.

    Args:
        document: the document
        like: fields that it is to have, such as the id of the target

    Returns:
        the document
    """
    return layout.document({**layout.fields(document), **like})


def without(document: bytes, names: Collection[str]) -> bytes:
    """Returns a document without some of its fields."""
    fields = layout.fields(document)
    if not any(name in fields for name in names):
        return document
    return layout.document({name: fields[name] for name in fields if name not in names})


def renamed(document: bytes, names: Mapping[str, str]) -> bytes:
    """Returns a document of which some fields have other names.

    Args:
        document: the document
        names: the new names by the old ones

    Returns:
        the document
    """
    if not names:
        return document
    fields = layout.fields(document)
    if not any(name in fields for name in names):
        return document
    return layout.document({names.get(name, name): fields[name] for name in fields})


def _merge_one(
    judge: Judge, base: bytes | None, ours: bytes | None, theirs: bytes | None
) -> bytes | None:
    """Merges a document that only one side has."""
    side = ours if theirs is None else theirs
    if base is None:
        return side
    if not is_changed(base, side):
        return None
    return delete_or_keep(judge, base, ours, theirs)


def delete_or_keep(
    judge: Judge,
    base: bytes | None,
    ours: bytes | None,
    theirs: bytes | None,
    seal: bytes = b"",
) -> bytes | None:
    """Settles that one side deleted a document, and the other one changed it or its frames.

    Args:
        judge: settles conflicts
        base: what it was
        ours: what the target has
        theirs: what the branch has
        seal (b""): a digest of its frames and tags

    Returns:
        what is to be
    """
    sides = base, ours, theirs
    said = [None if side is None else told(side) for side in sides]
    found = judge.settle(ConflictKind.SAMPLE_DELETED_MODIFIED, "", *said, seal=seal)
    return next(side for side, each in zip(sides, said, strict=True) if each is found)


def told(document: bytes) -> bytes:
    """Returns a document for a conflict: the same however often it was merely touched."""
    return bytes([equality.DOCUMENT]) + without(document, _TOUCHED)


def _merge_fields(values: Values, base: bytes, ours: bytes, theirs: bytes) -> bytes:
    here, there = map(layout.fields, (ours, theirs))
    was = here if base == ours else layout.fields(base)
    names = [name for name in dict.fromkeys([*here, *there]) if name not in OWN]
    merged = {
        name: values.merge(name, value(was, name), value(here, name), value(there, name))
        for name in names
    }
    return layout.document(kept(here, merged))
