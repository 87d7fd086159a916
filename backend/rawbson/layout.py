"""Finding top-level fields in batches of BSON documents, without decoding any of them.

Documents of one collection have nearly the same fields in nearly the same order. So all documents
of a batch are walked side by side: what the first one has next is looked for in all of them at
once, and those that have it advance together. Every step follows BSON's own lengths, so what is
found is truly at the top level, whatever the strings and embedded documents in between hold.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

NOT_FOUND = -1

Positions = npt.NDArray[np.int64]

_LENGTH = struct.Struct("<i")
_INT32 = np.dtype("<i4")

# Bytes of a value by its type: fixed, or this plus the length that the value begins with
FIXED = {
    0x01: 8,  # double
    0x06: 0,  # undefined
    0x07: 12,  # ObjectId
    0x08: 1,  # boolean
    0x09: 8,  # datetime
    0x0A: 0,  # null
    0x10: 4,  # int32
    0x11: 8,  # timestamp
    0x12: 8,  # int64
    0x13: 16,  # decimal
    0x7F: 0,  # max key
    0xFF: 0,  # min key
}
_WITH_LENGTH = {
    0x02: 4,  # string
    0x03: 0,  # document
    0x04: 0,  # array
    0x05: 5,  # binary
    0x0C: 16,  # reference
    0x0D: 4,  # code
    0x0E: 4,  # symbol
    0x0F: 0,  # code with scope
}
_REGEX = 0x0B

# The server puts `_id` first
_ID_START, _ID_BYTES = 4 + len(b"\x07_id\x00"), 12

# Documents that are this few are walked one by one, which is quicker then
_FEW = 4


@dataclass(frozen=True)
class Wanted:
    """A field to look for: one that has another type is not meant."""

    name: str
    type: int

    @property
    def header(self) -> bytes:
        """What an element of this name and type begins with."""
        return bytes([self.type]) + self.name.encode() + b"\x00"


@dataclass(frozen=True)
class DocumentBatch:
    """BSON documents in one buffer, in order, whatever lies between them."""

    data: bytes | bytearray
    starts: Sequence[int]
    """Where each document begins."""
    ends: Sequence[int]
    """Where each document ends."""

    @classmethod
    def of(cls, data: bytes | bytearray) -> DocumentBatch:
        """Finds the documents in a buffer that holds nothing else.

        Args:
            data: BSON documents, one after the other

        Returns:
            the batch
        """
        bounds, position, total, length = [0], 0, len(data), _LENGTH.unpack_from
        while position < total:
            position += length(data, position)[0]
            bounds.append(position)
        return cls(data, bounds[:-1], bounds[1:])

    @classmethod
    def of_array(cls, array: bytes | memoryview) -> DocumentBatch:
        """Finds the documents in a BSON array, whose names are their places: 0, 1, 2 ...

        Args:
            array: the array, of which the batch has a copy of its own

        Returns:
            the batch
        """
        starts, ends, length = [], [], _LENGTH.unpack_from
        position, end = 4, len(array) - 1
        more_digits, header = 10, len(b"\x030\x00")
        while position < end:
            starts.append(start := position + header)
            position = start + length(array, start)[0]
            ends.append(position)
            if len(starts) == more_digits:
                more_digits, header = more_digits * 10, header + 1
        return cls(bytearray(array), starts, ends)

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[bytes]:
        view = memoryview(self.data)
        for start, end in zip(self.starts, self.ends, strict=True):
            yield bytes(view[start:end])

    def __getitem__(self, number: int) -> bytes:
        return bytes(memoryview(self.data)[self.starts[number] : self.ends[number]])

    def views(self, numbers: npt.NDArray[np.int64]) -> list[memoryview]:
        """Returns some documents without copying them: who does may not write to the buffer."""
        view = memoryview(self.data)
        starts, ends = np.array(self.starts)[numbers], np.array(self.ends)[numbers]
        return [view[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    def first(self) -> DocumentBatch:
        """Returns the batch of the first document only."""
        return DocumentBatch(self.data, self.starts[:1], self.ends[:1])

    def joined(self) -> bytes:
        """Returns the documents one after the other, with nothing in between."""
        view = memoryview(self.data)
        return b"".join(
            [view[start:end] for start, end in zip(self.starts, self.ends, strict=True)]
        )

    def by_id(self) -> Iterator[tuple[bytes, bytes]]:
        """Yields the bytes of each id, which must be an ObjectId, and each document."""
        for document in self:
            yield document[_ID_START : _ID_START + _ID_BYTES], document


def locate(batch: DocumentBatch, wanted: Sequence[Wanted]) -> list[Positions]:
    """Finds the values of top-level fields.

    Args:
        batch: the documents
        wanted: the fields

    Returns:
        for each field, where its value begins in each document, or :data:`NOT_FOUND`
    """
    found = {field.header: np.full(len(batch), NOT_FOUND, np.int64) for field in wanted}
    _Walk(batch, found).walk()
    return [found[field.header] for field in wanted]


def windows(batch: bytes | bytearray, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Returns what would be read as a type at every position of a batch.

    Args:
        batch: bytes
        dtype: the type

    Returns:
        an array that shares the memory of the bytes
    """
    count = max(0, len(batch) - dtype.itemsize + 1)
    return np.ndarray((count,), dtype, batch, strides=(1,))


