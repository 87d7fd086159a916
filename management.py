"""The Management SDK: everything that can be done with snapshots.

The same names, arguments and results as the ``fiftyone.management.snapshot`` module of FiftyOne's
hosted product, and more. Wherever a dataset's name is taken, a :class:`fiftyone.Dataset` may be
given as well. Operators, panel and command line call these functions and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Literal, overload

import fiftyone.core.dataset as fod
import fiftyone.core.sample as fos
from bson import ObjectId
from pymongo.database import Database

from .backend import (
    changes,
    convert,
    create,
    database,
    delete,
    doctor,
    edit,
    equality,
    history,
    journal,
    lineage,
    load,
    maintenance,
    names,
    operations,
    pin,
    prune,
    restore,
    revert,
    search,
    selection,
    status,
    trash,
    undo,
    uri,
    verify,
)
from .backend.access import Action, Interface, Level, acting_as, mongodb
from .backend.access.door import acting, allows, enter, require
from .backend.access.door import why_not as _why_not
from .backend.archive import archive, export, import_, unarchive
from .backend.audit import AuditEvent, AuditReport, Outcome, proof, reading
from .backend.audit.export import export as export_log
from .backend.base import Progress, silent
from .backend.catalog import Catalog
from .backend.changes import HeadVersion, SnapshotVersion, Version
from .backend.config import Settings
from .backend.contents import Head
from .backend.database import Document
from .backend.datasets import DatasetReference, current_name, resolve
from .backend.diff import (
    DatasetDiff,
    LabelHistory,
    SampleDifference,
    SampleHistory,
    compute,
    tracing,
)
from .backend.diff.bars import shown
from .backend.doctor import Diagnosis, Finding, Severity
from .backend.equality import Equality
from .backend.errors import DatasetNotFoundError
from .backend.history import History, HistoryEntry, HistoryQuery, Location
from .backend.journal import reporting
from .backend.lineage import RunKind, RunLineage
from .backend.maintenance import Recovered
from .backend.model import DatasetSnapshot, DatasetSnapshotStatus, SampleChangeSummary
from .backend.prune import PrunedSnapshot, PruneResult
from .backend.restore import RestoredSamples
from .backend.revert import RevertPlan
from .backend.search import FoundSnapshot, SnapshotQuery
from .backend.trash import TrashItem
from .backend.verify import VerifyReport

__all__ = [
    "Action",
    "AuditEvent",
    "AuditReport",
    "DatasetDiff",
    "DatasetSnapshot",
    "DatasetSnapshotStatus",
    "Diagnosis",
    "Equality",
    "Finding",
    "FoundSnapshot",
    "History",
    "HistoryEntry",
    "HistoryQuery",
    "Interface",
    "LabelHistory",
    "Level",
    "Location",
    "Outcome",
    "PruneResult",
    "PrunedSnapshot",
    "Recovered",
    "RestoredSamples",
    "RevertPlan",
    "RunKind",
    "RunLineage",
    "SampleChangeSummary",
    "SampleDifference",
    "SampleHistory",
    "Severity",
    "TrashItem",
    "VerifyReport",
    "acting_as",
    "archive_snapshot",
    "archives_are_on",
    "calculate_dataset_latest_changes_summary",
    "cancel_operation",
    "check_new_snapshot",
    "clone_snapshot",
    "content_hash",
    "convert_snapshots",
    "count_documents",
    "create_snapshot",
    "delete_snapshot",
    "diagnose",
    "diff",
    "diff_sample",
    "edit_snapshot",
    "empty_trash",
    "export_events",
    "export_snapshot",
    "get_dataset_latest_changes_summary",
    "get_history",
    "get_operation",
    "get_snapshot_info",
    "import_snapshot",
    "is_head_equal",
    "label_history",
    "latest_changes_are_stale",
    "list_event_users",
    "list_events",
    "list_operations",
    "list_run_lineages",
    "list_snapshots",
    "list_trash",
    "load_snapshot",
    "locate",
    "mongodb_role",
    "pin_snapshot",
    "prune_snapshots",
    "recover",
    "reporting",
    "resolve_snapshot_uri",
    "restore_samples",
    "restore_snapshot",
    "revert_dataset_to_snapshot",
    "run_lineage",
    "sample_history",
    "search_snapshots",
    "snapshot_uri",
    "tag_snapshot",
    "unarchive_snapshot",
    "undo_revert",
    "unpin_snapshot",
    "untag_snapshot",
    "verify_all",
    "verify_audit_log",
    "verify_snapshot",
    "why_not",
]


@acting(Action.CREATE)
def create_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str,
    description: str | None = None,
    *,
    tags: str | Iterable[str] | None = None,
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
        tags (None): a tag or several, by which it can be found
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
    valid = names.validate_tags(tags)
    record = create.create(
        connection,
        dataset,
        snapshot_name,
        description,
        valid,
        trust_timestamps=trust_timestamps,
    )
    return status.public(connection, record)


@acting(Action.LIST)
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


@acting(Action.LIST)
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


@acting(Action.LOAD)
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


@acting(Action.CLONE)
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


@acting(Action.EDIT)
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


@acting(Action.TAG)
def tag_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str, tags: str | Iterable[str]
) -> DatasetSnapshot:
    """Adds tags to a snapshot, unless it has them already.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        tags: a tag or several

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if there is no such dataset or snapshot, or a tag cannot be used
    """
    connection, dataset = _use(dataset_name)
    valid = names.validate_tags(tags)
    record = edit.edit(connection, dataset, snapshot_name, add_tags=valid)
    return status.public(connection, record)


@acting(Action.TAG)
def untag_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str, tags: str | Iterable[str]
) -> DatasetSnapshot:
    """Removes tags from a snapshot, if it has them.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        tags: a tag or several

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if there is no such dataset or snapshot, or a tag cannot be used
    """
    connection, dataset = _use(dataset_name)
    valid = names.validate_tags(tags)
    record = edit.edit(connection, dataset, snapshot_name, remove_tags=valid)
    return status.public(connection, record)


@acting(Action.DELETE)
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


@acting(Action.ARCHIVE)
def archive_snapshot(dataset_name: str | fod.Dataset, snapshot_name: str) -> None:
    """Moves a snapshot from the database to ``FIFTYONE_SNAPSHOTS_ARCHIVE_PATH``.

    It stays listed and can be compared, but not opened, by nobody, also not by those who have it
    open now; :func:`unarchive_snapshot` brings it back. It no longer counts against the limits.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Raises:
        ValueError: if there is no such dataset or snapshot, or archives are turned off
        ArchiveStorageError: if the archive could not be written; the snapshot is as before
    """
    connection, dataset = _use(dataset_name)
    archive.archive(connection, dataset, snapshot_name)


def archives_are_on() -> bool:
    """Tells whether there is a place for archives; see :func:`archive_snapshot`.

    Returns:
        True/False
    """
    return Settings.load().archive_path is not None


@acting(Action.UNARCHIVE)
def unarchive_snapshot(dataset_name: str | fod.Dataset, snapshot_name: str) -> None:
    """Brings an archived snapshot back into the database.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Raises:
        ValueError: if there is no such dataset or snapshot
        LimitExceededError: if there are as many snapshots as are allowed
        DamagedSnapshotError: if the archive is gone, or not what was captured
        ArchiveStorageError: if the archive is out of reach
    """
    connection, dataset = _use(dataset_name)
    unarchive.unarchive(connection, dataset, snapshot_name)


@acting(Action.EXPORT)
def export_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str, path: str | os.PathLike[str]
) -> Path:
    """Writes a snapshot to a file, which :func:`import_snapshot` takes in on any server.

    Archived snapshots can be exported as well. Media files are not in it.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        path: a file that does not exist yet, such as ``digits-v1.tar``

    Returns:
        the file

    Raises:
        ValueError: if there is no such dataset or snapshot, or the file exists
        ArchiveStorageError: if the file could not be written
    """
    connection, dataset = _use(dataset_name)
    return export.export(connection, dataset, snapshot_name, Path(path))


@acting(Action.IMPORT, each=True)
def import_snapshot(
    path: str | os.PathLike[str], dataset_name: str | None = None
) -> DatasetSnapshot:
    """Takes in a snapshot that :func:`export_snapshot` wrote, once all of it was checked.

    If its dataset is on this server it becomes a snapshot of that, at its place in the history.
    Else a new dataset is made, which is what the snapshot is.

    Args:
        path: the file
        dataset_name (None): a name for a new dataset; by default, the name that it had

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if the file is no archive, the snapshot is here already, or a name is taken
        DamagedSnapshotError: if the file is damaged
        LimitExceededError: if there are as many snapshots as are allowed
    """
    connection = database.connect()
    maintenance.purge_deleted_datasets(connection)
    enter(Action.IMPORT, import_.destination(connection, Path(path), dataset_name))
    return import_.import_(connection, Path(path), dataset_name).public()


@acting(Action.PIN)
def pin_snapshot(dataset_name: str | fod.Dataset, snapshot_name: str) -> DatasetSnapshot:
    """Keeps a snapshot from automatic archival, from pruning, and from expiring in the trash.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    return pin.pin(connection, dataset, snapshot_name, pinned=True).public()


