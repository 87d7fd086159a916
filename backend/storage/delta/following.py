"""Following one sample through many snapshots, all of which are looked at together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ...catalog.record import SnapshotRecord
from ...dataset.parts import Part
from ...dataset.sample_state import SampleState, by_number, own_documents
from ...errors import DamagedSnapshotError
from ...manifest import membership
from ...mongo.collections import delta_collections
from ...mongo.database import Document
from ...mongo.together import Question, ask
from ...rawbson import layout
from ...rawbson.ids import Ids
from ..existing import damaged
from .chain import Chain
from .compact import FULL_MANIFESTS
from .places import Places
from .steady import BaseIsPatchedError, steadily

_Documents = Mapping[str, Mapping[bytes, bytes]]
"""What was found, by the collection and the document's id."""


def follow(
    database: Database[Document], records: Sequence[SnapshotRecord], sample_id: ObjectId
) -> Iterator[SampleState]:
    """Follows a sample through snapshots of one dataset.

    Args:
        database: the database
        records: the snapshots
        sample_id: the sample

    Yields:
        the sample in each of them, in their order

    Raises:
        DamagedSnapshotError: if parts are missing
        DatasetBusyError: if a snapshot is being created all the time
    """
    if not records:
        return

    def look(chain: Chain) -> tuple[list[SampleState], DamagedSnapshotError | None]:
        samples = _look(database, chain, records, Part.SAMPLES, sample_id)
        frames = _look(database, chain, records, Part.FRAMES, sample_id)
        states: list[SampleState] = []
        for record in records:
            sample = samples.get(record.id, {}).get(sample_id.binary)
            of_sample = {} if sample is None else frames.get(record.id, {})
            states.append(SampleState(sample, by_number(of_sample)))
        return states, _damage(database, chain, zip(records, states, strict=True))

    (states, damage), _ = steadily(database, records[0].dataset_id, records[0].id, look)
    if damage is not None:
        raise damage
    yield from states


def _damage(
    database: Database[Document],
    chain: Chain,
    states: Iterable[tuple[SnapshotRecord, SampleState]],
) -> DamagedSnapshotError | None:
    """Returns what is to be said if nothing was found because a collection is gone."""
    there: Collection[str] | None = None
    for record, state in states:
        link = chain.get(record.id)
        parts = [part for part in (Part.SAMPLES, Part.FRAMES) if part in link.parts]
        if state.is_whole([part.value for part in parts]):
            continue
        there = there or delta_collections(database, record.dataset_id)
        for part in parts:
            if any(
                each.name not in there for each in Places.of(database, chain, link, part).all()
            ):
                return damaged(record.name, [part.value])
    return None


def _look(
    database: Database[Document],
    chain: Chain,
    records: Sequence[SnapshotRecord],
    part: Part,
    sample_id: ObjectId,
) -> dict[ObjectId, dict[bytes, bytes]]:
    """Returns what of a part belongs to a sample in each of the snapshots that have the part."""
    places = {}
    for record in records:
        link = chain.get(record.id)
        if part in link.parts:
            places[record.id] = Places.of(database, chain, link, part)
    if not places:
        return {}
    if not all(each.is_steady for each in places.values()):
        raise BaseIsPatchedError
    names = {each.name for place in places.values() for each in place.all()}
    found = _ask(database, dict.fromkeys(names, own_documents(sample_id)[part]))
    ids = {id_ for documents in found.values() for id_ in documents}
    if part is Part.FRAMES and ids:
        # Of another sample there, and then none of this one behind that
        passed = {"_id": {"$in": [ObjectId(id_) for id_ in ids]}, "_sample_id": {"$ne": sample_id}}
        others = _ask(database, {name: [{"$match": passed}] for name in names})
    else:
        others = {}
    keys = Ids.of(map(ObjectId, sorted(ids))).keys
    nearby = _before(chain, places)
    held = membership.holding(database, places, part, keys, nearby) if ids else {}
    return {
        snapshot_id: {
            id_: document
            for id_ in Ids(held.get(snapshot_id, np.empty(0, keys.dtype))).binaries()
            if (document := _first(place, found, others, id_)) is not None
        }
        for snapshot_id, place in places.items()
    }


def _before(chain: Chain, snapshot_ids: Iterable[ObjectId]) -> set[ObjectId]:
    """Returns the snapshots by which the manifests of others are told."""
    ids = [link.id for link in chain.links]
    places = [ids.index(each) for each in snapshot_ids]
    return {each for place in places for each in ids[max(0, place - FULL_MANIFESTS) : place]}


def _ask(
    database: Database[Document], pipelines: Mapping[str, list[Document]]
) -> dict[str, dict[bytes, bytes]]:
    questions: dict[str, Question] = {name: (name, each) for name, each in pipelines.items()}
    found: dict[str, dict[bytes, bytes]] = {}
    for name, document in ask(database, questions):
        id_ = layout.fields(document.raw)["_id"][1:]
        found.setdefault(name, {})[id_] = document.raw
    return found


def _first(place: Places, found: _Documents, others: _Documents, id_: bytes) -> bytes | None:
    """Returns a document as a snapshot has it: as the first collection does that has it at all."""
    for collection in place.all():
        if id_ in found.get(collection.name, ()):
            return found[collection.name][id_]
        if id_ in others.get(collection.name, ()):
            return None
    return None
