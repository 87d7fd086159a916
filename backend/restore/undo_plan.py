"""What undoing a restoration of samples changes, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..dataset import schema
from ..dataset.parts import Documents, Head, Part, State, chunks
from ..dataset.reference import DatasetReference
from ..errors import NothingToUndoError
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..rawbson.ids import Ids, Keys
from ..results.serialize import Record
from ..trash import overwritten
from ..trash.discarded import check_content
from ..trash.overwritten import Overwritten
from .source import content
from .staging import ADJUNCTS, PARTS

_NONE = Ids().keys


@dataclass(frozen=True)
class RestoreUndo(Record):
    """What :func:`undo_restore` changed, or would change."""

    dataset_name: str
    snapshot_name: str
    """The snapshot that samples had been restored from."""
    operation_id: str
    """The restoration."""
    samples_removed: int
    """Samples that had come back with the restoration, and are gone again."""
    samples_changed: int
    """Samples that are what they were before the restoration."""
    samples_kept: int
    """Samples that were edited since, or got other frames, and stay as they are."""
    frames_added: int
    """Frames that the restoration had removed."""
    frames_changed: int
    frames_removed: int
    frames_kept: int
    """Frames that were edited since, or whose number is another one's by now."""
    fields_removed: tuple[str, ...]
    """Fields that had come back to the schema with the restoration."""
    fields_kept: tuple[str, ...]
    """Such fields that are in use by now, and stay."""


@dataclass
class Change:
    """What becomes of the documents of one part."""

    deleted: Keys = field(default_factory=lambda: _NONE)
    changed: Keys = field(default_factory=lambda: _NONE)
    inserted: Keys = field(default_factory=lambda: _NONE)
    kept: int = 0
    """How many documents stay that were edited since."""

    @property
    def there(self) -> list[ObjectId]:
        """The documents that are there."""
        return [*Ids(self.deleted), *Ids(self.changed)]

    @property
    def wanted(self) -> list[ObjectId]:
        """The documents that are to be there."""
        return [*Ids(self.changed), *Ids(self.inserted)]


@dataclass(frozen=True)
class Plan:
    """What an undo does."""

    item: Overwritten
    changes: dict[Part, Change]
    samples: list[ObjectId]
    """The samples that it is about."""
    fields_removed: tuple[str, ...]
    fields_kept: tuple[str, ...]

    def told(self, dataset: DatasetReference) -> RestoreUndo:
        """Returns it in numbers."""
        samples = self.changes.get(Part.SAMPLES, Change())
        frames = self.changes.get(Part.FRAMES, Change())
        return RestoreUndo(
            dataset_name=dataset.name,
            snapshot_name=self.item.snapshot_name,
            operation_id=str(self.item.id),
            samples_removed=len(samples.deleted),
            samples_changed=len(samples.changed),
            samples_kept=samples.kept,
            frames_added=len(frames.inserted),
            frames_changed=len(frames.changed),
            frames_removed=len(frames.deleted),
            frames_kept=frames.kept,
            fields_removed=self.fields_removed,
            fields_kept=self.fields_kept,
        )


def chosen(
    database: Database[Document], dataset: DatasetReference, operation_id: str | None
) -> Overwritten:
    """Finds the restoration to undo.

    Args:
        database: the database
        dataset: the dataset
        operation_id: the restoration, or None for the last one

    Returns:
        what it has overwritten

    Raises:
        NothingToUndoError: if the trash does not hold that, or the dataset was reverted since
    """
    found = overwritten.overwritten(database, dataset.id)
    if operation_id is not None:
        found = [item for item in found if str(item.id) == operation_id]
    if not found:
        which = "" if operation_id is None else f" with id {operation_id}"
        raise NothingToUndoError(
            f"The trash holds nothing that a restoration{which} of samples of dataset "
            f"'{dataset.name}' has overwritten: there was none, or it was undone or too long ago, "
            "or the trash was emptied"
        )
    item = found[-1]
    document = Head(database, dataset.id).document()
    if document["sample_collection_name"] != item.sample_collection:
        raise NothingToUndoError(
            f"Dataset '{dataset.name}' was rolled back since samples were restored from snapshot "
            f"'{item.snapshot_name}', so that this cannot be undone in what it is now. "
            "Undo that rollback (undo_revert()); then it can."
        )
    return item


