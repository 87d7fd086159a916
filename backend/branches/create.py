"""Creating a branch: an ordinary dataset that is what a snapshot holds."""

from __future__ import annotations

import fiftyone.core.dataset as fod
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from ..access import actor
from ..actions import Action
from ..catalog import holding, names
from ..catalog.catalog import Catalog
from ..dataset.parts import Documents
from ..dataset.reference import DatasetReference
from ..diff.unchanged import is_unchanged
from ..errors import DuplicateNameError, LimitExceededError
from ..mongo.collections import staging_name
from ..mongo.database import Document
from ..operations.journal import Operation, operation, recovers
from ..snapshots import create as snapshots
from ..snapshots import staging
from ..storage import counted
from . import copying, record

_MAX_NAMES = 1000


def create(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    snapshot_name: str | None = None,
    description: str | None = None,
    *,
    base_name: str | None = None,
) -> record.Branch:
    """Makes a branch of a snapshot, which is held from then on.

    Args:
        database: the database
        dataset: the dataset that becomes its parent
        name: a name that no other branch of the dataset has
        snapshot_name (None): the snapshot that becomes its base; by default, one of the dataset
            as it is now: the newest if nothing has changed since, else one that is created
        description (None): what the branch is for
        base_name (None): the snapshot that becomes its base, if another one than what it is made
            of: where the work that it holds was begun, elsewhere

    Returns:
        the branch

    Raises:
        InvalidNameError: if the name cannot be used
        DuplicateNameError: if another branch of the dataset has the name
        SnapshotNotFoundError: if there is no such snapshot
        LimitExceededError: if a snapshot is needed, and there are as many as are allowed
        DamagedSnapshotError: if the snapshot is not what was captured
    """
    check_name(database, dataset, name)
    made_of = snapshot_name or _snapshot_of_now(database, dataset, name)
    base_name = base_name or made_of
    catalog = Catalog(database)
    catalog.get(dataset.id, base_name, dataset.name)
    with operation(
        database, dataset.id, Action.CREATE_BRANCH, snapshot_name=base_name, name=name
    ) as running:
        base = catalog.get(dataset.id, base_name, dataset.name)
        held = base if made_of == base_name else catalog.get(dataset.id, made_of, dataset.name)
        check_name(database, dataset, name)
        running.note(
            branch_id=ObjectId(),
            snapshot_id=base.id,
            parent_name=dataset.name,
            description=description,
            created_by=actor.current().user,
        )
        running.step("noted")
        holding.hold(database, base.id, running.details["branch_id"])
        running.step("held")
        copied = copying.copy(running, held, running.details["branch_id"])
        # Before others know it, and may write to it
        token = counted.look_at_copies(database, held, copied.state(database))
        made = insert_as(running, _described(running, copied), f"{dataset.name}.{name}")
        running.commit(dataset_name=made, change_token=token)
        return _finish(running)


def check_name(
    database: Database[Document], dataset: DatasetReference, name: str, but: ObjectId | None = None
) -> None:
    """Checks that a branch of a dataset may have a name.

    Args:
        database: the database
        dataset: the dataset
        name: the name
        but (None): the dataset of a branch that may have it

    Raises:
        InvalidNameError: if it cannot be used
        DuplicateNameError: if another branch has it
    """
    names.validate(name, what="branch")
    for branch in record.branches_of(database, dataset.id):
        if names.slug(branch.name) == names.slug(name) and branch.dataset_id != but:
            raise DuplicateNameError(
                f"Dataset '{dataset.name}' has a branch named '{branch.name}' already, which is "
                f"dataset '{branch.dataset_name}': choose another name, or delete that one first"
            )


def _free_name(wanted: str) -> tuple[str, str]:
    """Finds a name that no dataset has, with a number behind it if need be.

    Args:
        wanted: a name

    Returns:
        the name, and its slug
    """
    for number in range(1, _MAX_NAMES):
        name = wanted if number == 1 else f"{wanted}_{number}"
        try:
            return name, fod._validate_dataset_name(name)
        except ValueError:
            # Taken, or reads the same in an address
            continue
    raise DuplicateNameError(f"No dataset name of the form '{wanted}_2' is free")


