"""Merges that once lost something, or made what FiftyOne cannot load."""

from __future__ import annotations

from typing import Any

import bson
import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.mongo.collections import CONFLICTS

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


def test_values_that_cannot_be_are_refused() -> None:
    box = fo.Detection(label="car", bounding_box=[0, 0, 1, 1])
    made = dataset(gt=[fo.Detections(detections=[box]), None], x=[1.5, 2.5])
    ours, theirs = branch(made)
    for side, size in ((ours, 0.5), (theirs, 0.2)):
        edit(side, 0, x=size)
        side.set_values("gt.detections.bounding_box", [[[0, 0, size, size]], None])
        side.description = str(size)
        side.save()
    found = plan()
    wrong = {"label_geometry": [0.1, 0.1, 0.3, 0.3], "value": 5}
    for kind, value in wrong.items():
        with pytest.raises(fos.InvalidRequestError, match="is no value for"):
            found.resolve(kind, {"value": value})
    with pytest.raises(fos.InvalidRequestError, match="kind must be"):
        found.resolve("valu", "ours")
    assert found.resolve(next(iter(found.conflicts())).id, None) == 1
    assert found.resolve({"field": "x"}, {"value": 0.25}) == 1
    assert found.resolve({"field": "description"}, {"value": "both"}) == 1
    assert found.resolve("label_geometry", {"value": {"bounding_box": [0.1, 0.1, 0.3, 0.3]}}) == 1
    merged = apply(found)
    assert (merged.values("x"), merged.description) == ([0.25, 2.5], "both")
    assert merged.first().gt.detections[0].bounding_box == [0.1, 0.1, 0.3, 0.3]


def test_a_value_that_was_stored_without_a_look_is_an_open_conflict_again(
    database: Database[dict[str, Any]],
) -> None:
    ours, theirs = branch(dataset(x=[1.5, 2.5]))
    edit(ours, 0, x=3.5)
    edit(theirs, 0, x=4.5)
    found = plan()
    assert found.resolve(None, {"value": 5.5}) == 1
    stored = {"$set": {"value": bson.encode({"v": "abc"})}}
    assert database[CONFLICTS].update_many({}, stored).matched_count == 1
    with pytest.raises(fos.StaleMergeError):
        fos.apply_merge(found)
    assert plan().open_conflicts == 1
    assert load().values("x") == [3.5, 2.5]


def groups() -> fo.Dataset:
    """Makes two groups of a left and a right sample."""
    made = fo.Dataset(NAME, persistent=True)
    made.add_group_field("group", default="left")
    for number in range(2):
        group = fo.Group()
        made.add_samples([in_group(group, name, number) for name in ("left", "right")])
    return made


def in_group(group: fo.Group, name: str, number: int) -> fo.Sample:
    return fo.Sample(f"/media/{name}{number}.jpg", group=group.element(name), x=1.5)


def slices(merged: fo.Dataset) -> list[str]:
    found = merged.select_group_slices(_allow_mixed=True)
    return sorted(f"{sample.group.name} {sample.filename}" for sample in found)


@pytest.mark.parametrize("change", ["deleted", "renamed"])
def test_samples_in_a_slice_that_the_branch_has_not_any_more(change: str) -> None:
    ours, theirs = branch(groups())
    if change == "deleted":
        theirs.delete_group_slice("right")
    else:
        theirs.rename_group_slice("right", "rr")
    added = ours.add_sample(in_group(fo.Group(), "right", 9))
    with pytest.raises(fos.InvalidRequestError, match="put samples into slice 'right'"):
        plan()
    ours.delete_samples(added)
    apply(plan())
    assert load().group_slices == (["left"] if change == "deleted" else ["left", "rr"])


def test_a_deleted_slice_of_which_a_sample_is_kept() -> None:
    ours, theirs = branch(groups())
    theirs.delete_group_slice("right")
    kept = ours.select_group_slices("right").first()
    kept["x"] = 2.5
    kept.save()
    found = plan()
    assert found.resolve(None, "ours") == 1
    merged = apply(found)
    assert merged.group_media_types == {"left": "image", "right": "image"}
    assert slices(merged) == ["left left0.jpg", "left left1.jpg", "right right0.jpg"]


@pytest.mark.parametrize("take", ["theirs", "base", "ours"])
def test_a_sample_that_comes_back_where_another_one_is(take: str) -> None:
    ours, theirs = branch(groups())
    first = ours.first()
    edited = theirs.first()
    edited["x"] = 2.5
    edited.save()
    ours.delete_samples(first.id)
    ours.add_sample(in_group(first.group, "left", 9))
    found = plan()
    assert found.resolve("sample_deleted_modified", take) == 1
    if take == "ours":
        assert "left left9.jpg" in slices(apply(found))
        return
    with pytest.raises(fos.InvalidRequestError, match="both be in slice 'left' of the same group"):
        fos.apply_merge(found)
    assert "left left0.jpg" not in slices(load())
