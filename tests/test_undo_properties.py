"""Undoing any operation of a random history: as if it had never been, or a conflict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import fiftyone_snapshots as fos

NAME = "history"
SAMPLES, FIELDS, LABELS = 3, ("x", "y"), 2


@dataclass(frozen=True)
class Edit:
    """One thing that is set: a cell, which is all that two edits can have in common."""

    sample: int
    what: str
    """A field, the class or the place of a label by its number, a tag to add, or ``delete``."""
    value: int

    @property
    def cell(self) -> tuple[int, str]:
        return self.sample, self.what

    def apply(self, samples: dict[int, dict[str, Any]]) -> None:
        """Does it in the model."""
        if self.what == "delete":
            samples.pop(self.sample, None)
        elif self.sample in samples:
            samples[self.sample][self.what] = self.value

    def do(self, dataset: fo.Dataset) -> None:
        """Does it in FiftyOne."""
        found = dataset.match(fo.ViewField("number") == self.sample)
        if not len(found):
            return
        if self.what == "delete":
            dataset.delete_samples(found)
            return
        sample = found.first()
        if self.what in FIELDS:
            sample[self.what] = self.value
        else:
            kind, number = self.what.split()
            label = sample["gt"].detections[int(number)]
            if kind == "class":
                label.label = f"class {self.value}"
            else:
                label.bounding_box = [self.value / 10, 0.1, 0.1, 0.1]
        sample.save()


@dataclass
class Step:
    """What one user does in one go."""

    edits: list[Edit]
    is_operation: bool
    """Whether it can be undone by itself."""


CELLS = [*FIELDS, *(f"{kind} {n}" for kind in ("class", "place") for n in range(LABELS))]
EDITS = st.builds(
    Edit,
    st.integers(0, SAMPLES - 1),
    st.one_of(st.sampled_from(CELLS), st.sampled_from([*CELLS, "delete"])),
    st.integers(1, 8),
)
STEPS = st.lists(
    st.builds(Step, st.lists(EDITS, min_size=1, max_size=3), st.booleans()),
    min_size=1,
    max_size=4,
)


@dataclass
class World:
    """The model of a dataset: samples by number."""

    samples: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def after(cls, steps: list[Step]) -> World:
        """Replays steps from the beginning."""
        world = cls({number: dict.fromkeys(CELLS, 0) for number in range(SAMPLES)})
        for step in steps:
            for edit in step.edits:
                edit.apply(world.samples)
        return world

    def cells(self) -> dict[tuple[int, str], Any]:
        """Returns all that there is."""
        found = {(n, what): v for n, cells in self.samples.items() for what, v in cells.items()}
        return {**found, **{(number, "delete"): False for number in self.samples}}


def changes(before: World, after: World) -> dict[tuple[int, str], Any]:
    """Returns what differs, with what it has become."""
    was, is_ = before.cells(), after.cells()
    cells = was.keys() | is_.keys()
    return {cell: is_.get(cell) for cell in cells if was.get(cell) != is_.get(cell)}


def overlap(before: World, after: World, now: World) -> bool:
    """Returns whether what an operation changed was changed again, to something else."""
    done, later = changes(before, after), changes(after, now)
    back = changes(after, before)
    if any(later[cell] != back[cell] for cell in done.keys() & later.keys()):
        return True
    for number in range(SAMPLES):
        there = [number in world.samples for world in (before, after, now)]
        # Of a sample that one side deletes, whatever else the other one changes is in conflict
        if there == [True, True, False] and any(n == number for n, _ in done):
            return True
        if there == [False, True, True] and any(n == number for n, _ in later):
            return True
    return False


def without(before: World, after: World, now: World) -> World:
    """Returns what there is if what was changed since an operation had been done without it."""
    world = World({number: dict(cells) for number, cells in before.samples.items()})
    for (number, what), value in changes(after, now).items():
        if number not in now.samples:
            world.samples.pop(number, None)
        elif what != "delete":
            world.samples[number][what] = value
    return world


def are_apart(done: Iterable[tuple[int, str]], later: list[Step]) -> bool:
    """Returns whether nobody has touched again what an operation changed.

    What was set again to the same, or to something else and back, is no change that can be seen
    afterwards.
    """
    cells, samples = set(done), {number for number, _ in done}
    edits = [edit for step in later for edit in step.edits]
    return not any(
        edit.cell in cells or (edit.what == "delete" and edit.sample in samples) for edit in edits
    )


def make() -> fo.Dataset:
    if fo.dataset_exists(NAME):
        fo.delete_dataset(NAME)
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_samples(
        [
            fo.Sample(
                f"/media/{number}.jpg",
                number=number,
                **dict.fromkeys(FIELDS, 0),
                gt=fo.Detections(
                    detections=[
                        fo.Detection(label="class 0", bounding_box=[0.0, 0.1, 0.1, 0.1])
                        for _ in range(LABELS)
                    ]
                ),
            )
            for number in range(SAMPLES)
        ],
        progress=False,
    )
    return dataset


def seen() -> World:
    """Reads the dataset as the model has it."""
    samples = {}
    for sample in fo.load_dataset(NAME, reload=True):
        found: dict[str, Any] = {name: sample[name] for name in FIELDS}
        for number, label in enumerate(sample["gt"].detections):
            found[f"class {number}"] = int(label.label.split()[1])
            found[f"place {number}"] = round(label.bounding_box[0] * 10)
        samples[sample["number"]] = found
    return World(samples)


@pytest.fixture(params=["duplication", "delta"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    yield request.param
    if fo.dataset_exists(NAME):
        fo.delete_dataset(NAME)


def check(steps: list[Step], chosen: int) -> None:
    """Makes a history, undoes one of its operations, and compares with the model."""
    dataset = make()
    operations: list[tuple[int, fos.UndoableOperation]] = []
    for number, step in enumerate(steps):
        dataset.reload()
        if not step.is_operation:
            for edit in step.edits:
                edit.do(dataset)
            continue
        with fos.undoable(dataset, f"step {number}") as block:
            for edit in step.edits:
                edit.do(dataset)
        is_changed = bool(changes(World.after(steps[:number]), World.after(steps[: number + 1])))
        assert (block.operation is not None) == is_changed
        if block.operation is not None:
            operations.append((number, block.operation))
    now = World.after(steps)
    assert seen() == now
    if not operations:
        return
    number, operation = operations[chosen % len(operations)]
    before, after = World.after(steps[:number]), World.after(steps[: number + 1])
    if overlap(before, after, now):
        with pytest.raises(fos.ConflictsRemainError):
            fos.undo_operation(NAME, operation.id)
        assert seen() == now
        return
    expected = without(before, after, now)
    if are_apart(changes(before, after), steps[number + 1 :]):
        assert expected == World.after([*steps[:number], *steps[number + 1 :]])
    if not changes(now, expected):
        # Others have taken it back already
        assert fos.undo_operation(NAME, operation.id, dry_run=True).changes.samples_changed == 0
        return
    undo = fos.undo_operation(NAME, operation.id)
    assert seen() == expected
    fos.undo_operation(NAME, undo.id)
    assert seen() == now


@settings(max_examples=4, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, chosen=st.integers(0, 3))
@example(
    steps=[
        Step([Edit(0, "x", 4), Edit(0, "y", 4)], is_operation=True),
        Step([Edit(0, "y", 4)], is_operation=True),
    ],
    chosen=0,
)
def test_undoing_one_is_replaying_the_others(backend: str, steps: list[Step], chosen: int) -> None:
    check(steps, chosen)


@pytest.mark.long
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, chosen=st.integers(0, 3))
def test_undoing_one_is_replaying_the_others_at_length(
    backend: str, steps: list[Step], chosen: int
) -> None:
    check(steps, chosen)
