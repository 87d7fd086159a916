"""Going through all ids of a collection, without reading its documents.

The index of ids answers that, and knows the storage engine's record numbers, which are what
natural order is. The replies are taken as they come, and cut by numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from bson import ObjectId
from pymongo.collection import Collection

from .. import layout, replies
from ..database import Document
from ..ids import DTYPE, Keys
from ..manifest import run_keys

Numbers = npt.NDArray[np.int64]

_BATCH = 100_000
_ID_HEADER, _NUMBER_HEADER = b"\x07_id\x00", b"\x12$recordId\x00"
_ROW = np.dtype(
    [
        ("size", "<i4"),
        ("id_header", f"V{len(_ID_HEADER)}"),
        ("id", DTYPE),
        ("number_header", f"V{len(_NUMBER_HEADER)}"),
        ("number", "<i8"),
        ("end", "V1"),
    ]
)


def scan(collection: Collection[Document], middle: ObjectId | None = None) -> tuple[Keys, Numbers]:
    """Returns the ids of a collection and their record numbers.

    Args:
        collection: the collection
        middle (None): an id from which on about half of them are, so that the server can go
            through both halves at the same time

    Returns:
        the keys, and the numbers: sorted by these, the keys are in natural order
    """
    # Unlike a filter, these are bounds for ids of all types
    halves = [{"max": {"_id": middle}}, {"min": {"_id": middle}}] if middle is not None else [{}]
    with ThreadPoolExecutor(len(halves)) as pool:
        found = pool.map(lambda half: _tables(collection, half), halves)
        tables = [table for half in found for table in half]
    keys = [table[0] for table in tables]
    numbers = [table[1] for table in tables]
    return (
        np.concatenate([np.empty(0, DTYPE), *keys]),
        np.concatenate([np.empty(0, np.int64), *numbers]),
    )


def _tables(
    collection: Collection[Document], bounds: Mapping[str, Any]
) -> list[tuple[Keys, Numbers]]:
    find = {
        "projection": {"_id": 1},
        "hint": {"_id": 1},
        "showRecordId": True,
        "batchSize": _BATCH,
        **bounds,
    }
    return [_table(array) for array, _ in replies.arrays(collection, find)]


def _table(array: memoryview) -> tuple[Keys, Numbers]:
    """Cuts an array of documents, whose names are their places: 0, 1, 2 ..."""
    parts: list[npt.NDArray[Any]] = []
    position, digits, first = 4, 1, 0
    while position < len(array) - 1:
        element = np.dtype([("kind", "V1"), ("name", f"V{digits + 1}"), ("row", _ROW)])
        most = 10**digits - first
        count = min(most, (len(array) - 1 - position) // element.itemsize)
        rows = np.frombuffer(array, element, count, position)["row"]
        usual = (
            count > 0
            and (rows["size"] == _ROW.itemsize).all()
            and (rows["id_header"] == np.void(_ID_HEADER)).all()
            and (rows["number_header"] == np.void(_NUMBER_HEADER)).all()
        )
        position += count * element.itemsize
        if not usual or (count < most and position != len(array) - 1):
            return _one_by_one(array)
        parts.append(rows)
        first, digits = 10**digits, digits + 1
    if not parts:
        return np.empty(0, DTYPE), np.empty(0, np.int64)
    table = np.concatenate(parts)
    return table["id"], table["number"]


def _one_by_one(array: memoryview) -> tuple[Keys, Numbers]:
    """Does the same if some ids are no ObjectIds."""
    run = layout.Run.of_array(array)
    numbers = [layout.fields(document)["$recordId"] for document in run]
    return (
        run_keys(run)[0],
        np.array([int.from_bytes(number[1:], "little") for number in numbers], np.int64),
    )
