"""Moving the history of a dataset from one backend to another.

One snapshot after the other, oldest first: its state is staged, taken in by the new backend, read
back and compared with its manifest; only then the record names the new backend and the old one
forgets the snapshot. Whatever interrupts that, every snapshot is with one of them.
"""

from __future__ import annotations

from dataclasses import replace

from pymongo.database import Database

from ..actions import Action
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Documents, Part
from ..dataset.reference import DatasetReference
from ..errors import DamagedSnapshotError
from ..manifest import store as manifest_store
from ..manifest.manifest import Manifest
from ..mongo import fence
from ..mongo.collections import all_collections, owned_collections, staging_name, view_name
from ..mongo.database import Document
from ..mongo.invalidate import invalidate_views
from ..operations.journal import Operation, operation, recovers
from ..storage import collections, registry
from ..storage.base import Backend

_MOVED = (
    "This snapshot was moved to another storage backend: load it again with "
    "fo.load_dataset(dataset, snapshot=name)"
)


def convert(database: Database[Document], dataset: DatasetReference, backend: str) -> int:
    """Moves all snapshots of a dataset, those in the trash included, and all that will follow.

    Args:
        database: the database
        dataset: the dataset
        backend: the name of the backend to move to

    Returns:
        the number of snapshots that were moved

    Raises:
        InvalidSettingError: if there is no such backend
        DamagedSnapshotError: if a snapshot is not what was captured; it stays where it is, and
            those before it are moved
    """
    target = registry.create(backend, database)
    catalog = Catalog(database)
    with operation(database, dataset.id, Action.CONVERT, backend=backend) as running:
        moving = [each for each in catalog.list_all(dataset.id) if each.backend != backend]
        for number, record in enumerate(moving):
            running.progress(number / len(moving), f"Moving '{record.name}' to {backend}")
            if record.archive is None:
                _convert(running, record, target)
            else:
                # Nothing of it is here; it is the new backend's when it comes back
                catalog.update(record.id, backend=backend)
        running.committing("moved")
        catalog.set_dataset_facts(dataset.id, backend=backend)
        running.commit()
    return len(moving)


def _convert(running: Operation, record: SnapshotRecord, target: Backend) -> None:
    database = running.database
    source = registry.create(record.backend, database)
    running.note(snapshot_id=record.id, former=record.backend)
    running.step("noted")
    staged = _stage(running, source, record)
    running.step("staged")
    own = [part for part in staged if part.is_own_collection]
    indexes = {part: source.indexes(record, part) for part in own}
    moved = replace(record, backend=target.name, storage={})
    moved = replace(moved, storage=target.ingest(moved, staged, indexes))
    running.step("adopted")
    _check(database, moved, target)
    running.certain("checked")
    Catalog(database).update(record.id, backend=moved.backend, storage=moved.storage)
    running.step("switched")
    _forget(database, record, source)
    running.step("forgotten")


@recovers(Action.CONVERT)
def _recover(running: Operation) -> None:
    """Makes the backend forget the snapshot that does not have it by its record."""
    database, details = running.database, running.details
    record = None
    if "snapshot_id" in details:
        record = Catalog(database).by_id(details["snapshot_id"])
    if record is not None and details["former"] != details["backend"]:
        is_moved = record.backend == details["backend"]
        loser = details["former"] if is_moved else details["backend"]
        _forget(database, record, registry.create(loser, database), close=is_moved)
    for name, description in owned_collections(database, running.id).items():
        fence.drop(database, name, description)


def _stage(running: Operation, source: Backend, record: SnapshotRecord) -> dict[Part, Documents]:
    database = running.database
    staged: dict[Part, Documents] = {}
    for part, documents in source.related(record).items():
        name = staging_name(running.id, part)
        staged[part] = Documents(collections.copy_all(part, documents, database, name))
    for part in (Part.SAMPLES, Part.FRAMES):
        if source.source(record, part) is not None:
            target = collections.create(part, database, staging_name(running.id, part))
            source.restore(record, part, target)
            staged[part] = Documents(target)
            running.step(f"staged_{part.value}")
    return staged


def _check(database: Database[Document], moved: SnapshotRecord, target: Backend) -> None:
    for part in manifest_store.parts(database, moved.id):
        expected = manifest_store.load(database, moved.id, part)
        for found in target.read(moved, part) or [Manifest.empty()]:
            if expected.compare(found):
                raise DamagedSnapshotError(
                    f"The {part.value} of snapshot '{moved.name}' are not what was captured, so "
                    "it was not moved; those before it were. verify_snapshot() tells what is "
                    "wrong with it. To move the others, delete it and convert again."
                )


def _forget(
    database: Database[Document], record: SnapshotRecord, source: Backend, *, close: bool = True
) -> None:
    """Makes a backend forget a snapshot, and those who read it from there get an error."""
    existing = all_collections(database)
    for part in (Part.SAMPLES, Part.FRAMES) if close else ():
        view = existing.get(view_name(record.id, part), {})
        if "viewOn" in view.get("options", {}):
            invalidate_views(database, view["options"]["viewOn"], _MOVED)
    source.discard(record.id)
