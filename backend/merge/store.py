"""The plans of merges and their conflicts, as they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import bson
import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import FORMAT_VERSION, check_format
from ..dataset.parts import Head
from ..diff.surroundings import dataset_document
from ..diff.versions import HeadVersion, SnapshotVersion
from ..errors import InvalidRequestError, MergeNotFoundError
from ..mongo.collections import CONFLICTS, MERGES
from ..mongo.database import Document, server_time
from ..rawbson.ids import DTYPE, Keys
from . import reviews
from .conflicts import TAKES, Conflict, ConflictKind, Resolution, Take
from .given import Given
from .record import ConflictCount, DuplicateSuspect, MergeCounts, MergeState
from .scope import Scope
from .triple import in_chunks

_BATCH = 1000
_IDS_AT_ONCE = 500_000
_ORPHANED = timedelta(days=1)
"""How long the conflicts of a plan that is being made can be without it."""

MAX_SUSPECTS = 1000


@dataclass(frozen=True)
class PlanRecord:
    """A plan, as it is stored."""

    id: ObjectId
    target_id: ObjectId
    branch_id: ObjectId
    branch_name: str
    """The name that the branch had when the merge was planned."""
    base_id: ObjectId | None
    """The snapshot that both sides began with; None for none."""
    base_name: str | None
    ours: str
    """The hash of the target when the merge was planned."""
    theirs: str
    """The hash of the branch."""
    created_at: datetime
    created_by: str | None
    counts: MergeCounts
    notes: tuple[str, ...] = ()
    suspects: tuple[DuplicateSuspect, ...] = ()
    suspect_count: int = 0
    fields: tuple[str, ...] | None = None
    """The fields that are merged, if not all."""
    samples: int | None = None
    """How many samples are merged, if not all."""
    samples_hash: str | None = None
    """A hash of which ones."""
    state: MergeState = MergeState.OPEN
    snapshot_id: ObjectId | None = None
    """The snapshot that the merge ended with."""
    snapshot_name: str | None = None

    @property
    def is_full(self) -> bool:
        """Whether all of the branch is merged."""
        return self.fields is None and self.samples is None

    def is_about_the_same(self, other: PlanRecord) -> bool:
        """Returns whether two plans merge the same part of a branch."""
        return (self.fields, self.samples_hash) == (other.fields, other.samples_hash)

    def to_document(self) -> Document:
        """Returns the plan as it is stored."""
        document = {**asdict(self), "_id": self.id, "format": FORMAT_VERSION}
        del document["id"]
        fields = None if self.fields is None else list(self.fields)
        notes = list(self.notes)
        return {**document, "state": self.state.value, "notes": notes, "fields": fields}

    @classmethod
    def from_document(cls, document: Document) -> PlanRecord:
        """Reads what :meth:`to_document` wrote."""
        check_format(document)
        values = {key: item for key, item in document.items() if key not in ("_id", "format")}
        values["counts"] = MergeCounts(**document["counts"])
        values["suspects"] = tuple(DuplicateSuspect(**each) for each in document["suspects"])
        values["notes"] = tuple(document["notes"])
        values["state"] = MergeState(document["state"])
        fields = document.get("fields")
        values["fields"] = None if fields is None else tuple(fields)
        return cls(id=document["_id"], **values)


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


def add(database: Database[Document], plan: PlanRecord, samples: Keys | None = None) -> None:
    """Stores a plan whose conflicts are stored, and drops what plans that died have left.

    Args:
        database: the database
        plan: the plan
        samples (None): the samples that are merged, if not all
    """
    for number, some in enumerate([] if samples is None else in_chunks(samples, _IDS_AT_ONCE)):
        piece = {"plan_id": plan.id, "number": number, "samples": some.tobytes()}
        database[MERGES].insert_one({"_id": ObjectId(), **piece})
    database[MERGES].insert_one(plan.to_document())
    known = database[MERGES].distinct("_id")
    long_ago = ObjectId.from_datetime(server_time(database) - _ORPHANED)
    for name in (CONFLICTS, MERGES):
        database[name].delete_many({"plan_id": {"$nin": known, "$lt": long_ago}})


def scope(database: Database[Document], plan: PlanRecord) -> Scope:
    """Returns what of the branch a plan merges.

    Args:
        database: the database
        plan: the plan

    Returns:
        the fields and samples
    """
    if plan.samples is None:
        return Scope(plan.fields)
    pieces = database[MERGES].find({"plan_id": plan.id}).sort("number", 1)
    samples = np.frombuffer(b"".join(piece["samples"] for piece in pieces), DTYPE)
    if len(samples) != plan.samples:
        raise InvalidRequestError(f"The merge {plan.id} was discarded at this moment")
    return Scope(plan.fields, samples)


def get(database: Database[Document], merge_id: str) -> PlanRecord:
    """Returns a plan.

    Args:
        database: the database
        merge_id: its id

    Returns:
        the plan

    Raises:
        MergeNotFoundError: if there is none
    """
    found = None
    if ObjectId.is_valid(merge_id):
        found = database[MERGES].find_one({"_id": ObjectId(merge_id)})
    if found is None:
        raise MergeNotFoundError(f"There is no merge {merge_id!r}; list_merges() tells which are")
    return PlanRecord.from_document(found)


def select(database: Database[Document], query: Mapping[str, Any]) -> list[PlanRecord]:
    """Returns the plans that fit a query, oldest first."""
    found = database[MERGES].find(dict(query)).sort("_id", 1)
    return [PlanRecord.from_document(document) for document in found]


def close(
    database: Database[Document], plan_id: ObjectId, state: MergeState, **values: Any
) -> bool:
    """Says that a plan is applied or discarded, unless it is closed already.

    Args:
        database: the database
        plan_id: the plan
        state: what became of it
        **values: what else is to be remembered of it

    Returns:
        whether it was open
    """
    found = database[MERGES].update_one(
        {"_id": plan_id, "state": MergeState.OPEN.value},
        {"$set": {"state": state.value, **values}},
    )
    if state is MergeState.DISCARDED:
        database[CONFLICTS].delete_many({"plan_id": plan_id})
    reviews.remove(database, plan_id)
    database[MERGES].delete_many({"plan_id": plan_id})
    return found.matched_count > 0


def forget(database: Database[Document], dataset_id: ObjectId) -> None:
    """Forgets the merges into a dataset that is gone.

    Args:
        database: the database
        dataset_id: the dataset
    """
    query = {"target_id": dataset_id}
    plans = database[MERGES].distinct("_id", query)
    for plan_id in plans:
        reviews.remove(database, plan_id)
    database[CONFLICTS].delete_many({"plan_id": {"$in": plans}})
    database[MERGES].delete_many({"$or": [query, {"plan_id": {"$in": plans}}]})


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
        for name in database[CONFLICTS].distinct("kind", query):
            _check(ConflictKind(name), resolution)
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
    for dataset_id in (plan.target_id, plan.branch_id):
        yield dataset_document(HeadVersion(Head(database, dataset_id)))
    base = None if plan.base_id is None else Catalog(database).by_id(plan.base_id)
    if base is not None:
        yield dataset_document(SnapshotVersion(database, base))


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
