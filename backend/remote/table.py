"""Where the documents of a part are: a row for each, in natural order.

A document is in a segment, at a place in it. The table of a snapshot that follows another one is
kept as what differs, and its natural order only where that is not what follows by itself: what
stays keeps its place, what is new comes last.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..mongo.database import Document
from ..rawbson.ids import DTYPE, Keys, positions

_NUMBER = np.dtype("<i4")
_MOST_RATIO = 64
"""Ids are distinct, so they compress to no less than this; who says otherwise wants our memory."""

Numbers = npt.NDArray[np.int32]


class MalformedError(ValueError):
    """What was read is not what this module writes."""


@dataclass(frozen=True)
class Segment:
    """An object with documents."""

    name: str
    """The SHA-256 of its content."""
    size_bytes: int
    """As stored, compressed."""

    def to_document(self) -> Document:
        """Returns it as manifests keep it."""
        return {"name": self.name, "bytes": self.size_bytes}


@dataclass(frozen=True, eq=False)
class Table:
    """Where each document of a part is, in natural order."""

    keys: Keys
    numbers: Numbers
    """Which of the segments it is in."""
    rows: Numbers
    """Its place in that."""
    segments: tuple[Segment, ...]

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def of(cls, keys: Keys, counts: list[int], segments: list[Segment]) -> Table:
        """Makes the table of documents that lie in segments in their order.

        Args:
            keys: the documents
            counts: how many of them each segment holds
            segments: the segments

        Returns:
            the table
        """
        numbers = np.repeat(np.arange(len(counts), dtype=_NUMBER), counts)
        starts = np.cumsum([0, *counts[:-1]]) if counts else np.empty(0, np.int64)
        rows = np.arange(len(keys), dtype=np.int64) - np.repeat(starts, counts)
        return cls(keys, numbers, rows.astype(_NUMBER), tuple(segments))

    def compact(self) -> Table:
        """Returns the table without segments that no document is in."""
        used, numbers = np.unique(self.numbers, return_inverse=True)
        kept = tuple(self.segments[number] for number in used)
        return Table(self.keys, numbers.astype(_NUMBER), self.rows, kept)

    def to_document(self) -> Document:
        """Returns the whole table as a manifest keeps it."""
        return {
            "documents": len(self.keys),
            "segments": [segment.to_document() for segment in self.segments],
            "ids": _packed_keys(self.keys),
            "numbers": _packed(self.numbers),
            "rows": _packed(self.rows),
        }

    @classmethod
    def from_document(cls, document: Document) -> Table:
        """Reads what :meth:`to_document` wrote.

        Raises:
            MalformedError: if it is something else
        """
        return cls(*_columns(document), _segments(document))._checked()

    def _checked(self) -> Table:
        if len(self) and (
            self.numbers.min() < 0
            or self.numbers.max() >= len(self.segments)
            or self.rows.min() < 0
        ):
            raise MalformedError("it places documents where no segment is")
        return self


@dataclass(frozen=True, eq=False)
class Step:
    """What makes the table of a snapshot of that of the one before."""

    removed: Keys
    put: Table
    """The documents that are new or changed, in segments of their own."""
    order: bytes | None = None
    """Where in what follows by itself each document of the natural order is, if elsewhere; packed,
    because only the table before tells how many there can be."""
    ordered: int = 0
    """How many documents the order is of."""

    @classmethod
    def between(cls, former: Table, removed: Keys, put: Table, natural: Keys) -> Step:
        """Makes a step.

        Args:
            former: the table before
            removed: the documents that are gone
            put: those that are new or changed
            natural: all documents that there are now, in natural order

        Returns:
            the step

        Raises:
            MalformedError: if these do not fit together
        """
        simple = cls(removed, put)
        keys = simple.applied_to(former).keys
        if np.array_equal(keys, natural):
            return simple
        ranks = np.argsort(keys, kind="stable")
        places, known = positions(keys[ranks], natural)
        if len(keys) != len(natural) or not known.all():
            raise MalformedError("the documents are not those of the manifest")
        return cls(removed, put, _packed(ranks[places].astype(_NUMBER)), len(natural))

    def applied_to(self, former: Table) -> Table:
        """Returns the table that follows.

        Args:
            former: the table before

        Returns:
            the table

        Raises:
            MalformedError: if the step does not belong to that table
        """
        numbers, rows = former.numbers.copy(), former.rows.copy()
        ranks = np.argsort(former.keys, kind="stable")
        ordered = former.keys[ranks]
        moved = self.put.numbers + len(former.segments)
        places, known = positions(ordered, self.put.keys)
        changed = ranks[places[known]] if len(ordered) else np.empty(0, np.int64)
        numbers[changed], rows[changed] = moved[known], self.put.rows[known]
        keep = np.ones(len(former), bool)
        gone, is_there = positions(ordered, self.removed)
        if not is_there.all():
            raise MalformedError("it removes documents that there are not")
        if len(ordered):
            keep[ranks[gone]] = False
        table = Table(
            np.concatenate([former.keys[keep], self.put.keys[~known]]),
            np.concatenate([numbers[keep], moved[~known]]).astype(_NUMBER),
            np.concatenate([rows[keep], self.put.rows[~known]]).astype(_NUMBER),
            (*former.segments, *self.put.segments),
        )
        if self.order is None:
            return table
        # Before it is unpacked: a kilobyte can become a megabyte
        if self.ordered != len(table):
            raise MalformedError("its order is of more or fewer documents than there are")
        order = _unpacked(self.order, self.ordered)
        if not np.array_equal(np.sort(order), np.arange(len(order))):
            raise MalformedError("its order is not that of its documents")
        return Table(table.keys[order], table.numbers[order], table.rows[order], table.segments)

    def to_document(self) -> Document:
        """Returns the step as a manifest keeps it."""
        order = {} if self.order is None else {"order": self.order}
        return {
            **self.put.to_document(),
            "removed": len(self.removed),
            "removed_ids": _packed_keys(self.removed),
            "ordered": self.ordered,
            **order,
        }

    @classmethod
    def from_document(cls, document: Document) -> Step:
        """Reads what :meth:`to_document` wrote.

        Raises:
            MalformedError: if it is something else
        """
        count, ordered = _count(document, "removed"), _count(document, "ordered")
        removed = _keys(document["removed_ids"], count)
        return cls(removed, Table.from_document(document), document.get("order"), ordered)


def _columns(document: Document) -> tuple[Keys, Numbers, Numbers]:
    count = _count(document, "documents")
    keys = _keys(document["ids"], count)
    return keys, _unpacked(document["numbers"], count), _unpacked(document["rows"], count)


def _segments(document: Document) -> tuple[Segment, ...]:
    return tuple(segment_of(each) for each in document["segments"])


def segment_of(document: Document) -> Segment:
    """Reads what :meth:`Segment.to_document` wrote.

    Args:
        document: the document

    Returns:
        the segment

    Raises:
        MalformedError: if it is something else
    """
    name = document["name"]
    if not isinstance(name, str) or len(name) != 64 or set(name) - set("0123456789abcdef"):
        raise MalformedError(f"{str(name)[:70]!r} is not the name of a segment")
    return Segment(name, _count(document, "bytes"))


def _count(document: Document, key: str) -> int:
    value = document[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise MalformedError(f"{key} is {str(value)[:50]!r}")
    return value


def _packed(numbers: npt.NDArray[Any]) -> bytes:
    # Mostly one after the other, so that nearly all steps are the same
    return zlib.compress(np.diff(numbers, prepend=0).astype(_NUMBER).tobytes(), 1)


def _packed_keys(keys: Keys) -> bytes:
    return zlib.compress(keys.tobytes(), 1)


def _keys(data: bytes, count: int) -> Keys:
    if count * DTYPE.itemsize > _MOST_RATIO * len(data):
        raise MalformedError("it says that there are more ids than it holds")
    return np.frombuffer(_inflated(data, count * DTYPE.itemsize), DTYPE)


def _unpacked(data: bytes, count: int) -> Numbers:
    steps = np.frombuffer(_inflated(data, count * _NUMBER.itemsize), _NUMBER)
    return np.cumsum(steps, dtype=np.int64).astype(_NUMBER)


def _inflated(data: bytes, size: int) -> bytes:
    try:
        inflater = zlib.decompressobj()
        found = inflater.decompress(data, size + 1)
    except (zlib.error, TypeError) as error:
        raise MalformedError(str(error)) from error
    if len(found) != size or not inflater.eof:
        raise MalformedError("a column has not as many values as there are documents")
    return found
