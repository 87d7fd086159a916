"""Taking what was edited by hand in the review of a merge as what is decided.

What was edited is found by comparing each sample of the review with the target's. A conflict about
which something was edited is decided by the edited value. Edits that are about nothing in conflict
are no part of a merge, so they are told and not taken: their place is the target or the branch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import bson
from bson import ObjectId
from pymongo.database import Database

from ..dataset.parts import Head, Part, chunks
from ..diff.labels import list_name
from ..errors import InvalidRequestError
from ..mongo.collections import review_name
from ..mongo.database import Document
from ..rawbson import equality
from ..results.serialize import Record
from . import labels, reviews, stored_conflicts
from .conflicts import Conflict, ConflictKind, Resolution, Take
from .judge import encoded
from .store import PlanRecord
from .stored_conflicts import Filter

_AT_ONCE = 500

_UNITS = {
    ConflictKind.LABEL_CLASS: labels.CLASS,
    ConflictKind.LABEL_GEOMETRY: labels.PLACE,
}
_OF_LABELS = {*_UNITS, ConflictKind.LABEL_ATTRIBUTE}
_OF_VALUES = {
    ConflictKind.VALUE,
    ConflictKind.VALUE_DELETED_MODIFIED,
    ConflictKind.LABELS_REPLACED,
}

_GONE = object()
"""Stands for what is about a label that is not there."""

_Place = tuple[ObjectId, int | None]
"""A sample, or a frame of it."""


@dataclass(frozen=True)
class TakenEdits(Record):
    """What was taken of what somebody has edited in the review of a merge."""

    taken: int
    """How many conflicts an edit has decided."""
    not_taken: int
    """How many samples and frames have edits that were not taken: about nothing in conflict, or a
    label was deleted about which both sides disagree."""


def take(database: Database[Document], plan: PlanRecord) -> TakenEdits:
    """Decides the conflicts of a merge as somebody has edited them in its review.

    Args:
        database: the database
        plan: the plan

    Returns:
        what was taken

    Raises:
        InvalidRequestError: if the review was not opened, or the plan is closed
    """
    review = reviews.find(database, plan.id)
    if review is None:
        raise InvalidRequestError(
            "The review of this merge is not open, so nothing can have been edited in it: open it "
            "with review_merge()"
        )
    about: dict[_Place, list[Conflict]] = defaultdict(list)
    for conflict in stored_conflicts.conflicts(database, plan.id, Filter()):
        if conflict.sample_id is not None:
            about[ObjectId(conflict.sample_id), conflict.frame_number].append(conflict)
    taken = not_taken = 0
    for place, here, there in _pairs(database, plan, review):
        edits = _Edits.of(here, there, about[place])
        for id_, value in edits.decided.items():
            resolution = Resolution(Take.VALUE, value)
            taken += stored_conflicts.resolve(database, plan, Filter(ids=[id_]), resolution)
        not_taken += edits.has_others
    return TakenEdits(taken, not_taken)


def _pairs(
    database: Database[Document], plan: PlanRecord, review: Document
) -> Iterator[tuple[_Place, Document, Document]]:
    """Yields samples and frames of the review, and of the target.

    Those that only the branch has are left out: whether these are to be is no matter of a value.
    """
    samples, frames = (review_name(plan.id, part) for part in (Part.SAMPLES, Part.FRAMES))
    state = Head(database, plan.target_id).state()
    for ids in chunks(database[samples].distinct("_id"), _AT_ONCE):
        sources = {Part.SAMPLES: (samples, {"_id": {"$in": ids}})}
        if Part.FRAMES in state:
            sources[Part.FRAMES] = (frames, {"_sample_id": {"$in": ids}})
        for part, (name, query) in sources.items():
            added = review[reviews.FIELDS][part.value]
            former = {_place(part, each): each for each in state[part].collection.find(query)}
            for here in database[name].find(query, dict.fromkeys(added, 0)):
                place = _place(part, here)
                if place in former:
                    yield place, here, former[place]


def _place(part: Part, document: Document) -> _Place:
    if part is Part.FRAMES:
        return document["_sample_id"], document["frame_number"]
    return document["_id"], None


@dataclass
class _Edits:
    """What was edited in a sample or frame."""

    decided: dict[str, Any] = field(default_factory=dict)
    """What is to be where something was edited that is in conflict, by the ids of conflicts."""
    has_others: bool = False
    """Whether anything else was edited."""

    @classmethod
    def of(cls, here: Document, there: Document, conflicts: Sequence[Conflict]) -> _Edits:
        """Compares a document of the review with the target's; both are used up."""
        found = cls()
        for conflict in conflicts:
            edited, former = _cut(here, conflict), _cut(there, conflict)
            if edited is _GONE or former is _GONE:
                # What is left of the label tells that it was deleted
                continue
            if not equality.same_values(edited, former):
                found.decided[conflict.id] = edited
        found.has_others = not equality.equal(bson.encode(here), bson.encode(there))
        return found


