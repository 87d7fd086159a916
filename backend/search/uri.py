"""Naming a snapshot outside the database, such as in an experiment tracker."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode, urlsplit

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.reference import DatasetReference, current_name
from ..diff.version_hash import content_hash
from ..diff.versions import SnapshotVersion
from ..errors import (
    DamagedSnapshotError,
    DatasetNotFoundError,
    InvalidRequestError,
    SnapshotNotFoundError,
)
from ..mongo.database import Document
from .history import Location

SCHEME = "fiftyone-snapshots"


def uri(
    database: Database[Document],
    dataset: DatasetReference,
    record: SnapshotRecord,
    names: bool = True,
) -> str:
    """Returns the address of a snapshot.

    Dataset and snapshot are named by their ids, which they keep when they are renamed. Their names
    are there for people to read, and the hash so that nothing else can be taken for it.

    Args:
        database: the database
        dataset: the dataset
        record: the snapshot
        names (True): whether to put their names in; without them a version has one address for
            ever

    Returns:
        an address such as ``fiftyone-snapshots://<id>/<id>?dataset=...&snapshot=...#sha256:...``
    """
    query = urlencode({"dataset": dataset.name, "snapshot": record.name}) if names else ""
    content = content_hash(SnapshotVersion(database, record))
    return _address(dataset.id, record.id, content, query)


def resolve(database: Database[Document], address: str) -> Location:
    """Finds the snapshot with an address.

    Args:
        database: the database
        address: what :func:`uri` returned, at any time

    Returns:
        where the snapshot is, under the names that it and its dataset have now

    Raises:
        InvalidRequestError: if it is no such address
        DatasetNotFoundError: if this database has no such dataset
        SnapshotNotFoundError: if the dataset has no such snapshot any more
        DamagedSnapshotError: if the snapshot has another content
    """
    dataset_id, snapshot_id, content = _parse(address)
    name = current_name(database, dataset_id)
    if name is None:
        raise DatasetNotFoundError(f"The dataset of {address!r} is not in this database")
    record = Catalog(database).by_id(snapshot_id)
    if record is None or record.dataset_id != dataset_id or not record.is_complete:
        in_trash = record is not None and not record.is_live
        raise SnapshotNotFoundError(
            f"The snapshot {address!r} of dataset '{name}' "
            + ("is in the trash: see restore_snapshot()" if in_trash else "does not exist")
        )
    if content and content != content_hash(SnapshotVersion(database, record)):
        raise DamagedSnapshotError(
            f"Snapshot '{record.name}' of dataset '{name}' has another content than {address!r}; "
            "see verify_snapshot()"
        )
    return Location(DatasetReference(dataset_id, name), record.name)


def content_of(address: str) -> str:
    """Returns the hash of content that an address names; empty if it names none.

    Args:
        address: what :func:`uri` returned

    Returns:
        the hash, with the name of its algorithm in front

    Raises:
        InvalidRequestError: if it is no such address
    """
    return _parse(address)[2]


def without_names(address: str) -> str:
    """Returns the address of a snapshot as it is for ever.

    Args:
        address: what :func:`uri` returned, with names or without

    Returns:
        the address without names

    Raises:
        InvalidRequestError: if it is no such address
    """
    dataset_id, snapshot_id, content = _parse(address)
    return _address(dataset_id, snapshot_id, content)


def _address(dataset_id: ObjectId, snapshot_id: ObjectId, content: str, query: str = "") -> str:
    address = urlsplit(f"{SCHEME}://{dataset_id}/{snapshot_id}")
    return address._replace(query=query, fragment=content).geturl()


def _parse(address: str) -> tuple[ObjectId, ObjectId, str]:
    if isinstance(address, str):
        # Python takes some brackets in it for those of a network's address, and fails
        with suppress(ValueError):
            parts = urlsplit(address)
            ids = (parts.netloc, parts.path.strip("/"))
            if parts.scheme == SCHEME and all(map(ObjectId.is_valid, ids)):
                return ObjectId(ids[0]), ObjectId(ids[1]), parts.fragment
    raise InvalidRequestError(
        f"Not the address of a snapshot: {address!r}. It must begin with {SCHEME}://, as "
        "snapshot_uri() returns it."
    )
