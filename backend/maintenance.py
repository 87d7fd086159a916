"""Putting things right: what a crash left, what has expired, what belongs to nobody any more."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database

from .actions import Action
from .archive import location
from .audit import reading, recording
from .branches import create as create_branch
from .branches import delete as delete_branch
from .catalog.catalog import Catalog
from .dataset.reference import is_deleted
from .errors import DatasetBusyError, SnapshotError
from .media import capture as capture_media
from .merge import apply as apply_merge
from .merge import review as review_merge
from .merge import reviews
from .merge import store as merges
from .mongo import engine, invalidate
from .mongo.collections import (
    FACTS,
    MANIFESTS,
    MEDIA,
    ORDERS,
    TRASH,
    all_collections,
    owner_of,
)
from .mongo.database import Document, unless_forbidden
from .operations import journal
from .operations.journal import Operation, operation, recovers
from .operations.lease import Lease, drop_abandoned
from .remote import push as push_history
from .restore import restore
from .results.serialize import Record
from .revert import revert, undo
from .revert.swap import drop_view
from .search import index as search_index
from .search import lineage
from .snapshots import (
    archive,
    convert,
    create,
    delete,
    edit,
    export,
    import_,
    load,
    pin,
    unarchive,
)
from .storage import registry
from .trash import branches, trash
from .trash.due import Due
from .undo import keep as undoable
from .undo import store as operations_store

logger = logging.getLogger(__name__)

# The verbs register their recoveries when they are imported
_VERBS = (
    apply_merge,
    archive,
    capture_media,
    convert,
    create,
    create_branch,
    delete,
    delete_branch,
    edit,
    export,
    import_,
    load,
    pin,
    push_history,
    restore,
    revert,
    review_merge,
    unarchive,
    undo,
    undoable,
)


@dataclass(frozen=True)
class Recovered(Record):
    """What :func:`recover` has put right."""

    operations: int
    """Unfinished operations that were undone or finished."""
    deleted_datasets: int
    """Datasets that are gone, whose snapshots were destroyed."""
    stray_collections: int
    """Collections of ours that belonged to nothing, and reviews that nobody needs."""


def tidy(database: Database[Document], dataset_id: ObjectId) -> None:
    """Puts right what is to be before a dataset is changed; one command if there is nothing.

    That is what a crash left of the dataset, and in all datasets what has expired and what
    belongs to none any more.

    Args:
        database: the database
        dataset_id: the dataset
    """
    due = Due(frozenset(), frozenset(), is_unfinished=True, is_untold=True)
    with unless_forbidden():
        due = Due.find(database, dataset_id)
    _purge(database, due.deleted)
    if due.is_unfinished:
        with unless_forbidden():
            journal.recover(database, dataset_id)
    # What was recovered just now may be untold as well
    if due.is_untold or due.is_unfinished:
        with _not_in_the_way("The audit log lacks what a dead process has done"):
            recording.catch_up(database, dataset_id)
    with _not_in_the_way("The trash could not be cleared of what has expired"):
        trash.expire(database, due.expired)


def mend(database: Database[Document], dataset_id: ObjectId) -> bool:
    """Mends what a crash left of a dataset before it is read; destroys nothing that was kept.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        whether there was something to mend
    """
    is_mended = False
    with unless_forbidden():
        if journal.recover(database, dataset_id):
            is_mended = True
            with _not_in_the_way("The audit log lacks what a dead process has done"):
                recording.catch_up(database, dataset_id)
    return is_mended


def catch_up_log(database: Database[Document]) -> None:
    """Notes in the audit log, before it is read, what dead processes have done.

    Args:
        database: the database
    """
    with _not_in_the_way("The audit log lacks what a dead process has done"):
        recording.catch_up(database)


def recover(database: Database[Document]) -> Recovered:
    """Puts everything right: safe at any time, from any process.

    Args:
        database: the database

    Returns:
        what was done
    """
    operations = sum(
        journal.recover(database, dataset_id)
        for dataset_id in journal.unfinished_datasets(database)
    )
    recording.catch_up(database)
    deleted = purge_deleted_datasets(database)
    trash.expire(database, Due.find(database).expired)
    location.remove_again(database)
    invalidate.drop_old(database)
    drop_abandoned(database)
    engine.drop_leftovers(database)
    strays = _drop_strays(database) + _tidy_backends(database)
    return Recovered(operations, deleted, strays + reviews.remove_leftovers(database))


def purge_deleted_datasets(database: Database[Document]) -> int:
    """Destroys the snapshots of datasets that were deleted, by whichever process.

    Args:
        database: the database

    Returns:
        the number of datasets
    """
    return _purge(database, Due.find(database).deleted)


def _purge(database: Database[Document], dataset_ids: Iterable[ObjectId]) -> int:
    """Destroys the snapshots of datasets that were deleted; returns the number of datasets."""
    purged = 0
    for dataset_id in dataset_ids:
        with _not_in_the_way(f"The snapshots of deleted dataset {dataset_id} are still there"):
            purged += purge_dataset(database, dataset_id)
    return purged


def purge_dataset(
    database: Database[Document], dataset_id: ObjectId, name: str | None = None
) -> bool:
    """Destroys the snapshots of a dataset that was deleted.

    Args:
        database: the database
        dataset_id: the dataset
        name (None): the name that it had; by default, the one under which the audit log has last
            seen it

    Returns:
        whether that was done; not while another operation holds the dataset
    """
    catalog = Catalog(database)
    name = name or reading.last_name(database, dataset_id)
    purge = recording.Recording(Action.PURGE, name, dataset_id, is_incidental=True)
    try:
        # Whoever holds a dataset that is gone will notice that, and not need the snapshots
        with (
            recording.recording(database, purge),
            operation(database, dataset_id, Action.PURGE, wait_seconds=0) as running,
        ):
            # A branch that was just deleted by the one who held it can come back
            if not is_deleted(database, dataset_id) or branches.is_trashed(database, dataset_id):
                return False
            facts = catalog.dataset_facts(dataset_id)
            for name in facts.get("former_names", []):
                drop_view(database, name)
            running.step("dropped_views")
            trash.destroy_everything(database, dataset_id)
            running.step("destroyed")
            lineage.forget(database, dataset_id)
            merges.forget(database, dataset_id)
            operations_store.forget(database, dataset_id)
            branches.release_base(database, dataset_id, facts)
            # Last, as it is what makes an interrupted purge known
            catalog.forget_dataset(dataset_id)
    except DatasetBusyError:
        return False
    return True


@recovers(Action.PURGE)
def _recover_purge(running: Operation) -> None:
    """Nothing: what is left is found, and destroyed, by :func:`tidy`."""


@dataclass(frozen=True)
class Strays:
    """What belongs to no snapshot or operation that is known.

    A server may complete a copy whose client was killed, after its debris was removed.
    """

    collections: list[str]
    manifests: set[ObjectId]
    facts: set[ObjectId]
    """Snapshots, of which there are facts or captured media."""

    @classmethod
    def find(cls, database: Database[Document]) -> Strays:
        """Looks for them; what comes to be meanwhile is not taken for one."""
        # What exists is listed first, and operations before what they leave behind
        owners = {
            name: owner_of(name)
            for name, description in all_collections(database).items()
            if not invalidate.is_closed(description)
        }
        described = set(database[MANIFESTS].distinct("snapshot_id"))
        described.update(database[ORDERS].distinct("snapshot_id"))
        noted = set(database[FACTS].distinct("_id"))
        noted.update(database[MEDIA].distinct("_id", {"layers": {"$exists": True}}))
        known = {entry.id for entry in journal.unfinished(database)}
        known.update(record.id for record in Catalog(database).list_all())
        known.update(database[TRASH].distinct("_id"))
        return cls(
            [name for name, owner in owners.items() if owner and owner not in known],
            described - known,
            noted - known,
        )


def _drop_strays(database: Database[Document]) -> int:
    strays = Strays.find(database)
    for name in strays.collections:
        database.drop_collection(name)
    for name in (MANIFESTS, ORDERS):
        database[name].delete_many({"snapshot_id": {"$in": list(strays.manifests)}})
    search_index.delete(database, strays.facts)
    database[MEDIA].delete_many({"_id": {"$in": list(strays.facts)}})
    return len(strays.collections)


def _tidy_backends(database: Database[Document]) -> int:
    """Has backends drop what late writers have left in datasets that nobody is changing."""
    dropped = 0
    for backend in (registry.create(name, database) for name in registry.names()):
        for dataset_id, count in backend.left_behind().items():
            # Who holds the lease is just making what no snapshot names yet
            with (
                suppress(DatasetBusyError),
                unless_forbidden(),
                Lease(database, dataset_id, "recovery", wait_seconds=0),
            ):
                backend.tidy(dataset_id)
                dropped += count
    return dropped


@contextmanager
def _not_in_the_way(complaint: str) -> Iterator[None]:
    """Keeps what is wrong with one dataset from making all others unusable."""
    try:
        with unless_forbidden():
            yield
    except SnapshotError as error:
        logger.warning("%s: %s", complaint, error)
