"""Looking after a remote: what no snapshot needs.

Only what is older than every push under way is collected, by the store's clock: each push leaves a
note before it looks what is there, and objects are never written anew under the name of one that
may go. So whoever is late, or killed, has removed nothing that is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from bson import ObjectId

from ..archive.format import to_json
from ..errors import InvalidRequestError, SnapshotError
from . import history, layout
from .manifest import Manifests
from .results import RemoteGcResult
from .store import Listed, RemoteStore, open_store

_CLOCK = "clock"
SPARED = timedelta(hours=1)
"""What is younger is never collected, because some stores list late."""


@dataclass
class _Unneeded:
    objects: list[Listed] = field(default_factory=list)
    kept: int = 0
    snapshots: list[str] = field(default_factory=list)
    pushes: list[str] = field(default_factory=list)


def collect(
    location: str,
    *,
    spared: timedelta = SPARED,
    dry_run: bool = True,
) -> RemoteGcResult:
    """Removes what no snapshot of a remote needs, or only tells what that is.

    Args:
        location: the remote
        spared (1 hour): how old must be what is removed
        dry_run (True): whether to only tell

    Returns:
        what was removed, or would be

    Raises:
        InvalidRequestError: if ``spared`` is negative
        DamagedRemoteError: if it cannot be told what is needed; nothing is removed then
        RemoteStorageError: if the remote is out of reach, or refuses
    """
    if spared < timedelta(0):
        raise InvalidRequestError(f"older_than must not be negative: {spared}")
    store = open_store(location)
    layout.check_root(store)
    before = (datetime.now(timezone.utc) if dry_run else _store_time(store)) - spared
    found = _Unneeded()
    unfinished = store.unfinished()
    for dataset_id in history.datasets(store):
        horizon = _look(store, dataset_id, before, found)
        own = [each for each in unfinished if each.key.startswith(f"{dataset_id}/")]
        found.objects += [each for each in own if each.written_at < horizon]
    # Of collections that were killed
    found.objects += [each for each in store.listed(_CLOCK) if each.written_at < before]
    if not dry_run:
        for each in found.objects:
            store.remove(each.key)
    return RemoteGcResult(
        remote=store.location,
        objects=len(found.objects),
        size_bytes=sum(each.size_bytes for each in found.objects),
        snapshots=found.snapshots,
        kept_objects=found.kept,
        pushes=found.pushes,
        dry_run=dry_run,
    )


def _look(
    store: RemoteStore, dataset_id: ObjectId, before: datetime, found: _Unneeded
) -> datetime:
    """Looks what of a dataset nobody needs; returns from when on everything is kept."""
    # In this order: a push that has ended since has left its commits
    listed = store.listed(layout.pushes(dataset_id))
    notes = [each for each in listed if layout.is_note(each.key)]
    commits = history.read(store, dataset_id)
    manifests = Manifests(store, dataset_id)
    needed: set[str] = set()
    for commit in commits:
        for name, _ in manifests.chain(commit.manifest):
            needed.add(layout.manifest_key(dataset_id, name))
        for name in manifests.content(commit.manifest).segments:
            needed.add(layout.segment_key(dataset_id, name))
        if commit.media is not None:
            needed.add(layout.note_key(dataset_id, commit.media))
    horizon = min([before, *(note.written_at for note in notes)])
    known = {commit.id for commit in commits}
    named = commits[-1].header.dataset_name if commits else str(dataset_id)
    found.pushes += [f"{note.written_at.isoformat()} {named}" for note in notes]
    for kind in ("segments", "manifests", "notes"):
        for each in store.listed(f"{dataset_id}/{kind}"):
            if each.key in needed or not layout.is_object(each.key):
                continue
            if each.written_at >= horizon:
                found.kept += 1
                continue
            found.objects.append(each)
            if kind == "manifests":
                _name(manifests, each, known, found)
    return horizon


def _name(
    manifests: Manifests,
    listed: Listed,
    known: set[ObjectId],
    found: _Unneeded,
) -> None:
    """Notes which snapshot a manifest is of, that was never committed."""
    try:
        ((_, stored), *_) = manifests.chain(listed.key.rpartition("/")[2])
    except SnapshotError:
        # Whatever it is, nobody needs it
        return
    if stored.snapshot_id not in known:
        found.snapshots.append(str(stored.snapshot_id))


def _store_time(store: RemoteStore) -> datetime:
    """Asks the store for its time, which tells nothing but when something was written."""
    key = f"{_CLOCK}/{ObjectId()}"
    store.put(key, to_json({"format": layout.FORMAT}))
    try:
        written = store.look(key)
        return written.written_at if written is not None else datetime.now(timezone.utc)
    finally:
        store.remove(key)