@acting(Action.UNPIN)
def unpin_snapshot(dataset_name: str | fod.Dataset, snapshot_name: str) -> DatasetSnapshot:
    """Takes back :func:`pin_snapshot`.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    return pin.pin(connection, dataset, snapshot_name, pinned=False).public()


@acting(Action.PRUNE, dry_run=Action.LIST)
def prune_snapshots(
    dataset_name: str | fod.Dataset,
    keep_last: int | None = None,
    keep_daily: int | None = None,
    keep_weekly: int | None = None,
    older_than: timedelta | None = None,
    dry_run: bool = True,
) -> PruneResult:
    """Deletes the snapshots that no rule keeps, or only tells which those are.

    The newest snapshot and pinned ones are always kept. What is deleted goes to the trash, as
    with :func:`delete_snapshot`.

    Args:
        dataset_name: the name of the dataset
        keep_last (None): keep so many newest snapshots
        keep_daily (None): keep the newest snapshot of each of the last so many days that have any
        keep_weekly (None): keep the newest snapshot of each of the last so many weeks that have
            any
        older_than (None): keep all snapshots that are not older than this
        dry_run (True): whether to only tell what would be deleted

    Returns:
        a :class:`PruneResult`

    Raises:
        ValueError: if there is no such dataset, or no rule is given
    """
    connection, dataset = _use(dataset_name)
    rules = prune.Rules(keep_last, keep_daily, keep_weekly, older_than)
    return prune.prune(connection, dataset, rules, dry_run)


@acting(Action.RESTORE)
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


@acting(Action.REVERT, dry_run=Action.DIFF)
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


@acting(Action.UNDO_REVERT)
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


@acting(Action.RESTORE_SAMPLES)
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


@acting(Action.VERIFY)
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


@acting(Action.VERIFY)
def verify_all(media: bool = False, progress: Progress = silent) -> list[VerifyReport]:
    """Proves that every snapshot of every dataset still is what was captured.

    Args:
        media (False): whether to look for the media files as well
        progress (silent): called with the fraction that is done and what is being done

    Returns:
        a list of :class:`VerifyReport`
    """
    return list(verify.verify_all(database.connect(), media, progress))


@acting(Action.SEARCH, each=True)
def search_snapshots(
    text: str | None = None,
    created_by: str | None = None,
    since: date | None = None,
    until: date | None = None,
    tags: str | Iterable[str] | None = None,
    contains_sample: str | fos.Sample | None = None,
    field: str | None = None,
    label: str | None = None,
) -> list[FoundSnapshot]:
    """Finds snapshots of all datasets; those that fit everything that is given.

    Args:
        text (None): what the name, the description, a tag or the dataset's name contains, in any
            case and language
        created_by (None): who created it
        since (None): a ``datetime``, or a ``date`` from whose beginning (UTC) on it was created
        until (None): a ``datetime`` before which it was created, or a ``date``, the last day (UTC)
            on which it was
        tags (None): a tag that it has, or several, all of which it has
        contains_sample (None): a sample that it contains, or the sample's id
        field (None): the path of a field that its schema has, such as ``ground_truth`` or
            ``frames.objects``
        label (None): the class of a label that it contains, in any field. The first time that a
            snapshot is asked for labels all its documents are read

    Returns:
        a list of :class:`FoundSnapshot`, newest first

    Raises:
        ValueError: if something else is given than is described here
    """
    query = SnapshotQuery(
        text=text or "",
        created_by=created_by,
        since=since,
        until=until,
        tags=names.validate_tags(tags),
        sample_id=None if contains_sample is None else selection.id_of(contains_sample),
        field=field,
        label=label,
    )
    found = search.search(database.connect(), query)
    return [snapshot for snapshot in found if allows(Action.SEARCH, snapshot.dataset_name)]


@acting(Action.DIFF)
def is_head_equal(dataset_name: str | fod.Dataset, snapshot_name: str) -> bool:
    """Tells whether a dataset has the content that a snapshot captured, exactly.

    The content is that of all samples and frames; what FiftyOne keeps for itself, such as
    ``last_modified_at``, is none of it. The schema counts as far as there are values: a new field
    that is empty everywhere makes no difference. Saved views, workspaces, runs and what the
    dataset says of itself do not count; :func:`diff` compares them as well.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        True/False

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    record = Catalog(connection).get(dataset.id, snapshot_name, dataset.name)
    return equality.is_head_equal(connection, record)


