"""Writing the audit log to a file, for other tools and for other places."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TextIO

from pymongo.database import Database

from ..errors import InvalidRequestError
from ..mongo.collections import AUDIT
from ..mongo.database import Document
from .event import plain

Row = dict[str, Any]


def export(database: Database[Document], path: str | Path) -> int:
    """Writes all events, oldest first.

    Args:
        database: the database
        path: a file to be made, ending in ``.jsonl`` or ``.csv``; it is there once all is written

    Returns:
        the number of events

    Raises:
        InvalidRequestError: if its suffix is another one, or the file exists
    """
    path = Path(path)
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InvalidRequestError(
            f"'{path}' ends in none of {', '.join(_WRITERS)}: JSON lines, or a table"
        )
    if path.exists():
        raise InvalidRequestError(
            f"'{path}' exists already: give another path, or remove it first"
        )
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            number = write(file, map(plain, database[AUDIT].find().sort("_id", 1)))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return number


def _write_json_lines(file: TextIO, rows: Iterable[Row]) -> int:
    number = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        number += 1
    return number


def _write_csv(file: TextIO, rows: Iterable[Row]) -> int:
    number, writer = 0, csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
        number += 1
    return number


def _cell(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    # Spreadsheets take texts that begin so for formulas
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


_COLUMNS = ["sequence", "format", "at", "user", "host", "interface", "action", "dataset",
            "dataset_id", "snapshot", "parameters", "counts", "seconds", "outcome", "error",
            "operations", "previous", "hash"]  # fmt: skip

_WRITERS: dict[str, Callable[[TextIO, Iterable[Row]], int]] = {
    ".jsonl": _write_json_lines,
    ".csv": _write_csv,
}
