"""Describing arguments, results and errors for the log: short, plain, and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from itertools import islice
from os import PathLike
from typing import Any

import fiftyone.core.collections as foc
import fiftyone.core.dataset as fod
from bson import ObjectId

from ..catalog.record import DatasetSnapshot

_TEXT_LENGTH = 200
_ERROR_LENGTH = 500
_ITEMS = 10
_LARGEST = 2**63

_SECRET_NAME = re.compile(r"passw|secret|token|credential|api_?key|access_?key", re.IGNORECASE)
_LOGIN = re.compile(r"(://)(?:[^/\s@]*:\S*|[^/\s]+)@")
"""A password may have slashes, and more than one ``@``."""
_QUERY = re.compile(r"(://[^\s?]*\?)\S+")
_HIDDEN = "***"


def parameters(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Describes arguments.

    Args:
        arguments: arguments by name

    Returns:
        plain values of bounded size; functions, such as those that show progress, are left out
    """
    return {
        name: _HIDDEN if _SECRET_NAME.search(name) else _value(value)
        for name, value in arguments.items()
        if not callable(value)
    }


def counts(result: object) -> dict[str, int]:
    """Tells how much something was, from what it returned.

    Args:
        result: what a function of the SDK returned

    Returns:
        numbers by what they count
    """
    summary = getattr(result, "linear_change_summary", None)
    if summary is not None:
        return counts(summary)
    if is_dataclass(result) and not isinstance(result, type):
        found = {item.name: getattr(result, item.name) for item in fields(result)}
        return {name: value for name, value in found.items() if type(value) is int}
    if isinstance(result, (list, tuple)):
        return {"items": len(result)}
    return {}


def error(problem: BaseException) -> str:
    """Describes an error.

    Args:
        problem: the error

    Returns:
        its kind and message
    """
    return text(f"{type(problem).__name__}: {problem}", _ERROR_LENGTH)


def text(value: str, length: int = _TEXT_LENGTH) -> str:
    """Returns a text as it may be kept.

    Args:
        value: the text
        length: how much of it to keep

    Returns:
        the text without passwords and signatures in addresses, cut if it is long
    """
    # What cannot be encoded cannot be stored
    value = value.encode("utf-8", "replace").decode()
    value = _QUERY.sub(rf"\1{_HIDDEN}", _LOGIN.sub(rf"\1{_HIDDEN}@", value))
    return value if len(value) <= length else f"{value[:length]}… ({len(value)} characters)"


def _value(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _value(value.value)
    if isinstance(value, int) and abs(value) < _LARGEST:
        return value
    if isinstance(value, (str, ObjectId, PathLike, date, timedelta, int, float)):
        return text(str(value))
    if isinstance(value, DatasetSnapshot):
        return text(value.name)
    if isinstance(value, fod.Dataset):
        return f"dataset {text(value.name)}"
    if isinstance(value, foc.SampleCollection):
        return f"view on {text(value._root_dataset.name)}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return _listed(value, len(value))
    return type(value).__name__


def _listed(values: Iterable[object], number: int) -> list[Any]:
    shown = [
        None if value is None else text(str(value), _TEXT_LENGTH // 4)
        for value in islice(values, _ITEMS)
    ]
    return shown if number <= _ITEMS else [*shown, f"… ({number} items)"]
