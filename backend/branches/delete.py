"""Deleting a branch, and bringing a deleted one back.

Deleting begins and ends with the dataset document: without it, FiftyOne knows of no dataset. What
the branch consists of is moved to the trash after that, by renames and copies, and can be resumed
anywhere. Bringing it back puts everything in place first, and the document last.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

from ..actions import Action
from ..catalog import holding, names
from ..catalog.catalog import Catalog
from ..config import Settings
from ..dataset import instances, ownership
from ..dataset.generated import delete_generated_datasets
from ..dataset.parts import (
    RELATED,
    Documents,
    Head,
    Part,
    link_field,
    owner_field,
    shared_collection,
)
from ..dataset.reference import DatasetReference, current_name
from ..errors import (
    DamagedSnapshotError,
    HeldSnapshotError,
    LeaseLostError,
    NotABranchError,
    NothingToUndoError,
)
from ..mongo import fence
from ..mongo.collections import owned_collections, trashed_name
from ..mongo.database import Document, raw
from ..operations import journal, removal
from ..operations.journal import Operation, operation, recovers
from ..revert.swap import NOTHING, drop_view, is_collection
from ..snapshots import staging
from ..trash import branches, discarded, trash
from ..trash.branches import TrashedBranch
from . import create, record
from .copying import COLLECTIONS
from .record import Branch

_DELETED_BY = "_deleted_by"
"""In a dataset document that is about to go, the operation that deletes it."""

_ATTEMPTS = 100


def delete(database: Database[Document], dataset: DatasetReference) -> Branch:
    """Moves a branch to the trash, with its snapshots, or destroys it if the trash is turned off.

    Args:
        database: the database
        dataset: the dataset of the branch

    Returns:
        the branch that was deleted

    Raises:
        NotABranchError: if the dataset is not a branch
        HeldSnapshotError: if it has branches itself
    """
    find(database, dataset)
    with operation(database, dataset.id, Action.DELETE_BRANCH) as running:
        branch = find(database, dataset)
        _check_childless(database, branch)
        document = Head(database, dataset.id).document()
        running.note(
            dataset_name=branch.dataset_name,
            name=branch.name,
            parent_id=branch.parent_id,
            collections={part.name: document.get(key) for part, key in COLLECTIONS.items()},
            destroy=Settings.load().trash_days == 0,
        )
        running.step("noted")
        _remove_document(running)
        running.commit(timed=True)
        _finish(running)
    return branch


def find(database: Database[Document], dataset: DatasetReference) -> Branch:
    """Returns the branch that a dataset is.

    Args:
        database: the database
        dataset: the dataset

    Returns:
        the branch

    Raises:
        NotABranchError: if it is none
    """
    branch = record.get_branch(database, dataset)
    if branch is None:
        raise NotABranchError(
            f"Dataset '{dataset.name}' is not a branch. list_branches() lists the branches of a "
            "dataset"
        )
    return branch


def _check_childless(database: Database[Document], branch: Branch) -> None:
    """Refuses to delete what other branches, those in the trash included, are made of."""
    held = [each for each in Catalog(database).list_all(branch.dataset_id) if each.held_by]
    # What was merged is held by the branch itself as well
    others = (
        replace(each, held_by=tuple(set(each.held_by) - {branch.dataset_id})) for each in held
    )
    names = sorted({name for each in others for name in holding.holders(database, each)})
    if names:
        raise HeldSnapshotError(
            f"'{branch.dataset_name}' has branches itself, which need its snapshots: "
            f"{', '.join(names)}. Delete those first, and if they are in the trash, empty that."
        )


def _remove_document(running: Operation) -> None:
    """Makes the dataset disappear: a document that is edited meanwhile goes as it is then."""
    database = running.database
    datasets, id_ = database["datasets"], running.dataset_id
    fence.change(datasets, id_, {_DELETED_BY: running.id})
    shelved = discarded.shelve_document(running)
    running.committing("shelved_dataset")
    gone = raw(datasets).find_one_and_delete({"_id": id_, _DELETED_BY: running.id})
    if gone is None:
        raise LeaseLostError("The branch was deleted, or that was undone, by somebody else")
    if shelved is None or gone.raw != shelved.raw:
        discarded.shelve_again(running, gone)


@recovers(Action.DELETE_BRANCH)
def _recover(running: Operation) -> None:
    """Finishes a deletion once the dataset is gone; before that, lets it be."""
    database, details = running.database, running.details
    if "collections" not in details:
        return
    if not running.is_committed:
        mine = {"_id": running.dataset_id, _DELETED_BY: running.id}
        # Whoever was about to delete it finds nothing from now on
        database["datasets"].update_one(mine, {"$unset": {_DELETED_BY: True}})
        if database["datasets"].find_one({"_id": running.dataset_id}, {"_id": 1}) is not None:
            discarded.destroy_head(database, running.id)
            return
        if trashed_name(running.id, Part.DATASET) not in owned_collections(database, running.id):
            # Somebody else has deleted it as any dataset: it is purged like one
            return
        running.commit(timed=True)
    _finish(running)


def _finish(running: Operation) -> None:
    """What follows once the dataset is gone; may be repeated."""
    database, details = running.database, running.details
    branch = TrashedBranch(
        running.id,
        running.dataset_id,
        details["dataset_name"],
        details["name"],
        details["parent_id"],
        details["at"],
    )
    branch.save(database)
    running.step("recorded")
    instances.forget(branch.dataset_name)
    facts = Catalog(database).dataset_facts(running.dataset_id)
    for name in facts.get("former_names", []):
        drop_view(database, name)
    for part in COLLECTIONS:
        name = details["collections"][part.name]
        existing = {} if name is None else _described(database, name)
        # An attempt before may have done it; what others write after that is nobody's
        if existing and trashed_name(running.id, part) not in owned_collections(
            database, running.id
        ):
            database[name].rename(trashed_name(running.id, part))
        elif existing:
            fence.drop(database, name, existing)
        running.step(f"shelved_{part.value}")
    if not details.get("related_shelved"):
        discarded.shelve_related(running, _related(running))
        running.note(related_shelved=True)
    delete_generated_datasets(Head(database, running.dataset_id))
    _remove_related(running)
    running.step("removed_related")
    discarded.note_content(running, owned_collections(database, running.id))
    known = {**facts.get("branch", {}), "dataset_name": branch.dataset_name}
    if "branch" in facts:
        Catalog(database).set_dataset_facts(running.dataset_id, branch=known, former_names=[])
    if details["destroy"]:
        trash.destroy_branch(database, running.dataset_id, running.id)


def _described(database: Database[Document], name: str) -> Mapping[str, Any]:
    found = database.list_collections(filter={"name": name, "type": "collection"})
    return next(iter(found), {})


def _related(running: Operation) -> dict[Part, Documents]:
    """Returns what the dataset has in shared collections, without asking its document."""
    database = running.database
    state = {
        part: Documents(shared_collection(database, part), {owner_field(part): running.dataset_id})
        for part in ownership.OWNED
    }
    files = [run["results"] for run in state[Part.RUNS].values(["results"]) if run.get("results")]
    state[Part.RESULT_FILES] = Documents(database["fs.files"], {"_id": {"$in": files}})
    state[Part.RESULT_CHUNKS] = Documents(database["fs.chunks"], {"files_id": {"$in": files}})
    return state


def _remove_related(running: Operation) -> None:
    """Removes what the dataset has in shared collections."""
    existing = owned_collections(running.database, running.id)
    files = [
        id_
        for part, documents in discarded.trashed_related(
            running.database, running.id, existing
        ).items()
        if part is Part.RESULT_FILES
        for id_ in documents.ids()
    ]
    state = _related(running)
    for part in ownership.OWNED:
        removal.delete(running, part, state[part].ids())
    # After the runs that refer to them
    removal.delete_results(running, files)


def restore(
    database: Database[Document], dataset_name: str, operation_id: str | None = None
) -> Branch:
    """Brings a deleted branch back, with its snapshots.

    Args:
        database: the database
        dataset_name: the name that its dataset had; if it is taken, it gets a number behind it
        operation_id (None): the operation that deleted it; by default, the last one of that name

    Returns:
        the branch

    Raises:
        NothingToUndoError: if the trash holds no such branch
        DuplicateNameError: if its parent has another branch of that name by now
        DamagedSnapshotError: if the trash does not hold any more what was deleted
    """
    for left in journal.unfinished(database):
        # What died after the dataset was gone, and before that was written down
        if left.verb is Action.DELETE_BRANCH:
            journal.recover(database, left.dataset_id)
    wanted = find_deleted(database, dataset_name, operation_id)
    with operation(database, wanted.dataset_id, Action.RESTORE_BRANCH) as running:
        wanted = find_deleted(database, dataset_name, str(wanted.id))
        name = current_name(database, wanted.parent_id) or "its parent"
        parent = DatasetReference(wanted.parent_id, name)
        create.check_name(database, parent, wanted.name, but=wanted.dataset_id)
        kept = discarded.dataset_document(database, wanted.id)
        existing = owned_collections(database, wanted.id)
        parts = discarded.own_parts(wanted.id, existing)
        if not kept.held or Part.SAMPLES not in parts:
            raise DamagedSnapshotError(f"Branch '{dataset_name}' is gone from the trash")
        discarded.check_content(
            wanted.content,
            discarded.content(database, wanted.id, existing, kept, wanted.content),
            f"Branch '{dataset_name}'",
            "Nothing was changed. empty_trash() destroys it.",
        )
        samples = f"samples.{ObjectId()}"
        related = discarded.trashed_related(database, wanted.id, existing)
        values = discarded.only(kept)
        ownership.claim(database, wanted.dataset_id, related, values)
        own = {Part.SAMPLES: samples, Part.FRAMES: f"frames.{samples}"}
        files = related[Part.RESULT_FILES].ids() if Part.RESULT_FILES in related else []
        running.note(
            former=wanted.id,
            collections={part.name: own[part] for part in parts},
            results=files,
        )
        running.step("noted")
        for part in parts:
            running.certain(f"moving_{part.value}")
            database[trashed_name(wanted.id, part)].rename(own[part])
        running.step("moved")
        for part in (part for part in RELATED if part in related):
            shared = shared_collection(database, part)
            related[part].merge_into(shared, if_same=link_field(part))
            running.step(f"added_{part.value}")
        values.pop(_DELETED_BY, None)
        values["sample_collection_name"] = samples
        if "frame_collection_name" in values:
            values["frame_collection_name"] = own[Part.FRAMES] if Part.FRAMES in parts else None
        create.insert_as(running, values, wanted.dataset_name)
        running.commit()
        _finish_restore(running)
    found = record.get_branch(database, DatasetReference(wanted.dataset_id, dataset_name))
    assert found is not None
    return found


def find_deleted(
    database: Database[Document], dataset_name: str, operation_id: str | None = None
) -> TrashedBranch:
    """Finds a branch in the trash.

    Args:
        database: the database
        dataset_name: the name that its dataset had
        operation_id (None): the operation that deleted it; by default, the last one of that name

    Returns:
        the branch

    Raises:
        NothingToUndoError: if the trash holds no such branch
    """
    known = branches.branches(database)
    found = [
        each
        for each in known
        if each.dataset_name == dataset_name and operation_id in (None, str(each.id))
    ]
    if not found:
        held = list(dict.fromkeys(each.dataset_name for each in known))
        raise NothingToUndoError(
            names.unknown("The trash holds no branch", dataset_name, held, are="it holds")
        )
    return found[-1]


@recovers(Action.RESTORE_BRANCH)
def _recover_restore(running: Operation) -> None:
    """Finishes if the dataset is there again; puts everything back into the trash else."""
    database, details = running.database, running.details
    if "collections" not in details:
        return
    is_back = database["datasets"].find_one({"_id": running.dataset_id}, {"_id": 1}) is not None
    if running.is_committed or is_back:
        running.commit()
        _finish_restore(running)
        return
    _move_back(running)
    running.step("moved_back")
    state = _related(running)
    for part in ownership.OWNED:
        removal.delete(running, part, state[part].ids())
    removal.delete_results(running, details["results"])
    staging.drop(running)


def _move_back(running: Operation) -> None:
    """Takes collections back to the trash, and their names for ever.

    Whoever restored the branch may be about to rename a collection; then that fails.
    """
    database, details = running.database, running.details
    own = {part: details["collections"].get(part.name) for part in COLLECTIONS}
    catalog = Catalog(database)
    former = catalog.dataset_facts(running.dataset_id).get("former_names", [])
    taken = list(dict.fromkeys([*former, *(name for name in own.values() if name)]))
    catalog.set_dataset_facts(running.dataset_id, former_names=taken)
    for part, name in own.items():
        if name is None:
            continue
        trashed = trashed_name(details["former"], part)
        for _ in range(_ATTEMPTS):
            if is_collection(database, name):
                database[name].rename(trashed)
            with suppress(CollectionInvalid, OperationFailure):
                database.create_collection(
                    name, check_exists=False, viewOn=trashed, pipeline=NOTHING
                )
            if not is_collection(database, name):
                break


def _finish_restore(running: Operation) -> None:
    staging.drop(running)
    discarded.destroy_head(running.database, running.details["former"])
