"""Pulling snapshots from a remote: each of them comes in as an import does, or not at all.

The dataset itself is never changed. Where both sides have gone on, the newest snapshot of the
other one can be made a branch, whose base is the last snapshot that both have in common.
"""

from __future__ import annotations

from collections.abc import Collection

from pymongo.database import Database

from ..actions import Action
from ..branches import create as branches
from ..catalog.catalog import Catalog
from ..dataset.reference import DatasetReference, current_name
from ..errors import InvalidRequestError, SnapshotNotFoundError
from ..mongo.database import Document
from ..operations.journal import Operation, operation, recovers
from . import edits, history, known, layout, plan
from .edits import Pair
from .manifest import Manifests
from .receiving import Receiver
from .results import PullResult
from .store import RemoteStore, open_store
from .table import Segment


def pull(
    database: Database[Document],
    dataset: DatasetReference,
    location: str,
    wanted: Collection[str] | None = None,
    *,
    branch: str | None = None,
    dry_run: bool = False,
) -> PullResult:
    """Pulls those snapshots of a dataset that are not here.

    Args:
        database: the database
        dataset: the dataset
        location: the remote
        wanted (None): the names of snapshots; by default, all
        branch (None): if both sides have gone on, a name for a branch of the newest snapshot
        dry_run (False): whether to only tell what would be pulled

    Returns:
        what was pulled

    Raises:
        SnapshotNotFoundError: if the remote has no snapshot of such a name, or none at all
        RemoteConflictError: if a name is taken by another snapshot here; nothing was pulled then
        DamagedRemoteError: if the remote is not what was pushed to it
        LimitExceededError: if there are as many snapshots as are allowed
    """
    store = open_store(location)
    layout.check_root(store)
    found = plan.to_pull(database, dataset, store, wanted)
    if not found.commits:
        raise SnapshotNotFoundError(
            f"The remote '{store.location}' has no snapshots of dataset '{dataset.name}' "
            f"({dataset.id})"
        )
    own = history.line(Catalog(database).list(dataset.id))
    tip = plan.newest(found.asked)
    base_id = None if tip is None else plan.base_of(found.commits, tip.id, own)
    base = next((each for each in own if each.id == base_id), None)
    is_diverged = tip is not None and base is not None and base_id not in (tip.id, own[-1].id)
    if branch is not None and is_diverged:
        branches.check_name(database, dataset, branch)
    manifests = Manifests(store, dataset.id)
    size = _size(manifests, found)
    pairs = edits.pairs(database, store, found.both)
    edited = [each for each in pairs if each.is_edited_there]
    made: str | None = None
    if not dry_run:
        size = Receiver(database, store, found, manifests, own).run()
        edited = _take_over(database, dataset, store, edited)
        known.remember(database, dataset.id, store.location)
        if branch is not None and is_diverged and tip is not None and base is not None:
            here = Catalog(database).by_id(tip.id)
            assert here is not None
            about = f"What '{here.name}' is in {store.location}"
            made = branches.create(
                database, dataset, branch, here.name, about, base_name=base.name
            ).dataset_name
    return PullResult(
        dataset_name=dataset.name,
        remote=store.location,
        snapshots=[commit.name for commit in found.missing],
        already_here=len(found.asked) - len(found.missing),
        size_bytes=size,
        newest=None if tip is None else tip.name,
        base=None if base is None else base.name,
        is_diverged=is_diverged,
        branch=made,
        edited=[each.record.name for each in edited],
        dry_run=dry_run,
    )


def clone_from(
    database: Database[Document],
    location: str,
    dataset: DatasetReference,
    dataset_name: str | None = None,
    wanted: Collection[str] | None = None,
    *,
    dry_run: bool = False,
) -> PullResult:
    """Makes a dataset of a remote's: as its newest snapshot is, with those before it.

    If it is broken off, :func:`pull` goes on.

    Args:
        database: the database
        location: the remote
        dataset: the dataset there
        dataset_name (None): what it is to be called here
        wanted (None): the names of snapshots; by default, all
        dry_run (False): whether to only tell what would be pulled

    Returns:
        what was pulled

    Raises:
        InvalidRequestError: if the dataset is here
        DuplicateNameError: if another dataset has its name
        DamagedRemoteError: if the remote is not what was pushed to it
    """
    if (name := current_name(database, dataset.id)) is not None:
        raise InvalidRequestError(
            f"The dataset is here, and is called '{name}': pull its snapshots instead"
        )
    store = open_store(location)
    layout.check_root(store)
    found = plan.to_pull(database, dataset, store, wanted)
    tip = plan.newest(found.missing)
    if tip is None:
        raise SnapshotNotFoundError(f"The remote '{store.location}' has no snapshots to clone")
    manifests = Manifests(store, dataset.id)
    size = _size(manifests, found)
    if not dry_run:
        size = Receiver(database, store, found, manifests, []).run(dataset_name)
        known.remember(database, dataset.id, store.location)
    return PullResult(
        dataset_name=current_name(database, dataset.id) or dataset_name or dataset.name,
        remote=store.location,
        snapshots=[commit.name for commit in found.missing],
        already_here=0,
        size_bytes=size,
        newest=tip.name,
        base=tip.name,
        is_diverged=False,
        branch=None,
        edited=[],
        dry_run=dry_run,
    )


def _take_over(
    database: Database[Document],
    dataset: DatasetReference,
    store: RemoteStore,
    edited: list[Pair],
) -> list[Pair]:
    """Takes over what others have edited of snapshots that are here."""
    if not edited:
        return []
    with operation(database, dataset.id, Action.PULL, remote=store.location) as running:
        running.certain("begun")
        done = edits.take_over(database, store, edited)
        running.complete()
    return [each for each in edited if each.record.name in done]


@recovers(Action.PULL)
def _recover(running: Operation) -> None:
    """Has nothing to take back: what was taken over is, and the next pull goes on."""


def _size(manifests: Manifests, found: plan.ToPull) -> int:
    """Returns the size of all objects that are needed but of no snapshot that is here."""
    missing = {commit.id for commit in found.missing}
    needed: dict[str, Segment] = {}
    for commit in found.missing:
        needed |= manifests.objects(commit.manifest)
    for commit in found.asked:
        if commit.id not in missing:
            for name in manifests.objects(commit.manifest):
                needed.pop(name, None)
    return sum(each.size_bytes for each in needed.values())
