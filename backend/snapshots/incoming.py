"""A snapshot that comes from elsewhere, of which nothing is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from bson import ObjectId

from ..archive.read import Stream
from ..catalog.record import MergedFrom, Pulled
from ..dataset.parts import Part, State
from ..errors import DamagedArchiveError
from ..manifest.manifest import Manifest
from ..media.moved import NOTHING, MovedMedia
from ..rawbson.ids import Keys


@dataclass(frozen=True)
class Changes:
    """How a snapshot differs from another one, which is here."""

    stream: Stream
    """Of samples and frames, what the other one has not, or has with other content; all of other
    parts, but of those that are shared."""
    other_id: ObjectId
    is_earlier: bool
    """Whether the other one is the one before it, and not the one after it."""
    removed: Mapping[Part, Keys]
    """The samples and frames that only the other one has."""
    orders: Mapping[Part, Keys]
    """The natural order of samples and frames, where that is not the order of their ids."""
    other: Callable[[], Mapping[Part, Manifest] | None]
    """Returns the content of the other one's samples and frames, and of the parts that are shared;
    None if it is not what it was taken for."""

    def whole(
        self, others: Mapping[Part, Manifest], changes: Mapping[Part, Manifest]
    ) -> dict[Part, Manifest] | None:
        """Returns the content of the snapshot.

        Args:
            others: what :attr:`other` has returned
            changes: what was read

        Returns:
            the content of all parts; None if the other one does not tell the rest
        """
        found = dict(others)
        for part, read in changes.items():
            if not part.is_own_collection:
                found[part] = read
                continue
            whole = others[part].without(self.removed[part]).patched(read)
            order = self.orders.get(part, whole.keys)
            if read.has_unusual_ids or not np.array_equal(np.sort(order), whole.keys):
                return None
            found[part] = whole.ordered(order)
        return found


@dataclass(frozen=True)
class Incoming:
    """What is to be taken in."""

    stream: Stream
    doing: str
    """What is being done, for progress."""
    check: Callable[[Mapping[Part, Manifest]], None] | None = None
    """Raises if what was read is not what was announced."""
    pinned: bool = False
    pulled: Pulled | None = None
    merged_from: MergedFrom | None = None
    changes: Changes | None = None
    """What is read instead, if the other snapshot is here and can be rested on."""
    moved: MovedMedia = NOTHING
    """Where its media files are, which came along."""

    def check_whole(self, staged: State, manifests: Mapping[Part, Manifest]) -> None:
        """Makes sure that what was read is what it says of itself.

        Args:
            staged: where it is now
            manifests: what it is

        Raises:
            DamagedSnapshotError: if it is something else
        """
        header = self.stream.header
        documents = list(staged[Part.DATASET].decoded()) if Part.DATASET in staged else []
        samples = manifests.get(Part.SAMPLES, Manifest.empty())
        if [document["_id"] for document in documents] != [header.dataset_id] or (
            len(samples) != header.sample_count
        ):
            raise DamagedArchiveError(
                f"'{self.stream.source}' is damaged: it does not hold the whole snapshot that it "
                "says it does"
            )
        if self.check is not None:
            self.check(manifests)

    @staticmethod
    def of_all_parts(manifests: Mapping[Part, Manifest]) -> dict[Part, Manifest]:
        """Adds that there are no documents of other parts, but for frames if there are none.

        Args:
            manifests: what was read
        """
        missing = [part for part in Part if part not in manifests and part is not Part.FRAMES]
        return {**manifests, **dict.fromkeys(missing, Manifest.empty())}
