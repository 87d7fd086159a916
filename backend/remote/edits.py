"""What is edited of a snapshot after it was pushed: its description, its tags, its pin.

A commit is never changed. Each edit is an object of its own, numbered, that says all three, and
the last one counts. A server sends what was edited on it since it has last seen what is there, and
takes over what others have edited, unless the same was edited here meanwhile. So of two that edit
the same snapshot, the one that pushes last is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from bson import ObjectId
from pymongo.database import Database

from ..archive.format import from_json, to_json
from ..catalog import names
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..errors import DamagedRemoteError, InvalidNameError, RemoteStorageError
from ..mongo import fence
from ..mongo.collections import CATALOG
from ..mongo.database import Document
from . import layout
from .layout import Commit, Said
from .store import Created, RemoteStore

_THREADS = 8
_KEY = re.compile(r"[0-9a-f]{24}/edits/([0-9a-f]{24})/([0-9]{8})\.json")
_ATTEMPTS = 100
_MOST = 10**8 - 1
"""The number of the last edit that its eight digits can tell."""

_SEEN = "shared"
"""Where a record notes what was last seen of it in each remote."""


@dataclass(frozen=True)
class Pair:
    """A snapshot that is on both sides."""

    record: SnapshotRecord
    commit: Commit
    seen: Said
    """What was said of it there when this server looked last."""

    @property
    def here(self) -> Said:
        """What is said of it here."""
        record = self.record
        return Said(record.description, tuple(record.tags), record.pinned)

    @property
    def is_edited_here(self) -> bool:
        """Whether it is to be sent."""
        return self.here not in (self.seen, self.commit.said)

    @property
    def is_edited_there(self) -> bool:
        """Whether it is to be taken over."""
        return self.here == self.seen != self.commit.said


def applied(store: RemoteStore, dataset_id: ObjectId, commits: Iterable[Commit]) -> list[Commit]:
    """Returns commits that say what was edited last.

    Args:
        store: the remote
        dataset_id: the dataset
        commits: its commits

    Returns:
        the commits, in their order

    Raises:
        DamagedRemoteError: if an edit is not what was pushed
    """
    last: dict[str, tuple[int, str]] = {}
    for each in store.listed(f"{dataset_id}/edits"):
        if (match := _KEY.fullmatch(each.key)) is not None:
            number = int(match[2]), each.key
            last[match[1]] = max(number, last.get(match[1], number))
    found = list(commits)
    if not last:
        return found

    def edited(commit: Commit) -> Commit:
        number, key = last.get(str(commit.id), (0, ""))
        said = _read(store, key, commit.id) if number else None
        return commit if said is None else commit.edited(number, said)

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(edited, found))


def _read(store: RemoteStore, key: str, snapshot_id: ObjectId) -> Said | None:
    data = store.find(key)
    if data is None:
        return None
    source = store.describe(key)
    if key.endswith(f"/{_MOST:08d}.json"):
        raise _damaged(source, "no edit could come after it")
    document = layout.checked(from_json(data), source)
    try:
        if document["snapshot"] != snapshot_id:
            raise _damaged(source, "it is of another snapshot than its place says")
        said = Said.of(document["says"])
        names.validate_tags(said.tags)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(source, f"it lacks or misstates {error}") from error
    except InvalidNameError as error:
        raise _damaged(source, str(error)) from error
    return said


def _damaged(source: str, reason: str) -> DamagedRemoteError:
    return DamagedRemoteError(
        f"'{source}' is damaged: {reason[:300]}. Nothing was changed here. Bring it back from a "
        "backup of the remote, or remove that file: what was said before it counts again then."
    )


def pairs(
    database: Database[Document],
    store: RemoteStore,
    both: Iterable[tuple[SnapshotRecord, Commit]],
) -> list[Pair]:
    """Tells what this server has seen last of snapshots that are on both sides.

    Args:
        database: the database
        store: the remote
        both: the snapshots

    Returns:
        them, in their order
    """
    listed = list(both)
    if not listed:
        return []
    query = {"_id": {"$in": [record.id for record, _ in listed]}}
    noted: dict[ObjectId, Mapping[str, Document]] = {
        found["_id"]: found.get(_SEEN) or {} for found in database[CATALOG].find(query, {_SEEN: 1})
    }
    place = _place(store)
    return [
        Pair(
            record,
            commit,
            Said.of(noted[record.id][place])
            if place in noted.get(record.id, {})
            else commit.said_at_first,
        )
        for record, commit in listed
    ]


def send(
    database: Database[Document], store: RemoteStore, edited: Iterable[Pair], pushed_by: str
) -> None:
    """Sends what was edited here.

    Args:
        database: the database
        store: the remote
        edited: the snapshots
        pushed_by: the id of the database

    Raises:
        RemoteStorageError: if others edit the same all the time
    """
    for pair in edited:
        data = to_json(
            {
                "format": layout.FORMAT,
                "version": layout.VERSION,
                "snapshot": pair.record.id,
                "says": pair.here.to_document(),
                "pushed_by": pushed_by,
            }
        )
        first = pair.commit.edit + 1
        for number in range(first, min(first + _ATTEMPTS, _MOST)):
            key = f"{pair.commit.header.dataset_id}/edits/{pair.record.id}/{number:08d}.json"
            if store.create(key, data) is not Created.OTHER:
                break
        else:
            raise RemoteStorageError(
                f"Others edit '{pair.record.name}' in '{store.location}' all the time: push again"
            )
        note(database, store, pair.record.id, pair.here)


def take_over(
    database: Database[Document], store: RemoteStore, edited: Iterable[Pair]
) -> list[str]:
    """Takes over what others have edited; the caller holds the dataset's lease.

    Args:
        database: the database
        store: the remote
        edited: the snapshots

    Returns:
        the names of those that are here what they were
    """
    catalog, found = Catalog(database), []
    for pair in edited:
        record = catalog.by_id(pair.record.id)
        if record is None or replace(pair, record=record).here != pair.here:
            # Edited here meanwhile
            continue
        said = pair.commit.said
        catalog.update(
            record.id,
            description=said.description,
            tags=list(said.tags),
            pinned=said.is_pinned,
        )
        note(database, store, record.id, said)
        found.append(record.name)
    return found


def note(
    database: Database[Document], store: RemoteStore, snapshot_id: ObjectId, said: Said
) -> None:
    """Notes what this server has seen of a snapshot in a remote.

    Args:
        database: the database
        store: the remote
        snapshot_id: the snapshot
        said: what is said of it there
    """
    # Beside what is noted of other remotes, by whoever uses those at the same time
    merged: Document = {_SEEN: {"$mergeObjects": [f"${_SEEN}", "$$new.seen"]}}
    new = {"_id": snapshot_id, "seen": {_place(store): said.to_document()}}
    fence.put(database[CATALOG], new, if_there=[{"$set": merged}], if_not="discard")


def _place(store: RemoteStore) -> str:
    return layout.sha256(store.location.encode())[:16]