@acting(Action.LIST)
def content_hash(dataset_name: str | fod.Dataset, snapshot_name: str | None = None) -> str:
    """Returns one hash of the content of a version: of all samples and frames.

    Versions with the same hash have the same content, as :func:`is_head_equal` understands it. A
    revert brings the hash back. It may change without the content when FiftyOne rewrites
    documents, for instance when a dataset is cloned; a mere touch does not change it.

    Args:
        dataset_name: the name of the dataset
        snapshot_name (None): the name of a snapshot; by default, the dataset as it is now, all of
            which is read

    Returns:
        a string such as ``sha256:...``

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    version: Version = HeadVersion(Head(connection, dataset.id))
    if snapshot_name is not None:
        record = Catalog(connection).get(dataset.id, snapshot_name, dataset.name)
        version = SnapshotVersion(connection, record)
    return equality.content_hash(version)


@acting(Action.LIST)
def snapshot_uri(dataset_name: str | fod.Dataset, snapshot_name: str) -> str:
    """Returns an address for a snapshot, to be noted where it was used, as in a training run.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        ``fiftyone-snapshots://<dataset id>/<snapshot id>?dataset=..&snapshot=..#<content hash>``,
        which :func:`resolve_snapshot_uri` understands even if both were renamed since

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = _use(dataset_name)
    record = Catalog(connection).get(dataset.id, snapshot_name, dataset.name)
    return uri.uri(connection, dataset, record)