def preview(
    database: Database[Document], dataset: DatasetReference, operation_id: str | None = None
) -> RestoreUndo:
    """Tells what undoing would change, and changes nothing.

    Args:
        database: the database
        dataset: the dataset
        operation_id (None): the restoration; by default, the last one

    Returns:
        what would be changed

    Raises:
        NothingToUndoError: if there is nothing to undo
    """
    item = chosen(database, dataset, operation_id)
    return plan(database, Head(database, dataset.id), item).told(dataset)


def plan(database: Database[Document], head: Head, item: Overwritten) -> Plan:
    """Finds out what of a restoration is still what it wrote.

    Args:
        database: the database
        head: the dataset
        item: what the restoration has overwritten

    Returns:
        the plan

    Raises:
        DamagedSnapshotError: if the trash does not hold any more what was overwritten
    """
    check_content(
        item.content,
        overwritten.content(database, item.id, item.content),
        f"What restoring samples from snapshot '{item.snapshot_name}' has overwritten",
        "The dataset was not changed. empty_trash() destroys what is left of it.",
    )
    state = head.state()
    found = _Comparison(database, state, item)
    changes = found.changes()
    removed, kept = _fields(database, head.document(), state, item, changes)
    return Plan(item, changes, found.samples(changes), removed, kept)


