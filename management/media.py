"""Media files: what they were when a version was made, and what became of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import fiftyone.core.dataset as fod

from ..backend.access import Action
from ..backend.access.arguments import checked
from ..backend.archive.folder import absolute
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot
from ..backend.config import MediaLevel
from ..backend.dataset import selection
from ..backend.errors import InvalidArgumentError, InvalidRequestError
from ..backend.media import bringing_back, capture, collecting, later, references, store
from ..backend.media.bringing_back import RestoredMedia
from ..backend.media.captured import CapturedMedia
from ..backend.media.collecting import CollectedMedia
from ..backend.mongo import database
from ..backend.operations.reporting import reporter
from ..backend.undo.record import UndoableOperation
from . import repointing
from .authorize import acting
from .block import Undoable
from .datasets import change, find, name_of, read


@acting(Action.CAPTURE_MEDIA)
def capture_media(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    level: str = "stat",
) -> CapturedMedia:
    """Notes what the media files of a snapshot are now, to tell later what became of them.

    These are all files that its documents name: the media of samples, of all slices of groups and
    of frames, media fields of the App, masks and maps of labels, and what 3D scenes are made of.
    Others may go on working on the dataset meanwhile. A file that is not there, or may not be
    looked at, is noted as such. What was captured before is replaced.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot, which is not archived
        level ("stat"): what to find out of each file: ``"stat"``, its size and when it was last
            written to; ``"remote"``, of files in object stores their size, etag and version as
            well; ``"hash"``, the SHA-256 of its content as well, for which files are read
            that were not read before; or ``"copy"``, its content as well, which is copied to the
            folder ``FIFTYONE_SNAPSHOTS_MEDIA_STORE`` unless it is there, also from other systems

    Returns:
        a :class:`CapturedMedia`

    Raises:
        ValueError: if there is no such dataset, snapshot or level, or the snapshot is archived
    """
    wanted = MediaLevel.named(level)
    if wanted is MediaLevel.NONE:
        raise InvalidRequestError(
            "level must be 'stat', 'remote', 'hash' or 'copy': 'none' captures nothing"
        )
    connection, dataset = change(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    found = capture.capture(connection, dataset, name, wanted, reporter())
    return CapturedMedia.of(dataset.name, name, found)


@checked
def wait_for_media(timeout: float | None = None) -> bool:
    """Waits until this process has looked at the media files of the snapshots that it has created.

    It does so in the background. What is waited for may have come to nothing, such as for a
    snapshot that was deleted meanwhile: :func:`get_captured_media` tells what was found.

    Args:
        timeout (None): for how many seconds at most; by default, for as long as it takes

    Returns:
        whether nothing is left to be looked at
    """
    if timeout is not None and not 0 <= timeout <= threading.TIMEOUT_MAX:
        raise InvalidArgumentError(f"timeout must be a number of seconds, not {timeout}")
    return later.wait(timeout)


@acting(Action.LIST)
def get_captured_media(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
) -> CapturedMedia | None:
    """Returns what was captured of the media of a snapshot, in numbers.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        a :class:`CapturedMedia`, or None if nothing was captured

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = find(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    record = Catalog(connection).get(dataset.id, name, dataset.name)
    found = store.find(connection, record.id)
    return None if found is None else CapturedMedia.of(dataset.name, name, found)


@acting(Action.RESTORE_MEDIA)
def restore_media(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    view_or_ids: Any = None,
    *,
    to: str | os.PathLike[str],
) -> RestoredMedia:
    """Puts the media files of a snapshot into a folder, with the content that they had.

    They come from the copies that :func:`capture_media` has made, from where they are, if a hash
    shows that they still are what they were, or from another system that has kept what they were,
    such as DVC or a store with versions. Nothing is overwritten: a file that is there
    with another content stays, and the one of the snapshot goes beside it, under a name that ends
    in its hash. The dataset goes on referring to the files that it refers to;
    :func:`repoint_media` makes it refer to these.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot, of whose media hashes or versions were captured
        view_or_ids (None): a sample or its id, several, or a view; by default, all samples
        to: the folder, which is made if it is not there

    Returns:
        a :class:`RestoredMedia`, which is true if all files could be brought back

    Raises:
        ValueError: if there is no such dataset or snapshot, or no hashes or versions were captured
        ArchiveStorageError: if the folder cannot be written to
    """
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    record = Catalog(connection).get(dataset.id, name, dataset.name)
    samples = None
    if view_or_ids is not None:
        samples, _ = selection.sample_ids(connection, dataset, view_or_ids)
    folder = absolute(Path(to))
    return bringing_back.bring_back(connection, dataset.name, record, samples, folder, reporter())


@acting(Action.REPOINT_MEDIA)
def repoint_media(
    dataset_name: str | fod.Dataset, paths: RestoredMedia | Mapping[str, str]
) -> UndoableOperation | None:
    """Makes a dataset refer to other files, in all fields that name any.

    It is an operation of its own, which :func:`undo_operation` undoes.

    Args:
        dataset_name: the name of the dataset
        paths: what :func:`restore_media` has returned, or new paths by the ones that they replace

    Returns:
        the :class:`UndoableOperation`, or None if the dataset refers to none of these files

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = change(dataset_name)
    wanted = paths.paths if isinstance(paths, RestoredMedia) else paths
    given: Iterable[Any] = wanted.values()
    for new in given:
        if not isinstance(new, str) or not (os.path.isabs(new) or "://" in new):  # noqa: PTH117
            raise InvalidArgumentError(
                f"paths must lead to absolute paths, not to {str(new)[:80]!r}"
            )
    document = connection["datasets"].find_one({"_id": dataset.id}) or {}
    loaded = fod.load_dataset(dataset.name)
    loaded.reload()
    with Undoable(dataset.name, "repoint media", None) as block:
        repointing.repoint(loaded, references.fields(document), wanted)
    return block.operation


@acting(Action.COLLECT_MEDIA, dry_run=Action.VERIFY)
def collect_media(*, dry_run: bool = True) -> CollectedMedia:
    """Removes copies of media that no snapshot refers to any more, of all datasets.

    Snapshots in the trash count, and copies of the last seven days are kept: a capture may be
    about to refer to them.

    Args:
        dry_run (True): whether to only tell how many they are

    Returns:
        a :class:`CollectedMedia`

    Raises:
        ValueError: if no store is set, or other databases use it
    """
    return collecting.collect(database.connect(), dry_run=dry_run)
