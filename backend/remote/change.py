"""How a snapshot in a remote differs from another one, as their tables tell.

A document that is at the same place in the same segment is the same document. So what differs is
known before anything is read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt
from bson import ObjectId

from ..archive import format as archive_format
from ..archive.format import Header
from ..archive.read import Piece
from ..dataset.parts import Part
from ..rawbson.ids import Keys, positions
from ..rawbson.layout import DocumentBatch
from . import layout
from .layout import Commit
from .manifest import Content
from .read import Segments
from .store import RemoteStore
from .table import Segment, Table

_MOST = 0.5
"""If more than this share of the documents differs, all are read."""

_MOST_GATHERED = 512 * 1024 * 1024
"""Bytes on the disk; what is more than that is read when it is needed."""

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PartChange:
    """How the samples or frames of a snapshot differ from those of another one."""

    rows: Mapping[Segment, Rows]
    """Where the documents are that the other one has not, or has with other content."""
    removed: Keys
    """The documents that only the other one has."""
    order: Keys | None
    """All documents in natural order, if that is not the order of their ids."""

    @classmethod
    def between(cls, other: Table, table: Table) -> PartChange | None:
        """Compares two tables.

        Args:
            other: the table of the other snapshot
            table: that of the snapshot

        Returns:
            what differs; None if it is much
        """
        numbers = {segment.name: number for number, segment in enumerate(other.segments)}
        known = [numbers.get(segment.name, -1) for segment in table.segments]
        moved = np.array([*known, -1], np.int32)[table.numbers]
        ranks = np.argsort(other.keys, kind="stable")
        places, is_there = positions(other.keys[ranks], table.keys)
        there = ranks[places[is_there]] if len(ranks) else ranks
        is_same = is_there.copy()
        is_same[is_there] = (other.numbers[there] == moved[is_there]) & (
            other.rows[there] == table.rows[is_there]
        )
        is_gone = np.ones(len(other), bool)
        is_gone[there] = False
        changed = np.flatnonzero(~is_same)
        if len(changed) + is_gone.sum() > _MOST * len(table):
            return None
        changed = changed[np.argsort(table.numbers[changed], kind="stable")]
        used, starts = np.unique(table.numbers[changed], return_index=True)
        pieces = np.split(table.rows[changed], starts[1:])
        rows = {table.segments[number]: each for number, each in zip(used, pieces, strict=False)}
        is_by_id = bool((table.keys[1:] > table.keys[:-1]).all())
        return cls(rows, other.keys[is_gone], None if is_by_id else table.keys)


@dataclass(frozen=True, eq=False)
class Change:
    """How a snapshot differs from another one."""

    commit: Commit
    other: Commit
    is_earlier: bool
    """Whether the other one comes before it."""
    tables: Mapping[Part, PartChange]
    small: Mapping[Part, tuple[Segment, ...]]
    """The other parts, but those that are shared."""
    shared: frozenset[Part]
    """Parts that are the other one's."""

    @classmethod
    def of(
        cls,
        commit: Commit,
        content: Content,
        other: Commit,
        others: Content,
        *,
        is_earlier: bool,
    ) -> Change | None:
        """Compares two snapshots.

        Args:
            commit: the snapshot
            content: what it holds
            other: the other one
            others: what that holds
            is_earlier: whether that comes before it

        Returns:
            what differs; None if it is much, or of another kind
        """
        if content.tables.keys() != others.tables.keys():
            return None
        tables = {}
        for part, table in content.tables.items():
            found = PartChange.between(others.tables[part], table)
            if found is None:
                return None
            tables[part] = found
        related = {*content.small, *others.small} - {Part.DATASET}
        # Together or not at all: what they refer to is looked up among them
        is_shared = all(
            content.small.get(part) == others.small.get(part)
            and commit.content.get(part) == other.content.get(part)
            for part in related
        )
        shared = frozenset(related if is_shared else ())
        small = {part: each for part, each in content.small.items() if part not in shared}
        return cls(commit, other, is_earlier, tables, small, shared)


