"""Pushing snapshots to a remote: what it lacks of their documents, then the commit of each.

Nothing is pushed that the remote would have to take back. Who dies in between leaves objects that
no commit names, and a note that keeps them from being collected, so that the next push goes on.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timezone

from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..archive.format import Header, to_json
from ..catalog import deployment, place
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part
from ..dataset.reference import DatasetReference
from ..errors import (
    DatasetBusyError,
    LeaseLostError,
    RemoteConflictError,
    RemoteStorageError,
    SnapshotError,
)
from ..manifest import store as manifest_store
from ..manifest.kept import reading_once
from ..media import carried
from ..mongo.database import Document
from ..operations.journal import Operation, operation, recovers
from ..progress import Progress
from . import edits, history, known, layout, plan
from .edits import Pair
from .layout import Commit
from .manifest import Content, Manifests
from .results import PushResult
from .sending import Sender
from .store import Created, RemoteStore, open_store
from .write import SegmentWriter


@reading_once()
def push(
    database: Database[Document],
    dataset: DatasetReference,
    location: str,
    wanted: Collection[str] | None = None,
    *,
    dry_run: bool = False,
) -> PushResult:
    """Pushes those snapshots of a dataset that a remote lacks.

    Args:
        database: the database
        dataset: the dataset
        location: the remote, which is made if nothing is there
        wanted (None): the names of snapshots; by default, all
        dry_run (False): whether to only tell what would be pushed

    Returns:
        what was pushed

    Raises:
        SnapshotNotFoundError: if there is no snapshot of such a name
        RemoteConflictError: if a name is taken by another snapshot there; nothing was pushed then
        RemoteStorageError: if the remote is full, out of reach, or refuses
        DamagedSnapshotError: if a snapshot is not what was captured
    """
    store = open_store(location)
    layout.check_root(store, make=not dry_run, may_be_new=dry_run)
    found = plan.to_push(database, dataset, store, wanted)
    there = {commit.id for commit in found.there}
    # What a push of others than those asked for has sent is kept until that is repeated
    if not dry_run and all(record.id in there for record in found.records):
        _forget_note(database, dataset, store)
    edited = _edited_here(database, store, found)
    if dry_run or not (found.missing or edited):
        size = _estimate(database, found)
        return _told(dataset, store, found, size, edited, dry_run=dry_run)
    with operation(database, dataset.id, Action.PUSH, remote=store.location) as running:
        sent = 0
        if found.missing:
            found, sent = _Push(running, dataset, store).run(wanted)
        if edited:
            running.certain("begun_there")
            edits.send(database, store, edited, deployment.note(database).id)
        known.remember(database, dataset.id, store.location)
        running.complete()
    return _told(dataset, store, found, sent, edited, dry_run=False)


def _forget_note(
    database: Database[Document], dataset: DatasetReference, store: RemoteStore
) -> None:
    """Removes the note of a push that was killed when all was there."""
    note = _note_of(database, dataset, deployment.note(database))
    if store.look(note) is None:
        return
    # Another push may be under way, whose note it is then
    with (
        suppress(DatasetBusyError),
        operation(database, dataset.id, Action.PUSH, remote=store.location) as running,
    ):
        store.remove(note)
        running.complete()


@recovers(Action.PUSH)
def _recover(running: Operation) -> None:
    """Has nothing to take back: what was pushed is pushed, and the next push goes on."""


_LISTED_WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds to wait for a store to list what was pushed."""


