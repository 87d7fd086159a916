"""How versions are named: HEAD, the latest snapshot, and what the SDK itself has returned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.command_line import Run, in_this_process
from support.datasets import image_dataset
from support.full import Document


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset("digits", size=4, persistent=True)


@pytest.mark.parametrize("name", ["HEAD", "head", "Head", "head!"])
def test_no_snapshot_may_be_called_head(dataset: fo.Dataset, name: str) -> None:
    with pytest.raises(fos.InvalidNameError, match="HEAD stands for the dataset as it is now"):
        fos.create_snapshot(dataset, name)
    fos.create_snapshot(dataset, "v1")
    with pytest.raises(fos.InvalidNameError, match="reserved"):
        fos.edit_snapshot(dataset, "v1", name)


def test_head_is_a_version(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    gone = dataset.first().id
    dataset.delete_samples([gone])
    found = fos.diff(dataset, "v1", "HEAD", progress=False)
    assert (found.a, found.b, len(found.deleted)) == ("v1", None, 1)
    back = fos.diff(dataset, "head", "v1", progress=False)
    assert (back.a, back.b, len(back.added)) == ("HEAD", "v1", 1)
    assert str(back).startswith("digits: HEAD -> v1")
    assert back.added_view().values("id") == [gone]
    assert not fos.diff(dataset, "HEAD", "head", progress=False)
    assert str(fos.diff_sample(dataset, gone, "HEAD", "v1").kind) == "added"
    assert fos.content_hash(dataset, "HEAD") == fos.content_hash(dataset)
    assert run("diff", "digits", "v1", "HEAD").out == run("diff", "digits", "v1").out
    assert run("diff", "digits", "HEAD", "v1").out.startswith("digits: HEAD -> v1")
    assert run("hash", "digits", "head").out == run("hash", "digits").out


def test_the_latest_snapshot_is_compared_by_default(dataset: fo.Dataset, run: Run) -> None:
    with pytest.raises(fos.SnapshotNotFoundError, match="no snapshots yet"):
        fos.diff(dataset, progress=False)
    fos.create_snapshot(dataset, "v1")
    dataset.tag_samples("x")
    fos.create_snapshot(dataset, "v2")
    first = dataset.first()
    first.tags = []
    first.save()
    found = fos.diff(dataset, progress=False)
    assert (found.a, found.b, len(found.changed)) == ("v2", None, 1)
    assert fos.diff_sample(dataset, first.id)
    assert run("diff", "digits").out.startswith("digits: v2 -> HEAD")
    assert run("diff", "digits", "--exit-code").code == 3


VERBS: dict[str, Callable[[fo.Dataset], Any]] = {
    "load": lambda dataset: fos.load_snapshot(dataset, "HEAD"),
    "fo.load_dataset": lambda dataset: fo.load_dataset(dataset.name, snapshot="head"),
    "delete": lambda dataset: fos.delete_snapshot(dataset, "HEAD"),
    "revert": lambda dataset: fos.revert_dataset_to_snapshot(dataset, "head"),
    "archive": lambda dataset: fos.archive_snapshot(dataset, "HEAD"),
    "is_head_equal": lambda dataset: fos.is_head_equal(dataset, "HEAD"),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=list(VERBS))
def test_head_is_no_snapshot(
    dataset: fo.Dataset,
    verb: Callable[[fo.Dataset], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.create_snapshot(dataset, "v1")
    with pytest.raises(fos.SnapshotNotFoundError, match="HEAD is dataset 'digits' itself"):
        verb(dataset)


def test_a_snapshot_that_an_earlier_version_has_called_head(
    dataset: fo.Dataset, database: Database[Document], tmp_path: Path
) -> None:
    fos.create_snapshot(dataset, "v1")
    database["snapshots.catalog"].update_one({}, {"$set": {"name": "HEAD", "slug": "head"}})
    assert fos.load_snapshot(dataset, "HEAD").name == "digits@HEAD"
    with pytest.raises(fos.InvalidRequestError, match=r"rename the snapshot first.*edit_snapshot"):
        fos.diff(dataset, "HEAD", progress=False)
    assert fos.diff(dataset, progress=False).a == "HEAD"
    path = fos.export_snapshot(dataset, "HEAD", tmp_path / "old.tar")
    fos.delete_snapshot(dataset, "HEAD")
    fos.empty_trash(dataset)
    assert fos.import_snapshot(path).name == "HEAD"
    assert fos.edit_snapshot(dataset, "HEAD", "v1").name == "v1"
    assert not fos.diff(dataset, "v1", "HEAD", progress=False)


def test_what_the_sdk_returns_is_a_name(
    dataset: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    v1 = fos.create_snapshot(dataset, "v1")
    v2 = fos.create_snapshot(dataset, "v2")
    ids = dataset.values("id")
    for verb in (
        fos.get_snapshot_info,
        fos.load_snapshot,
        fos.verify_snapshot,
        fos.is_head_equal,
        fos.content_hash,
        fos.snapshot_uri,
        fos.pin_snapshot,
        fos.unpin_snapshot,
        fos.edit_snapshot,
    ):
        assert verb(dataset, v1), verb
    assert len(fo.load_dataset(dataset.name, snapshot=v1)) == 4
    assert len(fo.load_dataset(dataset.name, v1)) == 4
    assert fos.diff(dataset, v1, v2, progress=False).b == "v2"
    assert not fos.diff_sample(dataset, ids[0], v1, v2)
    assert fos.tag_snapshot(dataset, v1, "x").tags == ("x",)
    assert fos.untag_snapshot(dataset, v1, "x").tags == ()
    assert fos.restore_samples(dataset, v1, ids).samples_unchanged == 4
    assert len(fos.clone_snapshot(dataset, v1, "copy")) == 4
    with pytest.raises(fos.InvalidRequestError, match="copy"):
        fos.clone_snapshot(dataset, v1, "copy")
    assert fos.export_snapshot(dataset, v1, tmp_path / "x.tar").exists()
    fos.archive_snapshot(dataset, v1)
    fos.unarchive_snapshot(dataset, v1)
    assert fos.revert_dataset_to_snapshot(dataset, v1, dry_run=True).snapshot_name == "v1"
    fos.revert_dataset_to_snapshot(dataset, v1)
    fos.delete_snapshot(dataset, v1)
    assert fos.list_snapshots(dataset) == []
    assert fos.restore_snapshot(dataset, v1).name == "v1"


def test_it_means_that_snapshot_and_no_other(dataset: fo.Dataset) -> None:
    other = image_dataset("other", size=1, persistent=True)
    v1 = fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(other, "v1")
    fos.edit_snapshot(dataset, "v1", "w1")
    assert fos.load_snapshot(dataset, v1).name == "digits@w1"
    with pytest.raises(fos.SnapshotNotFoundError, match="one of another dataset"):
        fos.delete_snapshot(other, v1)
    fos.delete_snapshot(dataset, v1)
    assert fos.get_snapshot_info(dataset, v1) is None
    fos.create_snapshot(dataset, "w1")
    with pytest.raises(fos.SnapshotNotFoundError, match="another snapshot of 'digits' has its"):
        fos.delete_snapshot(dataset, v1)
    assert fos.list_snapshots(dataset) == ["w1"]


def test_none_is_no_version(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    with pytest.raises(
        fos.InvalidArgumentError, match=r"a must be .* or a DatasetSnapshot, not N"
    ):
        fos.diff(dataset, None)  # type: ignore[arg-type]
    with pytest.raises(fos.InvalidArgumentError, match="snapshot_name must be"):
        fo.load_dataset(dataset.name, snapshot=5)


def test_operators_know_head(dataset: fo.Dataset, installed_plugin: Path) -> None:
    from support.operators import execute

    fos.create_snapshot(dataset, "v1")
    dataset.delete_samples(dataset.limit(1))
    assert execute("compare_snapshots", dataset, before="v1", after="HEAD")["diff"]["deleted"] == 1
    assert execute("compare_snapshots", dataset, before="HEAD", after="v1")["diff"]["added"] == 1


def test_what_was_deleted_is_said_to_be_in_the_trash(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    with pytest.raises(fos.NothingToUndoError, match="'v1' of dataset 'digits' is not deleted"):
        fos.restore_snapshot(dataset, "v1")
    fos.delete_snapshot(dataset, "v1")
    said = "has no snapshot 'v1'.*One of that name is in the trash"
    with pytest.raises(fos.SnapshotNotFoundError, match=said):
        fos.load_snapshot(dataset, "v1")
    assert "is in the trash" in run("revert", "digits", "v1", "--dry-run").err
    with pytest.raises(fos.SnapshotNotFoundError) as unknown:
        fos.load_snapshot(dataset, "v2")
    assert "trash" not in str(unknown.value)


def test_errors_speak_of_what_was_asked_for(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    with pytest.raises(fos.NothingToUndoError, match="nothing was merged into it"):
        fos.undo_merge(dataset)
    with pytest.raises(TypeError, match=r"create_snapshot\(\): missing .* 'snapshot_name'"):
        fos.create_snapshot(dataset)  # type: ignore[call-arg]
    for dry_run in (True, False):
        with pytest.raises(fos.InvalidRequestError, match=r"nope.*; it has: filepath") as error:
            fos.restore_samples(dataset, "v1", dataset, fields="nope", dry_run=dry_run)
        assert "_rand" not in str(error.value)
