"""Taking snapshots of a remote in, each as what differs from another one where that will do.

Of a new dataset the newest comes first and whole, because the dataset becomes that. A backend that
keeps differences takes the older ones in behind it, the newest of them first, and those that are
newer than all in the order of their creation. Each segment is read once: who goes through it for
one snapshot keeps on the disk what the others will need of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import Pulled, SnapshotRecord
from ..config import Settings
from ..dataset.parts import Part
from ..manifest import store as manifest_store
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..snapshots import import_
from ..snapshots.incoming import Changes, Incoming
from ..storage import registry
from . import edits, history, notes
from .change import Change, ChangeReader, Gathered
from .layout import Commit
from .manifest import Content, Manifests
from .plan import ToPull
from .read import RemoteReader, Segments
from .store import RemoteStore


class _Turn(NamedTuple):
    """One of the snapshots, in the order in which they are taken in."""

    commit: Commit
    other: Commit | None = None
    """One that will be here by then, and that it may differ little from."""
    is_earlier: bool = True
    """Whether that comes before it."""


class Receiver:
    """Takes in what is missing.

    Args:
        database: the database
        store: the remote
        found: what is missing
        manifests: what reads the manifests of the dataset
        own: the snapshots that lead to the dataset as it is; none if it is to be made
    """

    def __init__(
        self,
        database: Database[Document],
        store: RemoteStore,
        found: ToPull,
        manifests: Manifests,
        own: list[SnapshotRecord],
    ) -> None:
        self._database = database
        self._store = store
        self._found = found
        self._manifests = manifests
        self._is_new = not own
        self._lines = history.ancestors(found.commits, [record.id for record in own])
        self._gathered = Gathered()
        dataset_id = found.missing[0].header.dataset_id if found.missing else ObjectId()
        self._segments = Segments(store, dataset_id, self._gathered.take)
        self._known: tuple[ObjectId, Mapping[Part, Manifest]] | None = None
        """The snapshot that was taken in last, and what it holds."""
        self._recent: dict[ObjectId, Content] = {}

    def run(self, dataset_name: str | None = None) -> int:
        """Takes all of them in.

        Args:
            dataset_name (None): what a new dataset is to be called

        Returns:
            the bytes of documents that have travelled
        """
        with closing(self._gathered):
            turns = self._turns()
            changes = self._changes(turns)
            for change in changes.values():
                self._gathered.want(change)
            for turn in turns:
                self._take_in(turn.commit, changes.get(turn.commit.id), dataset_name)
                if self._is_new:
                    # Those that the first one comes from lead to the dataset, too
                    self._lines |= history.ancestors(self._found.commits, [turn.commit.id])
                    self._is_new = False
        return self._segments.read_bytes

    def _turns(self) -> list[_Turn]:
        """Puts them in order."""
        missing = {commit.id for commit in self._found.missing}
        if not missing:
            return []
        records = Catalog(self._database).list(self._found.missing[0].header.dataset_id)
        here = {record.id for record in records if record.archive is None}
        line = [commit for commit in self._found.commits if commit.id in missing | here]
        turns: list[_Turn] = []
        if not here:
            here = {line[-1].id}
            turns.append(_Turn(line[-1]))
        first = next((i for i, commit in enumerate(line) if commit.id in here), 0)
        if registry.create(Settings.load().backend, self._database).stores_changes:
            turns += [_Turn(line[i], line[i + 1], False) for i in reversed(range(first))]
        elif first:
            turns.append(_Turn(line[0], line[first], False))
            turns += [_Turn(line[i], line[i - 1]) for i in range(1, first)]
        turns += [
            _Turn(line[i], line[i - 1] if i else None)
            for i in range(first, len(line))
            if line[i].id not in here
        ]
        return turns

    def _changes(self, turns: Sequence[_Turn]) -> dict[ObjectId, Change]:
        """Compares each with the one next to it, along the history: each table is made once."""
        order = {commit.id: number for number, commit in enumerate(self._found.commits)}
        found: dict[ObjectId, Change] = {}
        pairs = [(turn, turn.other) for turn in turns if turn.other is not None]
        for turn, other in sorted(
            pairs, key=lambda pair: (order[pair[0].commit.id], order[pair[1].id])
        ):
            commit = turn.commit
            both = sorted([commit, other], key=lambda each: order[each.id])
            contents = {each.id: self._content(each) for each in both}
            change = Change.of(
                commit,
                contents[commit.id],
                other,
                contents[other.id],
                is_earlier=turn.is_earlier,
            )
            if change is not None:
                found[commit.id] = change
        self._recent = {}
        return found

    def _content(self, commit: Commit) -> Content:
        if commit.id not in self._recent:
            content = self._manifests.content(commit.manifest)
            self._recent = {**dict([*self._recent.items()][-1:]), commit.id: content}
        return self._recent[commit.id]

    def _take_in(self, commit: Commit, change: Change | None, dataset_name: str | None) -> None:
        reader = RemoteReader(
            self._store,
            commit,
            partial(self._manifests.content, commit.manifest),
            self._segments,
        )

        # What was captured of the media comes in as it does with an archive
        reader.header = replace(commit.header, media=notes.read(self._store, commit))

        def check(manifests: Mapping[Part, Manifest]) -> None:
            reader.check(manifests)
            self._known = commit.id, manifests
            if commit.edit:
                # With the snapshot: who dies after it is there has not edited it
                edits.note(self._database, self._store, commit.id, commit.said)

        incoming = Incoming(
            stream=reader,
            doing="Pulling",
            check=check,
            pinned=commit.is_pinned,
            merged_from=commit.merged_from,
            pulled=Pulled(commit.parent_id, self._is_new or commit.id in self._lines),
            changes=None if change is None else self._as_changes(change),
        )
        import_.take_in(self._database, incoming, dataset_name)

    def _as_changes(self, change: Change) -> Changes:
        tables = change.tables
        return Changes(
            stream=ChangeReader(self._store, change, self._segments, self._gathered),
            other_id=change.other.id,
            is_earlier=change.is_earlier,
            removed={part: each.removed for part, each in tables.items()},
            orders={p: each.order for p, each in tables.items() if each.order is not None},
            other=partial(self._other, change),
        )

    def _other(self, change: Change) -> dict[Part, Manifest] | None:
        """Returns what the other snapshot holds here; None if that is not what it holds there."""
        other, wanted = change.other, {*change.tables, *change.shared}
        empty = Manifest.empty()
        if self._known is not None and self._known[0] == other.id:
            # It was compared with its commit just now
            return {part: self._known[1].get(part, empty) for part in wanted}
        found = manifest_store.find_some(self._database, other.id, wanted)
        for part in wanted:
            expected = other.content.get(part, empty.fingerprint())
            if found.get(part, empty).fingerprint() != expected:
                return None
        return {part: found.get(part, empty) for part in wanted}
