"""What an undo would change, before it does."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..catalog.catalog import Catalog
from ..dataset.parts import Documents, Head, Part
from ..dataset.reference import DatasetReference
from ..dataset.together import HeldDocuments
from ..diff import changes
from ..diff.versions import HeadVersion
from ..errors import NothingToUndoError
from ..manifest.manifest import Manifest
from ..mongo.collections import owned_collections, trashed_name
from ..mongo.database import Document
from ..operations.reporting import reporter
from ..progress import Progress, silent
from ..rawbson.ids import Keys
from ..results.serialize import Record
from ..trash import discarded
from ..trash.discarded import TrashedHead
from .revert import field_names, told_changes


@dataclass(frozen=True)
class UndoPlan(Record):
    """What :func:`undo_revert` would change."""

    dataset_name: str
    snapshot_name: str
    """The snapshot of the revert that would be undone or, if ``is_redo``, done again; of a merge,
    the one that it ended with."""
    is_redo: bool
    """Whether what would come back is what the revert had made, and an undo has discarded."""
    samples_to_add_back: int
    samples_to_remove: int
    samples_to_restore: int
    """Samples whose content, or that of their frames, would change."""
    fields_to_add_back: list[str]
    fields_to_remove: list[str]
    snapshots_to_bring_back: list[str]
    snapshots_to_delete: list[str]
    is_merge: bool = False
    """Whether it is no revert but a merge."""
    is_undo: bool = False
    """Whether it is no revert but the undo of an operation, which ``snapshot_name`` then is."""

    def __str__(self) -> str:
        name, snapshot = self.dataset_name, self.snapshot_name
        if self.is_undo:
            again, done = f"undo '{snapshot}' in '{name}'", f"undoing '{snapshot}' in '{name}'"
        elif self.is_merge:
            again, done = (
                f"merge '{snapshot}' into '{name}'",
                f"merging '{snapshot}' into '{name}'",
            )
        else:
            again = f"roll '{name}' back to '{snapshot}'"
            done = f"the rollback of '{name}' to '{snapshot}'"
        what = (
            f"Would {again} again, as that was undone:"
            if self.is_redo
            else f"Would bring back what {done} has discarded:"
        )
        changes = told_changes(
            self.samples_to_add_back,
            self.samples_to_restore,
            self.samples_to_remove,
            {
                "fields that come back": self.fields_to_add_back,
                "fields that are removed": self.fields_to_remove,
                "snapshots that come back": self.snapshots_to_bring_back,
                "snapshots that are deleted": self.snapshots_to_delete,
            },
        )
        return "\n".join([what, *changes])


@dataclass(frozen=True)
class DiscardedVersion:
    """A state of a dataset that lies in the trash, as a version to compare."""

    database: Database[Document]
    operation_id: ObjectId

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Reads the content of a part."""
        documents = self.documents(part)
        return Manifest.empty() if documents is None else Manifest.read(documents)

    def documents(self, part: Part, wanted: Keys | None = None) -> Documents | None:
        """Returns the documents of a part."""
        existing = owned_collections(self.database, self.operation_id)
        if part not in discarded.own_parts(self.operation_id, existing):
            return None
        return Documents(self.database[trashed_name(self.operation_id, part)])

    def check_present(self) -> None:
        """Does nothing: if somebody empties the trash meanwhile, there is nothing to undo."""


def chosen(
    database: Database[Document],
    dataset: DatasetReference,
    operation_id: str | None,
    action: Action = Action.UNDO_REVERT,
) -> TrashedHead:
    """Finds the state to bring back.

    Args:
        database: the database
        dataset: the dataset
        operation_id: the operation that discarded it, or None for the last one
        action (UNDO_REVERT): what is wanted: to undo a merge, it must have been one

    Returns:
        the state

    Raises:
        NothingToUndoError: if the trash does not hold that, or a merge is to be undone and this is
            no state before one
    """
    is_merge = action is Action.UNDO_MERGE
    states = discarded.heads(database, dataset.id)
    if operation_id is not None:
        states = [state for state in states if str(state.id) == operation_id]
    if not states:
        which = "" if operation_id is None else f" with id {operation_id}"
        done = "nothing was merged into it" if is_merge else "it was not rolled back"
        raise NothingToUndoError(
            f"The trash holds no earlier state{which} of dataset '{dataset.name}': {done}, or "
            "that was undone or too long ago, or the trash was emptied"
        )
    if is_merge:
        _check_merge(dataset, states[-1])
    return states[-1]


