"""The conflicts of a planned merge, as they are stored, and what was decided about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import bson
from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..dataset.parts import Head
from ..diff.surroundings import dataset_document
from ..diff.versions import HeadVersion, NoVersion, SnapshotVersion, Version
from ..errors import InvalidRequestError
from ..mongo.collections import CONFLICTS
from ..mongo.database import Document
from . import store
from .conflicts import TAKES, Conflict, ConflictKind, Resolution, Take
from .given import Given
from .record import ConflictCount, MergeState
from .side import Side
from .store import PlanRecord
from .unique import check_files

_BATCH = 1000


@dataclass(frozen=True)
class Filter:
    """Which conflicts of a plan are meant."""

    kind: ConflictKind | None = None
    field: str | None = None
    """A top-level field, those of frames with the prefix ``frames.``."""
    label: str | None = None
    """A class."""
    resolved: bool | None = None
    """Only those that are decided, or only those that are open."""
    ids: Sequence[str] | None = None

    def query(self, plan_id: ObjectId) -> Document:
        """Returns what to look for."""
        query: Document = {"plan_id": plan_id}
        if self.kind is not None:
            query["kind"] = self.kind.value
        if self.field is not None:
            query["field"] = self.field
        if self.label is not None:
            query["label"] = self.label
        if self.resolved is not None:
            query["resolution"] = {"$ne": None} if self.resolved else None
        if self.ids is not None:
            query["conflict_id"] = {"$in": list(self.ids)}
        return query


@dataclass
class ConflictWriter:
    """Stores conflicts one after the other."""

    database: Database[Document]
    plan_id: ObjectId
    count: int = 0
    _waiting: list[Document] = field(default_factory=list)

    def write(self, conflicts: Iterable[Conflict]) -> None:
        """Stores conflicts, soon."""
        for conflict in conflicts:
            self._waiting.append(_stored(self.plan_id, self.count, conflict))
            self.count += 1
            if len(self._waiting) == _BATCH:
                self.flush()

    def flush(self) -> None:
        """Stores what waits."""
        if self._waiting:
            self.database[CONFLICTS].insert_many(self._waiting)
            self._waiting = []


def conflicts(
    database: Database[Document], plan_id: ObjectId, wanted: Filter
) -> Iterator[Conflict]:
    """Yields conflicts of a plan, in their order.

    Args:
        database: the database
        plan_id: the plan
        wanted: which ones
    """
    for document in database[CONFLICTS].find(wanted.query(plan_id)).sort("number", 1):
        yield _read(document)


COUNTING: Sequence[Document] = (
    {
        "$group": {
            "_id": {"kind": "$kind", "field": "$field", "label": "$label"},
            "total": {"$sum": 1},
            "open": {
                "$sum": {"$cond": [{"$eq": [{"$ifNull": ["$resolution", None]}, None]}, 1, 0]}
            },
        }
    },
)
"""Counts conflicts by kind, field and class, for :func:`read_counts`."""


def conflict_at(
    database: Database[Document], plan_id: ObjectId, wanted: Filter, number: int
) -> Conflict | None:
    """Returns one of some conflicts of a plan.

    Args:
        database: the database
        plan_id: the plan
        wanted: which conflicts
        number: which one of them, in their order

    Returns:
        the conflict, or None if there are not so many
    """
    found = database[CONFLICTS].find(wanted.query(plan_id)).sort("number", 1)
    return next(map(_read, found.skip(number).limit(1)), None)


def counts(database: Database[Document], plan_id: ObjectId) -> list[ConflictCount]:
    """Counts the conflicts of a plan by kind, field and class."""
    stages: list[Document] = [{"$match": {"plan_id": plan_id}}, *COUNTING]
    return read_counts(database[CONFLICTS].aggregate(stages))


def read_counts(documents: Iterable[Document]) -> list[ConflictCount]:
    """Returns what :data:`COUNTING` has counted, in the order of kinds, fields and classes."""
    found = [
        ConflictCount(
            kind=ConflictKind(each["_id"]["kind"]),
            field=each["_id"]["field"],
            label=each["_id"].get("label"),
            total=each["total"],
            open=each["open"],
        )
        for each in documents
    ]
    kinds = list(ConflictKind)
    return sorted(found, key=lambda c: (kinds.index(c.kind), c.field, str(c.label)))


def resolutions(database: Database[Document], plan_id: ObjectId) -> dict[str, Resolution]:
    """Returns what was decided, by the ids of conflicts."""
    query = {"plan_id": plan_id, "resolution": {"$ne": None}}
    wanted = {"conflict_id": 1, "resolution": 1, "value": 1}
    return {
        document["conflict_id"]: _resolution(document)
        for document in database[CONFLICTS].find(query, wanted)
    }


def resolve(
    database: Database[Document], plan: PlanRecord, wanted: Filter, resolution: Resolution | None
) -> int:
    """Decides conflicts.

    Args:
        database: the database
        plan: the plan
        wanted: which ones
        resolution: what is decided; None to open them again

    Returns:
        how many there were

    Raises:
        InvalidRequestError: if the plan is closed, or some cannot be decided so
    """
    if plan.state is not MergeState.OPEN:
        raise InvalidRequestError(f"The merge is {plan.state} already, and nothing can be decided")
    query = wanted.query(plan.id)
    if resolution is not None:
        kinds = [ConflictKind(name) for name in database[CONFLICTS].distinct("kind", query)]
        for kind in kinds:
            _check(kind, resolution)
        if resolution.take is Take.BOTH and ConflictKind.SAME_MEDIA in kinds:
            check_files(*(Side(database, version) for version in _versions(database, plan)))
    if resolution is not None and resolution.take is Take.VALUE:
        given = Given(lambda: _documents(database, plan))
        for conflict in conflicts(database, plan.id, wanted):
            given.check(conflict, resolution.value)
    values: Document = {"resolution": None, "value": None}
    if resolution is not None:
        value = bson.encode({"v": resolution.value}) if resolution.take is Take.VALUE else None
        values = {"resolution": resolution.take.value, "value": value}
    return database[CONFLICTS].update_many(query, {"$set": values}).matched_count


def sample_ids(database: Database[Document], plan_id: ObjectId, wanted: Filter) -> list[ObjectId]:
    """Returns the samples that conflicts are about."""
    found = database[CONFLICTS].distinct("sample_id", wanted.query(plan_id))
    return [ObjectId(id_) for id_ in found if id_ is not None]


def _check(kind: ConflictKind, resolution: Resolution) -> None:
    takes = TAKES[kind]
    if resolution.take in takes:
        return
    if not takes:
        raise InvalidRequestError(
            f"A conflict of kind '{kind}' cannot be decided: change one of the sides so that the "
            "index holds, or drop the index, and plan the merge again"
        )
    known = ", ".join(sorted(take.value for take in takes))
    raise InvalidRequestError(
        f"A conflict of kind '{kind}' cannot be decided as '{resolution.take}', but as: {known}"
    )


def _documents(database: Database[Document], plan: PlanRecord) -> Iterator[Document]:
    """Yields the dataset documents of both sides, and of their base."""
    base, ours, theirs = _versions(database, plan)
    yield from filter(None, map(dataset_document, (ours, theirs, base)))


def _versions(
    database: Database[Document], plan: PlanRecord
) -> tuple[Version, HeadVersion, Version]:
    """Returns base, ours and theirs; a base that is gone holds nothing."""
    base = None if plan.base_id is None else Catalog(database).by_id(plan.base_id)
    return (
        NoVersion() if base is None else SnapshotVersion(database, base),
        HeadVersion(Head(database, plan.target_id)),
        store.theirs(database, plan),
    )


def _resolution(document: Document) -> Resolution:
    value = document.get("value")
    return Resolution(
        Take(document["resolution"]), None if value is None else bson.decode(value)["v"]
    )


def _stored(plan_id: ObjectId, number: int, conflict: Conflict) -> Document:
    top, _, rest = conflict.path.partition(".")
    # Of frames, the field of the frame
    name = f"{top}.{rest.partition('.')[0]}" if top == "frames" and rest else top
    sides = {"base": conflict.base, "ours": conflict.ours, "theirs": conflict.theirs}
    given = bson.encode({"v": conflict.value}) if conflict.resolution == Take.VALUE else None
    return {
        "_id": ObjectId(),
        "plan_id": plan_id,
        "number": number,
        "conflict_id": conflict.id,
        "kind": conflict.kind.value,
        "sample_id": conflict.sample_id,
        "frame_number": conflict.frame_number,
        "path": conflict.path,
        "field": name,
        "label_id": conflict.label_id,
        "label": conflict.label,
        "count": conflict.count,
        "resolution": conflict.resolution,
        "value": given,
        # As bytes: what is in conflict may have any keys
        "sides": bson.encode(sides),
    }


def _read(document: Document) -> Conflict:
    value = document.get("value")
    return Conflict(
        id=document["conflict_id"],
        kind=ConflictKind(document["kind"]),
        sample_id=document["sample_id"],
        frame_number=document["frame_number"],
        path=document["path"],
        label_id=document["label_id"],
        label=document["label"],
        count=document["count"],
        resolution=document["resolution"],
        value=None if value is None else bson.decode(value)["v"],
        **bson.decode(document["sides"]),
    )
