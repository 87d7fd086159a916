"""The Management SDK: everything that can be done with snapshots.

The same names, arguments and results as the ``fiftyone.management.snapshot`` module of FiftyOne's
hosted product, and more. Wherever a dataset's name is taken, a :class:`fiftyone.Dataset` may be
given as well. Operators, panel and command line call these functions and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, overload

import fiftyone.core.dataset as fod
from pymongo.database import Database

from .backend import (
    changes,
    convert,
    create,
    database,
    delete,
    edit,
    history,
    journal,
    load,
    maintenance,
    operations,
    restore,
    revert,
    selection,
    status,
    trash,
    undo,
    verify,
)
from .backend.base import Progress, silent
from .backend.catalog import Catalog
from .backend.database import Document
from .backend.datasets import DatasetReference, resolve
from .backend.diff import (
    DatasetDiff,
    LabelHistory,
    SampleDifference,
    SampleHistory,
    compute,
    tracing,
)
from .backend.diff.bars import shown
from .backend.history import History, HistoryEntry, HistoryQuery, Location
from .backend.maintenance import Recovered
from .backend.model import DatasetSnapshot, DatasetSnapshotStatus, SampleChangeSummary
from .backend.restore import RestoredSamples
from .backend.revert import RevertPlan
from .backend.trash import TrashItem
from .backend.verify import VerifyReport

__all__ = [
    "DatasetDiff",
    "DatasetSnapshot",
    "DatasetSnapshotStatus",
    "History",
    "HistoryEntry",
    "HistoryQuery",
    "LabelHistory",
    "Location",
    "Recovered",
    "RestoredSamples",
    "RevertPlan",
    "SampleChangeSummary",
    "SampleDifference",
    "SampleHistory",
    "TrashItem",
    "VerifyReport",
    "calculate_dataset_latest_changes_summary",
    "cancel_operation",
    "check_new_snapshot",
    "clone_snapshot",
    "convert_snapshots",
    "count_documents",
    "create_snapshot",
    "delete_snapshot",
    "diff",
    "diff_sample",
    "edit_snapshot",
    "empty_trash",
    "get_dataset_latest_changes_summary",
    "get_history",
    "get_operation",
    "get_snapshot_info",
    "label_history",
    "latest_changes_are_stale",
    "list_operations",
    "list_snapshots",
    "list_trash",
    "load_snapshot",
    "locate",
    "recover",
    "restore_samples",
    "restore_snapshot",
    "revert_dataset_to_snapshot",
    "sample_history",
    "undo_revert",
    "verify_all",
    "verify_snapshot",
]


def create_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str,
    description: str | None = None,
    *,
    trust_timestamps: bool = False,
) -> DatasetSnapshot:
    """Captures the current state of a dataset as a snapshot.

    What changed since the snapshot before is decided by reading the dataset. With
    ``trust_timestamps``, the delta backend reads only what has another ``last_modified_at`` than
    then; what was added and deleted it finds anyway. FiftyOne changes samples or frames without
    moving that time in: ``create_summary_field()`` and ``update_summary_field()``;
    ``merge_samples(..., fields=...)`` with ``insert_new=True``, which is the default, and so
    ``merge_dir()``, ``merge_archive()`` and ``merge_importer()`` with ``fields``;
    ``to_frames(sample_frames=True)``, in frames whose images exist already. So do writes that do
    not go through FiftyOne. After any of these, or if you do not know, leave it off.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: a name for the snapshot, unique within the dataset
        description (None): what the snapshot is about
        trust_timestamps (False): whether to take for unchanged what has the same
            ``last_modified_at``

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if there is no such dataset, it cannot be versioned, or the name is invalid
            or taken
        LimitExceededError: if there are as many snapshots as are allowed
        ConcurrentWritesError: if the dataset is being written to all the time
    """
    connection, dataset = _use(dataset_name)
    record = create.create(
        connection, dataset, snapshot_name, description, trust_timestamps=trust_timestamps
    )
    return status.public(connection, record)


def list_snapshots(dataset_name: str | fod.Dataset) -> list[str]:
    """Lists the snapshots of a dataset.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of names, in order of creation

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _use(dataset_name)
    return [record.name for record in Catalog(connection).list(dataset.id)]


def get_snapshot_info(
    dataset_name: str | fod.Dataset, snapshot_name: str
) -> DatasetSnapshot | None:
    """Returns what is known of a snapshot.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        a :class:`DatasetSnapshot`, or None if there is no such snapshot

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _use(dataset_name)
    record = Catalog(connection).find(dataset.id, snapshot_name)
    return status.public(connection, record) if record else None


def load_snapshot(dataset_name: str | fod.Dataset, snapshot_name: str) -> fod.Dataset:
    """Loads a snapshot as a read-only dataset, as ``fo.load_dataset(dataset, snapshot=...)`` does.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        a :class:`fiftyone.core.dataset.Dataset`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    return load.load(connection, dataset, snapshot_name)


