"""Three-way merges of values, as deep inside as both sides have changed different things.

Values are elements: their type and bytes, and None for one that is missing or null. What only one
side changed is that side's, to the last byte; what nobody changed is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..diff.records import joined
from ..rawbson import equality, layout
from ..rawbson.equality import DOCUMENT
from . import labels
from .conflicts import ConflictKind
from .elements import (
    are_strings,
    document_element,
    fields_of,
    merged_sets,
    one_sided,
    value,
)
from .judge import Element, Judge

_TAGS = "tags"
_ATOMIC = frozenset({"Group"})
"""Embedded documents that say one thing only."""


@dataclass(frozen=True)
class Values:
    """Merges the values of one document.

    Args:
        judge: settles what both sides changed
        sets: the paths of fields whose lists have no order
    """

    judge: Judge
    sets: frozenset[str] = field(default_factory=frozenset)

    def merge(
        self,
        path: str,
        base: Element,
        ours: Element,
        theirs: Element,
        kind: ConflictKind = ConflictKind.VALUE,
    ) -> Element:
        """Merges a value.

        Args:
            path: the field
            base: what it was
            ours: what the target has
            theirs: what the branch has
            kind (VALUE): what kind of conflict it is if both sides changed it

        Returns:
            what is to be
        """
        found = one_sided(base, ours, theirs)
        if found is not None:
            return found.value
        if self._is_set(path) and are_strings(base, ours, theirs):
            return merged_sets(base, ours, theirs)
        if ours is None or theirs is None:
            if kind is ConflictKind.VALUE:
                kind = ConflictKind.VALUE_DELETED_MODIFIED
            return self.judge.settle(kind, path, base, ours, theirs)
        if labels.holds_lists(base, ours, theirs):
            return self._merge_label_fields(path, base, ours, theirs)
        if labels.are_labels(base, ours, theirs):
            return labels.merge_single(self, path, base, ours, theirs)
        if labels.are_lists(base, ours, theirs):
            return labels.merge_lists(self, path, base, ours, theirs)
        if _are_documents(base, ours, theirs):
            return self._merge_fields(path, base, ours, theirs, kind)
        return self.judge.settle(kind, path, base, ours, theirs)

    def _is_set(self, path: str) -> bool:
        return path == _TAGS or path in self.sets

    def _merge_fields(
        self, path: str, base: Element, ours: bytes, theirs: bytes, kind: ConflictKind
    ) -> Element:
        was, here, there = map(fields_of, (base, ours, theirs))

        def merge(name: str) -> Element:
            return self.merge(
                joined(path, name), value(was, name), value(here, name), value(there, name), kind
            )

        names = dict.fromkeys([*here, *there])
        return document_element(here, {name: merge(name) for name in names})

    def _merge_label_fields(self, path: str, base: Element, ours: bytes, theirs: bytes) -> Element:
        """Merges lists of labels, which can have attributes of their own beside the labels."""
        was, here, there = map(fields_of, (base, ours, theirs))
        place = labels.list_field(here)

        def merge(name: str) -> Element:
            sides = value(was, name), value(here, name), value(there, name)
            if name == place:
                # The path of a list of labels is that of its field
                return labels.merge_lists(self, path, *sides, is_new=base is None)
            return self.merge(joined(path, name), *sides)

        names = dict.fromkeys([*here, *there])
        return document_element(here, {name: merge(name) for name in names})


def _are_documents(base: Element, ours: bytes, theirs: bytes) -> bool:
    """Returns whether these are embedded documents of one kind."""
    if any(side is not None and side[0] != DOCUMENT for side in (base, ours, theirs)):
        return False
    sides = [layout.fields(side[1:]) for side in (base, ours, theirs) if side is not None]
    kinds = {equality.decode(fields.get("_cls")) for fields in sides}
    ids = {fields.get("_id") for fields in sides}
    return len(kinds) == 1 and len(ids) == 1 and not kinds & _ATOMIC
