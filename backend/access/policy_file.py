"""Policies in YAML files, read strictly: whoever writes one must be able to trust it.

::

    groups:
      labellers: [anna, ben]
      leads: [carla]
    datasets:            # the first pattern that fits a dataset's name decides
      secret-*:
        leads: manage
      "*":
        "*": view        # anybody
        labellers: edit
        leads: manage

A user has the highest level among their own and those of their groups; ``*`` counts only for those
who are not named otherwise. Whoever no line names has no access.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from ..actions import Level
from .actor import Actor
from .policy import PolicyError

_ANYBODY = "*"
_EVERY_DATASET = "*"
_LEVELS = {level.name.lower(): level for level in Level}


@dataclass(frozen=True)
class PolicyFile:
    """A policy that was read from a file."""

    groups: dict[str, frozenset[str]]
    datasets: dict[str, dict[str, Level]]
    """Who has which level, by patterns of datasets' names, in the order of the file."""

    @classmethod
    def read(cls, path: Path) -> PolicyFile:
        """Reads a policy file.

        Args:
            path: the file

        Returns:
            the policy

        Raises:
            PolicyError: if anything in it is not understood
        """
        try:
            tree = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"The policy file {path} cannot be read: {error}") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f"line {mark.line + 1}: " if mark else ""
            said = getattr(error, "problem", None) or error
            raise PolicyError(f"The policy file {path} is broken: {line}{said}") from error
        return _Reader(path).policy(tree)

    def level(self, actor: Actor, dataset: str | None) -> Level:
        """Returns what somebody may do; see :class:`~.policy.Policy`."""
        if dataset is not None:
            for pattern, levels in self.datasets.items():
                if fnmatchcase(dataset, pattern):
                    return self._among(levels, actor.user)
            return Level.NONE
        # What holds for every dataset, whatever its name
        lowest = Level.MANAGE
        for pattern, levels in self.datasets.items():
            lowest = min(lowest, self._among(levels, actor.user))
            if pattern == _EVERY_DATASET:
                return lowest
        return Level.NONE

    def _among(self, levels: dict[str, Level], user: str | None) -> Level:
        own = [
            level
            for name, level in levels.items()
            if user is not None
            and (user in self.groups[name] if name in self.groups else name == user)
            and name != _ANYBODY
        ]
        return max(own) if own else levels.get(_ANYBODY, Level.NONE)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def policy(self, tree: yaml.Node | None) -> PolicyFile:
        if tree is None:
            raise PolicyError(f"The policy file {self._path} is empty")
        parts = dict(self._items(tree, "the file"))
        for name, (node, _) in parts.items():
            if name not in ("groups", "datasets"):
                raise self._error(node, f"'{name}' is neither 'groups' nor 'datasets'")
        if "datasets" not in parts:
            raise self._error(tree, "'datasets' is missing")
        groups: dict[str, frozenset[str]] = {}
        if "groups" in parts:
            for name, (node, members) in self._items(parts["groups"][1], "'groups'"):
                if name == _ANYBODY:
                    raise self._error(node, f"'{_ANYBODY}' is everybody, and no name for a group")
                groups[name] = self._members(name, members)
        datasets: dict[str, dict[str, Level]] = {}
        for pattern, (_, levels) in self._items(parts["datasets"][1], "'datasets'"):
            datasets[pattern] = {
                name: self._level(node) for name, (_, node) in self._items(levels, f"'{pattern}'")
            }
        return PolicyFile(groups, datasets)

    def _items(
        self, node: yaml.Node, what: str
    ) -> Iterator[tuple[str, tuple[yaml.Node, yaml.Node]]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{what} must map names to something, as in 'name: value'")
        seen = set()
        for key, value in node.value:
            name = self._text(key, "a name")
            if name in seen:
                raise self._error(key, f"'{name}' is there twice")
            seen.add(name)
            yield name, (key, value)

    def _members(self, group: str, node: yaml.Node) -> frozenset[str]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, f"group '{group}' must be a list of users, as in [anna, ben]")
        return frozenset(self._text(member, "a user") for member in node.value)

    def _level(self, node: yaml.Node) -> Level:
        level = _LEVELS.get(self._text(node, "a level").lower())
        if level is None:
            raise self._error(node, f"'{node.value}' is no level; there are: {', '.join(_LEVELS)}")
        return level

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self._error(node, f"expected {what}")
        return str(node.value)

    def _error(self, node: yaml.Node, problem: str) -> PolicyError:
        line = node.start_mark.line + 1
        return PolicyError(f"The policy file {self._path} is broken: line {line}: {problem}")