def _check_merge(dataset: DatasetReference, state: TrashedHead) -> None:
    if state.merge_id is None or state.is_undo:
        done = "the undo of" if state.is_undo else "a rollback to"
        raise NothingToUndoError(
            f"The last that was done to all of dataset '{dataset.name}' is no merge, but {done} "
            f"'{state.snapshot_name}' or an undo of that. undo_revert() takes that back, and "
            "then the merge is the last"
        )
    if state.is_rolled_back:
        raise NothingToUndoError(
            f"The merge '{state.snapshot_name}' into dataset '{dataset.name}' was taken back "
            "already. undo_revert() merges again"
        )


def check(
    database: Database[Document],
    dataset: DatasetReference,
    former: TrashedHead,
    existing: Collection[str],
    document: HeldDocuments,
) -> None:
    """Refuses a discarded state that is not what it was, as far as that can be told.

    Args:
        database: the database
        dataset: the dataset
        former: the state
        existing: the names of its collections, see :func:`.owned_collections`
        document: its dataset document

    Raises:
        DamagedSnapshotError: if it is not
    """
    discarded.check_content(
        former.content,
        discarded.content(database, former.id, existing, document, former.content),
        f"The discarded state of dataset '{dataset.name}'",
        "The dataset was not changed. restore_samples() can bring samples back from a snapshot; "
        "empty_trash() destroys the discarded state.",
    )


def plan(
    database: Database[Document],
    dataset: DatasetReference,
    operation_id: str | None = None,
    action: Action = Action.UNDO_REVERT,
) -> UndoPlan:
    """Tells what undoing would change, and changes nothing.

    Args:
        database: the database
        dataset: the dataset
        operation_id (None): the operation that discarded what would come back; by default, the
            last one
        action (UNDO_REVERT): what is wanted: to undo a merge, the last one must have been that

    Returns:
        the plan

    Raises:
        NothingToUndoError: if the trash does not hold that
        DuplicateNameError: if a snapshot that is to come back has lost its name to another one
        DamagedSnapshotError: if the trash does not hold any more what was discarded
    """
    former = chosen(database, dataset, operation_id, action)
    kept = discarded.dataset_document(database, former.id)
    check(database, dataset, former, owned_collections(database, former.id), kept)
    catalog = Catalog(database)
    for record in map(catalog.by_id, former.snapshot_ids):
        if record is not None and not record.is_live:
            catalog.check_return(record)
    head = Head(database, dataset.id)
    wanted = DiscardedVersion(database, former.id)
    difference = changes.compare(HeadVersion(head), wanted, reporter())
    then = field_names(discarded.only(kept))
    now = field_names(head.document())

    def names(snapshot_ids: list[ObjectId], live: bool) -> list[str]:
        records = [catalog.by_id(snapshot_id) for snapshot_id in snapshot_ids]
        return [record.name for record in records if record and record.is_live == live]

    return UndoPlan(
        dataset_name=dataset.name,
        snapshot_name=former.snapshot_name,
        is_redo=former.is_rolled_back,
        samples_to_add_back=len(difference.added),
        samples_to_remove=len(difference.deleted),
        samples_to_restore=len(difference.changed),
        fields_to_add_back=[field for field in then if field not in now],
        fields_to_remove=[field for field in now if field not in then],
        snapshots_to_bring_back=names(former.snapshot_ids, live=False),
        snapshots_to_delete=names(former.revived_ids, live=True),
        is_merge=former.merge_id is not None and not former.is_undo,
        is_undo=former.is_undo,
    )
