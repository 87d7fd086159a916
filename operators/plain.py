"""What the SDK returns, as plain data that any caller, in any language, can use."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from bson import ObjectId


def plain(value: Any) -> Any:
    """Turns a value into what JSON knows.

    Args:
        value: a value of the SDK: data classes, enums, times, ids, and collections of those

    Returns:
        strings, numbers, booleans, None, and lists and dicts of those; times in ISO 8601
    """
    if isinstance(value, datetime):
        return utc(value).isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, ObjectId):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value


def utc(time: datetime) -> datetime:
    """Returns a time that says it is UTC, as MongoDB's are without saying so."""
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time
