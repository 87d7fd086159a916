"""The labels of a snapshot as a flat table."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.invariants import assert_sound


@pytest.mark.parametrize("backend", ["duplication", "delta"])
@pytest.mark.parametrize("is_archived", [False, True])
def test_each_label_is_a_row(
    backend: str,
    is_archived: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database: Database[Document],
) -> None:
    parquet = importlib.import_module("pyarrow.parquet")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    archives = tmp_path / "archives"
    archives.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(archives))
    dataset = image_dataset("d", 3, persistent=True)
    box = [0.1, 0.2, 0.3, 0.4]
    first = dataset.first()
    first["objects"] = fo.Detections(
        detections=[fo.Detection(label="cat", bounding_box=box, tags=["sure"], fur="black")]
    )
    first.save()
    bare = fo.Sample("/media/bare.jpg")
    dataset.add_sample(bare)
    bare_id = bare.id
    snapshot = fos.create_snapshot(dataset, "v1")
    dataset.delete_samples([bare_id])
    fos.create_snapshot(dataset, "v2")
    if is_archived:
        fos.archive_snapshot("d", "v1")
    path = fos.export_table("d", "v1", tmp_path / "v1.parquet")
    rows = parquet.read_table(path).to_pylist()
    (cat,) = (row for row in rows if row["field"] == "objects")
    assert (cat["label"], cat["label_type"], cat["label_tags"]) == ("cat", "Detection", ["sure"])
    assert [cat[key] for key in ("x", "y", "width", "height")] == box
    assert json.loads(cat["attributes"])["fur"] == "black"
    assert (cat["sample_id"], cat["filepath"]) == (first.id, first.filepath)
    assert {row["snapshot_id"] for row in rows} == {snapshot.id}
    assert {row["sample_id"] for row in rows} == {*dataset.values("id"), bare_id}
    (empty,) = (row for row in rows if row["sample_id"] == bare_id)
    assert empty["label_id"] is None
    with pytest.raises(fos.InvalidRequestError, match="exists"):
        fos.export_table("d", "v1", path)
    with pytest.raises(fos.InvalidRequestError, match="parquet"):
        fos.export_table("d", "v1", tmp_path / "v1.lance")
    assert not list(tmp_path.glob(".*"))
    assert_sound(database)


def test_labels_of_frames_say_which(tmp_path: Path) -> None:
    parquet = importlib.import_module("pyarrow.parquet")
    dataset = video_dataset("d", 2, 3, persistent=True)
    fos.create_snapshot(dataset, "v1")
    rows = parquet.read_table(fos.export_table("d", "v1", tmp_path / "v.parquet")).to_pylist()
    framed = [row for row in rows if row["frame_number"] is not None]
    assert {row["frame_number"] for row in framed} == {1, 2, 3}
    assert {row["filepath"] for row in framed} == set(dataset.values("filepath"))


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    fos.create_snapshot(image_dataset("d", 1, persistent=True), "v1")
    with pytest.raises(fos.MissingPackageError, match="pip install pyarrow"):
        fos.export_table("d", "v1", tmp_path / "v1.parquet")
    assert not list(tmp_path.iterdir())
