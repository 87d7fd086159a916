"""What a dataset holds, told by a snapshot of it and the writes that were counted since.

The storage engine counts the writes to a collection, and FiftyOne moves the time of nearly every
document that it writes. So the documents with a later time than any that the snapshot holds are
found by the index of times, and those that are gone by that of ids; and if there are as many of
them as writes were counted, each was written once and nothing else was written: what the others
hold, the snapshot tells. What does not add up (a write that leaves the time alone or is made
twice, a client whose clock is late, another process of the server) is not told here, and has to be
read.

:mod:`.watch` does the same between two looks at a dataset while it is copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..catalog.catalog import Catalog
from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Part, chunks
from ..errors import DamagedSnapshotError
from ..manifest import store as manifest_store
from ..manifest.columns import NO_STAMP
from ..manifest.manifest import Manifest
from ..mongo import engine
from ..mongo.database import Document
from ..mongo.engine import Fact
from ..rawbson.ids import Ids, positions
from . import scan
from .watch import Times, Writes, take_look, writes

_WORTH_COUNTING = 20_000
"""Fewer samples and frames are read in less time than a look takes over a slow link."""

_MOST = 0.25
"""If more than this share of the documents was written to, reading all is as quick."""

_ATTEMPTS = 5

_WITNESSES = ("safety_witness", "witness")
"""Where it is noted what was counted when the latest snapshots were taken."""


def is_worth(count: int) -> bool:
    """Returns whether so many documents are worth finding out which of them need not be read.

    Args:
        count: the number
    """
    return count >= _WORTH_COUNTING


def recall(
    database: Database[Document], dataset_id: ObjectId, token: DatasetToken
) -> Mapping[Part, Manifest]:
    """Returns what the samples and frames of a dataset hold, if that need not be read.

    Args:
        database: the database
        dataset_id: the dataset
        token: a look at it

    Returns:
        the content at that look, by part; nothing if it has to be read
    """
    catalog = Catalog(database)
    facts = catalog.dataset_facts(dataset_id)
    counted: list[tuple[int, ObjectId, dict[Part, Writes]]] = []
    for noted in filter(None, map(facts.get, _WITNESSES)):
        written = _writes_since(noted, token)
        if written is not None:
            counted.append((_total(written), noted["snapshot_id"], written))
    for total, snapshot_id, written in sorted(counted, key=lambda each: each[0]):
        former = _captured(catalog, snapshot_id, written)
        if former is not None:
            return former if total == 0 else _content(database, token, written, former)
    return {}


def _captured(
    catalog: Catalog, snapshot_id: ObjectId, parts: Iterable[Part]
) -> dict[Part, Manifest] | None:
    """Returns what a snapshot holds, if it is there."""
    record, database = catalog.by_id(snapshot_id), catalog.database
    if record is None or not record.is_live:
        return None
    try:
        found = {part: manifest_store.find(database, snapshot_id, part) for part in parts}
    except DamagedSnapshotError:
        return None
    return {part: manifest or Manifest.empty() for part, manifest in found.items()}


def _writes_since(noted: Mapping[str, Any], token: DatasetToken) -> dict[Part, Writes] | None:
    """Returns how many samples and frames were written since a snapshot was taken.

    Args:
        noted: what was counted then
        token: a look at the dataset

    Returns:
        the numbers, or None if there is no telling, or too many were
    """
    if noted.get("trusting"):
        return None
    then = {Part(part): tuple(each) for part, each in noted["counters"].items()}
    if (
        token.server is None
        or token.server != noted["process"]
        or then.keys() != token.counters.keys()
    ):
        return None
    found: dict[Part, Writes] = {}
    for part, now in token.counters.items():
        written = writes(then[part], now or ())
        if written is None:
            return None
        found[part] = written
    total = _total(found)
    # Else what was counted by then need not be in the snapshot
    is_told = total == 0 or noted.get("settled", False)
    return found if is_told and total <= _MOST * token.count else None


def _total(written: Mapping[Part, Writes]) -> int:
    return sum(map(sum, written.values()))


def _content(
    database: Database[Document],
    token: DatasetToken,
    written: Mapping[Part, Writes],
    former: Mapping[Part, Manifest],
) -> Mapping[Part, Manifest]:
    """Returns what the samples and frames hold, if the documents with late times account for it.

    Args:
        database: the database
        token: a look at the dataset
        written: what was counted since a snapshot was taken
        former: what that holds
    """
    if not engine.holds(Fact.COUNTS_EACH, database):
        return {}
    floors = {part: _latest(manifest) for part, manifest in former.items()}
    found: dict[Part, Manifest] = {}
    try:
        late = _late(database, token, floors)
        if late is None:
            return {}
        for part, times in late.items():
            manifest = _changed(token.state[part], times, former[part], written[part])
            if manifest is None:
                return {}
            found[part] = manifest
        is_still = token.proves_no_write(token.again(database))
    except (OperationFailure, KeyError):
        # The server tells less, or a collection is gone
        return {}
    return found if is_still else {}


def _late(
    database: Database[Document], token: DatasetToken, floors: Mapping[Part, int]
) -> Mapping[Part, Times] | None:
    """Returns which documents have later times, if nothing was written since a look."""
    for _ in range(_ATTEMPTS):
        look = take_look(database, token, floors)
        if look is not None:
            return look.late if token.proves_no_write(look.token) else None
    return None


def _latest(manifest: Manifest) -> int:
    return int(manifest.stamps.max(initial=NO_STAMP + 1))


def _changed(
    documents: Documents, late: Times, former: Manifest, counted: Writes
) -> Manifest | None:
    """Returns what documents hold of which some were written, if those account for all writes."""
    ids = list(late)
    if len(ids) != counted.written or not all(isinstance(id_, ObjectId) for id_ in ids):
        return None
    if counted.removed:
        existing = scan.ids(documents.collection, former.keys)
        if existing is None:
            return None
        gone = former.keys[~positions(existing, former.keys)[1]]
        if len(gone) != counted.removed:
            return None
        former = former.without(gone)
    read = [
        Manifest.read(Documents(documents.collection, {**documents.query, "_id": {"$in": some}}))
        for some in chunks(ids)
    ]
    patch = Manifest.joined(read)
    is_complete = len(patch) == len(ids) and positions(patch.keys, Ids.of(ids).keys)[1].all()
    return former.patched(patch) if is_complete else None
