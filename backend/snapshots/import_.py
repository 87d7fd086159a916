"""Taking a snapshot in from a file, into its dataset or as the beginning of one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import fiftyone.core.dataset as fod
from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..archive import origin
from ..archive.check import malformed_is_damaged
from ..archive.folder import FolderStore, absolute
from ..archive.format import Header
from ..archive.read import Reader
from ..catalog import names
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord, SnapshotState
from ..config import Settings
from ..dataset.parts import (
    Part,
    State,
)
from ..dataset.reference import DatasetReference, current_name
from ..diff import latest_changes
from ..errors import DuplicateNameError, InvalidRequestError
from ..manifest import store as manifest_store
from ..media import carried
from ..media import store as media_store
from ..media.moved import NOTHING, MovedMedia
from ..mongo.database import Document, server_time
from ..operations.journal import Operation, operation, recovers
from ..projection import indexes
from ..storage import registry
from . import arriving, delete, new_dataset, quota, staging
from .incoming import Incoming


def import_(
    database: Database[Document],
    path: Path,
    dataset_name: str | None = None,
    moved: MovedMedia = NOTHING,
) -> SnapshotRecord:
    """Takes a snapshot in from a file.

    If its dataset is here, by id, it becomes a snapshot of that. Else a dataset is made that is
    what the snapshot is, with the same id, so that other snapshots of it can follow.

    Args:
        database: the database
        path: a file that was exported, or an archive
        dataset_name (None): a name for a new dataset; by default, the one that it had
        moved: where its media files are, which came along

    Returns:
        the snapshot

    Raises:
        NotAnArchiveError: if the file is something else
        DamagedArchiveError: if the file is damaged; nothing was changed then
        InvalidRequestError: if the snapshot is here already, or its dataset under another name
        DuplicateNameError: if the name of the snapshot or of the new dataset is taken
        LimitExceededError: if there are as many snapshots as are allowed
    """
    incoming = Incoming(_open(path), "Importing", moved=moved)
    return take_in(database, incoming, dataset_name)


def take_in(
    database: Database[Document], incoming: Incoming, dataset_name: str | None = None
) -> SnapshotRecord:
    """Takes a snapshot in that comes from elsewhere, as :func:`import_` does from a file.

    Args:
        database: the database
        incoming: the snapshot, of which no piece was read yet
        dataset_name (None): a name for a new dataset; by default, the one that it had

    Returns:
        the snapshot

    Raises:
        DamagedSnapshotError: if it is damaged; nothing was changed then
        InvalidRequestError: if the snapshot is here already, or its dataset under another name
        DuplicateNameError: if the name of the snapshot or of the new dataset is taken
        LimitExceededError: if there are as many snapshots as are allowed
    """
    header, source = incoming.stream.header, incoming.stream.source
    dataset = _check(database, header, dataset_name)
    while True:
        quota.make(database, dataset)
        with (
            suppress(quota.RoomTakenError),
            operation(database, dataset.id, Action.IMPORT, snapshot_name=header.name) as running,
        ):
            dataset = _check(database, header, dataset_name)
            quota.check(database, dataset)
            is_new = current_name(database, dataset.id) is None
            record = _reserve(running, incoming, dataset, is_new)
            captured = origin.lasting_indexes(header.indexes)
            # This reads all of it: what is damaged ends here
            arrived = arriving.stage(running, incoming, record)
            lacking = origin.check_documents(database, arrived.staged, dataset.id, source)
            running.step("staged")
            with malformed_is_damaged(source):
                if not is_new:
                    _check_indexes(arrived.staged, arriving.unproved(database, arrived, captured))
                document = None
                if is_new:
                    document = new_dataset.fill(running, arrived.staged, captured, lacking)
                storage = arriving.ingest(database, record, arrived, captured)
            record = replace(record, storage=storage)
            running.step("adopted")
            arriving.save_manifests(database, record, arrived)
            with malformed_is_damaged(source):
                arriving.check_unique(database, record, arrived, captured)
            carried.take_in(running, record, header.media, source, incoming.moved)
            Catalog(database).update(record.id, storage=storage)
            backend = registry.create(record.backend, database)
            Catalog(database).update(record.id, size_bytes=backend.size_bytes(record))
            running.committing("prepared")
            if document is not None:
                new_dataset.insert(running, document)
                running.step("dataset_made")
            Catalog(database).complete(record.id)
            running.commit()
            _finish(running)
            return Catalog(database).by_id(record.id) or record


def destination(
    database: Database[Document], path: Path, dataset_name: str | None = None
) -> DatasetReference:
    """Finds the dataset that :func:`import_` would take a snapshot into, or that it would make.

    Whether it could, is not looked at: what is due may be in the way, and go before.

    Args:
        database: the database
        path: a file that was exported, or an archive
        dataset_name (None): a name for a new dataset; by default, the one that it had

    Returns:
        the dataset

    Raises:
        NotAnArchiveError: if the file is something else
        DamagedArchiveError: if the file is damaged already where it begins
        InvalidRequestError: if there is no such file
    """
    header = _open(path).header
    name = current_name(database, header.dataset_id) or dataset_name or header.dataset_name
    return DatasetReference(header.dataset_id, name)


def check(database: Database[Document], path: Path, dataset_name: str | None) -> bool:
    """Makes sure that a snapshot could be taken in, as far as the beginning of its file tells.

    Args:
        database: the database
        path: a file that was exported, or an archive
        dataset_name: a name for a new dataset; None for the one that it had

    Returns:
        whether a dataset would be made of it

    Raises:
        SnapshotError: as :func:`import_` does
    """
    reader = _open(path)
    reader.close()
    return current_name(database, _check(database, reader.header, dataset_name).id) is None


def _check_indexes(staged: State, captured: Mapping[Part, list[Document]]) -> None:
    """Has the server build the indexes, as loading the snapshot and reverting to it will."""
    for part, found in captured.items():
        if part in staged and (models := indexes.models(found)):
            staged[part].collection.create_indexes(models)
            # What it is stored as has indexes of its own
            staged[part].collection.drop_indexes()


def _open(path: Path) -> Reader:
    path = absolute(path)
    if not path.is_file():
        raise InvalidRequestError(f"There is no file '{path}'")
    return Reader(FolderStore(str(path.parent)).read(path.name), str(path))


def _check(
    database: Database[Document], header: Header, dataset_name: str | None
) -> DatasetReference:
    """Finds the dataset that the snapshot will belong to, and whether that can be."""
    names.validate(header.name, reserved=False)
    names.validate_tags(header.tags)
    catalog = Catalog(database)
    here = catalog.by_id(header.snapshot_id)
    if here is not None:
        place = "" if here.is_live else " in the trash, from where restore_snapshot() brings it"
        hint = ""
        if here.is_live and dataset_name is not None:
            name = current_name(database, here.dataset_id)
            hint = (
                f". To make a dataset of it, use clone_snapshot('{name}', '{here.name}', "
                f"'{dataset_name}')"
            )
        raise InvalidRequestError(f"The snapshot is here already: '{here.name}'{place}{hint}")
    origin.check_ids(database, header)
    name = current_name(database, header.dataset_id)
    if name is not None:
        if dataset_name not in (None, name):
            raise InvalidRequestError(
                f"The dataset of this snapshot is here, and is called '{name}': leave "
                "dataset_name out to import the snapshot into it, then make another dataset with "
                f"clone_snapshot('{name}', '{header.name}', '{dataset_name}')"
            )
        catalog.check_name(header.dataset_id, header.name)
        return DatasetReference(header.dataset_id, name)
    name = header.dataset_name if dataset_name is None else dataset_name
    try:
        fod._validate_dataset_name(name)
    except ValueError as error:
        raise DuplicateNameError(
            f"{error}. Choose another name for the dataset with dataset_name"
        ) from error
    return DatasetReference(header.dataset_id, name)


def _reserve(
    running: Operation, incoming: Incoming, dataset: DatasetReference, is_new: bool
) -> SnapshotRecord:
    """Adds the record of the snapshot, which takes its name."""
    header = incoming.stream.header
    catalog = Catalog(running.database)
    samples = f"samples.{ObjectId()}"
    running.note(
        snapshot_id=header.snapshot_id,
        backend=Settings.load().backend,
        dataset_name=dataset.name,
        head=samples if is_new else None,
    )
    record = SnapshotRecord(
        id=header.snapshot_id,
        dataset_id=header.dataset_id,
        name=header.name,
        slug=names.slug(header.name),
        description=header.description,
        sequence=catalog.make_place(header.dataset_id, header.created_at),
        state=SnapshotState.CREATING,
        backend=running.details["backend"],
        created_at=header.created_at,
        created_by=header.created_by,
        tags=header.tags,
        sample_count=header.sample_count,
        pinned=incoming.pinned,
        pulled=incoming.pulled,
        merged_from=incoming.merged_from,
        media_moved=bool(incoming.moved),
    )
    catalog.add(record)
    running.step("reserved")
    return record


@recovers(Action.IMPORT)
def _recover(running: Operation) -> None:
    """Finishes an import that can be seen; takes back everything else."""
    details, database = running.details, running.database
    if "snapshot_id" not in details:
        return
    catalog, snapshot_id = Catalog(database), details["snapshot_id"]
    record = catalog.by_id(snapshot_id)
    has_dataset = current_name(database, running.dataset_id) is not None
    is_made = details["head"] is not None and has_dataset
    if running.is_committed or (
        record is not None and (is_made or record.state is not SnapshotState.CREATING)
    ):
        catalog.complete(snapshot_id)
        running.commit()
        _finish(running)
        return
    # The record first: without it, a process that was thought dead cannot complete the snapshot
    catalog.remove([snapshot_id])
    running.step("unreserved")
    staging.drop(running)
    if details["head"] is not None and not has_dataset:
        new_dataset.remove(running)
    registry.create(details["backend"], database).discard(snapshot_id)
    running.step("discarded")
    manifest_store.delete(database, snapshot_id)
    media_store.delete(database, snapshot_id, running.dataset_id)


def _finish(running: Operation) -> None:
    """Brings the summaries up to date."""
    database = running.database
    catalog = Catalog(database)
    record = catalog.by_id(running.details["snapshot_id"])
    if record is None:
        return
    staging.drop(running)
    delete.summarize_revived(database, record)
    if running.details["head"] is not None:
        latest_changes.note_none(database, record, server_time(database))
    elif (latest := catalog.latest(record.dataset_id)) is not None and latest.id == record.id:
        # What was known is about the snapshot before
        catalog.set_dataset_facts(record.dataset_id, latest_changes=None)
