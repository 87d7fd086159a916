"""Media files: what they were when a version was made, and what became of them."""

from __future__ import annotations

import fiftyone.core.dataset as fod

from ..backend.access import Action
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot
from ..backend.config import MediaLevel
from ..backend.errors import InvalidRequestError
from ..backend.media import capture, store
from ..backend.media.captured import CapturedMedia
from ..backend.operations.reporting import reporter
from .authorize import acting
from .datasets import change, find, name_of


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
            written to; or ``"hash"``, the SHA-256 of its content as well, for which files are read
            that were not read before

    Returns:
        a :class:`CapturedMedia`

    Raises:
        ValueError: if there is no such dataset, snapshot or level, or the snapshot is archived
    """
    wanted = MediaLevel.named(level)
    if wanted is MediaLevel.NONE:
        raise InvalidRequestError("level must be 'stat' or 'hash': 'none' captures nothing")
    connection, dataset = change(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    found = capture.capture(connection, dataset, name, wanted, reporter())
    return CapturedMedia.of(dataset.name, name, found)


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
