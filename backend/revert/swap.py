"""Exchanging the state of a dataset in one step.

What a dataset's samples, frames and schema are is said by one document, that of the dataset in
``datasets``. So a new state is prepared in collections of other names, and becomes the dataset's
by replacing that document: readers see the old state or the new one, and a crash leaves one of
them. Saved views, runs and the like lie in collections shared with other datasets and follow
directly after, or by recovery after a crash.

Other processes may hold the dataset open and go on using the former collection names. What they
write before the exchange, and in the moment after it, stays with the state that is discarded.
Then views of those names over the new collections let them read what is there now, and have the
server refuse what they write, until they reload; else their writes would go to nowhere, or stale
values over the restored ones. No collection gets its former name back, so a client that still acts
on a former name harms nothing. Nor does a process that wakes up after it has lost its lease: what
it writes fails (see :mod:`.fence`), and so does its renaming, because the name is taken
(:func:`occupy`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

from ..catalog.catalog import Catalog
from ..dataset import ownership
from ..dataset.generated import delete_generated_datasets
from ..dataset.parts import (
    Documents,
    Head,
    Part,
    State,
    link_field,
    owner_field,
    shared_collection,
)
from ..dataset.together import ids_together
from ..mongo import fence as fences
from ..mongo.collections import trashed_name
from ..mongo.database import Document
from ..mongo.swap_document import swap
from ..mongo.together import Question, ask
from ..operations import removal
from ..operations.journal import Operation

_MAX_FORMER_NAMES = 10
_ATTEMPTS = 100
_NAMESPACE_NOT_FOUND = 26
_NAMESPACE_EXISTS = 48

NOTHING: list[Document] = [{"$match": {"$expr": False}}]
"""Of a view that shows nothing, where there is nothing to show."""


_REFERRED = (Part.RESULT_FILES, Part.RUNS, Part.VIEWS, Part.WORKSPACES)
"""Parts that the dataset document, or one of these, refers to by id."""

# A dataset keeps its identity when its content is exchanged, and must not become one that
# FiftyOne deletes at exit
_KEPT_FIELDS = ("_id", "name", "slug", "persistent", "last_loaded_at")


@dataclass(frozen=True)
class Switch:
    """An exchange of a dataset's collections, as the journal keeps it."""

    old_samples: str
    old_frames: str | None
    new_samples: str
    new_frames: str | None

    @classmethod
    def between(cls, current: Document, samples: str, frames: str | None) -> Switch:
        """Plans the exchange of what a dataset document points at."""
        return cls(
            current["sample_collection_name"],
            current.get("frame_collection_name"),
            samples,
            frames,
        )

    @classmethod
    def from_details(cls, details: dict[str, Any]) -> Switch | None:
        """Reads what :meth:`to_details` wrote, if it was written."""
        return cls(**details["switch"]) if "switch" in details else None

    def to_details(self) -> dict[str, Any]:
        """Returns the plan as plain data."""
        return asdict(self)

    def pairs(self) -> list[tuple[Part, str, str | None]]:
        """Returns part, old name and new name of each old collection."""
        pairs = [(Part.SAMPLES, self.old_samples, self.new_samples)]
        if self.old_frames is not None:
            return [*pairs, (Part.FRAMES, self.old_frames, self.new_frames)]
        return [*pairs]

    def new_names(self) -> dict[Part, str]:
        """Returns the new name of each part."""
        names = {Part.SAMPLES: self.new_samples}
        if self.new_frames is not None:
            names[Part.FRAMES] = self.new_frames
        return names

    def is_made(self, head: Head) -> bool:
        """Returns whether the dataset points at the new collections."""
        return bool(head.document()["sample_collection_name"] == self.new_samples)


def commit(
    head: Head, switch: Switch, document: Document, expected: RawBSONDocument
) -> RawBSONDocument | None:
    """Gives a dataset its new state: the one write that matters.

    Args:
        head: the dataset
        switch: the collections to exchange, of which the new ones are complete
        document: the dataset document that goes with them
        expected: the dataset document that is to be replaced

    Returns:
        the document that was replaced; None if it was changed meanwhile, and was not
    """
    kept = {key: expected[key] for key in _KEPT_FIELDS if key in expected}
    # The order of the document's own keys is kept
    replacement = {**document, "sample_collection_name": switch.new_samples, **kept}
    if switch.new_frames is not None or "frame_collection_name" in document:
        replacement["frame_collection_name"] = switch.new_frames
    return swap(head.database["datasets"], expected, replacement)


