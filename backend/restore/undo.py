"""Undoing a restoration of samples: what it overwrote comes back, and edits made since stay.

A document is what the restoration wrote, or somebody has edited it since. What still is the former
becomes what it was, in the way in which the restoration itself replaces documents: staged first,
exchanged under a condition, and turned back by a failure. Samples that had come back go only as a
whole, so that nothing is left of a sample that is gone, nor anything missing of one that stays.
"""

from __future__ import annotations

import bson
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from ..actions import Action
from ..dataset import group_slices, instances, ownership, schema, unique_values
from ..dataset.parts import Head, Part, State
from ..dataset.reference import DatasetReference, migrate
from ..errors import ConcurrentWritesError, DatasetBusyError
from ..manifest.manifest import Manifest
from ..mongo.database import Document, server_time
from ..operations.journal import Operation, operation, recovers
from ..rawbson.ids import Ids
from ..trash import discarded
from . import recovery, undo_plan
from .source import content
from .staging import ADJUNCTS, Staging
from .undo_plan import Change, Plan, RestoreUndo


def undo(
    database: Database[Document], dataset: DatasetReference, operation_id: str | None = None
) -> RestoreUndo:
    """Brings back what a restoration of samples has overwritten.

    Args:
        database: the database
        dataset: the dataset
        operation_id (None): the restoration; by default, the last one

    Returns:
        what was changed, and what stays

    Raises:
        NothingToUndoError: if the trash does not hold that, or the dataset was reverted since
        DatasetBusyError: if somebody else has just undone it
        ConcurrentWritesError: if the samples are written to meanwhile; nothing was changed then
        InvalidRequestError: if a sample is in the way of another; nothing was changed then
    """
    wanted = undo_plan.chosen(database, dataset, operation_id)
    migrate(dataset)
    with operation(
        database, dataset.id, Action.UNDO_RESTORE, snapshot_name=wanted.snapshot_name
    ) as running:
        item = undo_plan.chosen(database, dataset, operation_id)
        if item.id != wanted.id:
            # Two people undo at once: the second one must not undo what came before
            raise DatasetBusyError(
                f"Samples of dataset '{dataset.name}' were restored, or that was undone, by "
                "somebody else at the same moment. Nothing was changed; look at it and try again."
            )
        head = Head(database, dataset.id)
        recovery.note_time(database, dataset.id)
        plan = undo_plan.plan(database, head, item)
        _prepare(running, head, plan)
        _exchange(running, head.state(), plan)
        _change_document(running, head, plan)
        running.committing("compared")
        running.commit()
        _finish(running)
    instances.refresh_samples(dataset.id, plan.samples)
    return plan.told(dataset)


@recovers(Action.UNDO_RESTORE)
def _recover(running: Operation) -> None:
    """Turns back what is incomplete, and clears away what a complete one has brought back."""
    if running.is_committed:
        _finish(running)
    else:
        recovery.recover(running)


def _prepare(running: Operation, head: Head, plan: Plan) -> None:
    """Stages what documents are, and what they are to be."""
    database, item = running.database, plan.item
    staging = Staging(running)
    staging.select(plan.samples)
    for part, change in plan.changes.items():
        staging.take(part, item.written(database, part), change.there)
        staging.take_wanted(part, item.former(database, part), change.wanted)
    if tags := plan.changes.get(Part.TAGS):
        # These lie among those of other datasets
        ownership.own_ids(database, running.dataset_id, Part.TAGS, tags.wanted)
    document, state = head.document(), head.state()
    changes = schema.without(document, plan.fields_removed)
    if item.groups is not None:
        here, there = state[Part.SAMPLES], item.former(database, Part.SAMPLES)
        changed = plan.changes[Part.SAMPLES].there
        changes |= group_slices.changes(document, item.groups, here, there, changed)
    if changes:
        changes["last_modified_at"] = server_time(database)
    running.note(
        before=bson.encode({key: document.get(key) for key in changes}),
        after=bson.encode(changes),
        kept=True,
        wanted=True,
        restoration=item.id,
    )
    running.step("prepared")


def _exchange(running: Operation, state: State, plan: Plan) -> None:
    staging = Staging(running)
    samples = plan.changes[Part.SAMPLES]
    try:
        for part in plan.changes:
            staging.exchange(state[part].collection, part)
            running.step(f"brought_back_{part.value}")
    except DuplicateKeyError as error:
        here = state[Part.SAMPLES]
        there = plan.item.former(running.database, Part.SAMPLES)
        raise unique_values.explained(
            error, here, there, samples.wanted, "in the trash"
        ) from error
    staging.check_made(
        {part: _now(state, part, change, samples) for part, change in plan.changes.items()}
    )
    field = (plan.item.groups or {}).get("group_field")
    group_slices.check(state[Part.SAMPLES], field, samples.wanted)


def _now(state: State, part: Part, change: Change, samples: Change) -> Manifest:
    """Reads the documents that were to change, and any of samples that are gone."""
    found = undo_plan.read(state[part], change.there + change.wanted)
    if part in ADJUNCTS:
        gone = list(Ids(samples.deleted))
        found = found.updated(content(state[part], part, gone), [])
    return found


def _change_document(running: Operation, head: Head, plan: Plan) -> None:
    """Takes fields out of the schema that had come back to it, once no document has them."""
    document, state = head.document(), head.state()
    recovery.change_document(running, head)
    running.step("schema_reduced")
    for path in plan.fields_removed:
        if schema.is_used(document, state, path):
            raise ConcurrentWritesError(
                f"Field '{path}' was written to by somebody else at the same moment. Nothing was "
                "changed. Try again."
            )


def _finish(running: Operation) -> None:
    """What follows once the documents are back; may be repeated."""
    recovery.note_time(running.database, running.dataset_id)
    discarded.destroy_head(running.database, running.details["restoration"])
    running.step("cleared")
    Staging(running).drop()