def elements(batch: bytes, start: int) -> Iterator[tuple[str, int, int]]:
    """Walks through the top-level fields of a document without copying anything.

    Args:
        batch: BSON
        start: where the document begins

    Yields:
        the name of each field, and where its value begins and ends
    """
    position, end = start + 4, start + int(_LENGTH.unpack_from(batch, start)[0]) - 1
    while position < end:
        name_end = batch.index(0, position + 1)
        value = name_end + 1
        following = value + value_size(batch, batch[position], value)
        yield batch[position + 1 : name_end].decode(), value, following
        position = following


def fields(document: bytes) -> dict[str, bytes]:
    """Cuts a document into its top-level fields, without decoding them.

    Args:
        document: a BSON document

    Returns:
        the type and bytes of each value, by name
    """
    found, position, end = {}, 4, len(document) - 1
    while position < end:
        name_end = document.index(0, position + 1)
        kind, value = document[position], name_end + 1
        size = FIXED.get(kind)
        if size is None:
            size = value_size(document, kind, value)
        found[document[position + 1 : name_end].decode()] = (
            document[position : position + 1] + document[value : value + size]
        )
        position = value + size
    return found


def document(fields: Mapping[str, bytes]) -> bytes:
    """Makes a document of what :func:`fields` cuts one into.

    Args:
        fields: the type and bytes of each value, by name

    Returns:
        the BSON document
    """
    body = b"".join(
        element[:1] + name.encode() + b"\x00" + element[1:] for name, element in fields.items()
    )
    return _LENGTH.pack(len(body) + 5) + body + b"\x00"


def value_size(batch: bytes | bytearray, kind: int, value: int) -> int:
    """Returns the length of a value.

    Args:
        batch: BSON
        kind: the type of the value
        value: where it begins

    Returns:
        the number of bytes
    """
    size = FIXED.get(kind)
    if size is not None:
        return size
    if kind in _WITH_LENGTH:
        length = int(_LENGTH.unpack_from(batch, value)[0])
        if length < 0:
            # Else whoever walks on would go back, and never end
            raise ValueError(f"a value of {length} bytes is no BSON")
        return length + _WITH_LENGTH[kind]
    if kind == _REGEX:
        pattern_end = batch.index(0, value)
        return batch.index(0, pattern_end + 1) + 1 - value
    raise ValueError(f"BSON has no type {kind:#04x}")


class _Walk:
    """One walk through all documents of a batch, side by side."""

    def __init__(self, batch: DocumentBatch, found: dict[bytes, Positions]) -> None:
        self._batch = batch.data
        self._found = found
        # The last byte of a document is its end mark
        self._ends = np.asarray(batch.ends, np.int64) - 1
        self._at = np.asarray(batch.starts, np.int64) + 4
        self._missing = np.full(len(self._at), len(found))
        self._left = np.arange(len(self._at))

    def walk(self) -> None:
        self._drop_finished()
        # Documents that differ from all others would each cost a step of their own
        steps = 0
        while len(self._left) > _FEW and steps < 1000:
            steps += 1
            self._step()
        for number in self._left:
            self._walk_alone(int(number))

    def _step(self) -> None:
        """Advances all documents that have next what the first one has next."""
        leader = int(self._at[self._left[0]])
        header = self._header(leader)
        here = self._at[self._left]
        last = len(self._batch) - len(header)
        found = windows(self._batch, np.dtype(f"V{len(header)}"))[np.minimum(here, last)]
        same = (found == np.void(header)) & (here <= last)
        moving = self._left[same]
        values = here[same] + len(header)
        self._note(header, moving, values)
        self._at[moving] = values + self._sizes(header[0], values)
        self._drop_finished()

    def _note(self, header: bytes, moving: npt.NDArray[Any], values: Positions) -> None:
        places = self._found.get(header)
        if places is not None:
            new = places[moving] == NOT_FOUND
            places[moving[new]] = values[new]
            self._missing[moving[new]] -= 1

    def _sizes(self, kind: int, values: Positions) -> Positions | int:
        if kind in FIXED:
            return FIXED[kind]
        if kind in _WITH_LENGTH:
            lengths = windows(self._batch, _INT32)[values].astype(np.int64)
            if lengths.min(initial=0) < 0:
                raise ValueError(f"a value of {lengths.min()} bytes is no BSON")
            return lengths + _WITH_LENGTH[kind]
        return np.array([value_size(self._batch, kind, int(value)) for value in values], np.int64)

    def _drop_finished(self) -> None:
        left = self._left
        self._left = left[(self._at[left] < self._ends[left]) & (self._missing[left] > 0)]

    def _walk_alone(self, number: int) -> None:
        position, end = int(self._at[number]), int(self._ends[number])
        while position < end and self._missing[number]:
            header = self._header(position)
            value = position + len(header)
            places = self._found.get(header)
            if places is not None and places[number] == NOT_FOUND:
                places[number] = value
                self._missing[number] -= 1
            position = value + value_size(self._batch, header[0], value)

    def _header(self, position: int) -> bytes:
        """Returns type and name of the element at a position, with the name's end mark."""
        return bytes(self._batch[position : self._batch.index(0, position + 1) + 1])