class _Push:
    """A push that is under way."""

    def __init__(
        self,
        running: Operation,
        dataset: DatasetReference,
        store: RemoteStore,
    ) -> None:
        self._running = running
        self._dataset = dataset
        self._store = store
        mine = deployment.note(running.database)
        self._me = mine.id
        self._records: list[SnapshotRecord] = []
        self._noted_at = datetime.max.replace(tzinfo=timezone.utc)
        self._note = _note_of(running.database, dataset, mine)

    def run(self, wanted: Collection[str] | None) -> tuple[plan.ToPush, int]:
        """Pushes all that is missing.

        Args:
            wanted: the names of snapshots, or None for all

        Returns:
            what was to be done, and how many bytes have travelled
        """
        arrived = self._begin()
        # Read after the note: what these name is not collected any more
        found = plan.to_push(self._running.database, self._dataset, self._store, wanted)
        self._records = found.records
        there = {commit.id: commit for commit in found.there}
        manifests = Manifests(self._store, self._dataset.id)
        self._running.step("begun_there")
        total, committed = 0, set[str]()
        for number, record in enumerate(found.missing):
            share = _share(self._running.progress, number, len(found.missing))
            base = self._base(record, there)
            content = None if base is None else manifests.content(base.manifest)
            if content is not None:
                arrived |= set(content.segments)
            commit, sent = self._send(record, base, content, manifests, arrived, share)
            there[commit.id] = commit
            committed.add(layout.commit_key(self._dataset.id, record.name))
            total += sent
        self._forget(committed)
        return found, total

    def _forget(self, committed: set[str]) -> None:
        """Removes the note, once everybody can see what was pushed.

        On a store that lists late, a collector would find neither the note nor the commits, and
        take what a long push has sent first for left over.
        """
        for wait in (0.0, *_LISTED_WAITS):
            time.sleep(wait)
            listed = self._store.listed(layout.commits(self._dataset.id))
            if committed <= {each.key for each in listed}:
                self._store.remove(self._note)
                return
        # The next push removes it, once it finds them

    def _begin(self) -> set[str]:
        """Notes that objects are on their way; returns those of a push that was broken off."""
        before = self._store.look(self._note)
        if before is not None:
            # Its time is that of the first attempt: what has come since then is not collected
            self._noted_at = before.written_at
            segments = self._store.listed(f"{self._dataset.id}/segments")
            return {
                each.key.rpartition("/")[2]
                for each in segments
                if each.written_at >= self._noted_at
            }
        about = {"format": layout.FORMAT, "version": layout.VERSION, "push": self._running.id}
        self._store.create(self._note, to_json(about))
        noted = self._store.look(self._note)
        if noted is None:
            raise RemoteStorageError(f"'{self._store.describe(self._note)}' did not stay there")
        self._noted_at = noted.written_at
        return set()

    def _is_there(self, key: str, commit: Commit) -> bool:
        """Returns whether the commit that is there is of the same snapshot."""
        data = self._store.find(key)
        if data is None:
            return False
        found = Commit.from_json(data, self._store.describe(key))
        return (found.id, found.content) == (commit.id, commit.content)

    def _is_noted(self) -> bool:
        """Returns whether the note is there, and no later one in its place."""
        found = self._store.look(self._note)
        return found is not None and found.written_at == self._noted_at

    def _base(self, record: SnapshotRecord, there: dict[ObjectId, Commit]) -> Commit | None:
        """Returns the newest snapshot before one that is on both sides."""
        before = [
            each for each in self._records if each.id in there and each.sequence < record.sequence
        ]
        return there[before[-1].id] if before else None

    def _send(
        self,
        record: SnapshotRecord,
        base: Commit | None,
        content: Content | None,
        manifests: Manifests,
        arrived: set[str],
        progress: Progress,
    ) -> tuple[Commit, int]:
        """Sends a snapshot, and commits it."""
        database, store, dataset_id = self._running.database, self._store, self._dataset.id
        with SegmentWriter(
            store,
            dataset_id,
            arrived,
            self._noted_at,
            lambda: self._running.step("sending"),
        ) as writer:
            sender = Sender(database, record, writer, progress)
            stored, sent = sender.send(base, content)
            self._running.step("sent")
            name = writer.manifest(stored.to_bytes())
            media = writer.note(carried.to_header(database, record.id))
            total = writer.sent_bytes
        manifests.add(name, stored, sent)
        commit = Commit(
            header=Header.of(record, self._dataset.name, sender.indexes),
            manifest=name,
            content=sender.fingerprints(),
            parent_id=history.parent_of(record, self._records),
            is_pinned=record.pinned,
            pushed_by=self._me,
            media=media,
            merged_from=record.merged_from,
        )
        # Who was away for long may find that nobody has waited
        self._running.certain("committing_there")
        if not self._is_noted():
            raise _collected()
        key = layout.commit_key(dataset_id, record.name)
        created = store.create(key, commit.to_json())
        if created is Created.OTHER and self._is_there(key, commit):
            # It was listed late: an earlier push has sent it
            self._running.step("committed_there")
            return commit, total
        if created is not Created.OTHER and not self._is_noted():
            # It was for long between the look and the write
            store.remove(key)
            raise _collected()
        if created is Created.OTHER:
            raise RemoteConflictError(
                f"Another snapshot was pushed to '{store.location}' as '{record.name}' at the "
                "same moment. Pull first, and rename yours: edit_snapshot(new_name=...). Nothing "
                "was overwritten."
            )
        self._running.step("committed_there")
        return commit, total


def _note_of(
    database: Database[Document], dataset: DatasetReference, mine: deployment.Deployment
) -> str:
    """Returns where the note of a database's push is; the same when it is repeated."""
    suffix = ""
    if mine.has_moved:
        # Copied files have the same id: of two such servers, each has a note of its own
        suffix = f"-{layout.sha256(to_json(place.of(database) or {}))[:24]}"
    return f"{layout.pushes(dataset.id)}/{mine.id}{suffix}"


def _collected() -> LeaseLostError:
    return LeaseLostError("What this push has sent may have been collected: push again")


def _estimate(database: Database[Document], found: plan.ToPush) -> int:
    """Estimates the BSON of what is not there, by the number of documents that differ."""
    total = 0
    there = {commit.id for commit in found.there}
    before: SnapshotRecord | None = None
    for record in found.records:
        if record in found.missing:
            share = 1.0
            if before is not None:
                with suppress(SnapshotError):
                    share = _share_changed(database, before.id, record.id)
            total += int(record.size_bytes * share)
        elif record.id not in there:
            continue
        before = record
    return total


def _share_changed(database: Database[Document], first: ObjectId, second: ObjectId) -> float:
    old, new = manifest_store.load_both(database, first, second, Part.SAMPLES)
    found = old.compare(new)
    changed = len(found.added_keys) + len(found.changed_keys)
    return min(1.0, changed / max(len(new), 1))


def _edited_here(
    database: Database[Document], store: RemoteStore, found: plan.ToPush
) -> list[Pair]:
    return [each for each in edits.pairs(database, store, found.both) if each.is_edited_here]


def _told(
    dataset: DatasetReference,
    store: RemoteStore,
    found: plan.ToPush,
    size: int,
    edited: list[Pair],
    *,
    dry_run: bool,
) -> PushResult:
    return PushResult(
        dataset_name=dataset.name,
        remote=store.location,
        snapshots=[each.name for each in found.missing],
        already_there=found.asked - len(found.missing),
        size_bytes=size,
        edited=[each.record.name for each in edited],
        dry_run=dry_run,
    )


def _share(progress: Progress, number: int, count: int) -> Progress:
    return lambda fraction, label: progress((number + fraction) / count, label)
