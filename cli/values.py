"""Reading what commands are given: times and numbers that somebody can mean."""

from __future__ import annotations

from datetime import date, datetime
from typing import TypeVar

_MOST_DAYS = 100_000
_T = TypeVar("_T", bound=date)


def time(text: str) -> date:
    """Reads a day, or a time."""
    try:
        return _likely(date.fromisoformat(text))
    except ValueError:
        return _likely(datetime.fromisoformat(text))


def moment(text: str) -> datetime:
    """Reads a time; a day is its beginning."""
    return _likely(datetime.fromisoformat(text))


def _likely(given: _T) -> _T:
    """Refuses times that are the first or the last ones in some zone, which has none beyond."""
    if not 2 <= given.year < 9999:
        raise ValueError
    return given


def count(text: str) -> int:
    """Reads a number of things."""
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def days(text: str) -> float:
    """Reads a number of days, no more than anything here can be old."""
    number = float(text)
    if not 0 <= number <= _MOST_DAYS:
        raise ValueError
    return number


# What argparse calls them in its complaints
time.__name__ = moment.__name__ = "time"
count.__name__, days.__name__ = "number", "number of days"
