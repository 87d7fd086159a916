"""A manifest as the documents that it is stored as."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..catalog.record import FORMAT_VERSION, check_format
from ..dataset.parts import Part
from ..errors import DamagedSnapshotError
from ..mongo.collections import MANIFESTS
from ..mongo.database import Document
from ..rawbson import ids
from .columns import DIGEST
from .manifest import Manifest, Patch

# Stays well below MongoDB's 16 MB a document
_CHUNK_BYTES = 8 * 1024 * 1024

_MOST = 0.5
"""If more than this share of the documents differs, a manifest is stored in full."""


@dataclass(frozen=True)
class Stored:
    """A manifest as stored: in full, or as the difference to that of another snapshot."""

    data: bytes
    base: ObjectId | None = None
    removed: bytes = zlib.compress(b"")
    """The ids that only the base has."""

    @classmethod
    def difference(cls, base: ObjectId, former: Manifest, manifest: Manifest) -> Stored | None:
        """Makes what is to be stored of a manifest beside another one; None if that is much."""
        found = former.compare(manifest)
        new = np.concatenate([found.added_keys, found.changed_keys])
        if len(new) + len(found.deleted_keys) > _MOST * len(manifest):
            return None
        stored = cls.of(Patch(manifest.only(new), found.deleted_keys), base)
        return stored if len(stored.removed) < _CHUNK_BYTES else None

    @classmethod
    def of(cls, patch: Patch, base: ObjectId) -> Stored:
        """Makes what is to be stored of a difference."""
        removed = zlib.compress(patch.removed.tobytes(), 1)
        return cls(patch.manifest.to_bytes(), base, removed)

    def patch(self) -> Patch:
        """Returns the difference to the base."""
        removed = np.frombuffer(zlib.decompress(self.removed), ids.DTYPE)
        return Patch(Manifest.from_bytes(self.data), removed)

    @property
    def _told_by_base(self) -> bytes:
        return b"" if self.base is None else self.removed

    def pieces(self, snapshot_id: ObjectId, part: Part, first: int = 0) -> Iterator[Document]:
        """Yields the documents to store, numbered from ``first`` on."""
        checksum = hashlib.sha256(self._told_by_base + self.data).hexdigest()
        starts = range(0, len(self.data), _CHUNK_BYTES)
        for number, start in enumerate(starts):
            piece = {
                "snapshot_id": snapshot_id,
                "part": part.value,
                "number": first + number,
                "pieces": len(starts),
                "format": FORMAT_VERSION,
                "digest": DIGEST,
                "checksum": checksum,
                "data": self.data[start : start + _CHUNK_BYTES],
            }
            if self.base is not None:
                piece.update(base=self.base, removed=b"" if number else self.removed)
            yield piece

    @classmethod
    def load(cls, database: Database[Document], snapshot_id: ObjectId, part: Part) -> Stored:
        """Reads what is stored; of two that a crash has left, one that is complete."""
        return cls.joined(pieces_of(database, snapshot_id, part), snapshot_id, part)

    @classmethod
    def joined(cls, found: Iterable[Document], snapshot_id: ObjectId, part: Part) -> Stored:
        """Puts together what is stored; the pieces come by their numbers."""
        groups: dict[str, list[Document]] = {}
        for piece in found:
            check_format(piece)
            groups.setdefault(piece["checksum"], []).append(piece)
        for checksum, pieces in groups.items():
            stored = cls(
                b"".join(piece["data"] for piece in pieces),
                pieces[0].get("base"),
                b"".join(piece.get("removed", b"") for piece in pieces) or cls.removed,
            )
            digest = hashlib.sha256(stored._told_by_base + stored.data).hexdigest()
            if len(pieces) == pieces[0]["pieces"] and digest == checksum:
                return stored
        raise DamagedSnapshotError(
            f"The manifest of the {part.value} of snapshot {snapshot_id} is "
            f"{'damaged' if groups else 'missing'}"
        )


def pieces_of(
    database: Database[Document], snapshot_id: ObjectId, part: Part
) -> Iterable[Document]:
    """Reads the documents of a manifest, by their numbers."""
    query = {"snapshot_id": snapshot_id, "part": part.value}
    return database[MANIFESTS].find(query).sort("number", 1)
