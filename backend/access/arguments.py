"""Checking what callers give, by the annotations of what they call.

MongoDB takes a dict for an operator and stores whatever it is given, so nothing of another type
than the signature says may get that far. What can be told apart by its type alone is told here,
for every function and record of the public API; what values mean is the callee's business.
"""

from __future__ import annotations

import functools
import inspect
import os
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import fiftyone.core.collections as foc
import fiftyone.core.dataset as fod
import numpy as np

from ..errors import InvalidArgumentError

P = ParamSpec("P")
R = TypeVar("R")

MAX_TEXT_LENGTH = 1_000_000
"""Characters; what is longer may not fit into a document of MongoDB."""

_MOST = 2**31
_LONGEST = timedelta(days=100_000)
_YEARS = range(2, 9999)

_known_hints: dict[Any, dict[str, Any]] = {}

_WORDS: dict[Any, str] = {
    str: "a string",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    datetime: "a datetime",
    date: "a date or a datetime",
    timedelta: "a timedelta",
    types.NoneType: "None",
}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Makes a function refuse arguments of other types than its annotations tell."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checking(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        bound.arguments.update(check(function, bound.arguments))
        return function(*bound.args, **bound.kwargs)

    return checking


def check(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Checks the arguments of a call.

    Args:
        function: what is called
        arguments: its arguments by name

    Returns:
        the arguments, iterables as lists, and numbers of NumPy as Python's

    Raises:
        InvalidArgumentError: if one of them has a type that the annotations do not allow
    """
    hints = _hints(function)
    return {
        name: _checked(name, value, hints[name]) if name in hints else value
        for name, value in arguments.items()
    }


def check_fields(record: Any) -> None:
    """Checks the fields of a data class that callers make; for its ``__post_init__``.

    Args:
        record: the instance

    Raises:
        InvalidArgumentError: if one of them has a type that the annotations do not allow
    """
    hints = _hints(type(record))
    for item in fields(record):
        _checked(item.name, getattr(record, item.name), hints[item.name])


def _hints(annotated: Any) -> dict[str, Any]:
    # Not functools.cache: type checkers take no class for hashable
    if annotated not in _known_hints:
        _known_hints[annotated] = get_type_hints(annotated)
    return _known_hints[annotated]


def _checked(name: str, value: Any, hint: Any) -> Any:
    for choice in _choices(hint):
        if choice in (Any, object) or _fits(value, choice):
            return _usable(name, value, hint, choice)
    # What is wrong with a view, the look-up of the dataset tells
    if fod.Dataset in _choices(hint) and isinstance(value, foc.SampleCollection):
        return value
    raise InvalidArgumentError(
        f"{name} must be {_described(hint)}, not {type(value).__name__}: {_shown(value)}"
    )


def _choices(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _fits(value: Any, choice: Any) -> bool:
    origin = get_origin(choice) or choice
    if origin is bool:
        return isinstance(value, (bool, np.bool_))
    if origin is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if origin is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    if origin is Iterable:
        return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    if origin is Callable:
        return callable(value) and not isinstance(value, type)
    return isinstance(value, origin)


def _usable(name: str, value: Any, hint: Any, choice: Any) -> Any:
    """Returns a value of the right type as Python's own, unless nobody could use it."""
    origin = get_origin(choice) or choice
    problem = None
    if origin is bool:
        return bool(value)
    if origin is int:
        value = int(value)
        # All whole numbers of the API count something
        if not 0 <= value < _MOST:
            problem = f"must be a whole number from 0 to {_MOST - 1:,}, not {_shown(value)}"
    elif origin is float:
        return float(value)
    elif origin is Iterable:
        items = get_args(choice)
        return [_checked(f"Each of {name}", item, items[0]) if items else item for item in value]
    elif isinstance(value, str):
        problem = _problem_of_text(value)
    elif isinstance(value, date):
        problem = None if value.year in _YEARS else f"is out of range: {_shown(value)}"
    elif isinstance(value, timedelta):
        problem = None if abs(value) <= _LONGEST else f"is out of range: {_shown(value)}"
    if problem is None and value is not None and any(map(_is_path, _choices(hint))):
        problem = _problem_of_path(value)
    if problem is not None:
        raise InvalidArgumentError(f"{name} {problem}")
    return value


def _problem_of_text(value: str) -> str | None:
    if len(value) > MAX_TEXT_LENGTH:
        return f"has {len(value):,} characters; at most {MAX_TEXT_LENGTH:,} are allowed"
    try:
        value.encode()
    except UnicodeEncodeError:
        return f"holds half a character, which cannot be stored: {_shown(value)}"
    return None


def _is_path(choice: Any) -> bool:
    origin = get_origin(choice) or choice
    return isinstance(origin, type) and issubclass(origin, os.PathLike)


def _problem_of_path(value: str | os.PathLike[Any]) -> str | None:
    path = os.fspath(value)
    if not isinstance(path, str):
        return f"must be a path of text, not of bytes: {_shown(value)}"
    if not path or "\0" in path:
        return f"is no path: {_shown(value)}"
    return None


def _described(hint: Any) -> str:
    choices = [choice for choice in _choices(hint) if choice is not types.NoneType]
    if fod.Dataset in choices:
        words = ["the name of a dataset", "a Dataset"]
    else:
        words = list(dict.fromkeys(map(_word, choices)))
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _word(choice: Any) -> str:
    origin = get_origin(choice) or choice
    if _is_path(choice):
        return "a path"
    if origin is Iterable:
        return "several"
    if origin is Callable:
        return "a function"
    return _WORDS.get(origin, f"a {origin.__name__}")


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 (whatever a caller's own class does)
        return "?"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 80 else f"{text[:80]}..."
