"""Putting things right: what a crash left, what has expired, what belongs to nobody any more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database

from . import convert, create, delete, edit, journal, load, restore, revert, trash, undo
from .catalog import Catalog
from .database import DATASETS, MANIFESTS, TRASH, Document, all_collections, owner_of
from .datasets import is_deleted
from .errors import DatasetBusyError, SnapshotError
from .journal import Operation, Verb, operation, recovers
from .switch import drop_view

logger = logging.getLogger(__name__)

# The verbs register their recoveries when they are imported
_VERBS = (convert, create, delete, edit, load, restore, revert, undo)


@dataclass(frozen=True)
class Recovered:
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
    journal.recover(database, dataset_id)
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
    deleted = purge_deleted_datasets(database)
    trash.expire(database)
    return Recovered(operations, deleted, _drop_strays(database))


def purge_deleted_datasets(database: Database[Document]) -> int:
    """Destroys the snapshots of datasets that were deleted, by whichever process.

    Args:
        database: the database

    Returns:
        the number of datasets
    """
    known = {
        *Catalog(database).dataset_ids(),
        *database[DATASETS].distinct("_id"),
        *database[TRASH].distinct("dataset_id"),
    }
    existing = set(database["datasets"].distinct("_id", {"_id": {"$in": list(known)}}))
    purged = 0
    for dataset_id in known - existing:
        with _not_in_the_way(f"The snapshots of deleted dataset {dataset_id} are still there"):
            purged += purge_dataset(database, dataset_id)
    return purged


def purge_dataset(database: Database[Document], dataset_id: ObjectId) -> bool:
    """Destroys the snapshots of a dataset that was deleted.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        whether that was done; not while another operation holds the dataset
    """
    catalog = Catalog(database)
    try:
        # Whoever holds a dataset that is gone will notice that, and not need the snapshots
        with operation(database, dataset_id, Verb.PURGE, wait_seconds=0) as running:
            if not is_deleted(database, dataset_id):
                return False
            for name in catalog.dataset_facts(dataset_id).get("former_names", []):
                drop_view(database, name)
            running.step("dropped_views")
            trash.destroy_everything(database, dataset_id)
            running.step("destroyed")
            # Last, as it is what makes an interrupted purge known
            catalog.forget_dataset(dataset_id)
    except DatasetBusyError:
        return False
    return True


@recovers(Verb.PURGE)
def _recover_purge(running: Operation) -> None:
    """Nothing: what is left is found, and destroyed, by :func:`purge_deleted_datasets`."""


def _drop_strays(database: Database[Document]) -> int:
    """Drops collections and manifests whose snapshot or operation is unknown.

    A server may complete a copy whose client was killed, after its debris was removed.
    """
    # What exists is listed first, and operations before what they leave behind: then nothing
    # that comes to be meanwhile looks like a stray
    owners = {name: owner_of(name) for name in all_collections(database)}
    described = set(database[MANIFESTS].distinct("snapshot_id"))
    known = {entry.id for entry in journal.unfinished(database)}
    known.update(record.id for record in Catalog(database).list_all())
    known.update(head.id for head in trash.heads(database))
    strays = [name for name, owner in owners.items() if owner and owner not in known]
    for name in strays:
        database.drop_collection(name)
    database[MANIFESTS].delete_many({"snapshot_id": {"$in": list(described - known)}})
    return len(strays)


@contextmanager
def _not_in_the_way(complaint: str) -> Iterator[None]:
    """Keeps what is wrong with one dataset from making all others unusable."""
    try:
        yield
    except SnapshotError as error:
        logger.warning("%s: %s", complaint, error)