def _cut(document: Document, conflict: Conflict) -> Any:
    """Takes what a conflict is about out of a document; returns :data:`_GONE` if there is none."""
    path = conflict.path.split(".")[0 if conflict.frame_number is None else 1 :]
    if conflict.kind in _OF_VALUES:
        return _cut_value(document, path, conflict)
    if conflict.kind is ConflictKind.LABEL_DELETED_MODIFIED:
        found = _labels(document, path, conflict)
        label = None if found is None else found[0].pop(found[1])
        return label
    if conflict.kind not in _OF_LABELS:
        return _GONE
    label, rest = _label(document, path, conflict)
    if label is None:
        return _GONE
    if conflict.kind is ConflictKind.LABEL_ATTRIBUTE:
        return _pop(label, rest)
    unit = _UNITS[conflict.kind]
    return {name: label.pop(name) for name in sorted(unit) if name in label}


def _cut_value(document: Document, path: list[str], conflict: Conflict) -> Any:
    holder = _walk(document, path[:-1])
    value = holder.get(path[-1]) if isinstance(holder, dict) else None
    sides = (conflict.base, conflict.ours, conflict.theirs)
    is_list = any(isinstance(side, list) for side in sides)
    # The path of a list of labels is that of the field which holds it
    if is_list and isinstance(value, dict) and (inner := _list_in(value)) is not None:
        return value.pop(inner, None)
    return holder.pop(path[-1], None) if isinstance(holder, dict) else None


def _label(
    document: Document, path: list[str], conflict: Conflict
) -> tuple[Document | None, list[str]]:
    """Returns the label that a conflict is about, and the path inside it."""
    if conflict.label_id is None:
        # The only label of a field: it ends where it says what kind of label it is
        for end in range(len(path), 0, -1):
            value = _walk(document, path[:end])
            if isinstance(value, dict) and "_cls" in value and "_id" in value:
                return value, path[end:]
        return None, []
    for end in range(1, len(path) + 1):
        found = _labels(document, path[:end], conflict)
        if found is not None:
            return found[0][found[1]], path[end:]
    return None, []


def _labels(
    document: Document, path: list[str], conflict: Conflict
) -> tuple[list[Document], int] | None:
    """Returns the list in which the label of a conflict is, and where in it."""
    value = _walk(document, path)
    if isinstance(value, dict) and (inner := _list_in(value)) is not None:
        value = value.get(inner)
    if not isinstance(value, list):
        return None
    for number, label in enumerate(value):
        if isinstance(label, dict) and str(label.get("_id")) == conflict.label_id:
            return value, number
    return None


def _list_in(value: Document) -> str | None:
    """Returns where an embedded document keeps a list of labels, if it is made for one."""
    kind = encoded(value.get("_cls"))
    return None if kind is None else list_name({"_cls": kind})


def _walk(document: Document, path: Sequence[str]) -> Any:
    value: Any = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _pop(document: Document, path: Sequence[str]) -> Any:
    holder = _walk(document, path[:-1])
    return holder.pop(path[-1], None) if isinstance(holder, dict) else None
