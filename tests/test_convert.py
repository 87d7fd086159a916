"""A history moves between backends, and nothing old is dropped before the new is proven."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.histories import Content, content, edit, snapshots
from support.invariants import assert_no_debris, assert_sound

NAME = "Füchse"
SAMPLES = 20
BACKENDS = ("duplication", "delta")

COLLECTIONS = {
    "duplication": r"^snapshots\.masters\..*",
    "delta": r"^snapshots\.delta\..*",
}
"""Where each backend keeps documents."""


@dataclass(frozen=True)
class History:
    """A dataset with four snapshots."""

    dataset: fo.Dataset
    contents: list[Content]

    def check(self, *numbers: int) -> None:
        """Asserts that snapshots hold what they must."""
        for number in numbers:
            assert content(fos.load_snapshot(NAME, f"v{number}")) == self.contents[number], number


@pytest.fixture(params=[image_dataset, video_dataset])
def media(request: pytest.FixtureRequest) -> Callable[..., fo.Dataset]:
    made: Callable[..., fo.Dataset] = request.param
    return made


@pytest.fixture(params=BACKENDS)
def former(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The backend that the history is moved away from."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    return str(request.param)


@pytest.fixture
def other(former: str) -> str:
    """The backend that the history is moved to."""
    return BACKENDS[1 - BACKENDS.index(former)]


@pytest.fixture
def history(
    former: str, media: Callable[..., fo.Dataset], database: Database[Document]
) -> Iterator[History]:
    dataset = media(NAME, SAMPLES, persistent=True)
    yield History(dataset, snapshots(dataset, 4))
    assert_sound(database)


def collections(database: Database[Document], backend: str, part: str = "") -> list[str]:
    query = {"name": {"$regex": COLLECTIONS[backend] + part}}
    return sorted(database.list_collection_names(filter=query))


def test_a_history_moves_to_another_backend_and_back(
    history: History, former: str, other: str, database: Database[Document]
) -> None:
    fos.delete_snapshot(NAME, "v1")
    for here, there in ((former, other), (other, former)):
        count = len(list(database["snapshots.catalog"].find()))
        assert fos.convert_snapshots(NAME, there) == count
        assert fos.convert_snapshots(NAME, there) == 0
        assert not collections(database, here)
        history.check(0, 2, 3)
        fos.create_snapshot(NAME, f"new {there}")
        assert set(database["snapshots.catalog"].distinct("backend")) == {there}
    fos.restore_snapshot(NAME, "v1")
    history.check(1)


def test_those_that_are_captured_later_are_kept_by_the_new_backend(
    history: History, other: str, database: Database[Document]
) -> None:
    fos.convert_snapshots(NAME, other)
    edit(history.dataset, "later")
    fos.create_snapshot(NAME, "v4")
    assert set(database["snapshots.catalog"].distinct("backend")) == {other}
    assert content(fos.load_snapshot(NAME, "v4")) == content(history.dataset)
    history.check(0, 1, 2, 3)


def test_nothing_old_is_dropped_before_the_new_is_compared(
    history: History, former: str, other: str, database: Database[Document]
) -> None:
    def lose() -> None:
        for name in collections(database, other, "samples$"):
            database[name].update_one({}, {"$set": {"tags": ["forged"]}})

    with faults.arm("convert.adopted", lose), pytest.raises(fos.DamagedSnapshotError):
        fos.convert_snapshots(NAME, other)
    assert not collections(database, other)
    assert set(database["snapshots.catalog"].distinct("backend")) == {former}
    history.check(0, 1, 2, 3)
    assert fos.convert_snapshots(NAME, other) == 4
    history.check(0, 1, 2, 3)


def test_a_damaged_snapshot_stays_where_it_is(
    history: History, former: str, other: str, database: Database[Document]
) -> None:
    names = collections(database, former, "samples$")
    name = max(names, key=lambda each: database[each].count_documents({}))
    documents = list(database[name].find())
    database[name].delete_one({})
    with pytest.raises(fos.DamagedSnapshotError):
        fos.convert_snapshots(NAME, other)
    backends = {r["name"]: r["backend"] for r in database["snapshots.catalog"].find()}
    assert former in backends.values()
    assert_no_debris(database)
    database[name].delete_many({})
    database[name].insert_many(documents)


def test_an_unknown_backend_is_refused(former: str) -> None:
    image_dataset(NAME, 1, persistent=True)
    with pytest.raises(ValueError, match="no snapshot backend 'git'"):
        fos.convert_snapshots(NAME, "git")
