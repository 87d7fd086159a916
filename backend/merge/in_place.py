"""Undoing an operation where the samples lie, if no more than some of them change.

Building the whole dataset beside itself costs a clone, whatever is taken back. So on a large
dataset, where the snapshots before tell what need not be read, only the documents that change are
staged: what they are, and what they are to be. Then what still is the one becomes the other, as
when samples are restored (see :mod:`..restore.restore`), and who recovers an undo that has died
does the same the other way round. What others write meanwhile stays.

Readers may see some documents as they were and others as they are to be, for as long as it takes.
Nothing goes to the trash: the state before is a safety snapshot, and an undo can be undone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import bson
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from ..dataset import instances, replacing
from ..dataset.change_token import DatasetToken
from ..dataset.parts import MOST_IDS, Documents, Head, Part, State, chunks
from ..errors import InvalidRequestError, StaleMergeError
from ..manifest.manifest import Manifest
from ..mongo.continuity import Continuity
from ..mongo.database import Document, server_time
from ..mongo.gate import Workers
from ..operations.journal import Operation
from ..rawbson import layout
from ..restore.staging import Putting, Staging
from ..storage import counted
from ..storage.moment import KnownContent
from ..storage.watch import settled, writes
from . import documents, properties, standstill
from .captured_head import ReadHead
from .decided import Decided
from .engine import Engine
from .judge import encoded
from .samples import Change, MergedSample
from .side import Side, sayable

_OWN = (Part.SAMPLES, Part.FRAMES)
_MOST = 0.25
"""If more than this share of the documents changes, a copy is as quick."""
_FEW = 1000
"""Fewer documents are looked up by one command."""
_AT_A_TIME = 2
"""So many commands look documents up."""


class _TooMuchError(Exception):
    """More is to be changed than documents where they lie."""


@dataclass(frozen=True)
class Written:
    """An undo that was written where the samples lie."""

    content: KnownContent | None
    """What samples and frames hold now; None if somebody else may have written to them."""


def undo(decided: Decided) -> Written | None:
    """Writes the outcome of an undo into the dataset, if that can be done where it lies.

    Args:
        decided: the plan of the undo

    Returns:
        what was done; None if nothing was

    Raises:
        StaleMergeError: if the dataset is not what it was when the undo was planned
        ConcurrentWritesError: if a sample that changes was written to at the same moment
        InvalidRequestError: if the result would break a unique index
    """
    running, plan = decided.running, decided.plan
    database = running.database
    head = Head(database, running.dataset_id)
    token = DatasetToken.of(head)
    if not counted.is_worth(token.count):
        return None
    continuity = settled(database, token)
    planned = decided.outcome.target(token, continuity)
    known = planned or KnownContent(counted.recall(database, running.dataset_id, token), token)
    if not known.manifests:
        return None
    ours = Side(database, ReadHead(head, known.manifests))
    if planned is None and ours.digest() != plan.ours:
        raise standstill.stale("target", head.document()["name"])
    engine = decided.engine(ours)
    if not _changes_samples_alone(engine):
        return None
    running.note(in_place=True, **decided.details())
    staging = Staging(running)
    merged = _merged(engine) if planned is None else decided.outcome.samples
    try:
        touched = _stage(running, staging, merged, _MOST * token.count)
    except _TooMuchError:
        staging.drop()
        running.note(in_place=False)
        return None
    made = _exchange(running, token.state, staging, touched)
    if made is None or continuity is None:
        return Written(None)
    return Written(_content(database, KnownContent(known.manifests, token), made, continuity))


def _changes_samples_alone(engine: Engine) -> bool:
    """Returns whether schema, settings, views, runs and indexes stay as they are."""
    merged, ours = engine.dataset.document, engine.ours.document
    left = ours.keys() - merged.keys() - properties.ELSEWHERE
    is_same = sayable(merged) == sayable({key: ours[key] for key in merged if key in ours})
    if left or not is_same or engine.dataset.document.get("group_field") is not None:
        return False
    if engine.run_fields.keys or any(engine.undeclared(part) for part in _OWN):
        return False
    around = engine.surroundings
    named = ((around.views, Part.VIEWS), (around.workspaces, Part.WORKSPACES))
    items = [(found, len(engine.ours.named(part))) for found, part in named]
    items += [(found, len(engine.ours.runs[kind])) for kind, found in around.runs.items()]
    if any(each.added or each.replaced or len(each.ours) != count for each, count in items):
        return False
    return not any(
        lacking or len(kept) != len(engine.ours.indexes(part))
        for part, (kept, lacking) in around.indexes.items()
    )


def _merged(engine: Engine) -> Iterator[MergedSample]:
    """Yields what becomes of samples, and fails if anything is left to decide."""
    for merged in engine.merged():
        if any(conflict.resolution is None for conflict in merged.conflicts):
            raise _conflicts()
        yield merged
    if any(conflict.resolution is None for conflict in engine.dataset_conflicts()):
        raise _conflicts()


def _stage(
    running: Operation, staging: Staging, samples: Iterable[MergedSample], most: float
) -> _Touched:
    """Stages what documents are and what they are to be."""
    with staging.putting(_OWN) as putting:
        touched = _Touched(running, putting)
        for merged in samples:
            if merged.tags_added or merged.tags_removed:
                raise _TooMuchError
            touched.take(merged.id, [(Part.SAMPLES, merged.sample)])
            touched.take(merged.id, [(Part.FRAMES, frame) for frame in merged.frames])
            if touched.count > most:
                raise _TooMuchError
    running.step("staged")
    return touched


def _conflicts() -> StaleMergeError:
    return StaleMergeError(
        "Conflicts came out that were not planned; nothing was changed. Plan the undo again."
    )


class _Touched:
    """The documents that change.

    Args:
        running: the operation
        putting: where to put what they are, and what they are to be
    """

    def __init__(self, running: Operation, putting: Putting) -> None:
        now, owner = encoded(server_time(running.database)), encoded(running.dataset_id)
        assert now is not None
        assert owner is not None
        self._like = {"last_modified_at": now, "_dataset_id": owner}
        self._putting = putting
        self.ids: dict[Part, list[ObjectId]] = {part: [] for part in _OWN}
        self.samples: dict[ObjectId, None] = {}
        self.deleted = False
        """Whether samples are deleted."""

    @property
    def count(self) -> int:
        """How many documents change."""
        return sum(map(len, self.ids.values()))

    def take(self, sample_id: ObjectId, changes: Iterable[tuple[Part, Change]]) -> None:
        """Notes what becomes of documents of a sample."""
        for part, change in changes:
            if not documents.is_changed(change.before, change.after):
                continue
            if sample_id not in self.samples:
                self.samples[sample_id] = None
                self._putting.select(sample_id)
            like, some = self._like, change.before or change.after
            assert some is not None
            id_ = layout.fields(some)["_id"]
            if change.before is not None:
                like = {**like, "_id": id_}
            after = None if change.after is None else documents.adopted(change.after, like)
            self._putting.put(part, change.before, after)
            self.deleted |= part is Part.SAMPLES and change.after is None
            self.ids[part].append(ObjectId(id_[1:]))


def _exchange(
    running: Operation, state: State, staging: Staging, touched: _Touched
) -> dict[Part, Manifest] | None:
    """Makes what is wanted of what still is what it was; returns it, if nothing was deleted."""
    database, parts = running.database, [part for part in _OWN if touched.ids[part]]
    before: Document = {}
    after: Document = {}
    if touched.deleted:
        document = Head(database, running.dataset_id).document()
        before = {"last_deletion_at": document.get("last_deletion_at")}
        after = {"last_deletion_at": server_time(database)}
    running.note(before=bson.encode(before), after=bson.encode(after), kept=True, wanted=True)
    running.certain("noted")
    try:
        for part in parts:
            staging.exchange(state[part].collection, part)
            running.step(f"exchanged_{part.value}")
    except DuplicateKeyError as error:
        raise InvalidRequestError(
            f"The undo does not fit the unique indexes of the samples, and nothing was changed: "
            f"{error}. Decide the conflicts otherwise, or drop the index."
        ) from error
    made = {part: _now(state[part], touched.ids[part]) for part in parts}
    staging.check_made(made)
    replacing.set_values(database["datasets"], running.dataset_id, before, after)
    running.committing("compared")
    running.commit()
    instances.refresh_samples(running.dataset_id, list(touched.samples))
    is_whole = all(len(made[part]) == len(touched.ids[part]) for part in parts)
    return made if is_whole else None


def _content(
    database: Database[Document],
    before: KnownContent,
    made: Mapping[Part, Manifest],
    continuity: Continuity,
) -> KnownContent | None:
    """Returns what samples and frames hold, if nobody else has written to them.

    Each document that was made took one write: if no more were counted, nobody has.

    Args:
        database: the database
        before: what they held before
        made: the documents that came or changed, as they were found to be afterwards
        continuity: by what to tell whether writes were counted on since the look before
    """
    then = before.change_token
    now = then.again(database)
    later = settled(database, now)
    if later is None or not continuity.lasts_until(later):
        return None
    manifests = dict(before.manifests)
    for part, counters in then.counters.items():
        patch = made.get(part, Manifest.empty())
        if writes(counters or (), now.counters.get(part) or ()) != (len(patch), 0):
            return None
        manifests[part] = manifests[part].patched(patch)
    return KnownContent(manifests, now)


def _now(there: Documents, ids: list[ObjectId]) -> Manifest:
    """Returns what documents are; the server looks them up one by one, so it is asked twice."""
    size = min(MOST_IDS, max(_FEW, math.ceil(len(ids) / _AT_A_TIME)))
    some = (
        Documents(there.collection, {**there.query, "_id": {"$in": ids_}})
        for ids_ in chunks(ids, size)
    )
    with Workers(max_workers=_AT_A_TIME) as pool:
        return Manifest.joined(pool.map(Manifest.read, some))
