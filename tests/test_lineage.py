"""Runs remember the snapshot that they were computed on; snapshots can be named elsewhere."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import fiftyone as fo
import fiftyone.brain as fob
import numpy as np
import pytest
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.diff import version_hash
from fiftyone_snapshots.backend.search import lineage
from support.datasets import image_dataset, video_dataset
from support.docs import check_python
from support.environment import ROOT
from support.full import Document
from support.invariants import assert_no_debris

NAME = "Füchse 数据集"
EQUAL, CHANGED, UNKNOWN = fos.Equality.EQUAL, fos.Equality.CHANGED, fos.Equality.UNKNOWN


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset(NAME, 6, persistent=True)


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every dataset counts as one that is too large to be compared by the way."""
    monkeypatch.setattr(version_hash, "CHEAP_DOCUMENTS", -1)
    monkeypatch.setattr(version_hash, "_ENOUGH_WRITES", 0)


def custom_run(dataset: fo.Dataset, key: str) -> fos.RunLineage | None:
    dataset.register_run(key, dataset.init_run(method=key))
    return fos.run_lineage(dataset, key)


def head_of(dataset: fo.Dataset, key: str) -> fos.Equality:
    found = custom_run(dataset, key)
    assert found is not None
    return found.head


def test_runs_of_every_kind(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.evaluate_detections("ground_truth", gt_field="ground_truth", eval_key="eval")
    custom_run(dataset, "custom")
    fos.create_snapshot(dataset, "v2")
    dataset.tag_samples("new")
    points = np.zeros((6, 2))
    fob.compute_visualization(dataset, points=points, brain_key="brain")
    found = {item.key: item for item in fos.list_run_lineages(dataset)}
    assert list(found) == ["eval", "custom", "brain"]
    assert [(item.kind.value, item.snapshot_name, item.head) for item in found.values()] == [
        # Of the evaluation: before it has written its results
        ("evaluation", "v1", EQUAL),
        ("custom", "v1", CHANGED),
        ("brain", "v2", CHANGED),
    ]
    for key, item in found.items():
        assert fos.run_lineage(NAME, key) == item
        assert item.snapshot_exists


def test_an_evaluation_that_is_repeated_is_compared_without_its_former_results(
    dataset: fo.Dataset,
) -> None:
    dataset.clone_sample_field("ground_truth", "predictions")
    fos.create_snapshot(dataset, "v1")
    for _ in range(2):
        dataset.evaluate_detections("predictions", gt_field="ground_truth", eval_key="eval")
        found = fos.run_lineage(dataset, "eval")
        assert found is not None
        assert found.head is EQUAL


def test_without_snapshots_nothing_is_noted(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    assert custom_run(dataset, "early") is None
    assert database["snapshots.lineage"].count_documents({}) == 0
    fos.create_snapshot(dataset, "v1")
    assert fos.run_lineage(dataset, "early") is None
    assert fos.list_run_lineages(dataset) == []
    with pytest.raises(fos.InvalidRequestError, match="no run 'late'; it has: early"):
        fos.run_lineage(dataset, "late")


def test_runs_on_views_are_runs_of_their_dataset(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    for number, view in enumerate((dataset.limit(2), dataset.to_patches("ground_truth"))):
        view.register_run(f"run{number}", view.init_run(method="x"))
        found = fos.run_lineage(dataset, f"run{number}")
        assert found is not None
        assert (found.snapshot_name, found.head) == ("v1", EQUAL)


@pytest.mark.parametrize("kind", [None, "custom", fos.RunKind.EVALUATION, "oracle"])
def test_keys_that_several_kinds_of_runs_have(dataset: fo.Dataset, kind: object) -> None:
    fos.create_snapshot(dataset, "v1")
    custom_run(dataset, "same")
    dataset.tag_samples("x")
    dataset.evaluate_detections("ground_truth", gt_field="ground_truth", eval_key="same")
    if kind in (None, "oracle"):
        reason = (
            r"several kinds.*custom, evaluation" if kind is None else "no kind of run 'oracle'"
        )
        with pytest.raises(fos.InvalidRequestError, match=reason):
            fos.run_lineage(dataset, "same", kind)
        return
    found = fos.run_lineage(dataset, "same", kind)
    assert found is not None
    assert found.head is (EQUAL if kind == "custom" else CHANGED)


def test_lineage_follows_renames_and_tells_of_deletions(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    custom_run(dataset, "run")
    dataset.rename_run("run", "renamed")
    fos.edit_snapshot(dataset, "v1", new_name="w1")
    dataset.name = "other"
    found = fos.run_lineage("other", "renamed")
    assert found is not None
    assert (found.snapshot_name, found.snapshot_exists) == ("w1", True)
    fos.delete_snapshot("other", "w1")
    found = fos.run_lineage("other", "renamed")
    assert found is not None
    assert (found.snapshot_name, found.snapshot_exists) == ("w1", False)
    fos.empty_trash("other")
    found = fos.run_lineage("other", "renamed")
    assert found is not None
    assert (found.snapshot_name, found.snapshot_exists) == ("v1", False)


def test_lineage_survives_a_revert_and_its_undoing(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    custom_run(dataset, "kept")
    before = fos.list_run_lineages(dataset)
    fos.create_snapshot(dataset, "v2")
    dataset.delete_run("kept")
    custom_run(dataset, "later")
    after = fos.list_run_lineages(dataset)
    assert [item.key for item in after] == ["later"]
    fos.revert_dataset_to_snapshot(dataset, "v2")
    assert fos.list_run_lineages(dataset) == before
    assert head_of(dataset, "again") is EQUAL
    fos.undo_revert(dataset)
    assert fos.list_run_lineages(dataset) == after


def test_lineage_goes_with_its_dataset(dataset: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(dataset, "v1")
    custom_run(dataset, "run")
    other = video_dataset("other", 1, 1, persistent=True)
    fos.create_snapshot(other, "v1")
    custom_run(other, "run")
    dataset.delete()
    assert database["snapshots.lineage"].distinct("dataset_id") == [other._doc.id]
    assert_no_debris(database)
    fos.delete_snapshot(other, "v1")
    fos.empty_trash(other)
    other.delete()
    assert database["snapshots.lineage"].count_documents({}) == 0


def test_what_goes_wrong_does_not_break_the_run(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fos.create_snapshot(dataset, "v1")

    def fail(*_: object) -> None:
        raise OperationFailure("disk full")

    monkeypatch.setattr(lineage, "record", fail)
    with caplog.at_level(logging.WARNING):
        assert custom_run(dataset, "run") is None
    assert dataset.list_runs() == ["run"]
    assert "could not be noted which snapshot run 'run'" in caplog.text
    assert "disk full" in caplog.text


def test_what_is_noted_is_none_of_fiftyones(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    custom_run(dataset, "without")
    fos.create_snapshot(dataset, "v1")
    custom_run(dataset, "with")
    without, noted = (database["runs"].find_one({"key": key}) for key in ("without", "with"))
    assert without is not None
    assert noted is not None
    assert list(without) == list(noted)


CHANGES = {
    "nothing": (EQUAL, lambda dataset: None),
    "a sample is edited": (CHANGED, lambda dataset: dataset.limit(1).tag_samples("x")),
    "a sample is added": (CHANGED, lambda dataset: dataset.add_sample(fo.Sample("/x.jpg"))),
    "a sample is deleted": (CHANGED, lambda dataset: dataset.delete_samples(dataset.first().id)),
    "one is exchanged": (
        CHANGED,
        lambda dataset: (
            dataset.delete_samples(dataset.first().id),
            dataset.add_sample(fo.Sample("/x.jpg")),
        ),
    ),
    "samples are touched": (EQUAL, lambda dataset: dataset.save()),
    "a field without values": (EQUAL, lambda dataset: dataset.add_sample_field("n", fo.IntField)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_small_datasets_are_compared_exactly(dataset: fo.Dataset, change: str) -> None:
    fos.create_snapshot(dataset, "v1")
    expected, act = CHANGES[change]
    act(dataset)
    assert head_of(dataset, "run") is expected
    assert fos.is_head_equal(dataset, "v1") is (expected is EQUAL)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("nothing_is_small")
def test_of_large_ones_only_what_is_certain_is_said(dataset: fo.Dataset, change: str) -> None:
    fos.create_snapshot(dataset, "v1")
    expected, act = CHANGES[change]
    act(dataset)
    assert head_of(dataset, "run") is expected


@pytest.mark.usefixtures("nothing_is_small")
def test_of_large_ones_writes_that_may_mean_nothing_are_unknown(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.set_values("größe", dataset.values("größe"))
    assert head_of(dataset, "run") is UNKNOWN
    assert fos.is_head_equal(dataset, "v1")
    # An edit that moves no timestamp is not seen at a glance either, and not taken for none
    samples = dataset._sample_collection
    samples.update_one({}, {"$set": {"größe": 99.0}})
    dataset._sample_collection.update_many({}, {"$unset": {"last_modified_at": ""}})
    assert head_of(dataset, "again") is UNKNOWN
    assert not fos.is_head_equal(dataset, "v1")


@pytest.mark.usefixtures("nothing_is_small")
def test_writes_during_the_capture_are_not_taken_for_none(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    samples = dataset._sample_collection

    def write() -> None:
        samples.update_one({}, {"$set": {"größe": 99.0}})

    with faults.arm("create.captured", write):
        fos.create_snapshot(dataset, "v1")
    assert not fos.is_head_equal(dataset, "v1")
    assert head_of(dataset, "run") is not EQUAL


def test_frames_count(database: Database[Document]) -> None:
    dataset = video_dataset("videos", 2, 3, persistent=True)
    fos.create_snapshot(dataset, "v1")
    content = fos.content_hash(dataset)
    assert fos.is_head_equal(dataset, "v1")
    dataset.set_values("frames.note", [["x"] * 3] * 2)
    assert not fos.is_head_equal(dataset, "v1")
    assert head_of(dataset, "run") is CHANGED
    assert fos.content_hash(dataset) != content
    fos.revert_dataset_to_snapshot(dataset, "v1")
    assert fos.is_head_equal(dataset, "v1")
    assert fos.content_hash(dataset) == content


def test_frames_that_belong_to_no_sample_do_not_count() -> None:
    dataset = video_dataset("videos", 2, 3, persistent=True)
    fos.create_snapshot(dataset, "v1")
    frames = dataset._frame_collection
    stray = {**frames.find_one(), "_id": ObjectId(), "_sample_id": ObjectId()}
    frames.insert_one(stray)
    assert not fos.calculate_dataset_latest_changes_summary(dataset).has_changes
    assert fos.is_head_equal(dataset, "v1")
    fos.create_snapshot(dataset, "v2")
    frames.update_one({"_id": stray["_id"]}, {"$set": {"frame_number": 9}})
    assert fos.is_head_equal(dataset, "v2")
    frames.update_one({"_id": {"$ne": stray["_id"]}}, {"$set": {"frame_number": 9}})
    assert not fos.is_head_equal(dataset, "v2")


def test_a_damaged_snapshot_makes_it_unknown(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.tag_samples("x")
    database["snapshots.manifests"].delete_many({})
    assert head_of(dataset, "run") is UNKNOWN


def test_content_hashes(dataset: fo.Dataset) -> None:
    content = fos.content_hash(dataset)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", content)
    fos.create_snapshot(dataset, "v1", "described")
    fos.load_snapshot(dataset, "v1")
    fos.edit_snapshot(dataset, "v1", new_name="w1")
    assert fos.content_hash(dataset, "w1") == content
    dataset.set_values("größe", dataset.values("größe"))  # touched
    dataset.info["x"] = 1
    dataset.save()
    dataset.save_view("view", dataset.limit(1))
    assert fos.content_hash(dataset) == content
    dataset.set_values("größe", [1.5] * 6)
    assert fos.content_hash(dataset) != content
    fos.create_snapshot(dataset, "v2")
    assert fos.content_hash(dataset) == fos.content_hash(dataset, "v2")
    fos.revert_dataset_to_snapshot(dataset, "w1")
    assert fos.content_hash(dataset) == content
    empty = fo.Dataset("empty", persistent=True)
    assert fos.content_hash(empty) != content


@pytest.fixture
def address(dataset: fo.Dataset) -> str:
    fos.create_snapshot(dataset, "第一版")
    return fos.snapshot_uri(dataset, "第一版")


def test_addresses_name_ids_names_and_content(dataset: fo.Dataset, address: str) -> None:
    info = fos.get_snapshot_info(dataset, "第一版")
    assert info is not None
    assert address.isascii()
    assert address.startswith(f"fiftyone-snapshots://{dataset._doc.id}/{info.id}?dataset=F%C3%BC")
    assert address.endswith(f"#{fos.content_hash(dataset, '第一版')}")
    dataset.tag_samples("x")
    assert fos.snapshot_uri(dataset, "第一版") == address


def test_addresses_are_good_under_other_names(dataset: fo.Dataset, address: str) -> None:
    found = fos.resolve_snapshot_uri(address)
    assert (found.dataset.name, found.snapshot) == (NAME, "第一版")
    fos.edit_snapshot(dataset, "第一版", new_name="v1")
    dataset.name = "renamed"
    found = fos.resolve_snapshot_uri(address)
    assert (found.dataset.name, found.snapshot) == ("renamed", "v1")
    found = fos.resolve_snapshot_uri(address.partition("?")[0])
    assert found.snapshot == "v1"


def test_addresses_of_what_is_gone(dataset: fo.Dataset, address: str) -> None:
    fos.delete_snapshot(dataset, "第一版")
    with pytest.raises(fos.SnapshotNotFoundError, match=r"in the trash: see restore_snapshot"):
        fos.resolve_snapshot_uri(address)
    fos.restore_snapshot(dataset, "第一版")
    assert fos.resolve_snapshot_uri(address).snapshot == "第一版"
    fos.delete_snapshot(dataset, "第一版")
    fos.empty_trash(dataset)
    with pytest.raises(fos.SnapshotNotFoundError, match="does not exist"):
        fos.resolve_snapshot_uri(address)
    dataset.delete()
    with pytest.raises(fos.DatasetNotFoundError):
        fos.resolve_snapshot_uri(address)


def test_addresses_of_another_content(
    dataset: fo.Dataset, address: str, database: Database[Document]
) -> None:
    with pytest.raises(fos.DamagedSnapshotError, match="another content"):
        fos.resolve_snapshot_uri(address[:-1] + ("0" if address[-1] != "0" else "1"))


@pytest.mark.parametrize(
    "address",
    ["", "v1", "https://example.com/a/b", "fiftyone-snapshots://x/y", 5, None,
     "fiftyone-snapshots://6b06d5b3c4fed048bc60e594"],
)  # fmt: skip
def test_what_is_no_address(address: object) -> None:
    with pytest.raises(fos.InvalidRequestError, match=r"Not the address of a snapshot|must be"):
        fos.resolve_snapshot_uri(address)


def test_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    digits = image_dataset("digits", 6, persistent=True)
    digits.clone_sample_field("ground_truth", "predictions")
    check_python(ROOT / "docs" / "search-and-lineage.md", {"dataset": digits})
