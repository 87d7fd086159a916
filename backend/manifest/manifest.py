"""Manifests: which documents a snapshot holds, and a digest of the content of each.

A manifest is what makes comparisons exact and cheap (two manifests are sorted arrays), what
``verify`` checks, and what stays behind when a snapshot is archived.

Of every document it keeps the id, a digest of its bytes, and apart from that the eight bytes of
``last_modified_at``, which FiftyOne moves with every touch: so documents that were merely touched
are told from changed ones without reading them, and still no byte escapes. Frames also name their
sample, so that the sample of a frame that is gone is known. That is 36 bytes a document, 48 a
frame, of which the ids and times compress well.

Digests of groups of fields, rather than of documents, were considered: they would tell which field
changed without reading documents. Every group costs another call of the hash function and another
16 bytes, for all documents and at every capture and comparison, while the documents that changed
are read anyway to tell how.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from bson import ObjectId

from ..dataset.parts import Documents
from ..rawbson import ids
from ..rawbson.ids import Ids, Keys
from ..rawbson.layout import DocumentBatch
from .columns import DIGEST_TYPE, NO_OWNER, STAMP_TYPE, read_columns

_SIZES = struct.Struct("<qqqq")


@dataclass(frozen=True, eq=False)
class Differences:
    """Which documents two manifests disagree about."""

    added_keys: Keys
    deleted_keys: Keys
    changed_keys: Keys

    def __bool__(self) -> bool:
        return bool(len(self.added_keys) or len(self.deleted_keys) or len(self.changed_keys))

    @cached_property
    def added(self) -> list[ObjectId]:
        """Ids that only the newer manifest has."""
        return list(Ids(self.added_keys))

    @cached_property
    def deleted(self) -> list[ObjectId]:
        """Ids that only the older manifest has."""
        return list(Ids(self.deleted_keys))

    @cached_property
    def changed(self) -> list[ObjectId]:
        """Ids whose documents differ."""
        return list(Ids(self.changed_keys))


@dataclass(frozen=True, eq=False)
class Manifest:
    """What documents say, in columns, sorted by id."""

    keys: Keys
    digests: npt.NDArray[Any]
    """Of all bytes but those in :attr:`stamps`."""
    stamps: npt.NDArray[np.int64]
    """``last_modified_at``, in milliseconds."""
    owners: Keys
    """Of frames, the sample; else :data:`NO_OWNER`."""
    places: npt.NDArray[np.int64] | None = None
    """Where each document was met: sorted by these, documents are in natural order. Known of what
    was just read, not of what was stored."""
    has_unusual_ids: bool = False
    """Whether there are documents whose ids are no ObjectIds, so that keys do not find them."""

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def empty(cls) -> Manifest:
        """Returns the manifest of no documents."""
        return cls(
            np.empty(0, ids.DTYPE),
            np.empty(0, DIGEST_TYPE),
            np.empty(0, STAMP_TYPE),
            np.empty(0, ids.DTYPE),
        )

    @classmethod
    def read(cls, documents: Documents, report: Callable[[int], object] | None = None) -> Manifest:
        """Makes the manifest of documents by reading them once.

        Args:
            documents: the documents
            report (None): told now and then how many documents were read

        Returns:
            the manifest
        """
        return cls._of_batches(documents.document_batches(), report)

    @classmethod
    def of(
        cls, batches: Iterable[bytes], report: Callable[[int], object] | None = None
    ) -> Manifest:
        """Makes the manifest of documents that were read already.

        Args:
            batches: BSON documents, one after the other
            report (None): told now and then how many documents there were

        Returns:
            the manifest
        """
        return cls._of_batches((DocumentBatch.of(bytearray(batch)) for batch in batches), report)

    @classmethod
    def _of_batches(
        cls, document_batches: Iterable[DocumentBatch], report: Callable[[int], object] | None
    ) -> Manifest:
        manifests, count = [cls.empty()], 0
        for batch in filter(len, document_batches):
            columns = read_columns(batch)
            unusual = columns.has_unusual_ids
            manifests.append(cls(*columns[:-1], has_unusual_ids=unusual))
            count += len(manifests[-1])
            if report is not None:
                report(count)
        return cls._joined(manifests, in_order=True)

    @classmethod
    def joined(cls, manifests: Iterable[Manifest]) -> Manifest:
        """Returns the manifest of the documents of several."""
        return cls._joined([cls.empty(), *manifests])

    @classmethod
    def _joined(cls, manifests: list[Manifest], *, in_order: bool = False) -> Manifest:
        """Returns a manifest of the documents of several, of which the last word counts."""
        keys = np.concatenate([each.keys for each in manifests])
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        # A document that is deleted and inserted while it is read is met twice
        order = order[np.append(ordered[1:] != ordered[:-1], True)[: len(order)]]
        return cls(
            keys[order],
            np.concatenate([each.digests for each in manifests])[order],
            np.concatenate([each.stamps for each in manifests])[order],
            np.concatenate([each.owners for each in manifests])[order],
            order if in_order else None,
            any(each.has_unusual_ids for each in manifests),
        )

    def in_order(self) -> Keys:
        """Returns the ids in natural order.

        Returns:
            the keys

        Raises:
            ValueError: if the manifest does not know the order
        """
        if self.places is None:
            raise ValueError("Only a manifest of documents that were just read knows their order")
        return self.keys[np.argsort(self.places, kind="stable")]

    def ordered(self, natural: Keys) -> Manifest:
        """Returns this manifest with a natural order.

        Args:
            natural: its ids in that order

        Returns:
            a manifest that knows the order
        """
        place, known = ids.positions(self.keys, natural)
        # Documents can come and go while they are read, which whoever reads them will notice
        places = np.full(len(self), len(natural), np.int64)
        places[place[known]] = np.flatnonzero(known)
        return replace(self, places=places)

    def compare(self, newer: Manifest, *, touched: bool = True) -> Differences:
        """Compares this manifest with a newer one.

        Args:
            newer: the other manifest
            touched (True): whether documents are changed in which only the value of
                ``last_modified_at`` differs

        Returns:
            the ids that were added, deleted and whose bytes changed
        """
        # Most versions of a dataset have the same ids, of which none is to be looked up
        if len(self) == len(newer) and self.keys.tobytes() == newer.keys.tobytes():
            before, after = self, newer
            added = deleted = newer.keys[:0]
        else:
            place, known = ids.positions(self.keys, newer.keys)
            kept = np.zeros(len(self), bool)
            kept[place[known]] = True
            added, deleted = newer.keys[~known], self.keys[~kept]
            before, after = self._rows(place[known]), newer._rows(known)
        changed = after.digests != before.digests
        if touched:
            changed |= after.stamps != before.stamps
        return Differences(
            added_keys=added, deleted_keys=deleted, changed_keys=after.keys[changed]
        )

    def owners_of(self, keys: Keys) -> Keys:
        """Returns the samples that frames belong to.

        Args:
            keys: frames of this manifest

        Returns:
            the sample of each, or :data:`NO_OWNER` where it is not known
        """
        return self.owners[ids.positions(self.keys, keys)[0]]

    def updated(self, patch: Manifest, removed: list[ObjectId]) -> Manifest:
        """Returns this manifest with some documents replaced, added or removed.

        Args:
            patch: the documents as they are now
            removed: ids that are gone

        Returns:
            the new manifest
        """
        return Patch(patch, Ids.of(removed).keys).applied_to(self)

    def patched(self, patch: Manifest) -> Manifest:
        """Returns this manifest with some documents replaced or added."""
        place, known = ids.positions(self.keys, patch.keys)
        new = np.flatnonzero(~known)
        before = np.searchsorted(self.keys, patch.keys[new])

        def column(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> npt.NDArray[Any]:
            changed = ours.copy()
            changed[place[known]] = theirs[known]
            return np.insert(changed, before, theirs[new]) if len(new) else changed

        return Manifest(
            column(self.keys, patch.keys),
            column(self.digests, patch.digests),
            column(self.stamps, patch.stamps),
            column(self.owners, patch.owners),
            has_unusual_ids=self.has_unusual_ids or patch.has_unusual_ids,
        )

    def without(self, keys: Keys) -> Manifest:
        """Returns this manifest without some documents."""
        if not len(keys):
            return self
        keep = np.ones(len(self), bool)
        place, known = ids.positions(self.keys, keys)
        keep[place[known]] = False
        return self._rows(keep)

    def only(self, keys: Keys) -> Manifest:
        """Returns what this manifest says of some documents."""
        place, known = ids.positions(self.keys, np.sort(keys))
        return self._rows(place[known])

    def _rows(self, rows: npt.NDArray[Any]) -> Manifest:
        return Manifest(self.keys[rows], self.digests[rows], self.stamps[rows], self.owners[rows])

    def fingerprint(self, *, touched: bool = True) -> str:
        """Returns one hash of all the content, equal for equal content only.

        Args:
            touched (True): whether the values of ``last_modified_at`` count

        Returns:
            the hash
        """
        content = hashlib.sha256(self.keys.tobytes())
        content.update(self.digests.tobytes())
        if touched:
            content.update(self.stamps.tobytes())
        return content.hexdigest()

    def to_bytes(self) -> bytes:
        """Returns the manifest as :meth:`from_bytes` reads it, without the order."""
        # Digests are random: they do not compress
        columns = [
            zlib.compress(self.keys.tobytes(), 1),
            zlib.compress(self.stamps.tobytes(), 1),
            zlib.compress(self.owners.tobytes(), 1),
            self.digests.tobytes(),
        ]
        return b"".join([_SIZES.pack(*map(len, columns)), *columns])

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Reads what :meth:`to_bytes` wrote."""
        columns, start = [], _SIZES.size
        for size in _SIZES.unpack_from(data):
            columns.append(data[start : start + size])
            start += size
        keys, stamps, owners, digests = columns
        return cls(
            np.frombuffer(zlib.decompress(keys), ids.DTYPE),
            np.frombuffer(digests, DIGEST_TYPE),
            np.frombuffer(zlib.decompress(stamps), STAMP_TYPE),
            np.frombuffer(zlib.decompress(owners), ids.DTYPE),
        )


@dataclass(frozen=True)
class Patch:
    """What makes one manifest of another."""

    manifest: Manifest
    """Of the documents that were added or changed."""
    removed: Keys
    """The documents that are gone, if they were there."""

    def applied_to(self, base: Manifest) -> Manifest:
        """Returns what becomes of a manifest."""
        return base.without(self.removed).patched(self.manifest)

    @classmethod
    def joined(cls, patches: Sequence[Patch]) -> Patch:
        """Returns the patch that does what others do, one after the other."""
        manifests = [
            each for patch in patches for each in (_naming(patch.removed), patch.manifest)
        ]
        removes = np.concatenate(
            [np.full(len(each), number % 2 == 0) for number, each in enumerate(manifests)]
        )
        last = Manifest._joined(manifests, in_order=True)
        assert last.places is not None
        is_removed = removes[last.places]
        return cls(last._rows(~is_removed), last.keys[is_removed])


def _naming(keys: Keys) -> Manifest:
    """Returns a manifest that says nothing but which documents there are."""
    return Manifest(
        keys,
        np.zeros(len(keys), DIGEST_TYPE),
        np.zeros(len(keys), STAMP_TYPE),
        np.full_like(keys, NO_OWNER),
    )
