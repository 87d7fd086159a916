"""Tables of text, aligned by what a terminal shows, in any script.

Not ``tabulate``, which comes with FiftyOne: without ``wcwidth``, which does not, it counts
characters, and an ideograph takes two columns.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

_GAP = "  "
_NARROWEST = 8
"""Columns that are left to each column of a table that has to be made narrower."""


def width(text: str) -> int:
    """Returns how many columns a terminal needs for a text."""
    return sum(map(_letter_width, text))


def align(cells: Sequence[str], to_the_right: bool = False) -> list[str]:
    """Makes the cells of a column equally wide."""
    widest = max(map(width, cells))
    spaces = [" " * (widest - width(cell)) for cell in cells]
    if to_the_right:
        return [space + cell for cell, space in zip(cells, spaces, strict=True)]
    return [cell + space for cell, space in zip(cells, spaces, strict=True)]


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], columns: int | None = None
) -> str:
    """Returns rows below underlined headings.

    Args:
        headings: the heading of each column
        rows: the rows
        columns (None): how wide the terminal is, if what is longer is to be wrapped inside of its
            column

    Returns:
        the text
    """
    lines = [[*headings], *([*row] for row in rows)]
    widths = _widths(lines, columns)
    lines.insert(1, ["-" * number for number in widths])
    pieces = [
        [_wrapped(cell, number) for cell, number in zip(line, widths, strict=True)]
        for line in lines
    ]
    filled = [
        [cell[place] if place < len(cell) else "" for cell in line]
        for line in pieces
        for place in range(max(map(len, line)))
    ]
    aligned = map(align, zip(*filled, strict=True))
    return "\n".join(_GAP.join(line).rstrip() for line in zip(*aligned, strict=True))


def _letter_width(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Me", "Mn", "Cf"):
        return 0
    return 1 + (unicodedata.east_asian_width(letter) in "WF")


def _widths(lines: Sequence[Sequence[str]], columns: int | None) -> list[int]:
    """Returns the widths of the columns; the widest gives way until all fit."""
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    if columns is not None:
        spare = columns - len(_GAP) * (len(widths) - 1)
        while sum(widths) > spare and max(widths) > _NARROWEST:
            widths[widths.index(max(widths))] -= 1
    return widths


def _wrapped(cell: str, columns: int) -> list[str]:
    """Returns a cell in lines that are narrow enough."""
    lines = [""]
    for word in _words(cell, columns):
        if not lines[-1]:
            lines[-1] = word
        elif width(lines[-1]) + 1 + width(word) <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _words(cell: str, columns: int) -> Iterator[str]:
    """Yields the words of a cell, those in pieces that are too long for a line."""
    if width(cell) <= columns:
        yield cell
        return
    for word in cell.split():
        piece = ""
        for letter in word:
            if piece and width(piece + letter) > columns:
                yield piece
                piece = ""
            piece += letter
        yield piece
