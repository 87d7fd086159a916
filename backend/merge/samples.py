"""Merging the samples of three versions one after the other, with their frames and tags."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bson import ObjectId

from ..dataset.schema import FRAMES_PREFIX
from ..mongo.database import Document
from ..rawbson import equality, layout
from . import documents, inner
from .conflicts import Conflict, ConflictKind, Place, Resolution, Take
from .elements import value
from .judge import Decide, Element, Judge, Suspect
from .schema import Fields
from .surroundings import merge_tags, tag_key
from .values import Values

Frame = tuple[bytes | None, bytes | None, bytes | None]
"""A frame as base, ours and theirs have it."""

Tags = tuple[list[Document], list[Document], list[Document]]
"""The temporal tags of a sample as base, ours and theirs have them."""


@dataclass
class Sample:
    """A sample as three versions have it, with those frames that any of them has touched."""

    id: ObjectId
    base: bytes | None
    ours: bytes | None
    theirs: bytes | None
    frames: dict[int, Frame] = field(default_factory=dict)
    """By their numbers."""
    tags: Tags = field(default_factory=lambda: ([], [], []))
    is_combined: bool = False
    """Whether theirs is another sample, of the same file, which ours takes in."""


@dataclass
class Change:
    """A document of the target that becomes another one, comes or goes."""

    before: bytes | None
    after: bytes | None


@dataclass
class MergedSample:
    """What becomes of a sample."""

    id: ObjectId
    sample: Change
    frames: list[Change] = field(default_factory=list)
    tags_added: list[Document] = field(default_factory=list)
    tags_removed: list[Document] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)

    @property
    def is_changed(self) -> bool:
        """Whether anything of the target changes."""
        changes = [self.sample, *self.frames]
        return bool(self.tags_added or self.tags_removed) or any(
            documents.is_changed(each.before, each.after) for each in changes
        )


class Contested:
    """Counts the values that one side changed of fields that the other one deleted."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.seals: dict[str, bytes] = {}
        """Digests of all the changed values, whatever their order."""

    def note(self, path: str, place: Place, element: Element) -> None:
        """Counts a value."""
        self.counts[path] = self.counts.get(path, 0) + 1
        said = f"{place.sample_id} {place.frame_number} ".encode() + (element or b"")
        seal = hashlib.sha256(said).digest()
        former = self.seals.get(path, bytes(len(seal)))
        self.seals[path] = bytes(one ^ other for one, other in zip(former, seal, strict=True))


