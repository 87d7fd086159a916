"""Deciding conflicts as somebody has said, and collecting them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import bson
from bson import ObjectId

from ..rawbson import layout
from .conflicts import Conflict, ConflictKind, Place, Resolution, Take

Element: TypeAlias = "bytes | None"
"""The type and bytes of a value; None if it is missing or null."""

Decide: TypeAlias = "Callable[[Conflict], Resolution | None]"
"""Tells how a conflict was decided, or None if it is open."""


def nobody(conflict: Conflict) -> None:
    """Decides nothing."""


class Judge:
    """Settles the conflicts of one document.

    Args:
        place: the document
        decide: tells how conflicts were decided
        prefix (""): what the paths of the document's fields begin with
        names (None): what fields are called in conflicts, where that is another name
    """

    def __init__(
        self,
        place: Place,
        decide: Decide = nobody,
        prefix: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.place = place
        self.conflicts: list[Conflict] = []
        """Those that were met, with what was decided."""
        self.suspects: list[Suspect] = []
        """Labels that both sides may have added for the same object."""
        self.prefix = prefix
        self.names = names or {}
        self._decide = decide

    @property
    def is_settled(self) -> bool:
        """Whether none of the conflicts is open."""
        return all(conflict.resolution for conflict in self.conflicts)

    def settle(
        self,
        kind: ConflictKind,
        path: str,
        base: Element,
        ours: Element,
        theirs: Element,
        *,
        label_id: ObjectId | None = None,
        label: str | None = None,
        both: Callable[[], Element] | None = None,
        count: int = 1,
        seal: bytes = b"",
    ) -> Element:
        """Notes a conflict, and returns what was decided.

        Args:
            kind: what kind of conflict it is
            path: the field
            base: what it was
            ours: what the target has
            theirs: what the branch has
            label_id (None): the label, if it is about one in a list
            label (None): its class, if the sides do not tell
            both (None): makes both side by side, where that is possible
            count (1): how many documents it is about
            seal (b""): a digest of what else it is about, such as frames

        Returns:
            what is to be; that of the target while nothing is decided
        """
        sides = (base, ours, theirs)
        conflict = Conflict.of(
            kind,
            self.place,
            self._told(path),
            sides,
            label_id=label_id,
            label=label,
            count=count,
            seal=seal,
        )
        resolution = self._decide(conflict)
        self.conflicts.append(conflict.decided(resolution))
        return chosen(resolution, base, ours, theirs, both)

    def _told(self, path: str) -> str:
        """Returns what a path is called: a field of two new names is called by its former one."""
        top, dot, rest = path.partition(".")
        return self.prefix + self.names.get(top, top) + dot + rest if path else path


def chosen(
    resolution: Resolution | None,
    base: Element,
    ours: Element,
    theirs: Element,
    both: Callable[[], Element] | None = None,
) -> Element:
    """Returns what a decision stands for.

    Args:
        resolution: the decision, or None while there is none
        base: what it was
        ours: what the target has
        theirs: what the branch has
        both (None): makes both side by side, where that is possible

    Returns:
        what is to be; that of the target while nothing is decided
    """
    if resolution is None or resolution.take is Take.OURS:
        return ours
    if resolution.take is Take.THEIRS:
        return theirs
    if resolution.take is Take.BASE:
        return base
    if resolution.take in (Take.BOTH, Take.COMBINE):
        assert both is not None
        return both()
    return encoded(resolution.value)


def encoded(value: Any) -> Element:
    """Returns a value as an element."""
    return None if value is None else layout.fields(bson.encode({"v": value}))["v"]


class Suspect:
    """Two labels that may be of the same object: one that ours added, one that theirs added."""

    __slots__ = ("label", "ours", "path", "place", "theirs")

    def __init__(
        self, place: Place, path: str, label: str | None, ours: ObjectId, theirs: ObjectId
    ) -> None:
        self.place, self.path, self.label = place, path, label
        self.ours, self.theirs = ours, theirs
