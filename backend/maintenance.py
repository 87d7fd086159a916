"""Putting things right: what a crash left, what has expired, what belongs to nobody any more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database

from .access.actions import Action
from .archive import location
from .audit import reading, recording
from .catalog.catalog import Catalog
from .dataset.reference import is_deleted
from .errors import DatasetBusyError, SnapshotError
from .mongo import invalidate
from .mongo.collections import DATASETS, FACTS, MANIFESTS, ORDERS, TRASH, all_collections, owner_of
from .mongo.database import Document, unless_forbidden
from .operations import journal
from .operations.journal import Operation, Verb, operation, recovers
from .operations.lease import Lease, drop_abandoned
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
from .trash import trash

logger = logging.getLogger(__name__)

# The verbs register their recoveries when they are imported
_VERBS = (
    archive,
    convert,
    create,
    delete,
    edit,
    export,
    import_,
    load,
    pin,
    restore,
    revert,
    unarchive,
    undo,
)


@dataclass(frozen=True)
class Recovered(Record):
    """What :func:`recover` has put right."""

    operations: int
    """Unfinished operations that were undone or finished."""
    deleted_datasets: int
    """Datasets that are gone, whose snapshots were destroyed."""
    stray_collections: int
    """Collections of ours that belonged to nothing."""


def tidy(database: Database[Document], dataset_id: ObjectId) -> None:
    """Puts a dataset right before it is used; costs a few look-ups if there is nothing to do.

    Args:
        database: the database
        dataset_id: the dataset
    """
    with unless_forbidden():
        journal.recover(database, dataset_id)
    with _not_in_the_way("The audit log lacks what a dead process has done"):
        recording.catch_up(database, dataset_id)
    with _not_in_the_way("The trash could not be cleared of what has expired"):
        trash.expire(database)


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
    trash.expire(database)
    location.remove_again(database)
    invalidate.drop_old(database)
    drop_abandoned(database)
    return Recovered(operations, deleted, _drop_strays(database) + _tidy_backends(database))


def purge_deleted_datasets(database: Database[Document]) -> int:
    """Destroys the snapshots of datasets that were deleted, by whichever process.

    Args:
        database: the database

    Returns:
        the number of datasets
    """
    purged = 0
    for dataset_id in deleted_datasets(database):
        with _not_in_the_way(f"The snapshots of deleted dataset {dataset_id} are still there"):
            purged += purge_dataset(database, dataset_id)
    return purged


def deleted_datasets(database: Database[Document]) -> set[ObjectId]:
    """Returns the datasets that were deleted, by whichever process, but not their snapshots."""
    known = {
        *Catalog(database).dataset_ids(),
        *database[DATASETS].distinct("_id"),
        *database[TRASH].distinct("dataset_id"),
    }
    return known.difference(database["datasets"].distinct("_id", {"_id": {"$in": list(known)}}))


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
            operation(database, dataset_id, Verb.PURGE, wait_seconds=0) as running,
        ):
            if not is_deleted(database, dataset_id):
                return False
            for name in catalog.dataset_facts(dataset_id).get("former_names", []):
                drop_view(database, name)
            running.step("dropped_views")
            trash.destroy_everything(database, dataset_id)
            running.step("destroyed")
            lineage.forget(database, dataset_id)
            # Last, as it is what makes an interrupted purge known
            catalog.forget_dataset(dataset_id)
    except DatasetBusyError:
        return False
    return True


@recovers(Verb.PURGE)
def _recover_purge(running: Operation) -> None:
    """Nothing: what is left is found, and destroyed, by :func:`purge_deleted_datasets`."""


@dataclass(frozen=True)
class Strays:
    """What belongs to no snapshot or operation that is known.

    A server may complete a copy whose client was killed, after its debris was removed.
    """

    collections: list[str]
    manifests: set[ObjectId]
    facts: set[ObjectId]

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
