"""One hook: a function of FiftyOne that is replaced by one that calls it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

ORIGINAL = "_fiftyone_snapshots_original"
"""The attribute of a replacement that is the function it replaces."""

Function = Callable[..., Any]


@dataclass(frozen=True)
class Hook:
    """A function to replace."""

    owner: Any
    """The module or class that it is an attribute of."""
    name: str
    where: str
    wrap: Callable[[Function], Function]
    """Gets the function and returns its replacement."""
    parameters: tuple[str, ...] = ()
    """The arguments that must come first."""
    uses: frozenset[str] = field(default_factory=frozenset)
    """Names that its code must use."""

    def found(self) -> Any:
        """Returns what is there now: a function, perhaps ours, or None."""
        return inspect.getattr_static(self.owner, self.name, None)

    def is_installed(self) -> bool:
        """Returns whether the function was replaced already, by whichever copy of us."""
        return hasattr(function_of(self.found()), ORIGINAL)

    def problem(self) -> str | None:
        """Returns what is different from what this hook expects, if anything is."""
        function = function_of(self.found())
        name = f"{self.where} ({self.name})"
        if not callable(function):
            return f"{name} is gone"
        function = getattr(function, ORIGINAL, function)
        parameters = tuple(inspect.signature(function).parameters)
        if parameters[: len(self.parameters)] != self.parameters:
            return f"{name} takes {parameters} instead of {self.parameters}"
        missing = self.uses - _names(inspect.unwrap(function).__code__)
        if missing:
            return f"{name} no longer uses {', '.join(sorted(missing))}"
        return None

    def install(self) -> None:
        """Replaces the function."""
        found = self.found()
        original = function_of(found)
        replacement = self.wrap(original)
        setattr(replacement, ORIGINAL, original)
        kind = type(found) if isinstance(found, (classmethod, property)) else None
        wrapped = kind(replacement) if kind else replacement
        setattr(self.owner, self.name, wrapped)


def function_of(found: Any) -> Any:
    """Returns the function behind what an attribute of a module or class is."""
    if isinstance(found, property):
        return found.fget
    return found.__func__ if isinstance(found, (classmethod, staticmethod)) else found


def _names(code: CodeType) -> frozenset[str]:
    """Returns the names that a function's code uses, in nested functions as well."""
    names = set(code.co_names) | set(code.co_varnames) | set(code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return frozenset(names)
