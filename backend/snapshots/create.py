"""Creating a snapshot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from bson import ObjectId
from pymongo.database import Database

from ..access import actor
from ..actions import Action
from ..catalog import names
from ..catalog.beginning import Beginning, Place
from ..catalog.catalog import Catalog
from ..catalog.record import DatasetSnapshot, SnapshotRecord, SnapshotState
from ..config import Settings
from ..dataset import schema
from ..dataset.change_token import DatasetToken
from ..dataset.parts import Part
from ..dataset.reference import DatasetReference, migrate
from ..diff import changes, latest_changes
from ..errors import LeaseLostError
from ..manifest import store as manifest_store
from ..manifest.cache import CachedPart
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..mongo.gate import Workers
from ..operations.journal import Operation, operation, recovers
from ..progress import Progress
from ..search import index as search_index
from ..storage import counted, registry
from ..storage.base import Backend, Captured
from ..storage.moment import KnownContent, KnownHead
from . import info, quota

logger = logging.getLogger(__name__)

_COPY_SHARE = 0.9
"""The part of the whole time that copying takes, for progress."""


def create(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    description: str | None,
    tags: tuple[str, ...] = (),
    *,
    trust_timestamps: bool = False,
) -> DatasetSnapshot:
    """Captures a dataset as a new snapshot.

    Args:
        database: the database
        dataset: the dataset
        name: a name that is not in use
        description: what the snapshot is about, if anything
        tags (()): valid tags
        trust_timestamps (False): whether a backend that stores differences may take for unchanged
            what has the same ``last_modified_at``

    Returns:
        the snapshot

    Raises:
        InvalidNameError: if the name cannot be used
        DuplicateNameError: if the name or its slug is in use
        LimitExceededError: if there are as many snapshots as are allowed
        ConcurrentWritesError: if the dataset is written to all the time
    """
    names.validate(name)
    beginning = Beginning.read(database, dataset.id, name)
    migrate(dataset)
    catalog = Catalog(database)
    settings = Settings.load()
    # A dataset whose history was converted stays with that backend
    backend_name = beginning.facts.get("backend", settings.backend)
    snapshot_id = ObjectId()
    counts: tuple[int, int] | None = beginning.counts
    while True:
        quota.make(database, dataset, counts)
        counts = None
        with (
            suppress(quota.RoomTakenError),
            operation(
                database,
                dataset.id,
                Action.CREATE,
                # The name is theirs who take it now, however long they take to create it
                while_waiting=lambda: catalog.check_name(dataset.id, name),
                snapshot_id=snapshot_id,
                snapshot_name=name,
                backend=backend_name,
            ) as running,
        ):
            place = Place.read(database, dataset.id)
            quota.check(database, dataset, place.counts)
            _warn_if_not_persistent(dataset)
            record = SnapshotRecord(
                id=snapshot_id,
                dataset_id=dataset.id,
                name=name,
                slug=names.slug(name),
                description=description,
                sequence=place.sequence,
                state=SnapshotState.CREATING,
                backend=backend_name,
                created_at=running.entry.started_at,
                created_by=actor.current().user,
                tags=tags,
            )
            record, captured = capture(
                running, record, place.latest, trust_timestamps=trust_timestamps
            )
            running.committing("summarized")
            complete(running, record)
            running.commit()
            return info.public(database, finish(running, record, captured))


def capture(
    running: Operation,
    record: SnapshotRecord,
    previous: SnapshotRecord | None,
    *,
    trust_timestamps: bool = False,
    content: KnownContent | None = None,
) -> tuple[SnapshotRecord, Captured]:
    """Takes in the state of a dataset for a snapshot, which is not there to be used yet.

    Args:
        running: the operation
        record: the snapshot
        previous: the newest snapshot that can be used, if any
        trust_timestamps (False): whether a backend that stores differences may take for unchanged
            what has the same ``last_modified_at``
        content (None): what samples and frames hold, if somebody knows

    Returns:
        the snapshot as it was described, and what the backend tells
    """
    backend = registry.create(record.backend, running.database)
    Catalog(running.database).add(record)
    running.step("reserved")
    recall = _recall(running, backend, content)
    head = KnownHead(running.database, record.dataset_id, recall)
    progress = _copying(running)
    captured = backend.capture(record, head, progress, trust_timestamps=trust_timestamps)
    if trust_timestamps and captured.change_token is not None:
        # Nobody has seen that it holds what the dataset does
        captured = replace(captured, change_token={**captured.change_token, "trusting": True})
    running.step("captured")
    return _describe(running, backend, record, captured, previous), captured


def _recall(
    running: Operation, backend: Backend, content: KnownContent | None
) -> Callable[[DatasetToken], Mapping[Part, Manifest]]:
    """Returns what tells, of a look at the dataset, what samples and frames hold."""

    def recall(token: DatasetToken) -> Mapping[Part, Manifest]:
        known = {} if content is None else content.recall(token)
        if known or not (backend.stores_changes and counted.is_worth(token.count)):
            return known
        return counted.recall(running.database, running.dataset_id, token)

    return recall


def complete(running: Operation, record: SnapshotRecord) -> None:
    """Makes a snapshot that was captured one that can be used.

    Args:
        running: the operation
        record: the snapshot

    Raises:
        LeaseLostError: if another process has undone the operation
    """
    if not Catalog(running.database).complete(record.id):
        raise LeaseLostError(
            f"Another process has undone the creation of snapshot '{record.name}'"
        )


def remove(running: Operation, snapshot_id: ObjectId, backend: str) -> None:
    """Removes a snapshot that was not completed; may be repeated.

    Args:
        running: the operation
        snapshot_id: the snapshot
        backend: what was to keep it
    """
    # The record first: without it, a process that was thought dead cannot complete the snapshot
    Catalog(running.database).remove([snapshot_id])
    running.step("unreserved")
    registry.create(backend, running.database).discard(snapshot_id)
    running.step("discarded")
    manifest_store.delete(running.database, snapshot_id)


def check(database: Database[Document], dataset: DatasetReference, name: str | None) -> int | None:
    """Checks what can be checked before a snapshot is created.

    Args:
        database: the database
        dataset: the dataset
        name: the name that the snapshot would have, or None if that is not known yet

    Returns:
        how many snapshots the limits still allow, or None for any number

    Raises:
        InvalidNameError: if the name cannot be used
        DuplicateNameError: if the name or its slug is in use
        LimitExceededError: if there are as many snapshots as are allowed
    """
    catalog = Catalog(database)
    if name is not None:
        names.validate(name)
        catalog.check_name(dataset.id, name)
    counts = catalog.counts(dataset.id)
    if (problem := quota.problem(database, dataset, counts)) is not None:
        raise problem
    return quota.remaining(counts)


def _describe(
    running: Operation,
    backend: Backend,
    record: SnapshotRecord,
    captured: Captured,
    previous: SnapshotRecord | None,
) -> SnapshotRecord:
    """Notes what a snapshot holds; what it changed is found out at the same time."""
    database, catalog = running.database, Catalog(running.database)
    record = replace(record, storage=captured.storage)
    # It has no more parts than those
    manifests = {**dict.fromkeys(Part, Manifest.empty()), **captured.manifests}
    known = {(record.id, part): CachedPart(each) for part, each in manifests.items()}
    known.update(captured.known)
    with Workers(max_workers=1) as pool:
        now = record.created_at
        summary = pool.submit(changes.since_previous, database, previous, record, known, now)
        manifest_store.save(database, record.id, captured.manifests, captured.base, captured.known)
        running.step("manifested")
        is_ready = backend.is_materialised(record)
        noted: Document = {
            "storage": captured.storage,
            "sample_count": len(captured.manifests[Part.SAMPLES]),
            "size_bytes": backend.size_bytes(record),
            # Else they are noted when they are first asked for
            "fields": _fields(database, record, captured, is_ready),
            "changes": summary.result(),
        }
        catalog.update(record.id, **noted)
    return replace(record, **noted)


def _fields(
    database: Database[Document], record: SnapshotRecord, captured: Captured, is_ready: bool
) -> tuple[str, ...] | None:
    if captured.document is not None:
        return schema.paths(captured.document)
    return search_index.read_fields(database, record) if is_ready else None


@recovers(Action.CREATE)
def recover(running: Operation) -> None:
    """Removes a snapshot that was not completed."""
    database, snapshot_id = running.database, running.details["snapshot_id"]
    catalog = Catalog(database)
    record = catalog.by_id(snapshot_id)
    if record is not None and record.state is not SnapshotState.CREATING:
        # Completed, though its process may not have lived to write that down
        running.commit()
        finish(running, record)
        return
    remove(running, snapshot_id, running.details["backend"])


def finish(
    running: Operation, record: SnapshotRecord, captured: Captured | None = None
) -> SnapshotRecord:
    """Notes that nothing has changed since the latest snapshot, which is this one.

    Args:
        running: the operation
        record: the snapshot, which is complete
        captured (None): what the backend has told when it took it in, if that was just now

    Returns:
        the snapshot as it is now
    """
    record = replace(record, state=SnapshotState.READY)
    if record.is_safety:
        _note_safety(running.database, record, captured)
        registry.create(record.backend, running.database).tidy(running.dataset_id)
        return record
    facts: Document = {}
    collection = None if captured is None else captured.sample_collection
    if captured is not None and captured.change_token is not None:
        facts["witness"] = {"snapshot_id": record.id, **captured.change_token}
    latest_changes.note_none(running.database, record, record.created_at, collection, **facts)
    running.step("summarized_head")
    registry.create(record.backend, running.database).tidy(running.dataset_id)
    return record


def _note_safety(
    database: Database[Document], record: SnapshotRecord, captured: Captured | None
) -> None:
    """Notes what proves that the dataset was not written to since a safety snapshot."""
    if captured is not None and captured.change_token is not None:
        noted = {"snapshot_id": record.id, **captured.change_token}
        Catalog(database).set_dataset_facts(record.dataset_id, safety_witness=noted)


def _warn_if_not_persistent(dataset: DatasetReference) -> None:
    if not dataset.is_persistent:
        logger.warning(
            "Dataset '%s' is not persistent: FiftyOne will delete it, and with it its snapshots, "
            "when the last process that uses the database exits. Keep it with: "
            "dataset.persistent = True",
            dataset.name,
        )


def _copying(running: Operation) -> Progress:
    """Reports the progress of copying as a part of the whole operation's."""
    return lambda fraction, label: running.progress(fraction * _COPY_SHARE, label)