@dataclass
class Gathered:
    """What was read of segments for snapshots that are still to come.

    Whoever goes through the segments for one snapshot passes what the others will need. Where
    there is no room on the disk, they are read again.
    """

    _wanted: dict[str, list[tuple[ObjectId, Part, Rows]]] = field(default_factory=dict)
    _found: dict[tuple[ObjectId, Part, str], list[tuple[int, int]]] = field(default_factory=dict)
    _size: int = 0

    _file: IO[bytes] | None = None

    def __post_init__(self) -> None:
        with suppress(OSError):
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as this does)

    def close(self) -> None:
        """Gives up what was gathered."""
        file, self._file = self._file, None
        self._found.clear()
        if file is not None:
            # What was not written yet need not be
            with suppress(OSError):
                file.close()

    def want(self, change: Change) -> None:
        """Notes what a snapshot will need."""
        for part, each in change.tables.items():
            for segment, rows in each.rows.items():
                self._wanted.setdefault(segment.name, []).append((change.commit.id, part, rows))

    def take(self, segment: Segment, batch: DocumentBatch) -> None:
        """Keeps what is wanted of a segment that was read."""
        for id_, part, rows in self._wanted.pop(segment.name, ()):
            if self._file is None or self._size > _MOST_GATHERED or not _holds(batch, rows):
                # It is read once more, and then whoever needs it is told what is wrong
                continue
            data = _chosen(batch, rows)
            try:
                self._file.seek(self._size)
                self._file.write(data)
                self._file.flush()
            except OSError:
                self.close()
                continue
            place = self._size, len(data)
            self._found.setdefault((id_, part, segment.name), []).append(place)
            self._size += len(data)

    def pop(self, change: Change, part: Part, segment: Segment) -> list[bytes] | None:
        """Returns what was kept of a segment for a snapshot; None if that was not read."""
        places = self._found.pop((change.commit.id, part, segment.name), None)
        if places is None or self._file is None:
            return None
        found = []
        for start, size in places:
            self._file.seek(start)
            found.append(self._file.read(size))
        return found


class ChangeReader:
    """Reads what of a snapshot differs from another one.

    Args:
        store: the remote
        change: what differs
        segments: what reads segments
        gathered: what was read already
    """

    def __init__(
        self, store: RemoteStore, change: Change, segments: Segments, gathered: Gathered
    ) -> None:
        commit = change.commit
        self.header: Header = commit.header
        self.source = store.describe(layout.commit_key(commit.header.dataset_id, commit.name))
        """Where the commit is, for errors."""
        self.parts = [
            part for part in archive_format.ORDER if part in {*change.small, *change.tables}
        ]
        """The parts of which something is read."""
        self._change = change
        self._segments = segments
        self._gathered = gathered

    def pieces(self) -> Iterator[Piece]:
        """Yields documents.

        Yields:
            the pieces

        Raises:
            DamagedRemoteError: if something is missing or was altered
            RemoteStorageError: if the remote is out of reach
        """
        for part in self.parts:
            if part in self._change.small:
                found = self._segments.whole(self._change.small[part])
            else:
                found = self._changed(part)
            for data in found:
                if data:
                    yield Piece(part, data)

    def _changed(self, part: Part) -> Iterator[bytes]:
        left: dict[Segment, Rows] = {}
        for segment, rows in self._change.tables[part].rows.items():
            kept = self._gathered.pop(self._change, part, segment)
            if kept is None:
                left[segment] = rows
            else:
                yield from kept
        for segment, batch in self._segments.each(list(left)):
            if not _holds(batch, left[segment]):
                raise layout.damaged(self.source, "it places documents where none are")
            # Passing it has kept this one's, too
            yield from self._gathered.pop(self._change, part, segment) or [
                _chosen(batch, left[segment])
            ]


def _holds(batch: DocumentBatch, rows: Rows) -> bool:
    return bool(rows.max(initial=-1) < len(batch))


def _chosen(batch: DocumentBatch, rows: Rows) -> bytes:
    return b"".join(batch[row] for row in rows.tolist())
