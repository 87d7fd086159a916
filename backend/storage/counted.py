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
from dataclasses import asdict, dataclass
from typing import Any

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure
from typing_extensions import Self

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Part, State, chunks
from ..errors import DamagedSnapshotError
from ..manifest import store as manifest_store
from ..manifest.columns import NO_STAMP
from ..manifest.manifest import Manifest
from ..mongo import engine
from ..mongo.continuity import Continuity
from ..mongo.database import Document
from ..mongo.engine import Fact
from ..rawbson.ids import Ids, positions
from . import scan
from .watch import Times, Writes, quiet_look, settled, writes

_WORTH_COUNTING = 20_000
"""Fewer samples and frames are read in less time than a look takes over a slow link."""

_MOST = 0.25
"""If more than this share of the documents was written to, reading all is as quick."""

COPIED = "copied_change_token"
"""Where what :func:`look_at_copies` tells is noted of a dataset."""
_WITNESSES = ("safety_witness", "witness", COPIED)
"""Where it is noted what was counted when the latest snapshots were taken, or put in place."""


def is_worth(count: int) -> bool:
    """Returns whether so many documents are worth finding out which of them need not be read.

    Args:
        count: the number
    """
    return count >= _WORTH_COUNTING


def look_at_copies(
    database: Database[Document], record: SnapshotRecord, state: State
) -> Document | None:
    """Looks at copies of a snapshot that are to be a dataset's, and that nobody else knows yet.

    Args:
        database: the database
        record: the snapshot
        state: the copies, which hold exactly what it does

    Returns:
        what is to be noted of the dataset as :data:`COPIED`, so that the snapshot tells it later;
        None if that is of no use
    """
    if Part.FRAMES not in state and not is_worth(record.sample_count):
        return None
    token = DatasetToken.of_state(database, state)
    continuity = settled(database, token) if is_worth(token.count) else None
    if continuity is None:
        return None
    known = {**token.to_document(), "continuity": asdict(continuity)}
    return {"snapshot_id": record.id, **known}


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
    found = [_Since.told(noted, token) for noted in filter(None, map(facts.get, _WITNESSES))]
    for since in sorted(filter(None, found), key=lambda each: each.total):
        former = _captured(catalog, since.snapshot_id, since.written)
        if former is not None:
            return _content(database, token, since, former)
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


@dataclass(frozen=True)
class _Since:
    """What was counted since a snapshot was taken."""

    snapshot_id: ObjectId
    continuity: Continuity
    """By what to tell whether all since was counted."""
    written: Mapping[Part, Writes]

    @property
    def total(self) -> int:
        """How many writes there were."""
        return sum(map(sum, self.written.values()))

    @classmethod
    def told(cls, noted: Mapping[str, Any], token: DatasetToken) -> Self | None:
        """Reads what was noted when a snapshot was taken.

        Args:
            noted: what :class:`.moment.Moment` has told
            token: a look at the dataset

        Returns:
            what was counted since, or None if there is no telling, or so many writes that reading
            all is as quick
        """
        if noted.get("trusting") or noted.get("continuity") is None:
            return None
        then = {Part(part): tuple(each) for part, each in noted["counters"].items()}
        if then.keys() != token.counters.keys():
            return None
        counted = {part: writes(then[part], now or ()) for part, now in token.counters.items()}
        written = {part: each for part, each in counted.items() if each is not None}
        found = cls(noted["snapshot_id"], Continuity(**noted["continuity"]), written)
        is_told = len(written) == len(counted) and found.total <= _MOST * token.count
        return found if is_told else None


def _content(
    database: Database[Document],
    token: DatasetToken,
    since: _Since,
    former: Mapping[Part, Manifest],
) -> Mapping[Part, Manifest]:
    """Returns what the samples and frames hold, if the documents with late times account for it.

    Args:
        database: the database
        token: a look at the dataset
        since: what was counted since a snapshot was taken
        former: what that holds
    """
    if not engine.holds(Fact.COUNTS_EACH, database):
        return {}
    floors = {part: _latest(manifest) for part, manifest in former.items()}
    found: dict[Part, Manifest] = {}
    try:
        look = quiet_look(database, token, floors)
        if look is None or not token.proves_no_write(look.token):
            return {}
        if not since.continuity.lasts_until(look.continuity):
            return {}
        for part, times in look.late.items():
            manifest = _changed(token.state[part], times, former[part], since.written[part])
            if manifest is None:
                return {}
            found[part] = manifest
        is_still = token.proves_no_write(token.again(database))
    except (OperationFailure, KeyError):
        # The server tells less, or a collection is gone
        return {}
    return found if is_still else {}


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
