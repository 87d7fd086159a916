"""Remotes as earlier versions wrote them: they stay readable."""

from __future__ import annotations

import tarfile
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.full import Document
from support.invariants import assert_sound

VERSION_1 = Path(__file__).parent / "golden" / "remote-1.tar"
"""Written by the first version of the layout; never to be written anew."""


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    with tarfile.open(VERSION_1) as tar:
        tar.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_version_1_stays_readable(
    backend: str, remote: Path, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    assert [each.name for each in fos.list_remote(remote)] == ["v1", "v2", "v3"]
    assert fos.verify_remote(remote).is_ok

    fos.clone_from(remote, "golden")

    found = [fos.get_snapshot_info("golden", name) for name in fos.list_snapshots("golden")]
    assert [each.description for each in found] == ["Golden 🏆", None, "金"]
    assert (found[0].tags, found[1].is_pinned) == (("gold",), True)
    assert all(fos.verify_all())
    dataset = fo.load_dataset("golden")
    for name, labels, notes in (
        ("v3", ["foggy"], [["a", "b"]]),
        ("v2", ["foggy", "rainy"], [["a", "b"], ["c", "d"]]),
        ("v1", ["sunny", "rainy"], [["a", "b"], ["c", "d"]]),
    ):
        fos.revert_dataset_to_snapshot("golden", name)
        dataset.reload()
        assert [label.label for label in dataset.values("weather")] == labels
        assert dataset.values("frames.note") == notes
    assert_sound(database)


def test_version_1_is_pushed_to(remote: Path, database: Database[Document]) -> None:
    fos.clone_from(remote, "golden")
    dataset = fo.load_dataset("golden")
    dataset.add_sample(fo.Sample("/media/2.mp4"))
    fos.create_snapshot(dataset, "v4")
    assert fos.push(dataset, remote).snapshots == ["v4"]
    assert fos.verify_remote(remote).is_ok
    assert_sound(database)
