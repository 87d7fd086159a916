"""Reading some documents of an archived snapshot, without bringing it back.

Comparisons know from the manifests which documents they must look at. Those are taken out of the
archive in one pass, to a file that the system removes when nobody needs it any more, however this
process ends. So comparing with an archived snapshot is exact, and needs memory only for ids.
"""

from __future__ import annotations

import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping

import bson
import numpy as np
import numpy.typing as npt
from bson import ObjectId
from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part
from ..errors import ArchiveStorageError, DamagedArchiveError
from ..manifest import store as manifest_store
from ..manifest.columns import batch_keys
from ..mongo.database import Document
from ..rawbson import ids, layout
from ..rawbson.ids import Ids, Keys
from . import location
from .read import Reader

SMALL = (
    Part.DATASET,
    Part.VIEWS,
    Part.WORKSPACES,
    Part.RUNS,
    Part.TAGS,
    Part.STORE,
    Part.RESULT_FILES,
)
"""Parts that are read as a whole; they come first in an archive."""

_IN_MEMORY_BYTES = 16 * 1024 * 1024
_SAMPLE_ID = layout.Wanted("_sample_id", 0x07)


class Extract:
    """Some documents of one part of an archive.

    Args:
        database: the database that they come from
        source: where the archive is, for errors
    """

    def __init__(self, database: Database[Document], source: str) -> None:
        self._options = database.codec_options
        self._source = source
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._reading = threading.Lock()
        self._size = 0
        self._keys: list[Keys] = []
        self._bounds: list[npt.NDArray[np.int64]] = []

    def add(self, data: bytes, wanted: Keys | None) -> None:
        """Keeps documents.

        Args:
            data: BSON documents, one after the other
            wanted: the ids of those to keep, sorted; None for all
        """
        batch = layout.DocumentBatch.of(data)
        bounds = np.array([batch.starts, batch.ends], np.int64).T
        keys = batch_keys(batch)[0]
        if wanted is not None:
            chosen = ids.positions(wanted, keys)[1]
            bounds, keys = bounds[chosen], keys[chosen]
            data = b"".join([data[start:end] for start, end in bounds.tolist()])
            ends = np.cumsum(bounds[:, 1] - bounds[:, 0])
            bounds = np.stack([np.append(0, ends[:-1]), ends], axis=1) if len(ends) else bounds
        try:
            self._file.write(data)
        except OSError as error:
            raise ArchiveStorageError(
                f"Documents of '{self._source}' could not be unpacked to "
                f"'{tempfile.gettempdir()}': {error.strerror}. Make room there, or set TMPDIR to "
                "another folder."
            ) from error
        self._keys.append(keys)
        self._bounds.append(bounds + self._size)
        self._size += len(data)

    def finish(self, expected: int) -> None:
        """Makes the documents ready to be read.

        Args:
            expected: how many there must be

        Raises:
            DamagedArchiveError: if there are not
        """
        keys = np.concatenate([np.empty(0, ids.DTYPE), *self._keys])
        if len(keys) != expected:
            raise DamagedArchiveError(
                f"The archive '{self._source}' is damaged: {expected} documents were looked for, "
                f"and {len(keys)} found. See verify_snapshot()."
            )
        order = np.argsort(keys, kind="stable")
        self._sorted = keys[order]
        self._places = np.concatenate([np.empty((0, 2), np.int64), *self._bounds])[order]

    def fetch(self, ids_: Iterable[ObjectId]) -> dict[bytes, bytes]:
        """Reads documents as BSON.

        Args:
            ids_: which ones

        Returns:
            those that there are, by the bytes of their ids
        """
        wanted = Ids.of(ids_)
        places, known = ids.positions(self._sorted, wanted.keys)
        return {
            key: self._read(*self._places[place])
            for key, place, is_known in zip(wanted.binaries(), places, known, strict=True)
            if is_known
        }

    def decoded(self, ids_: list[ObjectId] | None = None) -> Iterator[Document]:
        """Reads documents.

        Args:
            ids_ (None): which ones; by default, all

        Yields:
            those that there are
        """
        found = self._all() if ids_ is None else iter(self.fetch(ids_).values())
        for document in found:
            yield bson.decode(document, self._options)

    def of_sample(self, sample_id: ObjectId) -> dict[bytes, bytes]:
        """Reads the frames of a sample.

        Args:
            sample_id: the sample

        Returns:
            them as BSON, by the bytes of their ids and in the order of their numbers
        """
        element = _SAMPLE_ID.header + sample_id.binary
        frames = [bson.decode(frame) | {"": frame} for frame in self._all() if element in frame]
        frames.sort(key=lambda frame: frame.get("frame_number") or 0)
        return {
            frame["_id"].binary: frame[""]
            for frame in frames
            if frame.get("_sample_id") == sample_id
        }

    def mentioning(self, paths: list[str], id_: ObjectId) -> bytes | None:
        """Finds a document by an id in it.

        Args:
            paths: where the id may be
            id_: the id

        Returns:
            the document as BSON, or None if there is none
        """
        for document in self._all():
            if id_.binary in document:
                decoded = bson.decode(document)
                if any(_has(decoded, path.split("."), id_) for path in paths):
                    return document
        return None

    def _all(self) -> Iterator[bytes]:
        for start, end in np.sort(self._places, axis=0):
            yield self._read(start, end)

    def _read(self, start: int, end: int) -> bytes:
        # Samples are merged while the next ones are read
        with self._reading:
            self._file.seek(int(start))
            return self._file.read(int(end - start))


def extract(
    database: Database[Document], record: SnapshotRecord, wanted: Mapping[Part, Keys | None]
) -> dict[Part, Extract]:
    """Takes documents out of the archive of a snapshot, in one pass.

    Args:
        database: the database
        record: an archived snapshot
        wanted: for each part, the ids of documents that the snapshot has, or None for all

    Returns:
        the documents of each part

    Raises:
        ArchiveNotFoundError: if the archive is gone
        ArchiveStorageError: if the store is out of reach, or refuses
        DamagedArchiveError: if the archive is damaged
    """
    store, key = location.find(record)
    source = store.describe(key)
    chosen = {part: None if keys is None else np.unique(keys) for part, keys in wanted.items()}
    found = {part: Extract(database, source) for part in chosen}
    for piece in Reader(store.read(key), source).pieces_of(chosen):
        found[piece.part].add(piece.data, chosen[piece.part])
    for part, documents in found.items():
        keys = chosen[part]
        if keys is None:
            documents.finish(len(manifest_store.load(database, record.id, part)))
        else:
            documents.finish(len(keys))
    return found


def _has(value: object, path: list[str], id_: ObjectId) -> bool:
    """Returns whether an id is at a path, as MongoDB looks for it: through lists."""
    if isinstance(value, list):
        return any(_has(item, path, id_) for item in value)
    if not path:
        return value == id_
    return isinstance(value, dict) and _has(value.get(path[0]), path[1:], id_)
