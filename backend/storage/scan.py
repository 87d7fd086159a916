"""Going through a collection for a field or two of each document, mostly by an index alone.

The storage engine's record numbers are what natural order is. Asking for them more than doubles
the time that a scan takes, so that is done only where the order is wanted. The replies are taken
as they come, and cut by numpy.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from bson.datetime_ms import DatetimeMS
from pymongo import DESCENDING
from pymongo.collection import Collection

from ..dataset.parts import chunks
from ..manifest.columns import batch_keys
from ..mongo import reader
from ..mongo.database import Document
from ..mongo.gate import Workers
from ..rawbson import layout
from ..rawbson.ids import DTYPE, Ids, Keys

Numbers = npt.NDArray[np.int64]
_Columns = list[npt.NDArray[Any]]

_BATCH = 100_000
_LAST = 10_000
_INT64 = np.dtype("<i8")


@dataclass(frozen=True)
class _Field:
    name: str
    kind: int
    """BSON's number of the type."""
    dtype: np.dtype[Any]

    @property
    def header(self) -> bytes:
        return bytes([self.kind]) + self.name.encode() + b"\x00"


_FEW = 1000
"""So many documents are not worth a second thread."""

_ID = _Field("_id", 0x07, DTYPE)
_TIME = _Field("last_modified_at", 0x09, _INT64)
_NUMBER = _Field("$recordId", 0x12, _INT64)


def ids(collection: Collection[Document], expected: Keys) -> Keys | None:
    """Returns the ids of a collection.

    Args:
        collection: the collection
        expected: about those ids, sorted, by which the server goes through two halves at once

    Returns:
        the keys, sorted, or None if some ids are no ObjectIds
    """
    (keys,), are_usual = _halves(collection, [_ID], expected)
    return np.sort(keys, kind="stable") if are_usual else None


def natural(collection: Collection[Document], expected: Keys | None = None) -> Keys:
    """Returns the ids of a collection in natural order.

    Args:
        collection: the collection
        expected (None): about those ids, sorted, if they are known: the server can then go through
            both halves at the same time

    Returns:
        the keys
    """
    (keys, numbers), _ = _halves(collection, [_ID, _NUMBER], expected)
    ordered: Keys = keys[np.argsort(numbers, kind="stable")]
    return ordered


def natural_and_usual(collection: Collection[Document]) -> tuple[Keys, bool]:
    """Returns the ids of a collection in natural order, and whether all of them are ObjectIds.

    Args:
        collection: the collection

    Returns:
        the keys, which find documents only if all are
    """
    (keys, numbers), are_usual = _halves(collection, [_ID, _NUMBER], None)
    return keys[np.argsort(numbers, kind="stable")], are_usual


def after(collection: Collection[Document], number: int) -> Keys:
    """Returns the ids of the documents with higher record numbers than some number.

    Args:
        collection: the collection
        number: the number

    Returns:
        the keys, in natural order
    """
    find = {"projection": {"_id": 1}, "sort": {"$natural": DESCENDING}, "batchSize": _LAST}
    found = [np.empty(0, DTYPE)]
    with closing(_tables(collection, [_ID, _NUMBER], find)) as tables:
        for (keys, numbers), _ in tables:
            found.append(keys[numbers > number])
            if len(found[-1]) < len(keys):
                break
    return np.concatenate(found)[::-1]


def times(collection: Collection[Document], since: datetime) -> Numbers:
    """Returns every ``last_modified_at`` after some time.

    Args:
        collection: the collection; FiftyOne makes an index of that field, without which all
            documents are read
        since: the time, UTC

    Returns:
        the times in milliseconds, one for each document
    """
    find = {
        "filter": {_TIME.name: {"$gt": since}},
        "projection": {"_id": 0, _TIME.name: 1},
        "batchSize": _BATCH,
    }
    (found,), _ = _joined(_tables(collection, [_TIME], find), [_TIME])
    return found


