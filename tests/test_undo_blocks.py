"""Blocks in blocks, threads, tasks and generators, and what becomes of a dataset meanwhile."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.actions import Level
from fiftyone_snapshots.backend.mongo.collections import CATALOG
from support.crash import fails_at, killed_at, points_of
from support.datasets import image_dataset
from support.fail_points import OUT_OF_DISK_SPACE, Failing
from support.full import Document
from support.invariants import assert_sound
from support.permissions import allow


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", "on")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO_SAMPLES", "0")
    return image_dataset("street", 4, persistent=True)


def label(word: str) -> None:
    dataset = fo.load_dataset("street", reload=True)
    dataset.set_values("weather.label", [word] * len(dataset))


def weather() -> list[str]:
    return fo.load_dataset("street", reload=True).values("weather.label")


def done() -> list[str]:
    return [f"{each.what}: {each.state}" for each in fos.list_undoable("street")[::-1]]


def test_blocks_in_blocks_are_operations_of_their_own(dataset: fo.Dataset) -> None:
    before = weather()
    block = fos.undoable(dataset, "outer")
    with block, fos.undoable(dataset, "inner"):
        label("fog")
        with block:
            label("hail")
            dataset.clear_sample_field("größe")
    assert done() == ["outer: done", "inner: done", "outer: done"]
    inner = fos.list_undoable("street")[1]
    fos.undo_operation("street", inner.id)
    assert weather() == before


def test_generators_and_tasks_end_when_their_work_has(dataset: fo.Dataset) -> None:
    @fos.undoable(dataset, "steps")
    def steps() -> Iterator[int]:
        label("one")
        yield 1
        dataset.clear_sample_field("größe")
        yield 2

    @fos.undoable(dataset, "task")
    async def task() -> str:
        await asyncio.sleep(0)
        await asyncio.to_thread(dataset.clear_sample_field, "weather")
        return "done"

    @fos.undoable(dataset, "stream")
    async def stream() -> AsyncIterator[int]:
        yield 1
        await asyncio.to_thread(label, "three")
        yield 2

    async def all_of_it() -> list[int]:
        return [number async for number in stream()]

    assert [*steps()] == [1, 2]
    assert asyncio.run(task()) == "done"
    dataset.set_values("weather", [fo.Classification(label="two")] * 4)
    assert asyncio.run(all_of_it()) == [1, 2]
    # Who has had enough has not failed
    unfinished = steps()
    next(unfinished)
    unfinished.close()
    names = ["steps: done", "task: done", "stream: done", "steps: done"]
    assert done() == names


def test_a_block_that_was_undone_says_so(dataset: fo.Dataset) -> None:
    block = fos.undoable(dataset, "fails", on_error="revert")

    def act() -> None:
        label("fog")
        raise KeyError

    with pytest.raises(KeyError), block:
        act()
    assert block.operation is not None
    assert block.operation.undone_by == fos.list_undoable("street", 1)[0].id
    assert not block.operation.is_undoable


@pytest.mark.parametrize("what", ["", " \n"])
def test_an_operation_has_a_name(what: str, dataset: fo.Dataset) -> None:
    with pytest.raises(fos.InvalidArgumentError, match="what must say what is done"):
        fos.undoable(dataset, what)


def test_what_a_rollback_took_with_it_is_said_to_be_in_the_trash(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "base")
    with fos.undoable(dataset, "later") as block:
        label("fog")
    assert block.operation is not None
    fos.revert_dataset_to_snapshot("street", "base")
    assert [each.is_undoable for each in fos.list_undoable("street")] == [False]
    with pytest.raises(fos.NothingToUndoError, match=r"in the trash: undo_revert\(\)"):
        fos.undo_operation("street", block.operation.id)
    fos.undo_revert("street")
    fos.undo_operation("street", block.operation.id)
    assert fos.is_head_equal("street", "base")


def test_a_task_that_is_cancelled_has_failed(dataset: fo.Dataset) -> None:
    @fos.undoable(dataset, "task", on_error="revert")
    async def task() -> None:
        await asyncio.to_thread(label, "fog")
        raise asyncio.CancelledError

    before = weather()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(task())
    assert done() == ["task: failed", "undo of task: done"]
    assert weather() == before


def test_threads(dataset: fo.Dataset) -> None:
    def run(work: Callable[[], object]) -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    def clear(field: str) -> None:
        fo.load_dataset("street").clear_sample_field(field)

    with fos.undoable(dataset, "mine"):
        run(lambda: clear("größe"))
        context = contextvars.copy_context()
        run(lambda: context.run(clear, "weather"))
    assert done() == ["mine: done", "clear fields größe: done"]
    for each in fos.list_undoable("street"):
        fos.undo_operation("street", each.id, prefer="theirs")
    assert None not in weather()


@pytest.mark.parametrize("raised", [None, KeyError("mine")])
def test_one_that_cannot_end_says_so_and_hides_no_error(
    dataset: fo.Dataset, failing: Failing, raised: Exception | None
) -> None:
    @fos.undoable(dataset, "work")
    def work() -> None:
        label("fog")
        failing.at(CATALOG, "insert", "update", "findAndModify", errorCode=OUT_OF_DISK_SPACE)
        if raised is not None:
            raise raised

    with pytest.raises(KeyError if raised else fos.DatabaseError):
        work()
    failing.stop()
    (left,) = fos.list_undoable("street")
    assert left.state == "interrupted"
    with pytest.raises(fos.NothingToUndoError, match="The state after 'work' could not be kept"):
        fos.undo_operation("street", left.id)
    assert set(weather()) == {"fog"}


def _delete() -> None:
    fo.delete_dataset("street")


def _delete_and_make_again() -> None:
    fo.delete_dataset("street")
    image_dataset("street", 2, persistent=True)


def _rename() -> None:
    fo.load_dataset("street").name = "lane"


def _revert() -> None:
    fos.revert_dataset_to_snapshot("street", "v1")


def _revert_and_go_on() -> None:
    fos.revert_dataset_to_snapshot("street", "v1")
    label("after")


@pytest.mark.parametrize(
    "act", [_delete, _delete_and_make_again, _rename, _revert, _revert_and_go_on]
)
def test_what_becomes_of_the_dataset_meanwhile(
    dataset: fo.Dataset, act: Callable[[], None], database: Database[Document]
) -> None:
    fos.create_snapshot(dataset, "v1")
    label("before")
    with fos.undoable(dataset, "block"):
        label("inside")
        act()
    name = "lane" if act is _rename else "street"
    if act is _rename:
        (block,) = fos.list_undoable(name)
        fos.undo_operation(name, block.id)
        assert set(fo.load_dataset(name, reload=True).values("weather.label")) == {"before"}
    elif fo.dataset_exists(name):
        assert not [each for each in fos.list_undoable(name) if each.is_undoable]
        with fos.undoable(name, "next") as block:
            label("next")
        assert block.operation is not None
        fos.undo_operation(name, block.operation.id)
    assert_sound(database)


@pytest.mark.usefixtures("dataset")
def test_who_may_not_is_not_kept_from_working(
    policy_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy_file(allow(Level.VIEW))
    fo.load_dataset("street").clear_sample_field("größe")
    with pytest.raises(fos.SnapshotPermissionError):
        fos.take_scheduled_snapshot("street")
    with pytest.raises(fos.SnapshotPermissionError):
        fos.set_undo_mode("street", "off")
    policy_file(allow(Level.EDIT))

    @fos.undoable("street", "a", on_error="revert")
    def work() -> None:
        label("fog")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        work()
    assert done() == ["a: failed"]


@pytest.mark.parametrize("fault", [fails_at, killed_at])
@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.long)])
def test_dying_in_a_scheduled_snapshot_leaves_nothing(
    dataset: fo.Dataset, fault: Any, every: int, database: Database[Document]
) -> None:
    points = points_of(lambda: fos.take_scheduled_snapshot("street"))
    for number, point in enumerate(points[::every]):
        label(f"word {number}")
        assert fault(point, lambda: fos.take_scheduled_snapshot("street")), point
        fos.take_scheduled_snapshot("street")
        assert fos.take_scheduled_snapshot("street") is None
        assert_sound(database)
