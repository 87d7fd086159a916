"""What travels besides documents: media, merges, and what is edited of a snapshot later."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.full import Document
from support.invariants import assert_sound


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = tmp_path / "remote"
    folder.mkdir()
    return folder


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset("d", 6, persistent=True)
    fos.create_snapshot(made, "v1", "first", tags=["gold"])
    return made


def _edited(dataset: fo.Dataset, name: str) -> None:
    dataset.limit(1).tag_samples(name)
    fos.create_snapshot(dataset, name)


def test_what_was_captured_of_the_media_comes_along(
    remote: Path, tmp_path: Path, database: Database[Document]
) -> None:
    files = [tmp_path / f"{number}.jpg" for number in range(3)]
    for file in files:
        file.write_bytes(file.name.encode())
    dataset = fo.Dataset("d", persistent=True)
    dataset.add_samples([fo.Sample(filepath=str(file)) for file in files])
    fos.create_snapshot(dataset, "v1", media="hash")
    fos.create_snapshot(dataset, "v2")
    before = fos.get_captured_media("d", "v1")
    assert before is not None
    fos.push("d", remote)
    (note,) = remote.glob("*/notes/*")
    assert not fos.gc_remote(remote, older_than=timedelta(0)).objects
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    after = fos.get_captured_media("d", "v1")
    assert after is not None
    assert (after.level, after.hashed, after.found) == (before.level, 3, 3)
    assert fos.get_captured_media("d", "v2") is None
    files[0].write_bytes(b"painted over")
    media = fos.diff("d", "v1", media=True).media
    assert media is not None
    assert media.replaced.total == 1
    # It is no more believed than anything else
    whole = note.read_bytes()
    fo.delete_dataset("d")
    for spoilt in (whole[:-9], None):
        note.unlink() if spoilt is None else note.write_bytes(spoilt)
        assert any("v1" in each for each in fos.verify_remote(remote).problems)
        with pytest.raises(fos.DamagedRemoteError):
            fos.clone_from(remote, "d", names=["v1"])
        assert not fo.dataset_exists("d")
    assert_sound(database)


def test_a_merge_is_told_elsewhere(
    remote: Path, dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_branch("d", "b")
    fo.load_dataset("d.b").limit(2).tag_samples("of the branch")
    dataset.skip(3).tag_samples("of the dataset")
    fos.apply_merge(fos.plan_merge("d.b"), "both")
    before = fos.get_snapshot_info("d", "both")
    assert before is not None
    assert before.merged_from is not None
    fos.push("d", remote)
    fo.delete_dataset("d.b")
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    after = fos.get_snapshot_info("d", "both")
    assert after is not None
    assert after.merged_from == before.merged_from
    # What is no merge is refused, and more than is known of it is not
    (commit,) = remote.glob("*/snapshots/both.json")
    told = json.loads(commit.read_text())
    for change in ({"snapshot_id": "x"}, {"is_full": 3}, {"dataset_name": None}):
        spoilt = {**told, "merged_from": {**told["merged_from"], **change}}
        commit.write_text(json.dumps(spoilt))
        with pytest.raises(fos.DamagedRemoteError):
            fos.list_remote(remote)
    commit.write_text(json.dumps({**told, "merged_from": {**told["merged_from"], "later": 1}}))
    assert len(fos.list_remote(remote)) == len(fos.list_snapshots("d"))
    assert_sound(database)
