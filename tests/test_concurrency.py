"""Operations of several processes: never two at once on one dataset, never in each other's way."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.archive.folder import FolderStore
from fiftyone_snapshots.backend.operations import lease
from fiftyone_snapshots.backend.revert import swap, undo
from support.crash import Child, Gate, points_of
from support.datasets import image_dataset
from support.full import Document
from support.invariants import World, assert_no_debris, assert_sound
from support.stories import STORIES
from support.story import NAME, make


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset(NAME, 4, persistent=True)


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a lease expire after a second without a sign of life, here and in children."""
    monkeypatch.setattr(lease, "TTL_SECONDS", 1)


def create_and_stop(gate: Gate, point: str, snapshot: str) -> Callable[[], object]:
    """Returns what creates a snapshot in a child process and waits at a point."""

    def run() -> str:
        with faults.arm(point, gate.stop):
            return fos.create_snapshot(NAME, snapshot).name

    return run


def test_of_many_that_create_the_same_name_one_wins(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    with ExitStack() as stack:
        children = [
            stack.enter_context(Child(lambda: fos.create_snapshot(NAME, "v1").name))
            for _ in range(5)
        ]
        results = sorted(child.result() for child in children)
    assert results == [*["DuplicateNameError"] * 4, "v1"]
    assert fos.list_snapshots(NAME) == ["v1"]
    assert_sound(database)


@pytest.mark.parametrize("point", ["create.begun", "create.reserved", "create.captured"])
def test_the_loser_is_told_at_once_however_long_the_winner_takes(
    dataset: fo.Dataset, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_LOCK_WAIT_SEC", "600")
    gate = Gate()
    with Child(create_and_stop(gate, point, "v1")) as winner:
        gate.wait()
        with Child(lambda: fos.create_snapshot(NAME, "v1").name) as loser:
            if point == "create.begun":
                gate.open()
            assert loser.result() == "DuplicateNameError"
        if point != "create.begun":
            gate.open()
        assert winner.result() == "v1"


@pytest.mark.parametrize("point", ["create.begun", "create.reserved", "create.captured"])
def test_a_winner_that_dies_makes_nobody_wait(
    dataset: fo.Dataset, point: str, database: Database[Document]
) -> None:
    gate = Gate()
    with Child(create_and_stop(gate, point, "v1")) as winner:
        gate.wait()
        with Child(lambda: fos.create_snapshot(NAME, "v1").name) as loser:
            winner.kill()
            result = loser.result()
    assert result in ("v1", "DuplicateNameError")
    assert fos.list_snapshots(NAME) == (["v1"] if result == "v1" else [])
    assert_sound(database)


def test_operations_on_one_dataset_exclude_each_other(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.create_snapshot(NAME, "v0")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_LOCK_WAIT_SEC", "0")
    gate = Gate()
    with Child(create_and_stop(gate, "create.captured", "v1")) as child:
        gate.wait()
        for verb in (
            lambda: fos.create_snapshot(NAME, "v2"),
            lambda: fos.delete_snapshot(NAME, "v0"),
            lambda: fos.revert_dataset_to_snapshot(NAME, "v0"),
            lambda: fos.empty_trash(NAME),
        ):
            with pytest.raises(fos.DatasetBusyError, match="create has been running"):
                verb()
        # Reading needs no lease
        assert fos.list_snapshots(NAME) == ["v0"]
        assert len(fos.load_snapshot(NAME, "v0")) == 4
        gate.open()
        assert child.result() == "v1"
    fos.create_snapshot(NAME, "v2")
    assert fos.list_snapshots(NAME) == ["v0", "v1", "v2"]


def test_operations_never_interleave(dataset: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(NAME, "v0")

    def work(word: str) -> Callable[[], object]:
        def run() -> str:
            for number in range(4):
                name = f"{word}{number}"
                fos.create_snapshot(NAME, name)
                if number % 2:
                    fos.delete_snapshot(NAME, name)
                    fos.restore_snapshot(NAME, name)
            return "done"

        return run

    with ExitStack() as stack:
        children = [stack.enter_context(Child(work(word))) for word in "abc"]
        assert [child.result() for child in children] == ["done"] * 3
    records = list(database["snapshots.catalog"].find())
    assert len({record["sequence"] for record in records}) == len(records) == 13
    entries = list(database["snapshots.journal"].find().sort("started_at"))
    assert all(a["finished_at"] <= b["started_at"] for a, b in pairwise(entries))
    assert_sound(database, load=False)


def test_operations_on_different_datasets_run_side_by_side(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_dataset("another", 3, persistent=True)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_LOCK_WAIT_SEC", "0")
    gate = Gate()
    with Child(create_and_stop(gate, "create.captured", "v1")) as child:
        gate.wait()
        assert fos.create_snapshot("another", "v1").name == "v1"
        gate.open()
        assert child.result() == "v1"


def test_a_slow_holder_keeps_its_lease(
    dataset: fo.Dataset, short_lease: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_LOCK_WAIT_SEC", "3")
    gate = Gate()
    with Child(create_and_stop(gate, "create.captured", "v1")) as child:
        gate.wait()
        with pytest.raises(fos.DatasetBusyError):
            fos.create_snapshot(NAME, "v2")
        gate.open()
        assert child.result() == "v1"


def test_a_holder_out_of_touch_loses_its_lease_and_writes_nothing_more(
    dataset: fo.Dataset, short_lease: None, database: Database[Document]
) -> None:
    gate = Gate()
    with Child(create_and_stop(gate, "create.captured", "v1")) as child:
        gate.wait()
        # A laptop that is closed: nothing of the process runs, but it is not dead
        child.signal(signal.SIGSTOP)
        assert fos.create_snapshot(NAME, "v2").name == "v2"
        child.signal(signal.SIGCONT)
        gate.open()
        assert child.result() == "LeaseLostError"
    assert fos.list_snapshots(NAME) == ["v2"]
    assert_sound(database)


def steal(database: Database[Document]) -> None:
    """Gives all leases to somebody else."""
    database["snapshots.leases"].update_many({}, {"$set": {"token": "somebody else"}})


@pytest.mark.parametrize(
    "verb",
    ["create", "delete", "restore_snapshot", "edit", "revert", "undo_revert", "empty_trash"],
)
def test_who_loses_the_lease_stops_before_anything_is_changed(
    verb: str, database: Database[Document]
) -> None:
    story = STORIES[verb]
    make("image", story)
    assert story.back is not None
    points = points_of(story.act)
    for point in points[: points.index(f"{verb}.changed") : 2]:
        story.back()
        before = World.now(database, NAME)
        with faults.arm(point, lambda: steal(database)), pytest.raises(fos.LeaseLostError):
            story.act()
        found = World.now(database, NAME)
        for part in ("samples", "frames", "dataset"):
            assert found.head[part] == before.head[part], point
        # The somebody else, who does not exist, goes; the next use undoes the rest
        database["snapshots.leases"].delete_many({})
        fos.list_snapshots(NAME)
        assert World.now(database, NAME) == before, point
        assert_no_debris(database)
        story.act()


def test_who_loses_the_lease_while_finishing_does_not_know_the_outcome(
    database: Database[Document],
) -> None:
    make("image", STORIES["revert"])
    with (
        faults.arm("revert.recorded", lambda: steal(database)),
        pytest.raises(fos.OutcomeUnknownError) as caught,
    ):
        fos.revert_dataset_to_snapshot(NAME, "v1")
    assert fos.get_operation(caught.value.operation_id).state == "committed"
    database["snapshots.leases"].delete_many({})
    fos.list_snapshots(NAME)
    assert fos.get_operation(caught.value.operation_id).state == "done"
    assert_sound(database)


def test_a_commit_that_comes_too_late_fails(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look at the lease and the commit, somebody else recovers the revert."""
    make("video", STORIES["revert"])
    before = World.now(database, NAME)
    commit = swap.commit

    def late(*args: object) -> bool:
        database["snapshots.leases"].delete_many({})
        with Child(lambda: fos.list_snapshots(NAME)) as other:
            assert other.result() == "['v1', 'v2']"
        return commit(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(swap, "commit", late)
    with pytest.raises((fos.LeaseLostError, fos.OutcomeUnknownError)):
        fos.revert_dataset_to_snapshot(NAME, "v1")
    monkeypatch.undo()
    fos.recover()
    assert World.now(database, NAME) == before
    assert_sound(database)


@pytest.mark.parametrize("verb", ["archive", "export"])
def test_a_file_that_is_written_too_late_goes(
    verb: str,
    dataset: fo.Dataset,
    database: Database[Document],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All is read, then the process is stopped; others give it up, and find no file yet."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.create_snapshot(NAME, "v1")
    write = FolderStore.write

    def late(store: FolderStore, key: str, chunks: Iterable[bytes]) -> int:
        read = list(chunks)
        database["snapshots.leases"].delete_many({})
        with Child(lambda: fos.list_snapshots(NAME)) as other:
            assert other.result() == "['v1']"
        monkeypatch.setattr(lease, "clock", lambda: float("inf"))
        return write(store, key, iter(read))

    monkeypatch.setattr(FolderStore, "write", late)
    act: dict[str, Callable[[], object]] = {
        "archive": lambda: fos.archive_snapshot(NAME, "v1"),
        "export": lambda: fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar"),
    }
    with pytest.raises(fos.LeaseLostError):
        act[verb]()
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())
    assert_sound(database)


def test_clocks_of_clients_do_not_matter(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_LOCK_WAIT_SEC", "0")
    gate = Gate()
    now = time.time
    with Child(create_and_stop(gate, "create.captured", "v1")) as child:
        gate.wait()
        for skew in (-86400.0, 86400.0):
            monkeypatch.setattr(time, "time", lambda skew=skew: now() + skew)
            with pytest.raises(fos.DatasetBusyError):
                fos.create_snapshot(NAME, "v2")
        gate.open()
        assert child.result() == "v1"


def test_a_fork_of_the_holder_does_not_give_the_lease_back(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    def fork() -> None:
        child = os.fork()
        if not child:
            # As at the end of a worker that was forked in the middle of an operation
            held[0].__exit__(None, None, None)
            os._exit(0)
        os.waitpid(child, 0)
        assert database["snapshots.leases"].count_documents({}) == 1

    held: list[lease.Lease] = []
    with lease.Lease(database, dataset._doc.id, "test", 0) as mine:
        held.append(mine)
        fork()
    assert_no_debris(database)


def test_two_who_undo_at_once_undo_once(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    make("image", STORIES["undo_revert"])
    gate = Gate()
    look = undo.chosen

    def look_and_wait(*args: Any) -> object:
        found = look(*args)
        gate.stop()
        return found

    monkeypatch.setattr(undo, "chosen", look_and_wait)
    with Child(lambda: fos.undo_revert(NAME)) as slow:
        gate.wait()
        monkeypatch.undo()
        fos.undo_revert(NAME)
        gate.open()
        gate.wait()
        gate.open()
        assert slow.result() == "DatasetBusyError"
    assert fos.list_snapshots(NAME) == ["v1", "v2"]
    assert_sound(database)
