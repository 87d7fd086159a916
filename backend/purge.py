"""Removing everything of ours, as before the package was installed.

FiftyOne's datasets are left as they are. Archives and exports are files of their owner's, can be
taken in again, and are left as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from bson import ObjectId
from pymongo.database import Database

from . import maintenance
from .catalog.catalog import Catalog
from .dataset import generated
from .errors import DatasetBusyError, LeaseLostError
from .merge import reviews
from .mongo import fence, invalidate
from .mongo.collections import AUDIT, DATASETS, LEASES, PREFIX, REVIEWS, TRASH, all_collections
from .mongo.database import Document, data_size
from .mongo.write_scope import Permission, grant
from .operations import journal
from .operations.lease import Lease
from .projection import project
from .results.serialize import Record
from .revert.swap import drop_view

_ATTEMPTS = 10

_Certain: TypeAlias = Callable[[], None]
"""Raises if somebody else may have begun to work on a dataset."""

_SHOWN: Document = {
    "$or": [
        {"sample_collection_name": {"$regex": f"^{PREFIX}"}},
        {generated.SOURCE: {"$exists": True}},
    ]
}
"""Datasets of FiftyOne's that show snapshots, or were generated from one."""

_REVIEWS: Document = {"sample_collection_name": {"$regex": f"^{REVIEWS}"}}


@dataclass(frozen=True)
class Purged(Record):
    """What :func:`remove_everything` has removed, or would."""

    datasets: int
    """How many datasets have snapshots."""
    snapshots: int
    in_trash: int
    """Deleted snapshots and discarded states that could be brought back."""
    opened: int
    """Loaded snapshots, which FiftyOne shows as datasets, and what was generated from them."""
    events: int
    """Entries of the audit log."""
    collections: int
    """Collections of ours, views included."""
    size_bytes: int
    """What the documents in them take."""
    archives: tuple[str, ...]
    """Archives of these snapshots, which are left where they are."""

    def __str__(self) -> str:
        counts = (
            (self.snapshots, f"snapshots of {self.datasets} datasets"),
            (self.in_trash, "things in the trash"),
            (self.opened, "loaded snapshots and datasets generated from them"),
            (self.events, "entries of the audit log"),
            (self.collections, f"collections, {self.size_bytes / 1e6:.1f} MB"),
        )
        lines = [f"  {number} {what}" for number, what in counts]
        if self.archives:
            lines += [f"  left where they are: {len(self.archives)} archives"]
            lines += [f"    {archive}" for archive in self.archives]
        return "\n".join(lines)


def survey(database: Database[Document]) -> Purged:
    """Tells what there is of ours; nothing is changed.

    Args:
        database: the database

    Returns:
        what :func:`remove_everything` would remove
    """
    catalog = Catalog(database)
    records = catalog.list_all()
    live = [record for record in records if record.is_live]
    collections = all_collections(database)
    # Not the leases, which one has to take in order to remove the rest
    stored = [
        name
        for name, each in collections.items()
        if each["type"] == "collection" and name != LEASES
    ]
    return Purged(
        datasets=len({record.dataset_id for record in live}),
        snapshots=len(live),
        in_trash=len(records) - len(live) + database[TRASH].count_documents({}),
        opened=database["datasets"].count_documents(_SHOWN),
        events=database[AUDIT].count_documents({}),
        collections=len(collections),
        size_bytes=data_size(database, stored),
        archives=tuple(
            f"{record.archive.location}/{record.archive.key}"
            for record in records
            if record.archive is not None
        ),
    )


@grant(Permission.PROJECTING)
def remove_everything(database: Database[Document]) -> Purged:
    """Removes everything of ours; if it is interrupted, it can be done again.

    Args:
        database: the database

    Returns:
        what was removed

    Raises:
        DatasetBusyError: if an operation is under way; then nothing was removed
        LeaseLostError: if this process was out of touch, and another one has begun to work on a
            dataset; then a part was removed
    """
    # What dead processes left half done of a dataset, nobody could put right afterwards
    maintenance.recover(database)
    with _alone(database) as certain:
        found = survey(database)
        # First what an undo needs, which makes a collection of what is a view
        _drop(database, certain, lambda name: name == TRASH)
        _remove_from_fiftyone(database, certain)
        # Those of generated datasets do not have our prefix
        invalidate.drop_old(database, keep_days=0)
        _drop(database, certain, lambda name: name != LEASES)
        # Last, as they are what keeps others away
        _drop(database, certain, lambda name: name == LEASES)
    return found


@contextmanager
def _alone(database: Database[Document]) -> Iterator[_Certain]:
    """Holds every dataset that anything is known of, so that nobody begins an operation on one."""
    tokens: list[str] = []

    def certain() -> None:
        if database[LEASES].count_documents({"token": {"$in": tokens}}) < len(tokens):
            raise LeaseLostError(
                "This process was out of touch for too long, and another one has begun to work "
                "on a dataset. Only a part was removed: see what is left, and begin again."
            )

    with ExitStack() as held:
        try:
            for dataset_id in _dataset_ids(database):
                lease = Lease(database, dataset_id, "purge", wait_seconds=0)
                tokens.append(held.enter_context(lease).token)
        except DatasetBusyError as error:
            raise DatasetBusyError(f"Nothing was removed. {error}") from error
        if unfinished := journal.unfinished(database):
            raise DatasetBusyError(
                f"Nothing was removed: {unfinished[0].verb.value} {unfinished[0].id} is under "
                "way. Try again when it has finished."
            )
        yield certain


def _dataset_ids(database: Database[Document]) -> set[ObjectId]:
    return {
        *Catalog(database).dataset_ids(),
        *database[DATASETS].distinct("_id"),
        *database[TRASH].distinct("dataset_id"),
        *database[LEASES].distinct("_id"),
        *journal.unfinished_datasets(database),
    }


def _remove_from_fiftyone(database: Database[Document], certain: _Certain) -> None:
    """Removes what shows snapshots to FiftyOne, from the collections that all datasets share."""
    shown = {record.id for record in Catalog(database).list_all()}
    for document in database["datasets"].find(_SHOWN, {generated.SOURCE: 1}):
        shown.add(document.get(generated.SOURCE) or document["_id"])
    shown.update(database["fs.files"].distinct("snapshot_id", {"snapshot_id": {"$ne": None}}))
    for snapshot_id in shown:
        certain()
        project.remove(database, snapshot_id)
    for document in database["datasets"].find(_REVIEWS, {"_id": 1}):
        certain()
        reviews.remove(database, document["_id"])
    for facts in database[DATASETS].find({}, {"former_names": 1}):
        for name in facts.get("former_names") or []:
            certain()
            drop_view(database, name)


def _drop(
    database: Database[Document], certain: _Certain, is_wanted: Callable[[str], bool]
) -> None:
    # More than once: the server may still be building what was just asked for
    for _ in range(_ATTEMPTS):
        collections = all_collections(database)
        found = {name: each for name, each in collections.items() if is_wanted(name)}
        # Views before what they show
        for name in sorted(found, key=lambda name: found[name]["type"] != "view"):
            certain()
            # What was there while the datasets are ours, and nothing that others make anew
            fence.drop(database, name, found[name])
        if not found:
            return