def _insert(running: Operation, document: Document) -> bool:
    """Adds a dataset document, unless somebody has taken its name or id meanwhile.

    Args:
        running: the operation
        document: the document

    Returns:
        whether it was added
    """
    database = running.database
    made = database[staging_name(running.id, "document")]
    made.replace_one({"_id": document["_id"]}, document, upsert=True)
    running.committing("dataset_staged")
    try:
        Documents(made).merge_into(database["datasets"], replace=False)
    except DuplicateKeyError:
        return False
    own = {key: document[key] for key in ("_id", "name", "sample_collection_name")}
    return database["datasets"].find_one(own, {"_id": 1}) is not None


def insert_as(running: Operation, document: Document, wanted: str) -> str:
    """Makes a dataset itself, which is the one write that others see.

    Args:
        running: the operation
        document: the dataset document, all but its name
        wanted: what it is to be called, with a number behind it if need be

    Returns:
        its name
    """
    for _ in range(_MAX_NAMES):
        name, slug = _free_name(wanted)
        if _insert(running, {**document, "name": name, "slug": slug}):
            return name
    raise DuplicateNameError(f"Others take every name of the form '{wanted}_2'")


def _described(running: Operation, copied: copying.Copied) -> Document:
    """Returns the dataset document of a new branch, all but its name."""
    now = running.entry.started_at
    return {
        **copied.document,
        "_id": running.details["branch_id"],
        "sample_collection_name": copied.samples,
        "frame_collection_name": copied.frames,
        "persistent": True,
        "created_at": now,
        "last_modified_at": now,
        "last_deletion_at": None,
        "last_loaded_at": None,
    }


@recovers(Action.CREATE_BRANCH)
def _recover(running: Operation) -> None:
    """Finishes a branch that can be seen; takes back everything else."""
    database, details = running.database, running.details
    if "branch_id" not in details:
        return
    made = database["datasets"].find_one({"_id": details["branch_id"]}, {"name": 1})
    if running.is_committed or made is not None:
        if not running.is_committed:
            running.commit(dataset_name=made and made["name"])
        _finish(running)
        return
    copying.remove(running, details["branch_id"])
    running.step("removed")
    holding.release(database, details["snapshot_id"], details["branch_id"])


def _finish(running: Operation) -> record.Branch:
    """Remembers what the dataset is, once it is there; may be repeated."""
    details = running.details
    branch = record.Branch(
        dataset_id=details["branch_id"],
        dataset_name=details["dataset_name"],
        name=details["name"],
        parent_id=running.dataset_id,
        parent_name=details["parent_name"],
        base_snapshot_id=details["snapshot_id"],
        base_snapshot=details["snapshot_name"],
        description=details["description"],
        created_at=running.entry.started_at,
        created_by=details["created_by"],
    )
    # Whoever has recovered it knows none
    token = details.get("change_token")
    record.save(running.database, branch, **({} if token is None else {counted.COPIED: token}))
    running.step("recorded")
    staging.drop(running)
    return branch


def _snapshot_of_now(database: Database[Document], dataset: DatasetReference, name: str) -> str:
    """Returns the name of a snapshot that is the dataset as it is now; creates one if need be.

    Comparing reads the dataset at most once, which costs less than a snapshot that says the same
    as the one before it, and takes no place among those that the limits allow. A snapshot that is
    created stays if this is killed: then it is the newest, and is what the next attempt uses.
    """
    latest = Catalog(database).latest(dataset.id)
    if latest is not None and is_unchanged(database, latest):
        return latest.name
    taken = {names.slug(each.name) for each in Catalog(database).list(dataset.id)}
    wanted = f"base of {name}"[: names.MAX_NAME_LENGTH - 10]
    for number in range(1, _MAX_NAMES):
        base = wanted if number == 1 else f"{wanted} {number}"
        if names.slug(base) not in taken:
            about = f"What branch '{name}' was made of"
            return snapshots.create(database, dataset, base, about).name
    raise LimitExceededError(f"No snapshot name of the form '{wanted} 2' is free")