def clone_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str, new_dataset_name: str
) -> fod.Dataset:
    """Makes a new, editable and persistent dataset of a snapshot; it has no snapshots of its own.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        new_dataset_name: a name for the new dataset

    Returns:
        a :class:`fiftyone.core.dataset.Dataset`

    Raises:
        ValueError: if there is no such dataset or snapshot, or the new name is taken
    """
    snapshot = load_snapshot(dataset_name, snapshot_name)
    return snapshot.clone(new_dataset_name, persistent=True)


def edit_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str,
    new_name: str | None = None,
    description: str | None = edit.KEEP,
) -> DatasetSnapshot:
    """Renames a snapshot or changes its description; its contents never change.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        new_name (None): a new name; by default, it keeps its name
        description: a new description, None for none; by default, it keeps its description

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if there is no such dataset or snapshot, or the name is invalid or taken
    """
    connection, dataset = _use(dataset_name)
    record = edit.edit(connection, dataset, snapshot_name, new_name, description)
    return status.public(connection, record)


def delete_snapshot(dataset_name: str | fod.Dataset, snapshot_name: str) -> None:
    """Deletes a snapshot.

    It can be brought back with :func:`restore_snapshot` for ``FIFTYONE_SNAPSHOTS_TRASH_DAYS``. If
    it is not the latest one, the summary of the snapshot after it is calculated anew.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    delete.delete(connection, dataset, snapshot_name)


def restore_snapshot(dataset_name: str | fod.Dataset, snapshot_name: str) -> DatasetSnapshot:
    """Brings a deleted snapshot back from the trash.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name that the snapshot had

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if the trash holds no such snapshot, or the name was given to another one
    """
    connection, dataset = _use(dataset_name)
    return status.public(connection, delete.restore(connection, dataset, snapshot_name))


@overload
def revert_dataset_to_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str, *, dry_run: Literal[False] = False
) -> None: ...


@overload
def revert_dataset_to_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str, *, dry_run: Literal[True]
) -> RevertPlan: ...


def revert_dataset_to_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str, *, dry_run: bool = False
) -> RevertPlan | None:
    """Takes a dataset back to the state of a snapshot.

    All changes since then are discarded, and newer snapshots are deleted. Both can be brought
    back with :func:`undo_revert` for ``FIFTYONE_SNAPSHOTS_TRASH_DAYS``.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        dry_run (False): whether to only tell what would change

    Returns:
        a :class:`RevertPlan` if ``dry_run``, else None

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    if dry_run:
        return revert.plan(connection, dataset, snapshot_name)
    revert.revert(connection, dataset, snapshot_name)
    return None


def undo_revert(dataset_name: str | fod.Dataset) -> None:
    """Brings back what the last :func:`revert_dataset_to_snapshot` of a dataset discarded.

    What the dataset is now goes to the trash in its turn, so that calling this again brings that
    back.

    Args:
        dataset_name: the name of the dataset

    Raises:
        ValueError: if there is nothing to bring back
    """
    connection, dataset = _use(dataset_name)
    undo.undo(connection, dataset)


def restore_samples(
    dataset_name: str | fod.Dataset,
    snapshot_name: str,
    view_or_ids: object,
    fields: str | Iterable[str] | None = None,
) -> RestoredSamples:
    """Brings samples, or some fields of them, back from a snapshot, keeping their ids.

    Deleted samples come back as they were, and changed ones become what they were, with all their
    frames and temporal tags. With ``fields``, only those fields of samples that still exist are
    set to what they were; frames that were deleted come back with the frame fields among them.
    Fields that were deleted from the dataset's schema come back to it.

    To bring back what was deleted, pass ids or a view on the loaded snapshot.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        view_or_ids: a sample or its id, several of them, or a view on the dataset or on the
            loaded snapshot; of grouped datasets, a view means all slices of its groups
        fields (None): a top-level field or several, those of frames with the prefix ``frames.``

    Returns:
        a :class:`RestoredSamples`

    Raises:
        ValueError: if there is no such dataset or snapshot, or samples or fields are not in it,
            or do not fit into the dataset any more; nothing was changed then
    """
    connection, dataset = _use(dataset_name)
    sample_ids, named = selection.sample_ids(connection, dataset, view_or_ids)
    wanted = [fields] if isinstance(fields, str) else None if fields is None else list(fields)
    return restore.restore(connection, dataset, snapshot_name, sample_ids, wanted, strict=named)