@acting(Action.LIST, each=True)
def resolve_snapshot_uri(address: str) -> Location:
    """Finds the snapshot with an address, and checks that it has the content named there.

    Args:
        address: what :func:`snapshot_uri` returned

    Returns:
        a :class:`Location`: the names that dataset and snapshot have now

    Raises:
        ValueError: if it is no such address, or there is no such dataset or snapshot
        DamagedSnapshotError: if the snapshot has another content
    """
    connection = database.connect()
    maintenance.purge_deleted_datasets(connection)
    location = uri.resolve(connection, address)
    require(Action.LIST, location.dataset.name)
    return location


@acting(Action.LIST)
def run_lineage(
    dataset_name: str | fod.Dataset, key: str, kind: RunKind | str | None = None
) -> RunLineage | None:
    """Tells what was the latest snapshot when a run was computed, and if the dataset was like it.

    Args:
        dataset_name: the name of the dataset
        key: the key of an annotation, brain, evaluation or custom run
        kind (None): ``annotation``, ``brain``, ``evaluation`` or ``custom``, if the dataset has
            runs of several kinds with that key

    Returns:
        a :class:`RunLineage`, or None if there was no snapshot then, or this package was not there

    Raises:
        ValueError: if there is no such dataset or run, or there are several
    """
    connection, dataset = _use(dataset_name)
    return lineage.of_run(connection, dataset, key, kind)


