"""Ending a merge whose exchange was made: its snapshot is taken, and its plan is closed.

A merge is not done without its snapshot, so whoever recovers one ends it as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bson import ObjectId

from ..actions import Action
from ..catalog import holding
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotKind, SnapshotRecord, SnapshotState
from ..dataset.reference import is_deleted
from ..errors import ConcurrentWritesError, OutcomeUnknownError
from ..mongo import fence
from ..mongo.collections import owned_collections, staging_name
from ..operations.journal import Operation, recovers
from ..restore import recovery as restore_recovery
from ..revert import exchange
from ..search import lineage
from ..snapshots import create
from ..storage.base import Captured
from ..storage.moment import KnownContent
from . import standstill, store
from .record import MergeState


@dataclass(frozen=True)
class Ending:
    """The snapshot that a merge ends with."""

    name: str
    description: str | None
    id: ObjectId = field(default_factory=ObjectId)
    kind: SnapshotKind = SnapshotKind.NAMED
    is_given: bool = False
    """Whether somebody has chosen the name: else another one is as good if it is taken."""
    undone: str | None = None
    """What is taken back, if it is an operation that is undone and no branch that is merged."""


def finish(running: Operation, content: KnownContent | None = None) -> SnapshotRecord:
    """Takes the snapshot that a merge ends with; may be repeated.

    Args:
        running: the merge, whose exchange was made
        content (None): what the merged samples and frames hold, if that is known

    Returns:
        the snapshot

    Raises:
        OutcomeUnknownError: if the snapshot is still to be taken
    """
    database, details = running.database, running.details
    standstill.tell_of_deletions(running)
    standstill.let_write(running)
    running.step("let_write")
    catalog = Catalog(database)
    planned = SnapshotRecord.from_document(details["snapshot"])
    record = catalog.by_id(planned.id)
    captured: Captured | None = None
    if record is None:
        previous = catalog.latest(planned.dataset_id, safety=planned.is_safety)
        try:
            record, captured = create.capture(running, planned, previous, content=content)
        except ConcurrentWritesError as error:
            raise OutcomeUnknownError(
                f"The merge is made, but its snapshot '{planned.name}' could not be taken yet: "
                f"{error} It is taken at the next use of the dataset.",
                str(running.id),
            ) from error
        running.certain("summarized")
        create.complete(running, record)
    record = create.finish(running, record, captured)
    if planned.merged_from is not None:
        holding.hold_merge(database, replace(record, merged_from=planned.merged_from))
        running.step("held")
    if record.merged_from is not None:
        lineage.note_merged(database, record, details.get("came_along", []))
    running.step("took_snapshot")
    store.close(
        database,
        details["plan_id"],
        MergeState.APPLIED,
        snapshot_id=record.id,
        snapshot_name=record.name,
    )
    _drop_staged(running)
    return replace(record, merged_from=planned.merged_from)


@recovers(Action.APPLY_MERGE)
def _recover(running: Operation) -> None:
    """Finishes a merge whose exchange was made, and takes its snapshot; takes back others."""
    if "snapshot" in running.details:
        _begin_again(running)
    if running.details.get("in_place") and not running.is_committed:
        restore_recovery.recover(running)
        return
    exchange.recover(running)
    if is_deleted(running.database, running.dataset_id):
        return
    if running.is_committed:
        # Not done without its snapshot: the next merge would begin where this one did
        finish(running)
    else:
        standstill.let_write(running)


def _begin_again(running: Operation) -> None:
    """Gives the snapshot that is still to be taken another id, by which others know it nowhere.

    Whoever is thought dead may wake up, and would go on filling what it has begun.
    """
    planned = SnapshotRecord.from_document(running.details["snapshot"])
    record = Catalog(running.database).by_id(planned.id)
    if record is not None and record.state is not SnapshotState.CREATING:
        return
    create.remove(running, planned.id, planned.backend)
    again = replace(planned, id=ObjectId())
    running.note(snapshot=again.to_document(), made=[again.id])


def _drop_staged(running: Operation) -> None:
    database, owner = running.database, running.id
    for found, description in owned_collections(database, owner).items():
        if found.startswith(staging_name(owner, "")):
            fence.drop(database, found, description)
