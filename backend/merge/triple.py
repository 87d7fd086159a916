"""Samples or frames of three versions: which documents to look at, and the documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from ..dataset.parts import Part, Readable
from ..diff.parts import owners_in
from ..errors import ConcurrentWritesError
from ..manifest.manifest import Differences, Manifest
from ..progress import Progress, silent
from ..rawbson.ids import DTYPE, Ids, Keys, common, distinct, lacking, positions
from .side import Side

_NONE = np.empty(0, DTYPE)
_BASE, _OURS, _THEIRS = range(3)
_AT_ONCE = 500
"""So many documents are joined to tell their digests."""

Found = dict[bytes, bytes]
"""Documents by the bytes of their ids."""

Fetched = tuple[Found, Found, Found]
"""Those of base, ours and theirs."""


class PartTriple:
    """One part of base, ours and theirs.

    Args:
        sides: the versions: base, ours and theirs
        part: samples or frames
        progress: told how far reading is
    """

    def __init__(
        self, sides: tuple[Side, Side, Side], part: Part, progress: Progress = silent
    ) -> None:
        self._sides, self._part = sides, part
        base, ours, theirs = (side.manifest(part, progress) for side in sides)
        self.manifests = base, ours, theirs
        self.by_ours = _touched(base.compare(ours, touched=False))
        """Documents that the target added, deleted or wrote, sorted."""
        self.by_theirs = _touched(base.compare(theirs, touched=False))
        self._wanted = _NONE

    def want(self, keys: Keys) -> None:
        """Says which documents will be asked for: archives are read only once."""
        self._wanted = distinct(keys)
        self.__dict__.pop("_documents", None)

    def fetch(self, keys: Keys) -> Fetched:
        """Returns documents as each version has them.

        Args:
            keys: which ones

        Returns:
            those that each version has

        Raises:
            ConcurrentWritesError: if they are being deleted at this moment
        """
        ours, theirs = self._fetch(_OURS, keys), self._fetch(_THEIRS, keys)
        same = self._as_in_base(ours)
        base = self._fetch(_BASE, lacking(same, keys))
        base |= {key: ours[key] for key in Ids(same).binaries()}
        return base, ours, theirs

    def _as_in_base(self, ours: Found) -> Keys:
        """Returns those documents of the target that say what the base does.

        Their bytes tell, not what the target's manifest was made of: somebody may have written
        to it since.
        """
        there = common(self.manifests[_BASE].keys, _sorted(ours))
        found = (ours[key] for key in Ids(there).binaries())
        batches = iter(lambda: b"".join(islice(found, _AT_ONCE)), b"")
        now, was = Manifest.of(batches), self.manifests[_BASE].only(there)
        return now.keys[now.digests == was.digests]

    def _fetch(self, number: int, keys: Keys) -> Found:
        present = common(self.manifests[number].keys, keys)
        documents = self._documents[number]
        if not len(present) or documents is None:
            return {}
        found = documents.fetch(Ids(present))
        if len(found) < len(present):
            self._sides[number].version.check_present()
            raise ConcurrentWritesError(
                f"The {self._part.value} were written to while they were compared; try again"
            )
        return found

    @cached_property
    def _documents(self) -> list[Readable | None]:
        return [
            side.version.documents(self._part, common(manifest.keys, self._wanted))
            for side, manifest in zip(self._sides, self.manifests, strict=True)
        ]


@dataclass(frozen=True)
class FrameOwners:
    """Which frames belong to which samples."""

    keys: Keys
    """Frames, by the samples that they belong to."""
    owners: Keys
    """Their samples, sorted."""

    @classmethod
    def of(cls, sides: tuple[Side, Side, Side], touched: Keys) -> FrameOwners:
        """Finds the samples of frames that any version has.

        Args:
            sides: the versions
            touched: the frames

        Returns:
            the frames with their samples, in each of the versions
        """
        keys, owners = [_NONE], [_NONE]
        for side in sides:
            manifest = side.manifest(Part.FRAMES)
            present = common(manifest.keys, touched)
            keys.append(present)
            owners.append(owners_in(side.version, manifest, present))
        all_keys, all_owners = np.concatenate(keys), np.concatenate(owners)
        order = np.argsort(all_owners, kind="stable")
        return cls(all_keys[order], all_owners[order])

    def of_samples(self, samples: Keys) -> Keys:
        """Returns the frames of samples, which are sorted and few."""
        start = np.searchsorted(self.owners, samples[0])
        end = np.searchsorted(self.owners, samples[-1], side="right")
        chosen = positions(samples, self.owners[start:end])[1]
        return distinct(self.keys[start:end][chosen])


def in_chunks(keys: Keys, size: int) -> Iterator[Keys]:
    """Cuts keys into pieces."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _sorted(found: Found) -> Keys:
    return np.sort(np.array(list(found), DTYPE))


def _touched(differences: Differences) -> Keys:
    found = (differences.added_keys, differences.deleted_keys, differences.changed_keys)
    return distinct(*found)