def fence(head: Head) -> None:
    """Makes a :func:`commit` fail that a process, thought dead, may still be about to send.

    Args:
        head: the dataset, whose document is changed in a way that loading it does as well
    """
    head.database["datasets"].update_one(
        {"_id": head.dataset_id}, {"$currentDate": {"last_loaded_at": True}}
    )


def shelve_collections(running: Operation, switch: Switch) -> None:
    """Moves the former collections out of FiftyOne's sight, by renaming.

    Args:
        running: the operation that discards them, already committed
        switch: the exchange
    """
    database = running.database
    names = _note_former(running, [old for _, old, _ in switch.pairs()])
    for part, old, _ in switch.pairs():
        for _ in range(_ATTEMPTS):
            _move_aside(database, old, trashed_name(running.id, part))
            # A stale writer may create the collection anew in between; what it wrote follows
            if _show(database, old, switch):
                break
        running.step(f"shelved_{part.value}")
    for name in names[-_MAX_FORMER_NAMES:]:
        _show(database, name, switch)
    _forget_former(running, names)


def occupy(running: Operation, switch: Switch, back: Mapping[Part, str]) -> None:
    """Takes collections back that an exchange was to use, and their names for ever.

    Whoever planned it may be about to rename a collection; then that fails.

    Args:
        running: the operation, being undone
        switch: the exchange, which was not made
        back: what the collections were called before
    """
    database = running.database
    current = Switch(switch.new_samples, switch.new_frames, switch.old_samples, switch.old_frames)
    names = _note_former(running, list(switch.new_names().values()))
    for part, name in switch.new_names().items():
        for _ in range(_ATTEMPTS):
            if is_collection(database, name):
                database[name].rename(back[part])
            if _show(database, name, current):
                break
    _forget_former(running, names)


def _note_former(running: Operation, added: list[str]) -> list[str]:
    """Writes names down first, so that who recovers this, or deletes the dataset, finds them."""
    catalog = Catalog(running.database)
    former = running.details.get("former_names")
    if former is None or running.is_recovery:
        # An earlier version of this package has begun the operation, or there were others since
        former = catalog.dataset_facts(running.dataset_id).get("former_names", [])
    names = list(dict.fromkeys([*former, *added]))
    catalog.set_dataset_facts(running.dataset_id, former_names=names)
    return names


def _forget_former(running: Operation, names: list[str]) -> None:
    if len(names) > _MAX_FORMER_NAMES:
        for name in names[:-_MAX_FORMER_NAMES]:
            drop_view(running.database, name)
        kept = names[-_MAX_FORMER_NAMES:]
        Catalog(running.database).set_dataset_facts(running.dataset_id, former_names=kept)


def _move_aside(database: Database[Document], name: str, target: str) -> None:
    listed = next(database.list_collections(filter={"name": name}), None)
    if listed is None or listed["type"] != "collection":
        return
    try:
        database[name].rename(target)
    except OperationFailure as error:
        if error.code == _NAMESPACE_EXISTS:
            # It may refuse writes still, see merge.standstill
            database.command("collMod", target, validator={})
            Documents(database[name]).merge_into(database[target])
            fences.drop(database, name, listed)
        elif error.code != _NAMESPACE_NOT_FOUND:
            raise


def _show(database: Database[Document], name: str, switch: Switch) -> bool:
    """Makes a former name show what is there now, read-only; returns whether that was possible."""
    is_frames = name.startswith("frames.")
    current = switch.new_frames if is_frames else switch.new_samples
    view: Document = {"viewOn": current or switch.new_samples, "pipeline": []}
    if current is None:
        view["pipeline"] = NOTHING
    try:
        # Changing a view leaves no moment without one
        database.command("collMod", name, **view)
    except OperationFailure as error:
        if error.code != _NAMESPACE_NOT_FOUND:
            return False
        try:
            database.create_collection(name, check_exists=False, **view)
        except (CollectionInvalid, OperationFailure):
            return False
    return True


def add_related(running: Operation, head: Head, wanted: State, document: Document) -> None:
    """Adds what a state holds and the dataset lacks, so that references to it can be followed.

    Args:
        running: the operation, in whose journal is noted what was added
        head: the dataset
        wanted: the state that is about to become the dataset's
        document: its dataset document

    Raises:
        InvalidRequestError: if ids of the state belong to others by now; nothing was added then
    """
    lacking = ownership.claim(head.database, head.dataset_id, wanted, document)
    added = {part.name: lacking[part] for part in _REFERRED if part in wanted}
    running.note(added=added)
    for part in (Part.RESULT_CHUNKS, *_REFERRED):
        if part in wanted:
            # Only what is missing: the rest is HEAD's until the exchange. Not "keepExisting",
            # which reorders the keys of what it inserts. Chunks are the same wherever they are
            missing = added.get(part.name)
            shared = shared_collection(head.database, part)
            wanted[part].merge_into(shared, missing, if_same=link_field(part))
            running.step(f"added_{part.value}")


