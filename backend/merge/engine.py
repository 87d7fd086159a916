"""The three-way merge of two datasets: what becomes of the target, piece by piece.

It is worked out twice: for a plan, which keeps only what must be decided, and again when the plan
is applied, with what was decided. Both times the same conflicts come out, because versions that
are merged do not change meanwhile; conflicts are told apart by what they are about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from bson import ObjectId

from ..dataset.parts import Part
from ..dataset.schema import FRAMES_PREFIX, db_key
from ..mongo.database import Document
from ..mongo.gate import Workers
from ..progress import Progress, silent
from ..rawbson.ids import Ids, Keys, distinct, positions
from . import documents, properties, surroundings
from .additions import Additions
from .conflicts import Conflict, Place, Take
from .given import Given
from .judge import Decide, Judge, encoded
from .properties import MergedDataset
from .run_fields import EVALUATIONS, RunFields
from .samples import Contested, MergedSample, Sample, SampleMerge, Tags, edited_frames
from .scope import WHOLE, Partial, Scope
from .side import Side
from .surroundings import MergedItems
from .triple import Fetched, FrameOwners, PartTriple, in_chunks

_SAMPLES_AT_ONCE = 500
_THEIRS = 2


@dataclass
class Surroundings:
    """What becomes of everything of a dataset besides its samples."""

    views: MergedItems
    workspaces: MergedItems
    runs: dict[str, MergedItems]
    """By kind."""
    indexes: dict[Part, tuple[list[Document], list[Document]]]
    """All indexes of the result, and those that the target lacks."""

    def notes(self) -> list[str]:
        """Returns what was decided without asking."""
        items = [self.views, self.workspaces, *self.runs.values()]
        return [note for each in items for note in each.renamed]


@dataclass
class Engine:
    """Merges two versions with a common base.

    Args:
        base: the version that both sides began with
        ours: the target
        theirs: the branch
        branch: what the branch is called
        decide: tells how conflicts were decided
        restored: how fields were decided that one side deleted and the other one changed, by path
        scope: what of the branch is merged
        progress: told how far it is
    """

    base: Side
    ours: Side
    theirs: Side
    branch: str
    decide: Decide
    restored: Mapping[str, Take] = field(default_factory=dict)
    scope: Scope = WHOLE
    progress: Progress = silent

    def __post_init__(self) -> None:
        self.decide = Given(lambda: (side.document for side in self.sides)).taken(self.decide)
        self._judge = Judge(Place(), self.decide)
        self.contested = Contested()

    @property
    def sides(self) -> tuple[Side, Side, Side]:
        """Base, ours and theirs."""
        return self.base, self.ours, self.theirs

    @cached_property
    def dataset(self) -> MergedDataset:
        """What becomes of the dataset document; schemas are merged before anything else."""
        base, ours, theirs = (side.document for side in self.sides)
        theirs = self.run_fields.dataset(theirs)
        if self.partial is not None:
            theirs = self.partial.document
        return properties.merge(self._judge, base, ours, theirs, self.restored)

    @cached_property
    def run_fields(self) -> RunFields:
        """What fields of evaluations are called that both sides have made under one key."""
        base, ours, theirs = (_told_runs(side, EVALUATIONS) for side in self._around)
        keys = surroundings.other_keys(self.branch, base, ours, theirs)
        return RunFields.of(keys, theirs, self.base.document) if keys else RunFields()

    def undeclared(self, part: Part) -> list[str]:
        """Returns what fields of the target that are gone are called in its documents."""
        key = "frame_fields" if part is Part.FRAMES else "sample_fields"
        before, after = (
            {db_key(each) for each in document.get(key) or ()}
            for document in (self.ours.document, self.dataset.document)
        )
        return sorted(before - after)

    @cached_property
    def partial(self) -> Partial | None:
        """What comes of the branch; None for everything."""
        if self.scope.is_whole:
            return None
        return Partial(self.scope, *(side.document for side in self.sides))

    def notes(self) -> list[str]:
        """Returns what was decided without asking."""
        of_part = [] if self.partial is None else self.partial.notes
        around = self.surroundings.notes()
        return [*of_part, *self.dataset.notes, *self.additions.notes, *around]

    @property
    def _around(self) -> tuple[Side, Side, Side]:
        """Whose views, runs and indexes are merged: those of a branch belong to no part of it."""
        return self.base, self.ours, self.theirs if self.scope.is_whole else self.base

    @cached_property
    def surroundings(self) -> Surroundings:
        """What becomes of views, workspaces, runs and indexes."""
        runs = {}
        for kind in self.ours.runs:
            base, ours, theirs = (_told_runs(side, kind) for side in self._around)
            runs[kind] = surroundings.merge_runs(
                self._judge, self.branch, kind, base, ours, theirs
            )
        indexes = {
            part: surroundings.merge_indexes(*(side.indexes(part) for side in self._around))
            for part in (Part.SAMPLES, Part.FRAMES)
        }
        views, workspaces = (
            self._named(part, what)
            for part, what in ((Part.VIEWS, "saved view"), (Part.WORKSPACES, "workspace"))
        )
        return Surroundings(views, workspaces, runs, indexes)

    def _named(self, part: Part, what: str) -> MergedItems:
        base, ours, theirs = (side.named(part) for side in self._around)
        return surroundings.merge_named(self.branch, "name", base, ours, theirs, what)

    @cached_property
    def samples(self) -> PartTriple:
        """Which samples anybody has touched."""
        return PartTriple(self.sides, Part.SAMPLES, self.progress)

    @cached_property
    def frames(self) -> PartTriple:
        """Which frames anybody has touched."""
        return PartTriple(self.sides, Part.FRAMES, self.progress)

    @cached_property
    def additions(self) -> Additions:
        """What both sides have added that may be in each other's way."""
        group_field = self.dataset.document.get("group_field")
        found = Additions(self.samples, group_field, self.decide, self.scope)
        documents = (self.dataset.document, *(side.document for side in self.sides))
        kept, *others = ({*(each.get("group_media_types") or ())} for each in documents)
        found.check_slices(set().union(*others) - kept)
        return found

    def dataset_conflicts(self) -> list[Conflict]:
        """Returns the conflicts about what belongs to no sample; samples must be merged before.

        Those about fields that one side has deleted are counted in the samples.
        """
        assert self.surroundings is not None
        judge = Judge(Place(), self.decide)
        for path, count in sorted(self.contested.counts.items()):
            frames = path.startswith(FRAMES_PREFIX)
            fields = self.dataset.frames if frames else self.dataset.samples
            key = path.removeprefix(FRAMES_PREFIX)
            there, gone = encoded("changed"), encoded("deleted")
            by_ours = fields.contested[key] is Take.OURS
            sides = (there, gone) if by_ours else (gone, there)
            seal = self.contested.seals[path]
            told = (FRAMES_PREFIX if frames else "") + fields.names.get(key, key)
            judge.settle(fields.kinds[key], told, None, *sides, count=count, seal=seal)
        return [*self._judge.conflicts, *judge.conflicts, *self.additions.conflicts]

    def merged(self) -> Iterator[MergedSample]:
        """Yields what becomes of every sample that the branch, or what was decided, may change."""
        frames_of = FrameOwners.of(self.sides, self._touched_frames)
        candidates = self._candidates(frames_of)
        self.samples.want(candidates)
        self.frames.want(frames_of.keys)
        merge = SampleMerge(
            self.dataset.samples,
            self.dataset.frames,
            self.decide,
            self.additions.dropped,
            self.contested,
            self.additions.placed,
            self.dataset.document.get("group_field"),
        )
        done, total = 0, max(1, len(candidates))
        with closing(self._fetched(candidates)) as fetched:
            for keys, found in fetched:
                for sample in self._read(keys, found, frames_of):
                    yield merge.merge(sample)
                done += len(keys)
                self.progress(done / total, "Merging samples")

    def _candidates(self, frames_of: FrameOwners) -> Keys:
        """Returns the samples to look at: what only the target has touched stays as it is."""
        chosen: list[Keys] = []
        if self._changes_untouched:
            # Names and fields of the merged schema are those of every sample of the target
            chosen += [self.samples.by_ours, frames_of.owners]
        tagged = {id_ for id_, tags in self._tags.items() if _differ(tags[0], tags[2])}
        of_theirs = frames_of.owners[positions(self.frames.by_theirs, frames_of.keys)[1]]
        by_theirs = (self.samples.by_theirs, of_theirs, Ids.of(tagged).keys)
        chosen.append(self.scope.among(distinct(*by_theirs)))
        chosen += [np.sort(Ids.of(ids).keys) for ids in self.additions.dropped.values()]
        for ids in (self.additions.combined, self.additions.placed):
            chosen.append(np.sort(Ids.of(ids).keys))
        return distinct(*chosen)

    @cached_property
    def _changes_untouched(self) -> bool:
        return self.dataset.samples.changes_ours or self.dataset.frames.changes_ours

    @cached_property
    def _touched_frames(self) -> Keys:
        return distinct(self.frames.by_ours, self.frames.by_theirs)

    @cached_property
    def _tags(self) -> dict[ObjectId, Tags]:
        """The temporal tags of each sample that has any."""
        found: dict[ObjectId, Tags] = {}
        for number, side in enumerate(self.sides):
            for tag in side.items(Part.TAGS):
                found.setdefault(tag["_sample_id"], ([], [], []))[number].append(tag)
        return found

    def _fetched(self, candidates: Keys) -> Generator[tuple[Keys, Fetched], None, None]:
        """Yields documents of some samples after the other, and reads the next ones meanwhile."""
        with Workers(max_workers=1) as pool:
            begun: deque[tuple[Keys, Future[Fetched]]] = deque()
            for keys in in_chunks(candidates, _SAMPLES_AT_ONCE):
                begun.append((keys, pool.submit(self.samples.fetch, keys)))
                if len(begun) > 1:
                    former, found = begun.popleft()
                    yield former, found.result()
            for keys, found in begun:
                yield keys, found.result()

    def _read(self, keys: Keys, fetched: Fetched, frames_of: FrameOwners) -> Iterator[Sample]:
        base, ours, theirs = fetched
        samples: dict[bytes, Sample] = {}
        for key in Ids(keys).binaries():
            there = self.run_fields.document(theirs.get(key))
            sides = base.get(key), ours.get(key), there
            if any(sides):
                id_ = ObjectId(key)
                samples[key] = Sample(id_, *sides, tags=self._tags.get(id_, ([], [], [])))
        if len(frames_of.keys):
            for number, side in enumerate(self.frames.fetch(frames_of.of_samples(keys))):
                for (owner, frame_number), frame in edited_frames(side.values()):
                    if owner in samples:
                        frames = samples[owner].frames
                        known = list(frames.get(frame_number, (None, None, None)))
                        known[number] = frame
                        if number == _THEIRS:
                            known[number] = self.run_fields.document(frame, FRAMES_PREFIX)
                        frames[frame_number] = (known[0], known[1], known[2])
        for sample in samples.values():
            found = sample if self.partial is None else self._part_of(sample)
            other = self.additions.combined.get(sample.id)
            yield found if other is None else self._combined(found, other, frames_of)

    def _combined(self, sample: Sample, other: ObjectId, frames_of: FrameOwners) -> Sample:
        """Returns a sample of the target, with one of the branch as what the branch has of it."""
        keys = Ids.of([other]).keys
        theirs = self.run_fields.document(self.samples.fetch(keys)[2][other.binary])
        if self.partial is not None:
            theirs = self.partial.samples.document(None, theirs)
        frames = dict(sample.frames)
        owner = {"_sample_id": b"\x07" + sample.id.binary}
        if len(frames_of.keys):
            found = self.frames.fetch(frames_of.of_samples(keys))[2]
            for (_, number), frame in edited_frames(found.values()):
                was, here, _ = frames.get(number, (None, None, None))
                there = documents.adopted(frame, owner)
                there = self.run_fields.document(there, FRAMES_PREFIX) or there
                if self.partial is not None:
                    there = self.partial.frames.document(None, there) or there
                frames[number] = (was, here, there)
        tags = self._tags.get(other, ([], [], []))[2]
        moved = [{**tag, "_sample_id": sample.id} for tag in tags]
        return replace(
            sample,
            theirs=theirs,
            frames=frames,
            tags=(sample.tags[0], sample.tags[1], moved),
            is_combined=True,
        )

    def _part_of(self, sample: Sample) -> Sample:
        """Returns a sample of which the branch has changed only what is wanted."""
        partial, base = self.partial, sample.base
        assert partial is not None
        fields = self.scope.fields
        if not self.scope.has(sample.id):
            theirs = base
            frames = {number: (was, here, was) for number, (was, here, _) in sample.frames.items()}
        else:
            theirs = partial.samples.document(base, sample.theirs)
            if fields is not None and base is None and sample.ours is None:
                # Fields of samples that the target does not have
                return Sample(sample.id, None, None, None)
            frames = {
                number: (was, here, partial.frames.document(was, there))
                for number, (was, here, there) in sample.frames.items()
            }
        was, here, there = sample.tags
        if fields is not None or not self.scope.has(sample.id):
            there = was
        return Sample(sample.id, base, sample.ours, theirs, frames, (was, here, there))


def _told_runs(side: Side, kind: str) -> dict[str, Document]:
    runs = surroundings.with_results(side.runs.get(kind, {}).values(), side.results_digest)
    return surroundings.by("key", runs)


def _differ(one: list[Document], other: list[Document]) -> bool:
    was, is_ = ({surroundings.tag_key(tag) for tag in tags} for tags in (one, other))
    return was != is_
