"""What commands answer: as text for people, as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

DONE, FAILED, USAGE, FOUND, UNTOLD = 0, 1, 2, 3, 4
"""Exit codes; FOUND says that differences or damage were found, UNTOLD that it could not be told
whether there is damage."""

_BAR = 30


@dataclass(frozen=True)
class Answer:
    """What a command answers."""

    data: Any
    """For programs: a record, or several; its keys do not change."""
    text: str
    """For people."""
    code: int = DONE

    def to_json(self) -> str:
        """Returns the answer as one JSON document, in ASCII, which every output can take."""
        return json.dumps(plain(self.data), indent=2)


def prepare_streams() -> None:
    """Sees to it that writing needs no second thought.

    What an encoding cannot show is written as an escape, and a stream that was closed before the
    process began, of which Python has none, swallows everything.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (to the end)
            setattr(sys, name, nowhere)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def write(text: str, stream: TextIO) -> OSError | None:
    """Writes a line.

    Args:
        text: the line, or several
        stream: where to write it

    Returns:
        what is wrong with the stream, if it did not take it
    """
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except OSError as error:
        # Else Python would try again when it ends, and fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


def plain(value: Any) -> Any:
    """Returns records as data that JSON can hold; times are ISO 8601 with their zone."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        # FiftyOne gives times of UTC without saying so
        zoned = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return zoned.isoformat()
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> str:
    """Returns rows as aligned columns.

    Args:
        headings: the heading of each column
        rows: the rows
        empty: what to say if there are none

    Returns:
        the text
    """
    lines = [[_cell(value) for value in row] for row in rows]
    if not lines:
        return empty
    lines = [list(headings), *lines]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    text = "" if value is None else str(value)
    return " ".join(text.split())


def _width(text: str) -> int:
    """Returns how many columns a terminal needs for a text."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def size(count: int) -> str:
    """Returns a number of bytes for people to read."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count / 1e3:.1f} kB"


def bar(stream: TextIO) -> Callable[[float, str], None]:
    """Returns what draws a progress bar, and draws nothing where nobody would see it.

    Args:
        stream: where to draw

    Returns:
        a function to be called with the fraction that is done, and what is being done; with 1.0
        the bar disappears
    """

    def draw(fraction: float, label: str) -> None:
        done = int(fraction * _BAR)
        bars = "#" * done + "." * (_BAR - done)
        shown = f"[{bars}] {fraction:4.0%}  {label[:40]}" if fraction < 1 else ""
        stream.write(f"\r\033[K{shown}")
        stream.flush()

    return draw if stream.isatty() else lambda *_: None