@dataclass
class SampleMerge:
    """Merges samples.

    Args:
        samples: how documents of samples become ones of the merged schema
        frames: the same for frames
        decide: tells how conflicts were decided
        dropped: samples that one side added and that are not to be, by the side that adds them
        placed: samples of which one side's place in groups counts, with that side
        group_field: the field that says which group a sample is in, if the dataset has groups
    """

    samples: Fields
    frames: Fields
    decide: Decide
    dropped: Mapping[Take, set[ObjectId]] = field(default_factory=dict)
    contested: Contested = field(default_factory=Contested)
    placed: Mapping[ObjectId, Take] = field(default_factory=dict)
    group_field: str | None = None

    def merge(self, sample: Sample) -> MergedSample:
        """Merges one sample.

        Args:
            sample: the sample

        Returns:
            what becomes of it
        """
        if sample.is_combined:
            return self._combined(sample)
        place = Place(sample.id)
        judge = Judge(place, self.decide, names=self.samples.told)
        if self._is_dropped(sample):
            return self._gone(sample, judge)
        sides = (sample.base, sample.ours, sample.theirs)
        if sample.ours is None and sample.theirs is None:
            return self._gone(sample, judge)
        if None in sides[1:] and sample.base is not None:
            return self._deleted(sample, judge)
        merged = _merge_document(judge, self.samples, sides, self.contested, "")
        result = MergedSample(sample.id, Change(sample.ours, self._placed(sample, merged)))
        for number, frame in sample.frames.items():
            frame_judge = self._frame_judge(sample.id, number)
            after = _merge_document(frame_judge, self.frames, frame, self.contested, FRAMES_PREFIX)
            result.frames.append(Change(frame[1], after))
            result.conflicts += frame_judge.conflicts
            result.suspects += frame_judge.suspects
        result.tags_added, result.tags_removed = merge_tags(*sample.tags)
        return _told(result, judge)

    def _placed(self, sample: Sample, merged: bytes | None) -> bytes | None:
        """Returns a merged sample in that place of a group in which it is to be."""
        by = self.placed.get(sample.id)
        place = sample.theirs if by is Take.THEIRS else sample.ours
        if by is None or merged is None or place is None or self.group_field is None:
            return merged
        found = layout.fields(place).get(self.group_field)
        return merged if found is None else documents.adopted(merged, {self.group_field: found})

    def _combined(self, sample: Sample) -> MergedSample:
        """Adds to a sample of the target what one of the branch has more: that is decided."""
        merge = replace(self, decide=_combining, dropped={})
        result = merge.merge(replace(sample, is_combined=False))
        result.conflicts = []
        return result

    def _frame_judge(self, sample_id: ObjectId, number: int) -> Judge:
        names = self.frames.told
        return Judge(Place(sample_id, number), self.decide, FRAMES_PREFIX, names)

    def _is_dropped(self, sample: Sample) -> bool:
        by = Take.THEIRS if sample.ours is None else Take.OURS
        return sample.id in self.dropped.get(by, ())

    def _deleted(self, sample: Sample, judge: Judge) -> MergedSample:
        """Merges a sample that one side has deleted."""
        number = 1 if sample.theirs is None else 2
        if not self._is_edited(sample, number):
            return self._gone(sample, judge)
        documents.delete_or_keep(
            judge, sample.base, sample.ours, sample.theirs, self._seal(sample, number)
        )
        decided = judge.conflicts[-1].resolution or Take.OURS.value
        chosen = [Take.BASE.value, Take.OURS.value, Take.THEIRS.value].index(decided)
        whole = (sample.base, sample.ours, sample.theirs)[chosen]
        if whole is None:
            return self._gone(sample, judge)
        after = self._as(self.samples, whole, chosen)
        result = MergedSample(sample.id, Change(sample.ours, after))
        for frame in sample.frames.values():
            found = frame[chosen]
            result.frames.append(
                Change(frame[1], None if found is None else self._as(self.frames, found, chosen))
            )
        wanted = {tag_key(tag): tag for tag in sample.tags[chosen]}
        here = {tag_key(tag): tag for tag in sample.tags[1]}
        result.tags_added = [tag for key, tag in wanted.items() if key not in here]
        result.tags_removed = [tag for key, tag in here.items() if key not in wanted]
        return _told(result, judge)

    def _is_edited(self, sample: Sample, number: int) -> bool:
        """Returns whether a side has edited a sample, its frames or its temporal tags."""
        side = (sample.base, sample.ours, sample.theirs)[number]
        pairs = [(self.samples, sample.base, side)]
        pairs += [(self.frames, frame[0], frame[number]) for frame in sample.frames.values()]
        if any(documents.is_changed(*_comparable(*pair, number)) for pair in pairs):
            return True
        was, is_ = ({tag_key(tag) for tag in sample.tags[each]} for each in (0, number))
        return was != is_

    def _seal(self, sample: Sample, number: int) -> bytes:
        """Returns a digest of what a side has made of the frames and tags of a sample."""
        digest = hashlib.sha256()
        for frame_number, frame in sorted(sample.frames.items()):
            if documents.is_changed(*_comparable(self.frames, frame[0], frame[number], number)):
                digest.update(str(frame_number).encode() + _said(frame[number]))
        tags = {repr(tag_key(tag)) for tag in sample.tags[number]}
        digest.update(repr(sorted(tags)).encode())
        return digest.digest()

    def _gone(self, sample: Sample, judge: Judge) -> MergedSample:
        result = MergedSample(sample.id, Change(sample.ours, None))
        result.frames = [Change(frame[1], None) for frame in sample.frames.values()]
        result.tags_removed = list(sample.tags[1])
        return _told(result, judge)

    def _as(self, fields: Fields, document: bytes, number: int) -> bytes:
        """Returns a document of one side in the merged schema."""
        renamed = documents.renamed(document, _names(fields)[number])
        own = (Take.BASE, Take.OURS, Take.THEIRS)[number]
        dropped = [name for name, side in fields.whole.items() if side is not own]
        return documents.without(renamed, dropped)


