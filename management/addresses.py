"""Opening versions by what was noted of them elsewhere: addresses, and files that hold them."""

from __future__ import annotations

from pathlib import Path

import fiftyone.core.dataset as fod

from ..backend.access import Action
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot, SnapshotRecord
from ..backend.dataset.reference import DatasetReference
from ..backend.errors import NotALockError
from ..backend.mongo import database
from ..backend.search import lock_file, uri
from ..backend.search.lock_file import SnapshotLock
from .archives import unarchive_snapshot
from .authorize import acting, enter
from .datasets import name_of, read
from .snapshots import load_snapshot


@acting(Action.LOAD, each=True)
def open_snapshot_uri(address: str) -> fod.Dataset:
    """Opens the snapshot with an address; an archived one is brought back first.

    Args:
        address: what :func:`snapshot_uri` returned

    Returns:
        the snapshot, as a read-only :class:`fiftyone.core.dataset.Dataset`

    Raises:
        ValueError: if it is no such address, or there is no such dataset or snapshot
        DamagedSnapshotError: if the snapshot has another content, or its archive is gone
    """
    return _open(*_found(address))


@acting(Action.LIST)
def lock_snapshot(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot, names: bool = True
) -> SnapshotLock:
    """Names a version for a file, so that what keeps files, such as git and DVC, knows it.

    Its :meth:`SnapshotLock.to_text` is what belongs into the file: the same, byte by byte, for as
    long as the version is. :func:`checkout` opens it.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        names (True): whether to put their names in, for people to read. Without them the file
            stays the same when they are renamed

    Returns:
        a :class:`SnapshotLock`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    record = Catalog(connection).get(dataset.id, name, dataset.name)
    address = uri.uri(connection, dataset, record, names=False)
    return SnapshotLock(
        format=lock_file.FORMAT,
        uri=address,
        content=uri.content_of(address),
        sample_count=record.sample_count,
        dataset_name=dataset.name if names else None,
        snapshot_name=record.name if names else None,
    )


@acting(Action.LOAD, each=True)
def checkout(path: str | Path) -> fod.Dataset:
    """Opens the snapshot that a lock names, if it still is what was locked.

    An archived snapshot is brought back first.

    Args:
        path: a file with what :func:`lock_snapshot` has made

    Returns:
        the snapshot, as a read-only :class:`fiftyone.core.dataset.Dataset`

    Raises:
        NotALockError: if the file is no lock, or contradicts itself or the snapshot
        SnapshotNotFoundError: if the snapshot is gone; DatasetNotFoundError, if its dataset is
        DamagedSnapshotError: if the snapshot has another content, or its archive is gone
        NewerFormatError: if a newer version of this package has written the file
    """
    lock = lock_file.read(Path(path))
    dataset, record = _found(lock.uri)
    if record.sample_count != lock.sample_count:
        raise NotALockError(
            f"'{path}' contradicts the snapshot that it names: {record.sample_count} samples are "
            f"in that, and it says {lock.sample_count}"
        )
    return _open(dataset, record)


def _found(address: str) -> tuple[DatasetReference, SnapshotRecord]:
    """Finds the snapshot with an address, for whoever may load it."""
    connection = database.connect()
    location = uri.resolve(connection, address)
    enter(Action.LOAD, location.dataset)
    assert location.snapshot is not None
    return location.dataset, Catalog(connection).get(
        location.dataset.id, location.snapshot, location.dataset.name
    )


def _open(dataset: DatasetReference, record: SnapshotRecord) -> fod.Dataset:
    """Opens a snapshot; an archived one is brought back first."""
    if record.archive is not None:
        unarchive_snapshot(dataset.name, record.name)
    return load_snapshot(dataset.name, record.name)
