"""Merges that once lost something, or made what FiftyOne cannot load."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId

import fiftyone_snapshots as fos

NAME, BRANCH = "faults", "faults.lab"


@pytest.fixture(params=["duplication", "delta"], autouse=True)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each case with each backend."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    return str(request.param)


def branch(dataset: fo.Dataset) -> tuple[fo.Dataset, fo.Dataset]:
    """Makes a branch, and returns both sides."""
    fos.create_branch(NAME, "lab")
    return load(), fo.load_dataset(BRANCH)


def load(name: str = NAME) -> fo.Dataset:
    return fo.load_dataset(name, reload=True)


def dataset(size: int = 2, **fields: list[Any]) -> fo.Dataset:
    made = fo.Dataset(NAME, persistent=True)
    made.add_samples([fo.Sample(f"/media/{number}.jpg") for number in range(size)])
    for name, values in fields.items():
        made.set_values(name, values)
    return made


def edit(side: fo.Dataset, number: int, **values: Any) -> None:
    sample = side.skip(number).first()
    for name, value in values.items():
        sample[name] = value
    sample.save()


def plan() -> fos.MergePlan:
    return fos.plan_merge(BRANCH, progress=False)


def apply(found: fos.MergePlan) -> fo.Dataset:
    """Applies a merge, and loads every sample and frame of what it made."""
    fos.apply_merge(found)
    merged = load()
    for sample in merged:
        assert sample.media_type != "video" or [*sample.frames.values()]
    return merged


def test_null_under_a_name_that_is_gone() -> None:
    _, theirs = branch(dataset(z=[1.5, None], old=[None, "a"]))
    theirs.delete_sample_field("z")
    theirs.rename_sample_field("old", "new")
    merged = apply(plan())
    assert not merged.has_field("z")
    assert merged.values("new") == [None, "a"]


def test_null_in_frames_under_a_name_that_is_gone() -> None:
    made = fo.Dataset(NAME, persistent=True)
    sample = fo.Sample("/media/a.mp4")
    for number in (1, 2):
        sample.frames[number] = fo.Frame(z=None if number == 2 else 1.5, k=number)
    made.add_sample(sample)
    _, theirs = branch(made)
    theirs.delete_frame_field("z")
    merged = apply(plan())
    assert merged.values("frames.k") == [[1, 2]]


def test_a_renamed_field_whose_documents_call_it_otherwise() -> None:
    ids = [ObjectId() for _ in range(3)]
    ours, theirs = branch(dataset(foo_id=ids[:2]))
    theirs.rename_sample_field("foo_id", "bar_id")
    ours.add_sample(fo.Sample("/media/9.jpg", foo_id=ids[2]))
    assert apply(plan()).values("bar_id") == [*map(str, ids)]


def test_a_field_that_documents_call_otherwise_is_kept() -> None:
    ids = [ObjectId() for _ in range(3)]
    ours, theirs = branch(dataset(foo_id=ids[:2]))
    theirs.delete_sample_field("foo_id")
    ours.set_values("foo_id", [ids[2], ids[1]])
    found = plan()
    assert [conflict.path for conflict in found.conflicts()] == ["foo_id"]
    assert found.resolve({"field": "foo_id"}, "ours") == 1
    assert apply(found).values("foo_id") == [str(ids[2]), str(ids[1])]


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_a_deleted_field_of_samples_that_only_the_target_has(take: str) -> None:
    ours, theirs = branch(dataset(z=[1.5, 2.5]))
    theirs.delete_sample_field("z")
    edit(ours, 0, z=9.0)
    ours.add_sample(fo.Sample("/media/9.jpg", z=4.5))
    found = plan()
    found.resolve(None, take)
    merged = apply(found)
    assert merged.has_field("z") == (take == "ours")
    if take == "ours":
        assert merged.values("z") == [9.0, 2.5, 4.5]


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_a_field_made_anew_of_samples_that_only_the_target_has(take: str) -> None:
    ours, theirs = branch(dataset(z=[1.5, 2.5]))
    theirs.delete_sample_field("z")
    theirs.set_values("z", ["a", "b"])
    edit(ours, 0, z=9.0)
    ours.add_sample(fo.Sample("/media/9.jpg", z=4.5))
    found = plan()
    found.resolve(None, take)
    assert apply(found).values("z") == ([9.0, 2.5, 4.5] if take == "ours" else ["a", "b", None])