def remove_added(running: Operation) -> None:
    """Takes back what :func:`add_related` did.

    Args:
        running: the operation
    """
    added = _added(running)
    removal.delete_results(running, added.pop(Part.RESULT_FILES, []))
    for part in reversed(_REFERRED):
        removal.delete(running, part, added.get(part, []))


def former_related(running: Operation, head: Head) -> State:
    """Returns what the dataset has in shared collections, but for what the new state added.

    Args:
        running: the operation
        head: the dataset

    Returns:
        the state, without samples, frames and dataset document
    """
    added = _added(running)
    state: dict[Part, Documents] = {}
    for part, documents in head.state().items():
        if part.is_own_collection or part is Part.DATASET:
            continue
        query = dict(documents.query)
        if part in (Part.RESULT_FILES, Part.RESULT_CHUNKS):
            key = "_id" if part is Part.RESULT_FILES else "files_id"
            new = set(added.get(Part.RESULT_FILES, []))
            query[key] = {"$in": [id_ for id_ in query[key]["$in"] if id_ not in new]}
        elif part in added:
            query["_id"] = {"$nin": added[part]}
        state[part] = Documents(documents.collection, query)
    return state


def _added(running: Operation) -> dict[Part, list[ObjectId]]:
    return {Part[name]: ids for name, ids in running.details.get("added", {}).items()}


def install_related(
    running: Operation, head: Head, wanted: State, former: State, kept: Collection[Part] = ()
) -> None:
    """Makes the shared collections hold what a state holds, and nothing else of the dataset.

    Args:
        running: the operation
        head: the dataset
        wanted: the state; parts that it lacks are empty
        former: where what the dataset had is kept
        kept (()): parts that stay as they are
    """
    database, known = head.database, running.details.get("known_related", {})
    views, stale = _views_and_results(head)
    delete_generated_datasets(head, views)
    if Part.RESULT_FILES in former:
        # Also those that an earlier, interrupted attempt has made nobody refer to
        stale.update(former[Part.RESULT_FILES].ids())
    present = {
        part: Documents(shared_collection(database, part), {owner_field(part): head.dataset_id})
        for part in ownership.OWNED
    }
    named = [part for part in wanted if part in (*ownership.OWNED, Part.RESULT_FILES)]
    keys = {(True, part): present[part] for part in present}
    ids = ids_together(database, keys | {(False, part): wanted[part] for part in named})
    for part in (part for part in ownership.OWNED if part not in kept):
        extra = set(ids[True, part]).difference(ids.get((False, part), []))
        if part.name in known:
            # A merge keeps what was added since it looked
            extra.intersection_update(known[part.name])
        # Extra ones first: they may hold keys that must be unique
        removal.delete(running, part, list(extra))
        if part in wanted:
            running.step(f"cleared_{part.value}")
            wanted[part].merge_into(present[part].collection, if_same=link_field(part))
    stale.difference_update(ids.get((False, Part.RESULT_FILES), []))
    running.step("replaced_related")
    removal.delete_results(running, list(stale))


def is_collection(database: Database[Document], name: str) -> bool:
    """Returns whether a name is that of a collection, and not of a view or of nothing."""
    found = database.list_collections(filter={"name": name})
    return any(description["type"] == "collection" for description in found)


def drop_view(database: Database[Document], name: str) -> None:
    """Drops a view, but never a collection of that name."""
    if not is_collection(database, name):
        database.drop_collection(name)


def _views_and_results(head: Head) -> tuple[list[Any], set[ObjectId]]:
    """Returns the stages of the saved views, and the results of the runs."""
    mine: Document = {"$match": {"_dataset_id": head.dataset_id}}
    questions: dict[str, Question] = {
        "views": ("views", [mine, {"$project": {"view_stages": 1}}]),
        "runs": ("runs", [mine, {"$project": {"results": 1}}]),
    }
    found: dict[str, list[Any]] = {"views": [], "runs": []}
    for key, document in ask(head.database, questions):
        found[key].append(document)
    results = {run.get("results") for run in found["runs"]}
    return found["views"], results - {None}
