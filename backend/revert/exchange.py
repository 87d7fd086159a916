"""Exchanging a dataset's state for another one, as revert and undo both do it.

Everything is prepared beside the dataset. The exchange itself is one write, see :mod:`.switch`.
What follows it moves the former state to the trash and can be interrupted and resumed anywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import bson
from bson import ObjectId

from ..actions import Action
from ..catalog import holding
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotState
from ..dataset import instances
from ..dataset.parts import RELATED, Documents, Head, Part, State
from ..dataset.reference import is_deleted
from ..diff import latest_changes
from ..errors import ConcurrentWritesError, DamagedSnapshotError, DatasetNotFoundError
from ..mongo import fence
from ..mongo.collections import owned_collections, staging_name, trashed_name
from ..mongo.database import Document
from ..operations import removal
from ..operations.journal import Operation, recovers
from ..projection import project
from ..snapshots.delete import revive, summarize_following, summarize_revived
from ..storage import registry
from ..trash import discarded, overwritten, trash
from ..trash.discarded import TrashedHead
from . import swap
from .swap import Switch


def plan(head: Head, has_frames: bool) -> Switch:
    """Plans an exchange, with collection names that nobody has ever used.

    Args:
        head: the dataset
        has_frames: whether the new state has frames

    Returns:
        the plan
    """
    # FiftyOne drops "frames." + the name of the samples when it deletes a dataset, whatever the
    # document says; see delete_dataset() in fiftyone/core/odm/database.py
    samples = f"samples.{ObjectId()}"
    return Switch.between(head.document(), samples, f"frames.{samples}" if has_frames else None)


def make(
    running: Operation,
    plan_: Switch,
    wanted: State,
    document: Document,
    check: Callable[[Document], None] | None = None,
) -> None:
    """Exchanges a dataset's state, once the new collections are complete.

    Args:
        running: the operation
        plan_: the collections to exchange
        wanted: what the dataset will have in shared collections
        document: the dataset document of the new state
        check (None): given the dataset document that is about to be replaced; may raise to refuse
            that, if the new state was made of a former one

    Raises:
        ConcurrentWritesError: if somebody else has exchanged the collections
    """
    head = Head(running.database, running.dataset_id)
    swap.add_related(running, head, wanted, document)
    while True:
        current = discarded.shelve_document(running)
        if current is None:
            raise DatasetNotFoundError("The dataset was deleted meanwhile")
        if current["sample_collection_name"] != plan_.old_samples:
            raise ConcurrentWritesError(
                "The dataset's collections were exchanged by somebody else at the same moment; "
                "nothing was changed. Try again."
            )
        if check is not None:
            check(bson.decode(current.raw))
        running.committing("shelved_dataset")
        former = swap.commit(head, plan_, document, current)
        # Else the document was edited since it was shelved
        if former is not None:
            break
    if former.raw != current.raw:
        discarded.shelve_again(running, former)
    running.commit(timed=True)
    _finish(running, wanted)


@recovers(Action.REVERT)
@recovers(Action.UNDO_REVERT)
@recovers(Action.UNDO_MERGE)
def recover(running: Operation) -> None:
    """Finishes an exchange that was made; takes back everything else.

    Args:
        running: the operation that was interrupted
    """
    plan_ = Switch.from_details(running.details)
    if plan_ is None:
        return
    if is_deleted(running.database, running.dataset_id):
        _drop_everything(running, plan_)
        return
    head = Head(running.database, running.dataset_id)
    if not running.is_committed:
        swap.fence(head)
        if not plan_.is_made(head):
            _take_back(running, plan_)
            return
    if "at" not in running.details:
        running.commit(timed=True)
    _finish(running)


def _finish(running: Operation, wanted: State | None = None) -> None:
    """What follows once the dataset has its new state; may be repeated.

    Args:
        running: the operation
        wanted (None): what the dataset will have in shared collections, if that is known
    """
    database, details = running.database, running.details
    head = Head(database, running.dataset_id)
    plan_ = Switch(**details["switch"])
    TrashedHead(
        id=running.id,
        dataset_id=running.dataset_id,
        trashed_at=details["at"],
        snapshot_name=details.get("undone") or details["snapshot_name"],
        snapshot_ids=details["newer"],
        revived_ids=[*details["revived"], *details.get("made", [])],
        **_former_changes(details),
        is_rolled_back=details.get("discards_rolled_back", False),
        merge_id=details.get("plan_id"),
        is_undo=details.get("undone") is not None,
    ).save(database)
    running.step("recorded")
    if not details.get("related_shelved"):
        # Not before the exchange: until then others may have gone on writing these
        discarded.shelve_related(running, swap.former_related(running, head))
        running.note(related_shelved=True)
    running.step("shelved_related")
    swap.shelve_collections(running, plan_)
    existing = owned_collections(database, running.id)
    discarded.note_content(running, existing)
    if not details.get("related_installed"):
        former = discarded.trashed_related(database, running.id, existing)
        kept = [Part[name] for name in details.get("kept_parts", [])]
        state = _state_to_install(running) if wanted is None else wanted
        swap.install_related(running, head, state, former, kept)
        running.note(related_installed=True)
    running.step("installed_related")
    _move_snapshots(running)
    running.step("moved_snapshots")
    if "former_samples" in details:
        # So that a restoration that was made in that state can still be undone
        overwritten.follow(
            database, running.dataset_id, details["former_samples"], plan_.new_samples
        )
    if "former" in details:
        discarded.destroy_head(database, details["former"])
    if details["destroy"]:
        _destroy_discarded(running)
    running.step("cleared")
    Catalog(database).set_dataset_facts(
        running.dataset_id,
        latest_changes=details["changes"],
        latest_changes_basis=latest_changes.basis(details.get("changes_since"), plan_.new_samples),
    )
    instances.refresh(running.dataset_id, plan_.old_samples, plan_.old_frames)


def _former_changes(details: Document) -> Document:
    """Returns what was known of the changes of the state that is discarded."""
    former = details["former_changes"]
    # An operation that an earlier version of this package began has noted the counts alone
    return former if "latest_changes" in (former or {}) else {"latest_changes": former}


def _move_snapshots(running: Operation) -> None:
    database, details = running.database, running.details
    catalog = Catalog(database)
    for snapshot_id in details["newer"]:
        catalog.update(
            snapshot_id,
            state=SnapshotState.TRASHED,
            trashed_at=details["at"],
            trashed_by=running.id,
        )
        running.step("moved_snapshot")
        project.remove(database, snapshot_id, details["at"])
    for snapshot_id in details["revived"]:
        revive(catalog, snapshot_id)
        running.step("revived_snapshot")
    for snapshot_id in (*details["newer"], *details["revived"]):
        if record := catalog.by_id(snapshot_id):
            (holding.hold_merge if record.is_live else holding.release_merge)(database, record)
            summarize = summarize_revived if record.is_live else summarize_following
            summarize(database, record, details["at"])


def _take_back(running: Operation, plan_: Switch) -> None:
    """Removes the preparations of an exchange that was not made; may be repeated."""
    database, details = running.database, running.details
    if "former" in details:
        names = {part: trashed_name(details["former"], part) for part in plan_.new_names()}
        swap.occupy(running, plan_, names)
    else:
        # What is staged first: then whoever planned this has nothing that it could rename
        _drop_owned(running)
        for new in plan_.new_names().values():
            database.drop_collection(new)
    running.step("took_back_collections")
    swap.remove_added(running)
    running.step("took_back_related")
    _drop_owned(running)


def _drop_everything(running: Operation, plan_: Switch) -> None:
    """Drops both states of a dataset that was deleted while they were exchanged."""
    for name in (*(old for _, old, _ in plan_.pairs()), *plan_.new_names().values()):
        running.database.drop_collection(name)
    swap.remove_added(running)
    # Results that nothing refers to any more, so that whoever deleted the dataset missed them
    existing = owned_collections(running.database, running.id)
    former = discarded.trashed_related(running.database, running.id, existing)
    if Part.RESULT_FILES in former:
        ids = former[Part.RESULT_FILES].ids()
        removal.delete_results(running, ids)
    _drop_owned(running)


def _drop_owned(running: Operation) -> None:
    for name, description in owned_collections(running.database, running.id).items():
        fence.drop(running.database, name, description)


def _state_to_install(running: Operation) -> State:
    database, details = running.database, running.details
    if "former" in details:
        existing = owned_collections(database, details["former"])
        return discarded.trashed_related(database, details["former"], existing)
    if details.get("is_staged"):
        return staged_related(running)
    record = Catalog(database).by_id(details["snapshot_id"])
    if record is None:
        raise DamagedSnapshotError(f"Snapshot '{details['snapshot_name']}' is gone")
    return registry.create(record.backend, database).related(record)


def staged_related(running: Operation) -> State:
    """Returns where an operation has staged what a dataset will have in shared collections."""
    existing = owned_collections(running.database, running.id)
    names = {part: staging_name(running.id, part) for part in RELATED}
    found = {part: name for part, name in names.items() if name in existing}
    return {part: Documents(running.database[name]) for part, name in found.items()}


def _destroy_discarded(running: Operation) -> None:
    catalog = Catalog(running.database)
    for snapshot_id in running.details["newer"]:
        record = catalog.by_id(snapshot_id)
        # The base of a branch stays in the trash
        if record is not None and not record.held_by:
            trash.destroy_snapshot(running.database, record)
    running.step("destroyed_snapshots")
    discarded.destroy_head(running.database, running.id)
