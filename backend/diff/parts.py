"""One part of two versions: which documents to look at, and the documents.

Manifests tell which documents have other bytes; only those are read. So the cost between snapshots
follows the change, and for HEAD it is one pass over the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from bson import ObjectId

from ..dataset.parts import Part, Readable, chunks
from ..manifest.columns import NO_OWNER
from ..manifest.manifest import Differences, Manifest
from ..mongo.gate import Workers
from ..progress import Progress, silent
from ..rawbson import equality, layout
from ..rawbson.ids import DTYPE, Ids, Keys
from .versions import SnapshotVersion, Version

_FETCH_DOCUMENTS = 1000


class Pair(NamedTuple):
    """A document before and after, as BSON."""

    place: int
    """Where its id is among those that were asked for."""
    key: bytes
    before: bytes
    after: bytes


class PartComparison:
    """One part of two versions: which documents to look at, and the documents.

    Args:
        older: the version to compare with
        newer: the version whose changes are wanted
        part: samples or frames
        progress: told how far reading is
    """

    def __init__(
        self, older: Version, newer: Version, part: Part, progress: Progress = silent
    ) -> None:
        self._older, self._newer, self._part = older, newer, part
        if isinstance(older, SnapshotVersion) and isinstance(newer, SnapshotVersion):
            older.read_with(newer, part)
        with Workers(max_workers=1) as pool:
            before = pool.submit(older.manifest, part)
            self.after = newer.manifest(part, progress)
            self.before: Manifest = before.result()
        # `last_modified_at` alone is no change, so what was merely touched is not even fetched
        self.differences: Differences = self.before.compare(self.after, touched=False)

    def pairs(self, keys: Keys) -> Iterator[Pair]:
        """Yields the documents before and after that have some ids, and may or may not differ.

        The next ones are fetched while the caller works on the last ones.
        """
        if not len(keys):
            # An archive, which may be far away, is not asked for nothing
            return
        before, after = self._before_documents, self._after_documents
        if before is None or after is None:
            return
        pieces = [
            (start, Ids(keys[start : start + _FETCH_DOCUMENTS]))
            for start in range(0, len(keys), _FETCH_DOCUMENTS)
        ]
        with Workers(max_workers=2) as pool:
            fetches = (
                [pool.submit(documents.fetch, ids) for documents in (before, after)]
                for _, ids in pieces
            )
            pending = next(fetches, None)
            for start, ids in pieces:
                assert pending is not None
                earlier, later = (future.result() for future in pending)
                pending = next(fetches, None)
                for place, key in enumerate(ids.binaries(), start):
                    if key in earlier and key in later:
                        yield Pair(place, key, earlier[key], later[key])
                        continue
                    for version, found in ((self._older, earlier), (self._newer, later)):
                        if key not in found:
                            version.check_present()

    def added(self) -> Iterator[bytes]:
        """Yields the documents that only the newer version has."""
        if len(keys := self.differences.added_keys):
            yield from self._read(self._newer, self._after_documents, keys)

    def deleted(self) -> Iterator[bytes]:
        """Yields the documents that only the older version has."""
        if len(keys := self.differences.deleted_keys):
            yield from self._read(self._older, self._before_documents, keys)

    def _read(self, version: Version, documents: Readable | None, keys: Keys) -> Iterator[bytes]:
        for start in range(0, len(keys), _FETCH_DOCUMENTS):
            ids = Ids(keys[start : start + _FETCH_DOCUMENTS])
            found = {} if documents is None else documents.fetch(ids)
            if len(found) < len(ids):
                version.check_present()
            yield from found.values()

    @cached_property
    def _before_documents(self) -> Readable | None:
        """The documents that the older version may be asked for."""
        found = self.differences
        wanted = np.concatenate([found.changed_keys, found.deleted_keys])
        return self._older.documents(self._part, wanted)

    @cached_property
    def _after_documents(self) -> Readable | None:
        """The documents that the newer version may be asked for."""
        found = self.differences
        wanted = np.concatenate([found.changed_keys, found.added_keys])
        return self._newer.documents(self._part, wanted)

    def owners_of_added(self) -> Keys:
        """Returns the samples that added frames belong to."""
        return owners_in(self._newer, self.after, self.differences.added_keys)

    def owners_of_deleted(self) -> Keys:
        """Returns the samples that deleted frames belonged to."""
        return owners_in(self._older, self.before, self.differences.deleted_keys)

    def owners_of_kept(self, keys: Keys) -> tuple[Keys, Keys]:
        """Returns the samples that frames belonged to, and those that they belong to."""
        return owners_in(self._older, self.before, keys), owners_in(self._newer, self.after, keys)


def owners_in(version: Version, manifest: Manifest, frames: Keys) -> Keys:
    """Returns the sample of each frame of a version, or empty bytes for one that has none."""
    owners = manifest.owners_of(frames)
    nameless = owners == NO_OWNER
    documents = version.documents(Part.FRAMES, frames[nameless]) if nameless.any() else None
    if documents is None:
        return owners
    # Manifests note samples where all documents name one, as FiftyOne's do
    places = {frames[place]: place for place in np.flatnonzero(nameless)}
    for some in chunks(list(Ids(frames[nameless])), _FETCH_DOCUMENTS):
        for key, frame in documents.fetch(some).items():
            owner = equality.decode(layout.fields(frame).get("_sample_id"))
            if isinstance(owner, ObjectId):
                owners[places[np.array([key], DTYPE)[0]]] = owner.binary
    return owners
