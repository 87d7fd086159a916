"""What is sent of one snapshot: its documents, or those in which it differs from one before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby, islice

import numpy as np
from pymongo.database import Database

from ..archive import format as archive_format
from ..archive import location
from ..archive.read import Piece, Reader
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part, Source
from ..errors import DamagedSnapshotError
from ..manifest import store as manifest_store
from ..manifest.columns import batch_keys
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..mongo.gate import Workers
from ..progress import Progress
from ..rawbson.ids import DTYPE, Ids, Keys, positions
from ..rawbson.layout import DocumentBatch
from ..storage import natural_order, registry
from .layout import Commit
from .manifest import WHOLE_EVERY, Content, StoredManifest
from .table import MalformedError, Segment, Step, Table
from .write import SegmentWriter

_MOST = 0.5
"""If more than this share of the documents differs, all are sent."""

_FETCHED = 500
"""So many documents are fetched at once."""
_AT_A_TIME = 2
"""So many fetches are under way: the server looks documents up one by one."""


class Sender:
    """Sends one snapshot.

    Args:
        database: the database
        record: the snapshot, which may be archived
        writer: where its documents go
        progress: told how far it is
    """

    def __init__(
        self,
        database: Database[Document],
        record: SnapshotRecord,
        writer: SegmentWriter,
        progress: Progress,
    ) -> None:
        self._database = database
        self._record = record
        self._writer = writer
        self._progress = progress
        self._manifests = manifest_store.find_some(database, record.id, Part)
        self._fingerprints = {part: each.fingerprint() for part, each in self._manifests.items()}
        self._former: dict[Part, Manifest] = {}
        """What the snapshot on both sides holds of samples and frames."""
        self.indexes: Mapping[Part, list[Document]] = {}
        """The indexes of samples and frames; known once everything was sent."""

    def fingerprints(self) -> dict[Part, str]:
        """Returns what must be there, as its manifests tell."""
        return dict(self._fingerprints)

    def send(self, base: Commit | None, content: Content | None) -> tuple[StoredManifest, Content]:
        """Sends what the remote lacks.

        Args:
            base: a snapshot that is on both sides, if there is one
            content: what it holds there

        Returns:
            the manifest, and what it says that the snapshot holds

        Raises:
            DamagedSnapshotError: if the snapshot is not what was captured
        """
        record = self._record
        if base is not None and (content is None or not self._is_as_here(base, content)):
            # What is there is not what is known here, so nothing may rest on it
            base = content = None
        if record.archive is not None:
            store, key = location.find(record)
            reader = Reader(store.read(key), store.describe(key))
            self.indexes = reader.header.indexes
            groups = groupby(reader.pieces(), key=lambda piece: piece.part)
            found: dict[Part, tuple[Segment, ...] | Table | Step] = {
                part: self._part(part, None, partial(_data, group), base, content)
                for part, group in groups
            }
            for part in reader.parts:
                if part not in found:
                    found[part] = Table.of(np.empty(0, DTYPE), [], [])
                    if not part.is_own_collection:
                        found[part] = ()
        else:
            found = self._of_backend(base, content)
        return self._assembled(found, base, content)

    def _of_backend(
        self, base: Commit | None, content: Content | None
    ) -> dict[Part, tuple[Segment, ...] | Table | Step]:
        backend = registry.create(self._record.backend, self._database)
        related = backend.related(self._record)
        own = {
            part: source
            for part in (Part.SAMPLES, Part.FRAMES)
            if (source := backend.source(self._record, part)) is not None
        }
        self.indexes = {part: backend.indexes(self._record, part) for part in own}
        documents: dict[Part, Source] = {**related, **own}
        return {
            part: self._part(part, documents[part], documents[part].batches, base, content)
            for part in archive_format.ORDER
            if part in documents
        }

    def _part(
        self,
        part: Part,
        source: Source | None,
        batches: Callable[[], Iterable[bytes]],
        base: Commit | None,
        content: Content | None,
    ) -> tuple[Segment, ...] | Table | Step:
        self._progress(
            archive_format.ORDER.index(part) / len(archive_format.ORDER), f"Sending {part.value}"
        )
        manifest = self._manifests.get(part, Manifest.empty())
        if not part.is_own_collection:
            there = None if content is None else content.small.get(part)
            known = None if base is None else base.content.get(part)
            if there is not None and known == self._fingerprint(part):
                return there
            return self._whole(part, batches()).segments
        former = None if content is None else content.tables.get(part)
        if former is not None and base is not None:
            step = self._step(part, source, batches, manifest, former, base)
            if step is not None:
                return step
        return self._whole(part, batches())

    def _whole(self, part: Part, batches: Iterable[bytes]) -> Table:
        written = self._writer.write(batches)
        if written.manifest.fingerprint() != self._fingerprint(part):
            raise self._damaged(part)
        return written.table

    def _step(
        self,
        part: Part,
        source: Source | None,
        batches: Callable[[], Iterable[bytes]],
        manifest: Manifest,
        former: Table,
        base: Commit,
    ) -> Step | None:
        """Sends what differs; None if that is much."""
        differences = self._former[part].compare(manifest)
        wanted = np.sort(np.concatenate([differences.added_keys, differences.changed_keys]))
        if len(wanted) > _MOST * len(manifest):
            return None
        natural = None
        if source is not None:
            natural = natural_order.of(self._database, self._record, part, source, manifest)
        if natural is None or source is None:
            seen: list[Keys] = [np.empty(0, DTYPE)]
            written = self._writer.write(_chosen(batches(), wanted, seen))
            natural = np.concatenate(seen)
        else:
            chosen = natural[positions(wanted, natural)[1]]
            written = self._writer.write(_fetched(source, chosen))
        if written.manifest.fingerprint() != manifest.only(wanted).fingerprint():
            raise self._damaged(part)
        put = written.table
        try:
            return Step.between(former, differences.deleted_keys, put, natural)
        except MalformedError as error:
            raise self._damaged(part) from error

    def _assembled(
        self,
        found: Mapping[Part, tuple[Segment, ...] | Table | Step],
        base: Commit | None,
        content: Content | None,
    ) -> tuple[StoredManifest, Content]:
        small = {part: each for part, each in found.items() if isinstance(each, tuple)}
        tables = {part: each for part, each in found.items() if isinstance(each, Table)}
        steps = {part: each for part, each in found.items() if isinstance(each, Step)}
        is_whole = not steps or base is None or content is None
        depth = 0 if is_whole or content is None else content.depth + 1
        if depth >= WHOLE_EVERY:
            assert content is not None
            for part, step in steps.items():
                tables[part] = step.applied_to(content.tables[part]).compact()
            steps, depth = {}, 0
        name = base.manifest if depth and base is not None else None
        stored = StoredManifest(self._record.id, name, depth, small, tables, steps)
        return stored, stored.applied_to(content)

    def _is_as_here(self, base: Commit, content: Content) -> bool:
        """Returns whether a snapshot that is on both sides is the same on both."""
        self._former = manifest_store.find_some(self._database, base.id, content.tables)
        for part, table in content.tables.items():
            here = self._former.get(part)
            if (
                here is None
                or here.fingerprint() != base.content.get(part)
                or not np.array_equal(np.sort(table.keys), here.keys)
            ):
                return False
        return True

    def _fingerprint(self, part: Part) -> str:
        return self._fingerprints.get(part) or Manifest.empty().fingerprint()

    def _damaged(self, part: Part) -> DamagedSnapshotError:
        return DamagedSnapshotError(
            f"The {part.value} of snapshot '{self._record.name}' are not what was captured, so it "
            "was not pushed. See verify_snapshot()."
        )


def _data(pieces: Iterable[Piece]) -> Iterator[bytes]:
    return (piece.data for piece in pieces)


def _fetched(source: Source, keys: Keys) -> Iterator[bytes]:
    """Yields some documents in a given order; the next ones are fetched meanwhile."""

    def fetch(start: int) -> bytes:
        some = Ids(keys[start : start + _FETCHED])
        found = source.fetch(some)
        return b"".join(found[key] for key in some.binaries() if key in found)

    with Workers(max_workers=_AT_A_TIME) as pool:
        starts = iter(range(0, len(keys), _FETCHED))
        pending = deque(pool.submit(fetch, start) for start in islice(starts, _AT_A_TIME))
        while pending:
            found = pending.popleft().result()
            pending.extend(pool.submit(fetch, start) for start in islice(starts, 1))
            yield found


def _chosen(batches: Iterable[bytes], wanted: Keys, seen: list[Keys]) -> Iterator[bytes]:
    """Yields some of many documents, and notes the ids of all."""
    for data in batches:
        batch = DocumentBatch.of(data)
        keys = batch_keys(batch)[0]
        seen.append(keys)
        rows = np.flatnonzero(positions(wanted, keys)[1])
        if len(rows):
            yield b"".join(bytes(batch[int(row)]) for row in rows)
