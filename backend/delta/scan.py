"""Going through an index of a collection, without reading its documents.

Indexes know the storage engine's record numbers, which are what natural order is, and by which
what one index tells is joined with what another does. The replies are taken as they come, and cut
by numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from pymongo.collection import Collection

from .. import layout, replies
from ..database import Document
from ..ids import DTYPE, Ids, Keys
from ..manifest import run_keys

Numbers = npt.NDArray[np.int64]

_BATCH = 100_000
_NUMBER_HEADER = b"\x12$recordId\x00"
_INT64 = np.dtype("<i8")


@dataclass(frozen=True)
class _Field:
    """What an index is of."""

    name: str
    kind: int
    """BSON's number of the type."""
    dtype: np.dtype[Any]

    @property
    def header(self) -> bytes:
        return bytes([self.kind]) + self.name.encode() + b"\x00"

    @property
    def row(self) -> np.dtype[Any]:
        """A document of the value and the record number."""
        return np.dtype(
            [
                ("size", "<i4"),
                ("header", f"V{len(self.header)}"),
                ("value", self.dtype),
                ("number_header", f"V{len(_NUMBER_HEADER)}"),
                ("number", _INT64),
                ("end", "V1"),
            ]
        )


_ID = _Field("_id", 0x07, DTYPE)
_TIME = _Field("last_modified_at", 0x09, _INT64)


def ids(collection: Collection[Document], expected: Keys | None = None) -> tuple[Keys, Numbers]:
    """Returns the ids of a collection and their record numbers, in natural order.

    Args:
        collection: the collection
        expected (None): about those ids, sorted, if they are known: the server can then go through
            both halves at the same time

    Returns:
        the keys, and the numbers, which ascend
    """
    halves: list[Document] = [{}]
    if expected is not None and len(expected):
        middle = Ids(expected)[len(expected) // 2]
        # Unlike a filter, these are bounds for ids of all types
        halves = [{"max": {"_id": middle}}, {"min": {"_id": middle}}]
    finds = [{"projection": {"_id": 1}, "hint": {"_id": 1}, **half} for half in halves]
    with ThreadPoolExecutor(len(finds)) as pool:
        found = pool.map(lambda find: _tables(collection, _ID, find), finds)
        tables = [table for half in found for table in half]
    keys = np.concatenate([np.empty(0, DTYPE), *(table[0] for table in tables)])
    numbers = np.concatenate([np.empty(0, np.int64), *(table[1] for table in tables)])
    natural = np.argsort(numbers, kind="stable")
    return keys[natural], numbers[natural]


def times(collection: Collection[Document], since: datetime) -> tuple[Numbers, Numbers]:
    """Returns the documents with a ``last_modified_at`` after some time.

    Args:
        collection: the collection; FiftyOne makes an index of that field, without which all
            documents are read
        since: the time, UTC

    Returns:
        their times, in milliseconds, and their record numbers
    """
    find = {
        "filter": {_TIME.name: {"$gt": since}},
        "projection": {"_id": 0, _TIME.name: 1},
    }
    tables = _tables(collection, _TIME, find)
    return (
        np.concatenate([np.empty(0, np.int64), *(table[0] for table in tables)]),
        np.concatenate([np.empty(0, np.int64), *(table[1] for table in tables)]),
    )


def _tables(
    collection: Collection[Document], field: _Field, find: Mapping[str, Any]
) -> list[tuple[npt.NDArray[Any], Numbers]]:
    find = {**find, "showRecordId": True, "batchSize": _BATCH}
    return [_table(array, field) for array, _ in replies.arrays(collection, find)]


def _table(array: memoryview, field: _Field) -> tuple[npt.NDArray[Any], Numbers]:
    """Cuts an array of documents, whose names are their places: 0, 1, 2 ..."""
    row, parts = field.row, list[npt.NDArray[Any]]()
    position, digits, first = 4, 1, 0
    while position < len(array) - 1:
        element = np.dtype([("kind", "V1"), ("name", f"V{digits + 1}"), ("row", row)])
        most = 10**digits - first
        count = min(most, (len(array) - 1 - position) // element.itemsize)
        rows = np.frombuffer(array, element, count, position)["row"]
        usual = (
            count > 0
            and (rows["size"] == row.itemsize).all()
            and (rows["header"] == np.void(field.header)).all()
            and (rows["number_header"] == np.void(_NUMBER_HEADER)).all()
        )
        position += count * element.itemsize
        if not usual or (count < most and position != len(array) - 1):
            return _one_by_one(array, field)
        parts.append(rows)
        first, digits = 10**digits, digits + 1
    if not parts:
        return np.empty(0, field.dtype), np.empty(0, np.int64)
    table = np.concatenate(parts)
    return table["value"], table["number"]


def _one_by_one(array: memoryview, field: _Field) -> tuple[npt.NDArray[Any], Numbers]:
    """Does the same if some ids are no ObjectIds."""
    run = layout.Run.of_array(array)
    documents = [layout.fields(document) for document in run]
    numbers = [_integer(document["$recordId"]) for document in documents]
    values = run_keys(run)[0] if field is _ID else [_integer(d[field.name]) for d in documents]
    return np.array(values, field.dtype), np.array(numbers, np.int64)


def _integer(value: bytes) -> int:
    """Returns the number or the time that a value is, of which the first byte is the type."""
    return int.from_bytes(value[1:], "little", signed=True)
