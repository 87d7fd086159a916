"""A snapshot that comes from elsewhere, of which nothing is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..archive.read import Stream
from ..catalog.record import Pulled
from ..dataset.parts import Part, State
from ..errors import DamagedArchiveError
from ..manifest.manifest import Manifest
from ..media.moved import NOTHING, MovedMedia


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
