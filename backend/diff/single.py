"""What happened to one sample, in every detail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import bson
from bson import ObjectId

from ..dataset.parts import Part
from ..dataset.sample_state import SampleState
from ..errors import InvalidRequestError
from ..rawbson import equality, layout
from ..results.serialize import Record, plain
from ..storage import registry
from . import labels
from .records import Kind
from .versions import SnapshotVersion, Version

_NOTHING = b"\x05\x00\x00\x00\x00"


@dataclass(frozen=True)
class LabelDifference(Record):
    """A label before and after."""

    id: str
    kind: Kind
    before: Mapping[str, Any] | None
    """None if there was none."""
    after: Mapping[str, Any] | None
    attributes: tuple[str, ...] = ()
    """Which attributes differ, if it is in both versions."""

    def __str__(self) -> str:
        if self.before is None or self.after is None:
            return f"{self.kind} {_name(self.after or self.before or {})}"
        said = []
        if "label" in self.attributes:
            said.append(f"{self.before.get('label')} -> {self.after.get('label')}")
        if moved := [name for name in self.attributes if name in labels.GEOMETRY]:
            said.append(f"moved ({', '.join(moved)})")
        said += [
            f"{name}: {self.before.get(name)} -> {self.after.get(name)}"
            for name in self.attributes
            if name != "label" and name not in labels.GEOMETRY
        ]
        subject = "" if "label" in self.attributes else f"{_name(self.after)}: "
        return subject + ", ".join(said)


@dataclass(frozen=True)
class FieldDifference(Record):
    """A field of a sample before and after."""

    path: str
    """Such as ``ground_truth``, or ``frames[3].objects``."""
    before: Any
    """None if it had no value."""
    after: Any
    labels: tuple[LabelDifference, ...] = ()
    """For fields of labels, the labels that differ."""

    def __str__(self) -> str:
        if self.labels:
            return f"{self.path}: " + "; ".join(map(str, self.labels))
        return f"{self.path}: {_short(self.before)} -> {_short(self.after)}"


@dataclass(frozen=True)
class SampleDifference(Record):
    """A sample in two versions."""

    sample_id: str
    kind: Kind | None
    """None if it is the same in both, or in neither."""
    fields: tuple[FieldDifference, ...]
    """What differs in it or its frames, if it is in both versions."""

    def __bool__(self) -> bool:
        return self.kind is not None

    def __str__(self) -> str:
        lines = [f"Sample {self.sample_id}: {self.kind or 'unchanged'}"]
        return "\n  ".join([*lines, *map(str, self.fields)])


def states_of(versions: Sequence[Version], sample_id: ObjectId) -> Iterator[SampleState]:
    """Reads a sample of some versions; of snapshots, many at once.

    Args:
        versions: the versions
        sample_id: the sample

    Yields:
        the sample in each of them
    """
    for name, some in groupby(versions, _backend_of):
        found = list(some)
        if name is None:
            yield from (_state_of(version, sample_id) for version in found)
            continue
        snapshots = [version for version in found if isinstance(version, SnapshotVersion)]
        backend = registry.create(name, snapshots[0].database)
        yield from backend.sample_states([each.record for each in snapshots], sample_id)


def _backend_of(version: Version) -> str | None:
    """Returns the backend that a version can be read from, or None."""
    if isinstance(version, SnapshotVersion) and version.record.archive is None:
        return version.record.backend
    return None


def _state_of(version: Version, sample_id: ObjectId) -> SampleState:
    samples, frames = version.documents(Part.SAMPLES), version.documents(Part.FRAMES)
    sample = None
    if samples is not None:
        sample = samples.fetch([sample_id]).get(sample_id.binary)
    if frames is None or sample is None:
        return SampleState(sample)
    return SampleState(sample, frames.of_sample(sample_id))


def compare(sample_id: ObjectId, before: SampleState, after: SampleState) -> SampleDifference:
    """Compares a sample in two versions.

    Args:
        sample_id: the sample
        before: the sample with its frames
        after: the sample with its frames later

    Returns:
        the differences
    """
    if before.sample is None or after.sample is None:
        kind = None
        if before.sample is not after.sample:
            kind = Kind.ADDED if before.sample is None else Kind.REMOVED
        return SampleDifference(str(sample_id), kind, ())
    fields = tuple(_fields(before, after))
    return SampleDifference(str(sample_id), Kind.CHANGED if fields else None, fields)


def of_sample(older: Version, newer: Version, sample_id: ObjectId) -> SampleDifference:
    """Compares a sample in two versions.

    Args:
        older: a version
        newer: a later version
        sample_id: the sample

    Returns:
        the differences
    """
    before, after = states_of([older, newer], sample_id)
    return compare(sample_id, before, after)


def of_samples(
    older: Version, newer: Version, sample_ids: Sequence[ObjectId]
) -> list[SampleDifference]:
    """Compares some samples in two versions, whose documents are read together.

    Args:
        older: a version
        newer: a later version
        sample_ids: the samples

    Returns:
        the differences, in the order of the samples
    """
    before, after = _states(older, sample_ids), _states(newer, sample_ids)
    return [
        compare(id_, was, is_) for id_, was, is_ in zip(sample_ids, before, after, strict=True)
    ]


def label_differences(change: equality.Change) -> tuple[LabelDifference, ...]:
    """Returns which labels differ in a field, and how; nothing if it holds no labels."""
    found_labels = labels.labels_of(change)
    if found_labels is None:
        return ()
    found = (label_difference(pair) for pair in labels.pairs(*found_labels))
    return tuple(label for label in found if label is not None)


def label_difference(pair: labels.LabelPair) -> LabelDifference | None:
    """Returns how a label differs, or None if it does not."""
    before, after = (_decode(label) for label in pair)
    attributes = tuple(change.name for change in labels.attribute_changes(pair))
    if before is not None and after is not None and not attributes:
        return None
    kind = Kind.ADDED if before is None else Kind.REMOVED if after is None else Kind.CHANGED
    known = after if after is not None else before or {}
    return LabelDifference(str(known.get("_id")), kind, before, after, attributes)


def _states(version: Version, sample_ids: Sequence[ObjectId]) -> list[SampleState]:
    if version.documents(Part.FRAMES) is not None:
        # A video has too many frames to hold those of many
        return [state for id_ in sample_ids for state in states_of([version], id_)]
    samples = version.documents(Part.SAMPLES)
    found = {} if samples is None else samples.fetch(list(sample_ids))
    return [SampleState(found.get(id_.binary)) for id_ in sample_ids]


def _fields(before: SampleState, after: SampleState) -> Iterator[FieldDifference]:
    assert before.sample is not None
    assert after.sample is not None
    yield from _differences(before.sample, after.sample)
    for key in dict.fromkeys([*before.frames, *after.frames]):
        old, new = before.frames.get(key), after.frames.get(key)
        number = equality.decode(layout.fields(new or old or _NOTHING).get("frame_number"))
        path = f"frames[{number}]"
        if old is None or new is None:
            yield FieldDifference(path, _document(old), _document(new))
        else:
            yield from _differences(old, new, f"{path}.")


def _differences(before: bytes, after: bytes, prefix: str = "") -> Iterator[FieldDifference]:
    for change in equality.changes(before, after):
        was, is_ = equality.decode(change.before), equality.decode(change.after)
        yield FieldDifference(prefix + change.name, was, is_, label_differences(change))


def _document(document: bytes | None) -> dict[str, Any] | None:
    if document is None:
        return None
    fields = layout.fields(document)
    return {
        name: equality.decode(element)
        for name, element in fields.items()
        if name not in equality.BOOKKEEPING
    }


def _decode(document: bytes | None) -> dict[str, Any] | None:
    return None if document is None else dict(bson.decode(document))


def _name(label: Mapping[str, Any]) -> str:
    return str(label.get("label") or label.get("_cls") or "label")


def _short(value: Any, length: int = 60) -> str:
    text = repr(plain(value))
    return text if len(text) <= length else text[: length - 3] + "..."


def object_id(id_: str) -> ObjectId:
    """Reads an id as FiftyOne writes it.

    Args:
        id_: the id of a sample or label

    Returns:
        the id as MongoDB has it

    Raises:
        InvalidRequestError: if it is none
    """
    if not ObjectId.is_valid(id_):
        raise InvalidRequestError(f"{id_!r} is no id: ids have 24 hexadecimal digits")
    return ObjectId(id_)