class _Comparison:
    """What documents were, what the restoration made of them, and what they are.

    Args:
        database: the database
        state: where the dataset's documents are
        item: what the restoration has overwritten
    """

    def __init__(self, database: Database[Document], state: State, item: Overwritten) -> None:
        self._database, self._state, self._item = database, state, item
        self._parts = [part for part in PARTS if part in state]
        self._former = {p: Manifest.read(item.former(database, p)) for p in self._parts}
        self._written = {p: Manifest.read(item.written(database, p)) for p in self._parts}
        self._now = {p: self._present(p) for p in self._parts}
        self._made = {p: self._former[p].compare(self._written[p]) for p in self._parts}
        self._since = {p: self._written[p].compare(self._now[p]) for p in self._parts}

    def changes(self) -> dict[Part, Change]:
        """Returns what becomes of the documents of each part."""
        stay = self._staying()
        found = {part: self._change(part, stay) for part in self._parts}
        if Part.FRAMES in found:
            self._make_way(found[Part.FRAMES])
        return found

    def samples(self, changes: dict[Part, Change]) -> list[ObjectId]:
        """Returns the samples of all documents that are changed."""
        found = [_NONE]
        for part, change in changes.items():
            there = np.concatenate([change.deleted, change.changed])
            if part is Part.SAMPLES:
                found.append(there)
            else:
                found.append(self._written[part].only(there).owners)
                found.append(self._former[part].only(change.inserted).owners)
        return list(Ids(np.unique(np.concatenate(found))))

    def _present(self, part: Part) -> Manifest:
        """Reads the documents that there were, are or have come to samples that came back."""
        documents = self._state[part]
        keys = np.union1d(self._former[part].keys, self._written[part].keys)
        found = read(documents, Ids(keys))
        if part in ADJUNCTS:
            back = Ids(self._came_back())
            found = found.updated(content(documents, part, list(back)), [])
        return found

    def _came_back(self) -> Keys:
        former, written = self._former[Part.SAMPLES], self._written[Part.SAMPLES]
        return former.compare(written).added_keys

    def _staying(self) -> Keys:
        """Returns samples that came back and stay: they, their frames or tags were edited."""
        back = self._came_back()
        edited = [np.intersect1d(back, self._since[Part.SAMPLES].changed_keys)]
        for part in self._parts:
            if part not in ADJUNCTS:
                continue
            since, written, now = self._since[part], self._written[part], self._now[part]
            edited += [
                written.only(np.concatenate([since.changed_keys, since.deleted_keys])).owners,
                now.only(since.added_keys).owners,
            ]
        present = np.intersect1d(back, self._now[Part.SAMPLES].keys)
        return np.intersect1d(present, np.concatenate(edited))

    def _change(self, part: Part, stay: Keys) -> Change:
        made, since, written = self._made[part], self._since[part], self._written[part]
        spared, edited = written.keys[np.isin(written.owners, stay)], since.changed_keys
        if part is Part.SAMPLES:
            spared, edited = stay, np.union1d(edited, stay)
        touched = np.concatenate([since.changed_keys, since.deleted_keys, spared])
        inserted = np.setdiff1d(made.deleted_keys, self._now[part].keys)
        if part in ADJUNCTS:
            owners = self._former[part].only(inserted).owners
            inserted = inserted[np.isin(owners, self._samples_there(owners))]
        return Change(
            np.setdiff1d(made.added_keys, touched),
            np.setdiff1d(made.changed_keys, touched),
            inserted,
            len(edited),
        )

    def _samples_there(self, keys: Keys) -> Keys:
        samples = self._state[Part.SAMPLES].collection
        ids = list(Ids(np.unique(keys)))
        there = [Documents(samples, {"_id": {"$in": some}}).ids() for some in chunks(ids)]
        return Ids.of(id_ for some in there for id_ in some).keys

    def _make_way(self, frames: Change) -> None:
        """Leaves frames out whose number another frame of their sample has by now."""
        former = self._item.former(self._database, Part.FRAMES)
        here = self._state[Part.FRAMES].collection
        leaving = set(Ids(frames.deleted))
        taken = []
        for ids in chunks(list(Ids(frames.inserted))):
            wanted = {
                (frame["_sample_id"], frame["frame_number"]): frame["_id"]
                for frame in _numbers(former, {"_id": {"$in": ids}})
            }
            owners = list({sample_id for sample_id, _ in wanted})
            for frame in _numbers(Documents(here), {"_sample_id": {"$in": owners}}):
                key = frame["_sample_id"], frame["frame_number"]
                if key in wanted and frame["_id"] not in leaving:
                    taken.append(wanted[key])
        frames.inserted = np.setdiff1d(frames.inserted, Ids.of(taken).keys)
        frames.kept += len(taken)


def _numbers(frames: Documents, query: Document) -> Iterable[Document]:
    return frames.collection.find(query, {"_sample_id": 1, "frame_number": 1})


def read(documents: Documents, ids: Sequence[ObjectId]) -> Manifest:
    """Reads some documents.

    Args:
        documents: the documents
        ids: which of them

    Returns:
        what those that exist say
    """
    found = [Manifest.empty()]
    for some in chunks(list(ids)):
        query = {**documents.query, "_id": {"$in": some}}
        found.append(Manifest.read(Documents(documents.collection, query)))
    return Manifest.joined(found)


def _fields(
    database: Database[Document],
    document: Document,
    state: State,
    item: Overwritten,
    changes: dict[Part, Change],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the fields that the restoration added: those nobody will use, and the others."""
    removed: list[str] = []
    kept: list[str] = []
    for path in item.fields_added:
        place, part = schema.db_path(document, path), schema.part_of(path)
        if place is None or part not in changes:
            continue
        change = changes[part]
        left = (
            state[part].collection.count_documents({place: {"$exists": True}})
            - _having(item.written(database, part), place, change.there)
            + _having(item.former(database, part), place, change.wanted)
        )
        (kept if left > 0 else removed).append(path)
    return tuple(removed), tuple(kept)


def _having(documents: Documents, place: str, ids: list[ObjectId]) -> int:
    return sum(
        documents.collection.count_documents({"_id": {"$in": some}, place: {"$exists": True}})
        for some in chunks(ids)
    )