def modified_at(collection: Collection[Document], wanted: Numbers) -> tuple[Keys, Numbers]:
    """Returns the documents that have one of some times as their ``last_modified_at``.

    Args:
        collection: the collection
        wanted: the times in milliseconds

    Returns:
        the keys, and the time of each
    """
    fields, tables = [_ID, _TIME], list[tuple[_Columns, bool]]()
    for some in chunks([DatetimeMS(time) for time in wanted.tolist()]):
        find = {
            "filter": {_TIME.name: {"$in": some}},
            "projection": {"_id": 1, _TIME.name: 1},
            "batchSize": _BATCH,
        }
        tables += _tables(collection, fields, find)
    (keys, found), _ = _joined(iter(tables), fields)
    return keys, found


def _halves(
    collection: Collection[Document], fields: Sequence[_Field], expected: Keys | None
) -> tuple[_Columns, bool]:
    """Goes through the index of the ids, in halves if it is known where the middle is."""
    halves: list[Document] = [{}]
    if expected is not None and len(expected) > _FEW:
        middle = Ids(expected)[len(expected) // 2]
        # Unlike a filter, these are bounds for ids of all types
        halves = [{"max": {"_id": middle}}, {"min": {"_id": middle}}]

    def go_through(half: Document) -> tuple[_Columns, bool]:
        find = {"projection": {"_id": 1}, "hint": {"_id": 1}, "batchSize": _BATCH, **half}
        return _joined(_tables(collection, fields, find), fields)

    with Workers(len(halves)) as pool:
        return _joined(pool.map(go_through, halves), fields)


def _joined(
    tables: Iterator[tuple[_Columns, bool]], fields: Sequence[_Field]
) -> tuple[_Columns, bool]:
    """Joins tables; they are usual if all of them are."""
    found = [([np.empty(0, field.dtype) for field in fields], True), *tables]
    columns = [np.concatenate(column) for column in zip(*(each for each, _ in found), strict=True)]
    return columns, all(are_usual for _, are_usual in found)


def _tables(
    collection: Collection[Document], fields: Sequence[_Field], find: Mapping[str, Any]
) -> Generator[tuple[_Columns, bool], None, None]:
    """Yields the values of the fields, and whether all ids are ObjectIds."""
    if _NUMBER in fields:
        find = {**find, "showRecordId": True}
    with closing(reader.arrays(collection, find)) as arrays:
        for array, _ in arrays:
            yield _table(array, fields)


def _table(array: memoryview, fields: Sequence[_Field]) -> tuple[_Columns, bool]:
    """Cuts an array of documents, whose names are their places: 0, 1, 2 ..."""
    row = _row(fields)
    parts, position, digits, first = list[npt.NDArray[Any]](), 4, 1, 0
    while position < len(array) - 1:
        element = np.dtype([("kind", "V1"), ("name", f"V{digits + 1}"), ("row", row)])
        most = 10**digits - first
        count = min(most, (len(array) - 1 - position) // element.itemsize)
        rows = np.frombuffer(array, element, count, position)["row"]
        usual = (
            count > 0
            and (rows["size"] == row.itemsize).all()
            and all((rows[f"{f.name} is"] == np.void(f.header)).all() for f in fields)
        )
        position += count * element.itemsize
        if not usual or (count < most and position != len(array) - 1):
            return _one_by_one(array, fields)
        parts.append(rows)
        first, digits = 10**digits, digits + 1
    columns = [[part[field.name] for part in parts] for field in fields]
    empty = [np.empty(0, field.dtype) for field in fields]
    return [np.concatenate([e, *c]) for e, c in zip(empty, columns, strict=True)], True


def _row(fields: Sequence[_Field]) -> np.dtype[Any]:
    """Returns what a document of the fields looks like."""
    values = [
        entry
        for field in fields
        for entry in ((f"{field.name} is", f"V{len(field.header)}"), (field.name, field.dtype))
    ]
    return np.dtype([("size", "<i4"), *values, ("end", "V1")])


def _one_by_one(array: memoryview, fields: Sequence[_Field]) -> tuple[_Columns, bool]:
    """Does the same if some ids are no ObjectIds."""
    batch = layout.DocumentBatch.of_array(array)
    keys, are_unusual = batch_keys(batch)
    documents = [layout.fields(document) for document in batch]
    columns = [
        keys
        if field is _ID
        else np.array([_integer(document[field.name]) for document in documents], field.dtype)
        for field in fields
    ]
    return columns, not are_unusual


def _integer(value: bytes) -> int:
    """Returns the number or the time that a value is, of which the first byte is the type."""
    return int.from_bytes(value[1:], "little", signed=True)
