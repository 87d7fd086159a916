"""One sample in one version of a dataset."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId

from ..rawbson import equality, layout
from .parts import Part


@dataclass(frozen=True)
class SampleState:
    """A sample with its frames, as BSON."""

    sample: bytes | None
    """None if the version does not have it."""
    frames: Mapping[bytes, bytes] = field(default_factory=dict)
    """By id, in the order of their numbers."""

    def is_whole(self, parts: Collection[str]) -> bool:
        """Returns whether something was found in each part where it can be.

        Args:
            parts: the parts that the version has
        """
        return self.sample is not None and (Part.FRAMES.value not in parts or bool(self.frames))


def own_documents(sample_id: ObjectId) -> dict[Part, list[dict[str, Any]]]:
    """Returns the stages that find what a sample consists of, in each part where that can be."""
    return {
        Part.SAMPLES: [{"$match": {"_id": sample_id}}],
        Part.FRAMES: [{"$match": {"_sample_id": sample_id}}, {"$sort": {"frame_number": 1}}],
    }


def told(documents: Iterable[tuple[Part, bytes]]) -> SampleState:
    """Makes a state of the documents that were found; without a sample, its frames are nothing."""
    sample, frames = None, {}
    for part, document in documents:
        if part is Part.SAMPLES:
            sample = document
        else:
            frames[layout.fields(document)["_id"][1:]] = document
    return SampleState(sample, {} if sample is None else frames)


def by_number(frames: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Returns the frames of a sample in the order of their numbers."""
    return dict(sorted(frames.items(), key=lambda item: _number(item[1])))


def _number(frame: bytes) -> float:
    number = equality.decode(layout.fields(frame).get("frame_number"))
    return number if isinstance(number, (int, float)) else 0