def _combining(conflict: Conflict) -> Resolution:
    is_list = conflict.kind is ConflictKind.LABELS_REPLACED
    return Resolution(Take.BOTH if is_list else Take.OURS)


def edited_frames(frames: Iterable[bytes]) -> Iterator[tuple[tuple[bytes, int], bytes]]:
    """Yields frames with the sample and the number that they are known by."""
    for frame in frames:
        fields = layout.fields(frame)
        owner, number = fields.get("_sample_id"), equality.decode(fields.get("frame_number"))
        if owner is not None and isinstance(number, int):
            yield (owner[1:], int(number)), frame


def _merge_document(
    judge: Judge, fields: Fields, sides: Frame, contested: Contested, prefix: str
) -> bytes | None:
    """Merges a document in the merged schema."""
    names = _names(fields)
    renamed = [
        None if side is None else documents.renamed(side, names[number])
        for number, side in enumerate(sides)
    ]
    if fields.inner:

        def note(path: str, element: bytes) -> None:
            contested.note(prefix + path, judge.place, element)

        renamed = inner.agreed(fields.inner, renamed, note)
    if not fields.whole:
        return documents.merge(Values(judge, fields.sets), *renamed)
    _count(fields, renamed, contested, judge.place, prefix)
    bare = [None if side is None else documents.without(side, fields.whole) for side in renamed]
    merged = documents.merge(Values(judge, fields.sets), *bare)
    if merged is None:
        return None
    taken: dict[str, bytes] = {}
    for name, side in fields.whole.items():
        source = renamed[1 if side is Take.OURS else 2]
        element = None if source is None else value(layout.fields(source), name)
        if element is not None:
            taken[name] = element
    return documents.adopted(merged, taken) if taken else merged


def _count(
    fields: Fields,
    sides: list[bytes | None],
    contested: Contested,
    place: Place,
    prefix: str,
) -> None:
    was = {} if sides[0] is None else layout.fields(sides[0])
    for name, by in fields.contested.items():
        side = sides[1 if by is Take.OURS else 2]
        if side is None:
            continue
        element = value(layout.fields(side), name)
        if not equality.same(value(was, name), element):
            contested.note(prefix + name, place, element)


def _comparable(
    fields: Fields, base: bytes | None, side: bytes | None, number: int
) -> tuple[bytes | None, bytes | None]:
    """Returns what a side may have edited of a document, in the merged schema."""
    names = _names(fields)
    return _bare(fields, base, names[0]), _bare(fields, side, names[number])


def _bare(fields: Fields, document: bytes | None, names: Mapping[str, str]) -> bytes | None:
    """Returns a document without what is one edit of a schema."""
    if document is None:
        return None
    found = documents.without(documents.renamed(document, names), fields.whole)
    for path in fields.inner:
        found = inner.without(found, path.split("."))
    return found


def _names(fields: Fields) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    return fields.base, fields.ours, fields.theirs


def _said(document: bytes | None) -> bytes:
    if document is None:
        return b""
    fields = layout.fields(document)
    return layout.document(
        {name: item for name, item in fields.items() if name not in equality.BOOKKEEPING}
    )


def _told(result: MergedSample, judge: Judge) -> MergedSample:
    result.conflicts = [*judge.conflicts, *result.conflicts]
    result.suspects = [*judge.suspects, *result.suspects]
    return result