def verify_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str,
    media: bool = False,
    progress: Progress = silent,
) -> VerifyReport:
    """Proves that a snapshot still is what was captured, or tells what is damaged.

    Every document is read. A report is true if nothing is wrong.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        media (False): whether to look for the media files as well
        progress (silent): called with the fraction that is done and what is being done

    Returns:
        a :class:`VerifyReport`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    return verify.verify(connection, dataset, snapshot_name, media, progress)


def verify_all(media: bool = False, progress: Progress = silent) -> list[VerifyReport]:
    """Proves that every snapshot of every dataset still is what was captured.

    Args:
        media (False): whether to look for the media files as well
        progress (silent): called with the fraction that is done and what is being done

    Returns:
        a list of :class:`VerifyReport`
    """
    return list(verify.verify_all(database.connect(), media, progress))


def list_trash(dataset_name: str | fod.Dataset | None = None) -> list[TrashItem]:
    """Lists what was discarded and can be brought back.

    Args:
        dataset_name (None): the name of a dataset; by default, all datasets

    Returns:
        a list of :class:`TrashItem`, oldest first

    Raises:
        ValueError: if there is no such dataset
    """
    if dataset_name is None:
        return trash.items(database.connect())
    connection, dataset = _use(dataset_name)
    return trash.items(connection, dataset.id)


def empty_trash(dataset_name: str | fod.Dataset) -> list[TrashItem]:
    """Destroys for good what lies in the trash of a dataset.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of the :class:`TrashItem` that were destroyed

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _use(dataset_name)
    return trash.empty(connection, dataset.id)


def get_dataset_latest_changes_summary(
    dataset_name: str | fod.Dataset,
) -> SampleChangeSummary | None:
    """Returns the changes of a dataset since its latest snapshot, as last calculated.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a :class:`SampleChangeSummary`, or None if it was never calculated

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _use(dataset_name)
    return Catalog(connection).latest_changes(dataset.id)


def calculate_dataset_latest_changes_summary(
    dataset_name: str | fod.Dataset,
) -> SampleChangeSummary:
    """Calculates the changes of a dataset since its latest snapshot.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a :class:`SampleChangeSummary`

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _use(dataset_name)
    summary = changes.in_head(connection, dataset.id).summary(connection)
    Catalog(connection).set_latest_changes(dataset.id, summary)
    return summary


def diff(
    dataset_name: str | fod.Dataset,
    a: str,
    b: str | None = None,
    progress: bool | Progress | None = None,
) -> DatasetDiff:
    """Compares two versions of a dataset: samples, fields, labels, and everything else.

    Args:
        dataset_name: the name of the dataset
        a: the name of the snapshot to compare with
        b (None): the name of the snapshot whose changes are wanted; by default, the dataset as it
            is now
        progress (None): whether to render a progress bar (True/False), use the default value
            ``fiftyone.config.show_progress_bars`` (None), or a function to call instead with the
            fraction that is done and what is being done

    Returns:
        a :class:`DatasetDiff`, which can be printed, plotted and opened as views

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    with shown(progress) as report:
        return compute.diff(connection, dataset, a, b, report)


def diff_sample(
    dataset_name: str | fod.Dataset, sample_id: str, a: str, b: str | None = None
) -> SampleDifference:
    """Compares one sample in two versions of a dataset, with all values before and after.

    Args:
        dataset_name: the name of the dataset
        sample_id: the id of the sample
        a: the name of the snapshot to compare with
        b (None): the name of another snapshot; by default, the dataset as it is now

    Returns:
        a :class:`SampleDifference`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    return compute.diff_sample(connection, dataset, sample_id, a, b)


def sample_history(dataset_name: str | fod.Dataset, sample_id: str) -> SampleHistory:
    """Tells which versions of a dataset have a sample, and what changed in it.

    Args:
        dataset_name: the name of the dataset
        sample_id: the id of the sample

    Returns:
        a :class:`SampleHistory`, in the order of the snapshots, HEAD at the end

    Raises:
        ValueError: if there is no such dataset, or none of its versions has such a sample
    """
    connection, dataset = _use(dataset_name)
    return tracing.sample_history(connection, dataset, sample_id)


def label_history(dataset_name: str | fod.Dataset, label_id: str) -> LabelHistory:
    """Tells which versions of a dataset have a label, and what changed in it.

    Args:
        dataset_name: the name of the dataset
        label_id: the id of the label

    Returns:
        a :class:`LabelHistory`, in the order of the snapshots, HEAD at the end

    Raises:
        ValueError: if there is no such dataset, or none of its versions has such a label
    """
    connection, dataset = _use(dataset_name)
    return tracing.label_history(connection, dataset, label_id)


