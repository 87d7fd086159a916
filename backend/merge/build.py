"""Building the merged state of a dataset beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, InsertOne, ReplaceOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from ..dataset.parts import MOST_IDS, Documents, Part, State
from ..dataset.view_stages import StageTranslation
from ..errors import InvalidRequestError
from ..manifest.manifest import Manifest
from ..mongo.collections import staging_name
from ..mongo.database import Document, raw, server_time
from ..operations.journal import Operation
from ..projection.indexes import models
from ..rawbson import layout
from ..rawbson.ids import Keys
from ..storage.consistent_copy import copy_and_read
from . import documents
from .captured_head import ReadHead
from .conflicts import Conflict
from .engine import Engine
from .judge import encoded
from .samples import Change, MergedSample
from .slots import Slots
from .surroundings import RESULTS, MergedItems

_OWN = (Part.SAMPLES, Part.FRAMES)
_COPIED = (Part.VIEWS, Part.WORKSPACES, Part.RUNS, Part.TAGS)
_BULK = 1000

_MOST_WRITTEN = MOST_IDS
"""If more than so many documents were written, all of them are read to know what is there."""

_REFERENCES = {Part.VIEWS: "saved_views", Part.WORKSPACES: "workspaces"}


@dataclass(frozen=True)
class StagedVersion(ReadHead):
    """The target as it was copied, so that nobody changes it while it is merged."""

    staged: State = field(default_factory=dict)

    def documents(self, part: Part, wanted: Keys | None = None) -> Documents | None:
        """Returns the documents: copies of samples and frames, and what else there is."""
        return self.staged.get(part) if part.is_own_collection else super().documents(part)


def copy(
    running: Operation, state: State, has_frames: bool, known: Mapping[Part, Manifest]
) -> tuple[State, dict[Part, Manifest]]:
    """Copies the samples and frames of a dataset, without indexes, and reads them meanwhile.

    Args:
        running: the operation
        state: where the dataset's documents are
        has_frames: whether the merged dataset has frames
        known: what need not be read, since they are known to hold it

    Returns:
        where the copies are, and what they hold if nobody has written to the dataset
    """
    copies: dict[Part, Documents] = {}
    read: dict[Part, Manifest] = {}
    for part in _OWN:
        if part not in state and not (part is Part.FRAMES and has_frames):
            continue
        target = running.database[staging_name(running.id, part)]
        target.drop()
        running.database.create_collection(target.name, check_exists=False)
        copies[part] = Documents(target)
        if part in state:
            copying = partial(_copy_to, target)
            read[part] = copy_and_read(state[part], part, copying, known.get(part))
        running.step(f"copied_{part.value}")
    return copies, read


def _copy_to(target: Collection[Document], _: Part, documents: Documents) -> None:
    documents.copy_to(target)


@dataclass
class Builder:
    """Makes of the copies what is to be.

    Args:
        running: the operation
        engine: the merge
        copies: where the copied samples and frames are
        samples: what the collection of samples will be called
    """

    running: Operation
    engine: Engine
    copies: State
    samples: str
    conflicts: list[Conflict] = field(default_factory=list)
    """Those that nobody has decided."""
    came_along: list[ObjectId] = field(default_factory=list)
    """Runs of the branch that the target has now."""
    deleted: bool = False
    """Whether samples were deleted."""

    def __post_init__(self) -> None:
        now = encoded(server_time(self.running.database))
        owner = encoded(self.running.dataset_id)
        assert now is not None
        assert owner is not None
        self._like = {"last_modified_at": now, "_dataset_id": owner}
        self._waiting: dict[Part, list[Any]] = {part: [] for part in _OWN}
        self._written: dict[Part, list[ObjectId]] = {part: [] for part in _OWN}
        self._is_unknown: set[Part] = set()
        self._slots = Slots(self.engine.dataset.document.get("group_field"))
        self._tags: tuple[list[Document], list[ObjectId]] = ([], [])

    def build(self) -> None:
        """Writes everything but the dataset document.

        Raises:
            InvalidRequestError: if the result would break a unique index
        """
        for merged in self.engine.merged():
            self._take(merged)
        self.conflicts += _open(self.engine.dataset_conflicts())
        for part in _OWN:
            self._flush(part)
            self._undeclare(part)
        self.running.step("merged_samples")
        for part, copied in self.copies.items():
            self._index(part, copied.collection)
        self._slots.check(self.copies[Part.SAMPLES].collection)
        self.running.step("indexed")

    def content(self) -> dict[Part, Manifest]:
        """Returns what the merged samples and frames hold, where that is told by what was written.

        What was written is read again: a server need not store the very bytes that it gets.
        """
        found: dict[Part, Manifest] = {}
        for part, copied in self.copies.items():
            written = self._written[part]
            if part not in self._is_unknown and len(written) <= _MOST_WRITTEN:
                of_them = Documents(copied.collection, {"_id": {"$in": written}})
                former = self.engine.ours.manifest(part)
                found[part] = former.updated(Manifest.read(of_them), written)
        return found

    def related(self, state: State) -> Document:
        """Stages what lies in shared collections.

        Args:
            state: where the dataset's documents are

        Returns:
            what the dataset document says of them
        """
        database, found = self.running.database, self.engine.surroundings
        staged = {}
        for part in _COPIED:
            target = database[staging_name(self.running.id, part)]
            state[part].copy_to(target)
            staged[part] = target
        added, removed = self._tags
        if removed:
            staged[Part.TAGS].delete_many({"_id": {"$in": removed}})
        if added:
            mine = {"_dataset_id": self.running.dataset_id}
            staged[Part.TAGS].insert_many({**tag, "_id": ObjectId(), **mine} for tag in added)
        references: Document = self._slots.slices(
            self.copies[Part.SAMPLES].collection,
            self.engine.dataset.document,
            *(side.document for side in self.engine.sides),
        )
        for part, items in ((Part.VIEWS, found.views), (Part.WORKSPACES, found.workspaces)):
            key = _REFERENCES[part]
            ids = self._stage_items(staged[part], items)
            references[key] = _ordered(self.engine.ours.document.get(key), list(ids.values()))
        runs: dict[str, MergedItems] = found.runs
        kept: list[ObjectId] = []
        for kind, items in runs.items():
            self._copy_results(items)
            ids = self._stage_items(staged[Part.RUNS], items, delete=False)
            coming = [*items.added, *(run for run, _ in items.replaced)]
            self.came_along += [ids[str(run["key"])] for run in coming]
            references[kind] = ids
            kept += ids.values()
        staged[Part.RUNS].delete_many({"_id": {"$nin": kept}})
        self._stage_results(state, staged[Part.RUNS])
        self.running.step("staged_related")
        return references

    def _take(self, merged: MergedSample) -> None:
        self.conflicts += _open(merged.conflicts)
        self._write(Part.SAMPLES, merged.sample)
        self._slots.note(merged.sample.before, merged.sample.after)
        self.deleted |= merged.sample.before is not None and merged.sample.after is None
        for frame in merged.frames:
            self._write(Part.FRAMES, frame)
        self._tags[0].extend(merged.tags_added)
        self._tags[1].extend(tag["_id"] for tag in merged.tags_removed)

    def _write(self, part: Part, change: Change) -> None:
        if not documents.is_changed(change.before, change.after):
            return
        waiting = self._waiting[part]
        if change.before is None:
            assert change.after is not None
            id_ = layout.fields(change.after)["_id"]
            waiting.append(InsertOne(self._own(change.after)))
        else:
            id_ = layout.fields(change.before)["_id"]
            query = {"_id": ObjectId(id_[1:])}
            if change.after is None:
                waiting.append(DeleteOne(query))
            else:
                own = self._own(change.after, _id=id_)
                waiting.append(ReplaceOne(query, own))
        self._written[part].append(ObjectId(id_[1:]))
        if len(waiting) >= _BULK:
            self._flush(part)

    def _own(self, document: bytes, **like: bytes) -> RawBSONDocument:
        return RawBSONDocument(documents.adopted(document, {**self._like, **like}))

    def _flush(self, part: Part) -> None:
        waiting, self._waiting[part] = self._waiting[part], []
        if waiting:
            try:
                raw(self.copies[part].collection).bulk_write(waiting)
            except BulkWriteError as error:
                raise InvalidRequestError(
                    f"The merged {part.value} cannot be stored, and nothing was changed: {error}"
                ) from error
            self.running.step(f"wrote_{part.value}")

    def _undeclare(self, part: Part) -> None:
        """Drops what fields that are gone have left in documents that nobody has changed.

        That is null, which is no content; but FiftyOne loads no document with such a key.
        """
        gone = self.engine.undeclared(part)
        if gone and part in self.copies:
            self._is_unknown.add(part)
            query = {"$or": [{key: {"$exists": True}} for key in gone]}
            change = {"$unset": dict.fromkeys(gone, "")}
            self.copies[part].collection.update_many(query, change)

    def _index(self, part: Part, target: Collection[Document]) -> None:
        indexes = models(self.engine.surroundings.indexes[part][0])
        if not indexes:
            return
        try:
            target.create_indexes(indexes)
        except (DuplicateKeyError, OperationFailure) as error:
            raise InvalidRequestError(
                f"What is merged does not fit the unique indexes of the {part.value}, and nothing "
                f"was changed: {error}. Decide the conflicts otherwise, or drop the index."
            ) from error

    def _stage_items(
        self, target: Collection[Document], items: MergedItems, *, delete: bool = True
    ) -> dict[str, ObjectId]:
        """Stages views, workspaces or runs, and returns their ids by name or key."""
        mine, key = {"_dataset_id": self.running.dataset_id}, "key"
        ids: dict[str, ObjectId] = {}
        for document in items.ours:
            ids[str(document.get(key) or document["name"])] = document["_id"]
        for document, content in items.replaced:
            changed = {**self._translated(content), **mine, "_id": document["_id"]}
            target.replace_one({"_id": document["_id"]}, changed)
            ids[str(document.get(key) or document["name"])] = document["_id"]
        for document in items.added:
            added = {**self._translated(document), **mine, "_id": ObjectId()}
            target.insert_one(added)
            ids[str(document.get(key) or document["name"])] = added["_id"]
        if delete:
            target.delete_many({"_id": {"$nin": list(ids.values())}})
        return ids

    def _translated(self, document: Document) -> Document:
        """Returns a view or a run that speaks of the target instead of the branch."""
        found = {key: item for key, item in document.items() if key != "_results"}
        stages = found.get("view_stages")
        if isinstance(stages, list):
            found["view_stages"] = self._stages.translate(stages)
        return found

    @property
    def _stages(self) -> StageTranslation:
        theirs = self.engine.theirs.document
        names = {
            theirs.get("sample_collection_name"): self.samples,
            theirs.get("frame_collection_name"): f"frames.{self.samples}",
        }
        return StageTranslation(
            dataset_ids=frozenset({str(theirs["_id"])}),
            dataset_name=str(theirs["name"]),
            snapshot_id=self.running.dataset_id,
            collections={str(old): new for old, new in names.items() if old},
        )

    def _copy_results(self, items: MergedItems) -> None:
        """Copies the results of the runs that come along: each run has its own."""
        coming = [*items.added, *(content for _, content in items.replaced)]
        theirs = [run[RESULTS] for run in coming if run.get(RESULTS) is not None]
        if not theirs:
            return
        database, side = self.running.database, self.engine.theirs
        new = {id_: ObjectId() for id_ in theirs}
        files = side.version.documents(Part.RESULT_FILES)
        assert files is not None
        target = database[staging_name(self.running.id, Part.RESULT_FILES)]
        target.insert_many(
            {**file, "_id": new[file["_id"]]} for file in files.decoded() if file["_id"] in new
        )
        pieces = database[staging_name(self.running.id, Part.RESULT_CHUNKS)]
        for chunk in side.chunks(new):
            moved = {"_id": ObjectId(), "files_id": new[chunk["files_id"]]}
            pieces.insert_one({**chunk, **moved})
        items.added = [_referring(run, new) for run in items.added]
        items.replaced = [(run, _referring(content, new)) for run, content in items.replaced]

    def _stage_results(self, state: State, runs: Collection[Document]) -> None:
        """Stages the records of results that stay; what they hold is where it is."""
        wanted = runs.distinct(RESULTS)
        target = self.running.database[staging_name(self.running.id, Part.RESULT_FILES)]
        staged = set(Documents(target).ids())
        stay = [id_ for id_ in state[Part.RESULT_FILES].ids() if id_ in wanted]
        for file in raw(self.running.database["fs.files"]).find({"_id": {"$in": stay}}):
            if file["_id"] not in staged:
                raw(target).insert_one(file)


def _referring(run: Document, new: dict[ObjectId, ObjectId]) -> Document:
    results = run.get(RESULTS)
    return {**run, RESULTS: new.get(results, results)} if results is not None else run


def _ordered(references: Any, ids: list[ObjectId]) -> list[ObjectId]:
    """Returns references in the target's order, and then those that came along."""
    former = [getattr(reference, "id", reference) for reference in references or ()]
    return [id_ for id_ in former if id_ in ids] + [id_ for id_ in ids if id_ not in former]


def _open(conflicts: Iterable[Conflict]) -> list[Conflict]:
    return [conflict for conflict in conflicts if conflict.resolution is None]
