"""What the SDK returns, as plain data: one schema for command line, operators and programs.

It is written down in docs/results.md. A record tells its fields, and the properties that it names
in ``TOLD``, under their own names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, ClassVar

from .times import zoned


class Record:
    """Base of what the SDK returns."""

    TOLD: ClassVar[tuple[str, ...]] = ()
    """Properties that are told beside the fields."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the record as plain data, which JSON can hold.

        Returns:
            a dict of strings, numbers, booleans, None, and lists and dicts of those; times are
            ISO 8601 with their zone
        """
        assert is_dataclass(self)
        names = (*(item.name for item in fields(self)), *self.TOLD)
        return {name: plain(getattr(self, name)) for name in names}


def plain(value: Any) -> Any:
    """Returns a value as plain data, which JSON can hold.

    Args:
        value: what the SDK returns: records, enums, times, ids, and collections of those

    Returns:
        strings, finite numbers, booleans, None, and lists and dicts of those
    """
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return zoned(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _key(key: Any) -> str:
    return "(none)" if key is None else str(key)
