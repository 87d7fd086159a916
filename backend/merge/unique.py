"""Finding what would break a unique index before anything is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import bson
from bson import ObjectId

from ..dataset.parts import Documents, Part, chunks
from ..dataset.schema import FRAMES_PREFIX
from ..errors import InvalidRequestError
from ..mongo.database import Document
from ..rawbson import layout
from .conflicts import ConflictKind
from .judge import Judge, encoded
from .samples import MergedSample
from .side import Side
from .surroundings import merge_indexes

_AT_ONCE = 1000
_TOLD = 5
_MOST_IN_GROUP = 1000
"""Of so many documents with the same values the ids are looked at; all may be too many."""

Key = tuple[Any, ...]


@dataclass
class _Index:
    name: str
    paths: list[str]
    is_new: bool
    """Whether the target lacks it."""
    found: dict[bytes, list[ObjectId]] = field(default_factory=lambda: defaultdict(list))
    """The documents of the result that have each value, of those that change."""


class UniqueCheck:
    """Looks for samples, or frames, of the result that have the same values in a unique index.

    Indexes that hold for some documents only are left to the server, which is asked before the
    target is touched.

    Args:
        part: samples or frames
        ours: those of the target, in a collection
        indexes: the indexes of the result
        added: those of them that the target lacks
    """

    def __init__(
        self, part: Part, ours: Documents, indexes: list[Document], added: list[Document]
    ) -> None:
        self._part, self._ours = part, ours
        self._indexes = [
            _Index(str(index["name"]), list(index["key"]), index in added)
            for index in indexes
            if index.get("unique") and not {"partialFilterExpression", "sparse"} & index.keys()
            # Frames are merged by these
            if list(index["key"]) != ["_sample_id", "frame_number"]
        ]
        self._touched: set[ObjectId] = set()

    def note(self, merged: MergedSample) -> None:
        """Notes what becomes of a sample."""
        if not self._indexes:
            return
        for change in [merged.sample] if self._part is Part.SAMPLES else merged.frames:
            if change.before == change.after:
                continue
            # What the target has keeps its id
            id_ = ObjectId(layout.fields(change.before or change.after or b"")["_id"][1:])
            self._touched.add(id_)
            if change.after is None:
                continue
            document = bson.decode(change.after)
            for index in self._indexes:
                index.found[_values(document, index.paths)].append(id_)

    def settle(self, judge: Judge) -> None:
        """Notes a conflict for each index that would be broken."""
        for index in self._indexes:
            rivals = self._rivals(index)
            if rivals:
                told = [str(id_) for id_ in rivals[:_TOLD]]
                sides = (None, encoded(index.paths), encoded(told))
                kind = ConflictKind.UNIQUE_INDEX
                name = index.name if self._part is Part.SAMPLES else FRAMES_PREFIX + index.name
                judge.settle(kind, name, *sides, count=len(rivals))

    def _rivals(self, index: _Index) -> list[ObjectId]:
        """Returns documents whose values other ones have as well."""
        rivals = {id_ for ids in index.found.values() if len(ids) > 1 for id_ in ids}
        for key, id_ in self._others(index):
            if key in index.found and id_ not in self._touched:
                rivals |= {id_, *index.found[key]}
        if index.is_new:
            rivals |= self._already(index)
        return sorted(rivals)

    def _others(self, index: _Index) -> Iterator[tuple[bytes, ObjectId]]:
        """Yields documents of the target that have values of those that change."""
        keys = [bson.decode(key)["v"] for key in index.found]
        projection = dict.fromkeys(index.paths, 1)
        for some in chunks(keys, _AT_ONCE):
            # As values: what is in a document may look like an operator
            alternatives = [
                {path: {"$eq": item} for path, item in zip(index.paths, key, strict=True)}
                for key in some
            ]
            for document in self._ours.collection.find({"$or": alternatives}, projection):
                yield _values(document, index.paths), document["_id"]

    def _already(self, index: _Index) -> set[ObjectId]:
        """Returns documents of the target that have the same values, and do not change."""
        key = {str(number): f"${path}" for number, path in enumerate(index.paths)}
        some = {"input": "$_id", "n": _MOST_IN_GROUP}
        stages: list[Mapping[str, Any]] = [
            {"$group": {"_id": key, "n": {"$sum": 1}, "ids": {"$firstN": some}}},
            {"$match": {"n": {"$gt": 1}}},
        ]
        found: set[ObjectId] = set()
        for group in self._ours.collection.aggregate(stages, allowDiskUse=True):
            left = set(group["ids"]) - self._touched
            if len(left) > 1 or group["n"] > _MOST_IN_GROUP:
                found |= left
        return found


def check_files(base: Side, ours: Side, theirs: Side) -> None:
    """Refuses to keep two samples of the same file where an index allows but one.

    Args:
        base: the version that both sides began with
        ours: the target
        theirs: the branch

    Raises:
        InvalidRequestError: if the result has such an index
    """
    merged, _ = merge_indexes(*(side.indexes(Part.SAMPLES) for side in (base, ours, theirs)))
    if any(index.get("unique") and list(index["key"]) == ["filepath"] for index in merged):
        raise InvalidRequestError(
            "Two samples of the same file cannot both stay, as the index of 'filepath' is unique. "
            "Take ours, theirs or combine; or drop the index, and plan the merge again."
        )


def _values(document: Document, paths: list[str]) -> bytes:
    return bson.encode({"v": [_value(document, path) for path in paths]})


def _value(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document
