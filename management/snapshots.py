"""Snapshots: creating, opening, describing and deleting them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

import fiftyone.core.dataset as fod
from pymongo.database import Database
from pymongo.errors import PyMongoError

from ..backend import maintenance
from ..backend.access import Action
from ..backend.catalog import names
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot
from ..backend.config import MediaLevel, Settings
from ..backend.dataset.reference import DatasetReference
from ..backend.errors import InvalidRequestError, SnapshotError
from ..backend.media import capture, kept, later
from ..backend.mongo.database import Document
from ..backend.operations.reporting import reporter
from ..backend.snapshots import create, delete, edit, info, load
from .authorize import acting
from .datasets import change, find, name_of, read

logger = logging.getLogger(__name__)


@acting(Action.CREATE)
def create_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str,
    description: str | None = None,
    *,
    tags: str | Iterable[str] | None = None,
    trust_timestamps: bool = False,
    media: str | None = None,
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
        media (None): what to find out of the media files once the snapshot is there, as
            :func:`capture_media` does: ``"stat"``, ``"remote"``, ``"hash"``, ``"copy"``, or
            ``"none"``; by default, as ``FIFTYONE_SNAPSHOTS_MEDIA`` says, or else ``"stat"`` in
            the background, for which :func:`wait_for_media` waits

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if there is no such dataset, it cannot be versioned, or the name is invalid
            or taken
        LimitExceededError: if there are as many snapshots as are allowed
        ConcurrentWritesError: if the dataset is being written to all the time
    """
    connection, dataset = change(dataset_name)
    valid = names.validate_tags(tags)
    level = Settings.load().media if media is None else MediaLevel.named(media)
    if media is not None and level is MediaLevel.COPY:
        # Before the snapshot is there: who asks for copies has forgotten to say where
        kept.configured()
    snapshot = create.create(
        connection,
        dataset,
        snapshot_name,
        description,
        valid,
        trust_timestamps=trust_timestamps,
    )
    if media is None and level is MediaLevel.STAT:
        later.look_later(connection, dataset, snapshot)
    elif level is not MediaLevel.NONE:
        _capture_media(connection, dataset, snapshot.name, level)
    return snapshot


def _capture_media(
    connection: Database[Document], dataset: DatasetReference, name: str, level: MediaLevel
) -> None:
    """Captures the media of a snapshot that was just created, which is there whatever comes."""
    try:
        capture.capture(connection, dataset, name, level, reporter())
    except (SnapshotError, PyMongoError) as error:
        logger.warning(
            "Snapshot '%s' was created, but its media were not captured: %s. "
            "capture_media() captures them.",
            name,
            error,
        )


@acting(Action.LIST)
def list_snapshots(dataset_name: str | fod.Dataset, *, safety: bool = False) -> list[str]:
    """Lists the snapshots of a dataset.

    Args:
        dataset_name: the name of the dataset
        safety (False): whether to list safety snapshots as well, which are made before and after
            operations that can be undone

    Returns:
        a list of names, in order of creation

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = read(dataset_name)
    return [record.name for record in Catalog(connection).list(dataset.id, safety=safety)]


@acting(Action.LIST)
def get_snapshot_info(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
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
    connection, dataset = find(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    mend = partial(maintenance.mend, connection, dataset.id)
    return info.find(connection, dataset.id, name, mend)


@acting(Action.LOAD)
def load_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
) -> fod.Dataset:
    """Loads a snapshot as a read-only dataset, as ``fo.load_dataset(dataset, snapshot=...)`` does.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        a :class:`fiftyone.core.dataset.Dataset`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = find(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    return load.load(connection, dataset, name, partial(maintenance.mend, connection, dataset.id))


@acting(Action.CLONE)
def clone_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot, new_dataset_name: str
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
    try:
        return snapshot.clone(new_dataset_name, persistent=True)
    except ValueError as error:
        # What FiftyOne says of a name that is taken
        raise InvalidRequestError(str(error)) from error


@acting(Action.EDIT)
def edit_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
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
    connection, dataset = change(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    return edit.edit(connection, dataset, name, new_name, description)


@acting(Action.TAG)
def tag_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    tags: str | Iterable[str],
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
    connection, dataset = change(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    valid = names.validate_tags(tags)
    return edit.edit(connection, dataset, name, add_tags=valid)


@acting(Action.TAG)
def untag_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    tags: str | Iterable[str],
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
    connection, dataset = change(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    valid = names.validate_tags(tags)
    return edit.edit(connection, dataset, name, remove_tags=valid)


@acting(Action.DELETE)
def delete_snapshot(dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot) -> None:
    """Deletes a snapshot.

    It can be brought back with :func:`restore_snapshot` for ``FIFTYONE_SNAPSHOTS_TRASH_DAYS``. If
    it is not the latest one, the summary of the snapshot after it is calculated anew. The base of
    a branch is not deleted.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = change(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    delete.delete(connection, dataset, name)


@acting(Action.RESTORE)
def restore_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
) -> DatasetSnapshot:
    """Brings a deleted snapshot back from the trash.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name that the snapshot had

    Returns:
        a :class:`DatasetSnapshot`

    Raises:
        ValueError: if the trash holds no such snapshot, or the name was given to another one
    """
    # Not to change it: what has expired goes then, and may be what is wanted back
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    return info.public(connection, delete.restore(connection, dataset, name))


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
    connection, dataset = find(dataset_name)
    return create.check(connection, dataset, snapshot_name)
