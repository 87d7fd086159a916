"""A snapshot whose documents lie as in a later one is copied in the server, and patched there."""

from __future__ import annotations

from collections.abc import Callable

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.mongo.writer import Writer
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.histories import content
from support.invariants import assert_sound

NAME = "Füchse"
SAMPLES = 40


@pytest.fixture(autouse=True)
def delta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset(NAME, SAMPLES, persistent=True)


@pytest.fixture
def passed_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The collections that documents are passed on to by this process."""
    found: list[str] = []
    enter = Writer.__enter__

    def note(self: Writer) -> Writer:
        found.append(self._target.name)
        return enter(self)

    monkeypatch.setattr(Writer, "__enter__", note)
    return found


def relabel(dataset: fo.Dataset, word: str, *numbers: int) -> None:
    dataset.reload()
    for number in numbers:
        sample = dataset.skip(number).first()
        sample["weather"] = fo.Classification(label=word)
        sample.save()


def test_what_changed_or_was_added_since_is_patched_in_the_server(
    dataset: fo.Dataset, passed_on: list[str], database: Database[Document]
) -> None:
    expected = [content(dataset)]
    fos.create_snapshot(NAME, "v0")
    for step in range(1, 4):
        relabel(dataset, f"step {step}", step, step + 1, 30)
        dataset.add_sample(fo.Sample(f"/media/{step}.jpg"))
        expected.append(content(dataset))
        fos.create_snapshot(NAME, f"v{step}")
    passed_on.clear()
    assert content(fos.load_snapshot(NAME, "v2")) == expected[2]
    for step in (2, 0):
        fos.revert_dataset_to_snapshot(NAME, f"v{step}")
        assert content(fo.load_dataset(NAME, reload=True)) == expected[step]
    assert not passed_on
    assert_sound(database)


def test_frames_are_patched_in_the_server(
    passed_on: list[str], database: Database[Document]
) -> None:
    video = video_dataset(NAME, 2, 10, persistent=True)
    fos.create_snapshot(NAME, "v0")
    before = content(video), list(video._frame_collection.find())
    sample = video.first()
    sample.frames[1]["objects"] = None
    sample.save()
    fos.create_snapshot(NAME, "v1")
    passed_on.clear()
    fos.revert_dataset_to_snapshot(NAME, "v0")
    after = fo.load_dataset(NAME, reload=True)
    assert (content(after), list(after._frame_collection.find())) == before
    assert not passed_on
    assert_sound(database)


def _delete(dataset: fo.Dataset) -> None:
    dataset.delete_samples([dataset.skip(3).first().id])


def _rewrite(dataset: fo.Dataset) -> None:
    relabel(dataset, "all", *range(SAMPLES // 2))


@pytest.mark.parametrize("change", [_delete, _rewrite])
def test_what_lies_elsewhere_or_is_much_is_passed_on(
    dataset: fo.Dataset,
    change: Callable[[fo.Dataset], object],
    passed_on: list[str],
    database: Database[Document],
) -> None:
    fos.create_snapshot(NAME, "v0")
    before = content(dataset)
    change(dataset)
    fos.create_snapshot(NAME, "v1")
    passed_on.clear()
    fos.revert_dataset_to_snapshot(NAME, "v0")
    assert content(fo.load_dataset(NAME, reload=True)) == before
    assert passed_on
    assert_sound(database)


def _swap(dataset: fo.Dataset) -> None:
    first, second = dataset.first(), dataset.skip(1).first()
    values = first["größe"], second["größe"]
    for sample, value in ((first, -1.0), (second, values[0]), (first, values[1])):
        sample["größe"] = value
        sample.save()


def _double(dataset: fo.Dataset) -> None:
    dataset.drop_index("größe")
    first, second = dataset.first(), dataset.skip(1).first()
    first["größe"] = second["größe"]
    first.save()


@pytest.mark.parametrize("change", [_swap, _double])
def test_values_that_are_in_each_others_way_under_a_unique_index(
    dataset: fo.Dataset,
    change: Callable[[fo.Dataset], object],
    database: Database[Document],
) -> None:
    dataset.set_values("größe", [float(number) for number in range(SAMPLES)])
    dataset.create_index("größe", unique=True)
    fos.create_snapshot(NAME, "v0")
    before = content(dataset)
    change(dataset)
    fos.create_snapshot(NAME, "v1")
    fos.revert_dataset_to_snapshot(NAME, "v0")
    after = fo.load_dataset(NAME, reload=True)
    assert content(after) == before
    assert after.get_index_information()["größe"]["unique"]
    assert_sound(database)
