"""Counting what happened to the fields of samples and frames, one document after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np

from ..rawbson import equality
from ..rawbson.equality import DOCUMENT
from ..rawbson.ids import DTYPE, Ids, Keys, common
from . import labels
from .records import FieldChanges, TagChanges, joined

FRAMES = "frames."
"""What the names of fields of frames begin with."""

_NOTHING = b"\x05\x00\x00\x00\x00"
"""The document that has no fields."""


class DocumentCounter:
    """Counts the changes of the fields of samples, or of frames.

    Args:
        prefix: what the names of the fields begin with
        renamed: fields that have another name later: the old name by the new one
    """

    def __init__(self, prefix: str, renamed: Mapping[str, str]) -> None:
        self._prefix = prefix
        self._renamed = renamed
        self._fields: dict[str, _Field] = {}
        self._tags: dict[str, Counter[str]] = {"added": Counter(), "removed": Counter()}

    def changed(self, before: bytes, after: bytes, *owners: bytes) -> bool:
        """Counts the differences between two states of a document.

        Args:
            before: the document
            after: the document later
            *owners: the samples that it is or belongs to

        Returns:
            whether there are any
        """
        changed = False
        for change in equality.changes(before, after, renamed=self._renamed):
            changed = True
            self._field(change.name).count(change, owners)
            if change.name == "tags" and not self._prefix:
                labels.count_tags(self._tags, change)
        # A document whose fields were merely renamed has no field that differs, and yet it does
        return changed or bool(self._renamed and not equality.equal(before, after))

    def added(self, document: bytes) -> None:
        """Counts the labels of a document that was added."""
        for change in equality.changes(_NOTHING, document):
            self._field(change.name).count_labels(change, whole=True)

    def deleted(self, document: bytes) -> None:
        """Counts the labels of a document that was deleted."""
        for change in equality.changes(document, _NOTHING, renamed=self._renamed):
            self._field(change.name).count_labels(change, whole=True)

    def fields(self, samples: Keys) -> dict[str, FieldChanges]:
        """Returns the counts of every field that differs anywhere.

        Args:
            samples: the samples that are in both versions and differ

        Returns:
            the counts by path
        """
        found = {}
        for name, field in self._fields.items():
            path, former = self._prefix + name, self._renamed.get(name)
            former = former and self._prefix + former
            found[path] = field.result(path, former, samples, of_frames=bool(self._prefix))
        return {path: field for path, field in found.items() if field.ids or field.labels}

    def tags(self) -> dict[str, TagChanges]:
        """Returns how many samples gained and lost each tag."""
        added, removed = self._tags["added"], self._tags["removed"]
        return {tag: TagChanges(added[tag], removed[tag]) for tag in sorted({*added, *removed})}

    def _field(self, name: str) -> _Field:
        if name not in self._fields:
            self._fields[name] = _Field()
        return self._fields[name]


class _Field:
    """Counts the changes of one field."""

    def __init__(self) -> None:
        self._owners = bytearray()
        self._documents = self._set = self._cleared = 0
        self._paths: Counter[str] = Counter()
        self._labels = labels.LabelCounter()
        self._has_labels = False

    def count(self, change: equality.Change, owners: tuple[bytes, ...]) -> None:
        """Counts a difference within a document."""
        self._documents += 1
        self._set += change.before is None
        self._cleared += change.after is None
        for owner in owners:
            # The frames of a sample mostly come one after the other
            if self._owners[-len(owner) :] != owner:
                self._owners += owner
        # Lists of labels can have attributes of their own, besides the labels
        beside = labels.list_fields(change) if self.count_labels(change, whole=False) else ()
        if beside is not None:
            for path in _paths(change.before, change.after, skip=beside):
                labels.note(self._paths, path)

    def count_labels(self, change: equality.Change, *, whole: bool) -> bool:
        """Counts the labels of a value, and returns whether it has any."""
        found = labels.labels_of(change)
        if found is None:
            return False
        self._has_labels = True
        self._labels.count(*found, whole=whole)
        return True

    def result(
        self, path: str, renamed_from: str | None, samples: Keys, *, of_frames: bool
    ) -> FieldChanges:
        """Returns the counts as a record."""
        return FieldChanges(
            path=path,
            ids=Ids(common(samples, np.unique(np.frombuffer(bytes(self._owners), DTYPE)))),
            frames=self._documents if of_frames else None,
            set=self._set,
            cleared=self._cleared,
            paths=dict(self._paths.most_common()),
            labels=self._labels.result() if self._has_labels else None,
            renamed_from=renamed_from,
        )


def _paths(
    before: bytes | None, after: bytes | None, prefix: str = "", skip: Collection[str] = ()
) -> list[str]:
    """Returns what differs inside two embedded documents, such as ``width``."""
    if before is None or after is None or not before[0] == after[0] == DOCUMENT:
        return [prefix] if prefix else []
    return [
        path
        for change in equality.changes(before[1:], after[1:], skip=skip)
        for path in _paths(change.before, change.after, joined(prefix, change.name))
    ]
