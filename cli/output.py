"""What commands answer: as text for people, as JSON for programs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from ..backend.results import tables
from ..backend.results.serialize import plain
from ..backend.results.times import shown

DONE, FAILED, USAGE, FOUND, UNTOLD = 0, 1, 2, 3, 4
"""Exit codes; FOUND says that differences or damage were found, UNTOLD that it could not be told
whether there is damage."""

_BAR = 30

_CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"
}
"""What would command a terminal, such as to clear it, and how it is shown instead."""


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


def about(options: Namespace) -> dict[str, str]:
    """Returns the names of what a command was about, as they are called in all results."""
    found = {"dataset_name": options.dataset, "dataset": options.dataset}
    if "snapshot" in options:
        found |= {"snapshot_name": options.snapshot, "snapshot": options.snapshot}
    return found


def nothing_done(options: Namespace, reason: str) -> str:
    """Says that a command has found a snapshot as it was to make it.

    Args:
        options: the command's options
        reason: what the snapshot is, or has, already

    Returns:
        the sentence
    """
    return f"Nothing was done: snapshot '{options.snapshot}' of '{options.dataset}' {reason}"


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

    Names and descriptions may come from anybody, so what a terminal takes for a command is shown.

    Args:
        text: the line, or several
        stream: where to write it

    Returns:
        what is wrong with the stream, if it did not take it
    """
    try:
        stream.write(f"{visible(text)}\n")
        stream.flush()
    except OSError as error:
        # Else Python would try again when it ends, and fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


def visible(text: str) -> str:
    """Returns a text with escapes in place of what a terminal would take for a command."""
    return text.translate(_CONTROLS)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> str:
    """Returns rows as aligned columns, not wider than the terminal if there is one.

    Args:
        headings: the heading of each column
        rows: the rows
        empty: what to say if there are none

    Returns:
        the text
    """
    lines = [[_cell(value) for value in row] for row in rows]
    return tables.table(headings, lines, _columns()) if lines else empty


def _columns() -> int | None:
    # What commands print by the way goes elsewhere meanwhile, but the table does not
    screen = sys.__stdout__
    if screen is None or screen.closed or not screen.isatty():
        return None
    return shutil.get_terminal_size().columns


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return shown(value)
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    text = "" if value is None else str(value)
    return " ".join(text.split())


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
        shown = f"[{bars}] {fraction:4.0%}  {visible(label[:40])}" if fraction < 1 else ""
        stream.write(f"\r\033[K{shown}")
        stream.flush()

    return draw if stream.isatty() else lambda *_: None
