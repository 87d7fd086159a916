"""Policies: who has which level on which dataset.

Open-source FiftyOne knows no users, so without a policy everybody may do everything.
``FIFTYONE_SNAPSHOTS_POLICY`` names a YAML file (see :mod:`.policy_file`) or a policy of another
package, found by entry point. Whatever is wrong with a policy, nobody is let in by it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from ..actions import Level
from ..config import variable
from .actor import Actor

ENTRY_POINT_GROUP = "fiftyone_snapshots.policies"

_SUFFIXES = (".yml", ".yaml")


class Policy(Protocol):
    """Decides what people may do."""

    def level(self, actor: Actor, dataset: str | None) -> Level:
        """Returns what somebody may do.

        Args:
            actor: who asks
            dataset: the name of a dataset, or None for all datasets at once, those that do not
                exist yet included

        Returns:
            the highest level that they have there
        """


class PolicyError(Exception):
    """A policy cannot be used; the message says why, and where."""


@dataclass(frozen=True)
class Everything:
    """The policy where none is set: everybody may do everything."""

    def level(self, actor: Actor, dataset: str | None) -> Level:
        """Returns the highest level."""
        return Level.MANAGE


EVERYTHING = Everything()

_cached: tuple[object, Policy] | None = None


def current() -> Policy:
    """Returns the policy that is in force, read anew whenever its file has changed.

    Returns:
        the policy

    Raises:
        PolicyError: if it cannot be used
    """
    named = os.environ.get(variable("POLICY"), "").strip()
    if not named:
        return EVERYTHING
    global _cached  # noqa: PLW0603 (the one policy of the process)
    key = _version(named)
    if _cached is None or _cached[0] != key:
        _cached = key, _load(named)
    return _cached[1]


def _is_file(named: str) -> bool:
    return named.lower().endswith(_SUFFIXES)


def _version(named: str) -> object:
    if not _is_file(named):
        return named
    try:
        found = Path(named).stat()
    except OSError as error:
        raise PolicyError(f"The policy file {named} cannot be read: {error.strerror}") from error
    return named, found.st_mtime_ns, found.st_size, found.st_ino


def _load(named: str) -> Policy:
    if _is_file(named):
        from .policy_file import PolicyFile  # noqa: PLC0415 (YAML only where a file is used)

        return PolicyFile.read(Path(named))
    points = entry_points(group=ENTRY_POINT_GROUP)
    for point in points:
        if point.name == named:
            try:
                made: Any = point.load()()
            except Exception as error:
                raise PolicyError(f"The policy '{named}' cannot be used: {error!r}") from error
            policy: Policy = made
            return policy
    known = ", ".join(sorted(point.name for point in points)) or "none is installed"
    raise PolicyError(
        f"{variable('POLICY')} is '{named}', which is neither a {' or '.join(_SUFFIXES)} file nor "
        f"an installed policy (entry-point group '{ENTRY_POINT_GROUP}': {known})"
    )