@acting(Action.LIST)
def list_run_lineages(dataset_name: str | fod.Dataset) -> list[RunLineage]:
    """Lists on which snapshots the runs of a dataset were computed, as far as that is known.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of :class:`RunLineage`, in the order in which the runs were computed

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _use(dataset_name)
    return lineage.of_runs(connection, dataset)


@acting(Action.LIST, each=True)
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
        connection = database.connect()
        items = trash.items(connection)
        owners = {item.dataset_id for item in items}
        names = {owner: current_name(connection, ObjectId(owner)) for owner in owners}
        return [item for item in items if allows(Action.LIST, names[item.dataset_id])]
    connection, dataset = _use(dataset_name)
    return trash.items(connection, dataset.id)


@acting(Action.EMPTY_TRASH)
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


@acting(Action.LIST)
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


@acting(Action.CALCULATE)
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


@acting(Action.DIFF)
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


@acting(Action.DIFF)
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


@acting(Action.DIFF)
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


@acting(Action.DIFF)
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


@acting(Action.LIST)
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


@acting(Action.LIST)
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


@acting(Action.LIST)
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


@acting(Action.LIST)
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


@acting(Action.LIST)
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


@acting(Action.LIST)
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


@acting(Action.CANCEL)
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


@acting(Action.LIST)
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


def diagnose() -> Diagnosis:
    """Looks for what is wrong with the installation, the server and what is stored.

    Nothing is changed.

    Returns:
        a :class:`Diagnosis`, which can be printed and is true if nothing is wrong
    """
    return doctor.diagnose()


@acting(Action.CONVERT)
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


@acting(Action.RECOVER)
def recover() -> Recovered:
    """Mends what crashed processes left behind, in all datasets.

    Every operation does so for its own dataset before it begins; this is for maintenance scripts.

    Returns:
        what was done
    """
    return maintenance.recover(database.connect())


@acting(Action.READ_LOG, each=True)
def list_events(
    dataset_name: str | fod.Dataset | None = None,
    user: str | None = None,
    action: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    outcome: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[AuditEvent]:
    """Lists what was done, and what was refused or failed, from the audit log.

    Args:
        dataset_name (None): the name of a dataset, which may be deleted; by default, all datasets
            that one may see
        user (None): who did it
        action (None): what was done: a value of :class:`Action`, such as ``"revert"``
        since (None): the first moment
        until (None): the moment after the last one
        outcome (None): ``"done"``, ``"refused"`` or ``"failed"``
        limit (None): how many events at most
        offset (0): how many of the newest ones to leave out

    Returns:
        a list of :class:`AuditEvent`, newest first

    Raises:
        ValueError: if there is no such action or outcome
    """
    connection = database.connect()
    dataset_id, name = _owner_of_events(connection, dataset_name)
    query = reading.EventQuery(dataset_id, name, user, action, since, until, outcome)
    found = reading.events(connection, query)
    if dataset_name is None:
        found = (event for event in found if allows(Action.READ_LOG, event.dataset))
    return list(islice(found, offset, None if limit is None else offset + limit))


@acting(Action.READ_LOG)
def list_event_users(dataset_name: str | fod.Dataset) -> list[str]:
    """Lists who has done something with a dataset, from the audit log.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of names

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = _find(dataset_name)
    return reading.users(connection, dataset.id)


@acting(Action.EXPORT_LOG)
def export_events(path: str | Path) -> int:
    """Writes the whole audit log to a file, oldest event first.

    Args:
        path: a file to be made, ending in ``.jsonl`` (JSON lines) or ``.csv``

    Returns:
        the number of events

    Raises:
        ValueError: if its suffix is another one
    """
    return export_log(database.connect(), path)


@acting(Action.READ_LOG)
def verify_audit_log(head: str | None = None) -> AuditReport:
    """Proves that no event of the audit log was altered, removed or slipped in.

    Args:
        head (None): the ``head`` of an earlier report, kept where whoever may write to the
            database could not alter it; without one, it goes unnoticed if somebody writes a whole
            new log

    Returns:
        an :class:`AuditReport`, true if nothing is wrong, that else names the first bad event

    Raises:
        ValueError: if ``head`` is not the head of a report
    """
    return proof.verify(database.connect(), head)


@acting(Action.LIST)
def mongodb_role(name: str) -> dict[str, Any]:
    """Returns the MongoDB command that makes a role for those who may not write snapshots.

    Whoever has it may edit the datasets that there are now and load their snapshots. Run it as
    ``updateRole`` when datasets were added; see docs/permissions.md.

    Args:
        name: the name of the role

    Returns:
        a ``createRole`` command
    """
    return mongodb.role(database.connect(), name)


def why_not(action: Action | str, dataset_name: str | fod.Dataset | None = None) -> str | None:
    """Tells why something would be refused to whoever asks, without trying.

    Args:
        action: what would be done: an :class:`Action`, or its value, such as ``"create"``
        dataset_name (None): the name of the dataset; by default, all datasets at once

    Returns:
        a sentence, or None if it is allowed
    """
    name = dataset_name.name if isinstance(dataset_name, fod.Dataset) else dataset_name
    return _why_not(Action.named(action), name)


def _owner_of_events(
    connection: Database[Document], dataset: str | fod.Dataset | None
) -> tuple[ObjectId | None, str | None]:
    """Returns the id of a dataset, or only its name if it is gone; neither for all datasets."""
    if dataset is None:
        return None, None
    try:
        return resolve(connection, dataset).id, None
    except DatasetNotFoundError:
        return None, dataset.name if isinstance(dataset, fod.Dataset) else dataset


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
