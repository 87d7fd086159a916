"""Archiving a snapshot: its documents leave the database for a file.

Nothing is dropped from the database before the file was read back and found to be what was
captured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pymongo.database import Database

from ..actions import Action
from ..archive import location
from ..archive.check import check
from ..archive.format import Header
from ..archive.read import Reader
from ..archive.store import Store
from ..archive.write import Writer
from ..catalog import deployment
from ..catalog.catalog import Catalog
from ..catalog.record import Archive, SnapshotRecord
from ..dataset.parts import Part
from ..dataset.reference import DatasetReference
from ..errors import LeaseLostError
from ..media import carried
from ..media.packing import Packed
from ..mongo import gate
from ..mongo.database import Document, server_time
from ..operations.journal import Operation, operation, recovers
from ..progress import Progress
from ..projection import project
from ..search import index as search_index
from ..storage import registry

_WRITING = 0.7
"""The part of the whole time that writing takes, for progress."""


def archive(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    wait_seconds: float | None = None,
    only_if: Callable[[SnapshotRecord], bool] | None = None,
) -> SnapshotRecord:
    """Moves a snapshot to the archive; nothing happens if it is there.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        wait_seconds (None): how long to wait for other operations on the dataset; by default, as
            the settings say
        only_if (None): asked once nobody else can change the snapshot; if not, nothing happens

    Returns:
        the snapshot

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        InvalidSettingError: if archives are turned off
        ArchiveStorageError: if the store is full, out of reach, or refuses
        DamagedSnapshotError: if the snapshot is not what was captured
    """
    catalog = Catalog(database)
    store = location.configured()
    catalog.get(dataset.id, name, dataset.name)
    with operation(
        database, dataset.id, Action.ARCHIVE, wait_seconds=wait_seconds, snapshot_name=name
    ) as running:
        record = catalog.get(dataset.id, name, dataset.name)
        if record.archive is not None or not (only_if is None or only_if(record)):
            return record
        key = f"{record.dataset_id}-{record.id}-{running.id}.tar"
        # Before anything is noted: a folder that is not there leaves nothing to be removed later
        store.exists(key)
        # They can be asked for when the documents are gone
        search_index.note(database, record)
        owner = deployment.note(database).id
        running.note(
            snapshot_id=record.id,
            location=store.location,
            key=key,
            backend=record.backend,
            owner=owner,
        )
        catalog.begin_move(record.id, running.id)
        running.step("noted")
        try:
            moved = write_checked(running, record, dataset.name, store, key)
            running.committing("checked")
            if not catalog.end_move(record.id, running.id, archive=moved, storage={}):
                raise LeaseLostError(f"Another process has undone the archiving of '{name}'")
        except LeaseLostError:
            # Whoever took over may have removed it before it was there. The gate is closed, and
            # this is no business of the lease's
            with gate.asking(None):
                location.remove(database, store.location, key, owner)
            raise
        running.commit()
        _finish(running)
    return catalog.by_id(record.id) or record


def write_checked(
    running: Operation,
    record: SnapshotRecord,
    dataset_name: str,
    store: Store,
    key: str,
    packed: Packed | None = None,
) -> Archive:
    """Writes an archive of a snapshot, and reads it back.

    Args:
        running: the operation, in whose journal the place is noted
        record: the snapshot, which may itself be archived
        dataset_name: the name of its dataset
        store: where to write it
        key: its name there
        packed (None): media files that go with it

    Returns:
        what was written

    Raises:
        ArchiveStorageError: if the store is full, out of reach, or refuses
        DamagedSnapshotError: if the snapshot is not what was captured
    """
    if record.archive is not None:
        other, its_key = location.find(record)
        chunks: Iterator[bytes] = other.read(its_key)
    else:
        backend = registry.create(record.backend, running.database)
        own = {
            part: found
            for part in (Part.SAMPLES, Part.FRAMES)
            if (found := backend.source(record, part)) is not None
        }
        indexes = {part: backend.indexes(record, part) for part in own}
        media = (
            packed.header if packed is not None else carried.to_header(running.database, record.id)
        )
        header = Header.of(record, dataset_name, indexes, media)
        documents = {**backend.related(record), **own}
        chunks = Writer(header, documents, _share(running.progress, 0, _WRITING)).chunks()
    if packed is not None:
        chunks = packed.after(chunks, _share(running.progress, 0, _WRITING))
    size = store.write(key, chunks)
    running.step("written")
    source = store.describe(key)
    reader = Reader(store.read(key), source)
    check(running.database, record.id, reader, source, _share(running.progress, _WRITING, 1))
    return Archive(
        store.location,
        key,
        size,
        reader.checksum,
        server_time(running.database),
        deployment.note(running.database).id,
    )


@recovers(Action.ARCHIVE)
def _recover(running: Operation) -> None:
    """Removes the file if the catalog does not name it, else drops the documents."""
    if "snapshot_id" not in running.details:
        return
    catalog, details = Catalog(running.database), running.details
    given_up = catalog.end_move(details["snapshot_id"], running.id)
    record = catalog.by_id(details["snapshot_id"])
    is_named = (
        record is not None and record.archive is not None and record.archive.key == details["key"]
    )
    if running.is_committed or (is_named and not given_up):
        running.commit()
        _finish(running)
        return
    running.step("given_up")
    location.remove(running.database, details["location"], details["key"], details.get("owner"))


def _finish(running: Operation) -> None:
    snapshot_id = running.details["snapshot_id"]
    project.remove(running.database, snapshot_id)
    running.step("closed")
    registry.create(running.details["backend"], running.database).discard(snapshot_id)


def _share(progress: Progress, start: float, end: float) -> Progress:
    """Reports the progress of a part as a share of the whole."""
    return lambda fraction, label: progress(start + fraction * (end - start), label)
