"""Undoing a revert: bringing back what it discarded."""

from __future__ import annotations

from pymongo.database import Database

from ..actions import Action
from ..audit import recording
from ..catalog.catalog import Catalog
from ..config import Settings
from ..dataset.parts import Head, Part
from ..dataset.reference import DatasetReference
from ..diff import latest_changes
from ..errors import DamagedSnapshotError, DatasetBusyError
from ..mongo.collections import owned_collections, trashed_name
from ..mongo.database import Document
from ..operations.journal import operation
from ..trash import discarded
from ..trash.discarded import TrashedHead
from . import exchange
from .undo_plan import check, chosen


def undo(
    database: Database[Document],
    dataset: DatasetReference,
    operation_id: str | None = None,
    action: Action = Action.UNDO_REVERT,
) -> TrashedHead:
    """Brings back what a revert or merge of a dataset discarded, exactly.

    What the dataset is now goes to the trash in its turn, so that this can be undone as well.

    Args:
        database: the database
        dataset: the dataset
        operation_id (None): the operation that discarded it; by default, the last one
        action (UNDO_REVERT): what is wanted: to undo a merge, the last one must have been that

    Returns:
        the state that was brought back

    Raises:
        NothingToUndoError: if the trash does not hold that, or a merge is to be undone and the
            last one was none
        DuplicateNameError: if a snapshot that is to come back has lost its name to another one
        DamagedSnapshotError: if the trash does not hold any more what was discarded
        DatasetBusyError: if somebody else has just reverted the dataset or undone that
    """
    catalog = Catalog(database)
    wanted = chosen(database, dataset, operation_id, action)
    recording.detail(of=_of(wanted), to=wanted.snapshot_name, is_redo=wanted.is_rolled_back)
    with operation(database, dataset.id, action) as running:
        former = chosen(database, dataset, operation_id, action)
        if former.id != wanted.id:
            # Two people undo at once: the second one must not bring back what the first got rid of
            raise DatasetBusyError(
                f"Dataset '{dataset.name}' was rolled back, or that was undone, by somebody else "
                "at the same moment. Nothing was changed; look at it and try again."
            )
        ids = [*former.snapshot_ids, *former.revived_ids]
        found = catalog.select({"_id": {"$in": ids}}) if ids else []
        records = {record.id: record for record in found}
        revived = [records[id_] for id_ in former.snapshot_ids if id_ in records]
        revived = [record for record in revived if not record.is_live]
        for record in revived:
            catalog.check_return(record)
        newer = [records[id_] for id_ in former.revived_ids if id_ in records]
        existing = owned_collections(database, former.id)
        parts = discarded.own_parts(former.id, existing)
        if Part.SAMPLES not in parts:
            raise DamagedSnapshotError(
                f"The discarded state of dataset '{dataset.name}' is gone from the trash"
            )
        kept = discarded.dataset_document(database, former.id)
        check(database, dataset, former, existing, kept)
        plan_ = exchange.plan(Head(database, dataset.id), Part.FRAMES in parts)
        document = discarded.only(kept)
        facts = catalog.dataset_facts(dataset.id)
        running.note(
            switch=plan_.to_details(),
            former=former.id,
            former_samples=document["sample_collection_name"],
            snapshot_name=former.snapshot_name,
            plan_id=former.merge_id,
            undone=former.snapshot_name if former.is_undo else None,
            discards_rolled_back=not former.is_rolled_back,
            newer=[record.id for record in newer if record.is_live],
            revived=[record.id for record in revived],
            destroy=Settings.load().trash_days == 0,
            changes=former.latest_changes,
            changes_since=former.changes_since,
            former_changes=latest_changes.carried(facts, plan_.old_samples),
            former_names=facts.get("former_names", []),
        )
        running.certain("noted")
        for part, new in plan_.new_names().items():
            database[trashed_name(former.id, part)].rename(new)
            running.step(f"moved_{part.value}")
        related = discarded.trashed_related(database, former.id, existing)
        exchange.make(running, plan_, related, document)
    return former


def _of(state: TrashedHead) -> str:
    """Returns what the audit log calls that which is undone, or done again."""
    if state.is_undo:
        return "undo"
    return "rollback" if state.merge_id is None else "merge"
