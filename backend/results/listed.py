"""Many things, of which few are named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from .serialize import Record

MAX_LISTED = 100
"""Things named in a report; there is no end to what can be damaged."""


@dataclass(frozen=True)
class Listed(Record):
    """Some things, of which only the first are named."""

    total: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[object]) -> Listed:
        """Counts things and keeps the first names.

        Args:
            names: the things' names

        Returns:
            how many there are, and the first
        """
        remaining = iter(names)
        first = tuple(str(name) for name in islice(remaining, MAX_LISTED))
        return cls(len(first) + sum(1 for _ in remaining), first)

    def __bool__(self) -> bool:
        return self.total > 0

    def __str__(self) -> str:
        more = f" and {self.total - 5} more" if self.total > 5 else ""
        return f"{self.total} ({', '.join(self.names[:5])}{more})"


NOTHING = Listed()
"""No things."""