def latest_changes_are_stale(dataset_name: str | fod.Dataset) -> bool:
    """Tells at a glance whether a dataset seems to have changed since its changes were calculated.

    It is a hint, good at any size; :func:`calculate_dataset_latest_changes_summary` is exact.

    Args:
        dataset_name: the name of the dataset

    Returns:
        True/False

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _find(dataset_name)
    summary = Catalog(connection).latest_changes(dataset.id)
    return summary is None or history.latest_changes_are_stale(connection, dataset.id, summary)


def locate(dataset_name: str) -> Location:
    """Tells whether a loaded dataset is a snapshot, and of which dataset.

    Args:
        dataset_name: the name under which FiftyOne has loaded it

    Returns:
        the dataset, and the name of the snapshot if it is one

    Raises:
        ValueError: if there is no such dataset, or it is a snapshot that is gone
    """
    return history.locate(database.connect(), dataset_name)


def get_history(dataset_name: str | fod.Dataset, query: HistoryQuery | None = None) -> History:
    """Lists the snapshots of a dataset as a person browses them: newest first, page by page.

    Args:
        dataset_name: the name of the dataset
        query (None): which ones; by default, all but those in the trash

    Returns:
        a page of the history

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _find(dataset_name)
    return history.browse(connection, dataset, query or HistoryQuery())


def check_new_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | None = None
) -> int | None:
    """Checks whether a snapshot could be created, and creates nothing.

    Args:
        dataset_name: the name of the dataset
        snapshot_name (None): the name that it would have; by default, only the limits are checked

    Returns:
        how many snapshots the limits still allow, or None for any number

    Raises:
        ValueError: if there is no such dataset, it cannot be versioned, or the name is invalid
            or taken
        LimitExceededError: if there are as many snapshots as are allowed
    """
    connection, dataset = _find(dataset_name)
    create.check(connection, dataset, snapshot_name)
    return history.remaining(connection, dataset.id)


def count_documents(dataset_name: str | fod.Dataset) -> int:
    """Returns about how many samples and frames a dataset has, at once at any size.

    Args:
        dataset_name: the name of the dataset

    Returns:
        the number

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _find(dataset_name)
    return history.count_documents(connection, dataset.id)


def list_operations(dataset_name: str | fod.Dataset, ended_within: int = 0) -> list[journal.Entry]:
    """Lists the operations on a dataset that are under way.

    Args:
        dataset_name: the name of the dataset
        ended_within (0): also those that ended at most so many seconds ago

    Returns:
        a list of :class:`journal entries <fiftyone_snapshots.backend.journal.Entry>`, oldest first

    Raises:
        ValueError: if there is no such dataset
    """
    # A dead process is noticed, and its debris removed, before anyone waits for it
    connection, dataset = _use(dataset_name)
    return operations.recent(connection, dataset.id, ended_within)


def cancel_operation(operation_id: str) -> bool:
    """Asks whoever runs an operation, in whatever process, to give it up and undo it.

    Args:
        operation_id: the operation's id

    Returns:
        whether it was still time for that; it is given up at its next step

    Raises:
        ValueError: if there is no such operation
    """
    return operations.cancel(database.connect(), operation_id)


def get_operation(operation_id: str) -> journal.Entry:
    """Returns how far an operation has come, or how it ended.

    Args:
        operation_id: the id of the operation

    Returns:
        its :class:`journal entry <fiftyone_snapshots.backend.journal.Entry>`

    Raises:
        ValueError: if there is no such operation
    """
    return journal.get(database.connect(), operation_id)


def convert_snapshots(dataset_name: str | fod.Dataset, backend: str) -> int:
    """Moves the history of a dataset to another backend, and keeps new snapshots there as well.

    Each snapshot is read back and compared with its manifest before the old one is dropped. If it
    is interrupted, some snapshots are moved and others are not; all of them can be used. Call it
    again then.

    Args:
        dataset_name: the name of the dataset
        backend: ``"duplication"``, ``"delta"``, or the name of another backend that is installed

    Returns:
        the number of snapshots that were moved

    Raises:
        ValueError: if there is no such dataset or backend
        DamagedSnapshotError: if a snapshot is not what was captured; it stays where it is
    """
    connection, dataset = _use(dataset_name)
    return convert.convert(connection, dataset, backend)


def recover() -> Recovered:
    """Mends what crashed processes left behind, in all datasets.

    Every operation does so for its own dataset before it begins; this is for maintenance scripts.

    Returns:
        what was done
    """
    return maintenance.recover(database.connect())


def _find(dataset: str | fod.Dataset) -> tuple[Database[Document], DatasetReference]:
    """Finds the dataset that the caller means: enough for what is asked again and again."""
    connection = database.connect()
    return connection, resolve(connection, dataset)


def _use(dataset: str | fod.Dataset) -> tuple[Database[Document], DatasetReference]:
    """Finds the dataset that the caller means, and puts it right if need be."""
    connection = database.connect()
    maintenance.purge_deleted_datasets(connection)
    reference = resolve(connection, dataset)
    maintenance.tidy(connection, reference.id)
    return connection, reference
