"""Snapshots that came with their media show these where they are now, and keep what they are."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import bson
import fiftyone as fo
import pytest
from fiftyone import ViewField as F
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.media.moved import MovedMedia
from support.app import AppServer
from support.app_client import Client
from support.archives import turned_on
from support.full import Document
from support.invariants import assert_sound
from support.media import street_dataset
from support.media_files import NAME, files, groups, images, media, videos, write

KINDS = {"images": images, "videos": videos, "groups": groups}


def moved(
    tmp_path: Path, kind: Callable[[Path], fo.Dataset] = images, level: str = "hash"
) -> fo.Dataset:
    """Moves a dataset with a snapshot to another folder, and opens the snapshot there."""
    kind(tmp_path / "there")
    fos.create_snapshot(NAME, "v1", media=level)
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    shutil.move(tmp_path / "there", tmp_path / "gone")
    fos.import_snapshot(package, media_to=tmp_path / "here")
    return fos.load_snapshot(NAME, "v1")


def named(database: Database[Document], dataset: fo.Dataset) -> list[str]:
    """Returns the documents of a dataset, as the bytes they are but for the folder in them."""
    names = [dataset._sample_collection_name, dataset._frame_collection_name]
    return [
        str(bson.decode(bson.encode(document))).replace("/here/", "/there/")
        for name in filter(None, names)
        for document in database[name].find().sort("_id")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_opened_it_shows_the_files_that_came_along(
    kind: str, tmp_path: Path, database: Database[Document]
) -> None:
    before = fos.content_hash(KINDS[kind](tmp_path / "first", name="first"))
    fo.delete_dataset("first")
    snapshot = moved(tmp_path, KINDS[kind])
    assert before
    samples = snapshot.select_group_slices(_allow_mixed=True) if kind == "groups" else snapshot
    for path in samples.values("filepath"):
        assert Path(path).is_relative_to(tmp_path / "here")
        assert Path(path).is_file()
    if kind == "images":
        first = snapshot.first()
        shown = [first.thumb, first.drivable.mask_path, first.gaze.map_path]
        shown += [label.mask_path for label in first.objects.detections]
        assert all(Path(path).is_relative_to(tmp_path / "here") for path in shown)
    if kind == "videos":
        frame = snapshot.first().frames[1]
        assert Path(frame.filepath).is_file()
        assert Path(frame.road.mask_path).is_file()
        assert len(snapshot.to_frames(sample_frames=False)) == 2
    # Of what it is, nothing has changed
    assert fos.verify_snapshot(NAME, "v1")
    masters = {
        name: list(database[name].find().sort("_id"))
        for name in database.list_collection_names()
        if name.endswith((".samples", ".frames")) and name.startswith("snapshots.")
    }
    stored = [str(document) for found in masters.values() for document in found]
    assert any("/there/" in document for document in stored)
    shown_documents = named(database, snapshot)
    assert all(document in stored for document in shown_documents)
    assert shown_documents
    assert_sound(database)


def test_what_is_known_of_its_files_is_looked_for_where_they_are(tmp_path: Path) -> None:
    moved(tmp_path)
    report = fos.verify_snapshot(NAME, "v1", media=True).media
    assert report is not None
    assert (report.found, report.hashed, report.missing.total) == (24, 24, 0)
    assert not media()
    assert media().proven
    mask = tmp_path / "here/masks/0.png"
    mask.write_text("painted over")
    (tmp_path / "here/夜1.png").unlink()
    report = fos.verify_snapshot(NAME, "v1", media=True).media
    assert report is not None
    assert report.replaced.names == (str(mask),)
    assert report.missing.names == (str(tmp_path / "here/夜1.png"),)
    assert media().replaced.names == (str(mask),)
    # A revert makes the dataset name the former files, which are not there
    plan = fos.revert_dataset_to_snapshot(NAME, "v1", dry_run=True).media
    assert plan.missing.total == 24


@pytest.mark.parametrize("kind", KINDS)
def test_it_moves_on_to_a_third_place(kind: str, tmp_path: Path) -> None:
    snapshot = moved(tmp_path, KINDS[kind])
    before = files(tmp_path / "gone")
    assert snapshot.name == f"{NAME}@v1"
    package = fos.export_snapshot(NAME, "v1", tmp_path / "again.tar", media=True)
    fo.delete_dataset(NAME)
    fos.import_snapshot(package, media_to=tmp_path / "third")
    after = files(tmp_path / "third")
    assert {name for name in before if after[name] != before[name]} <= {"scene.fo3d"}
    samples = fos.load_snapshot(NAME, "v1")
    assert Path(samples.first().filepath).is_relative_to(tmp_path / "third")
    report = fos.verify_snapshot(NAME, "v1", media=True).media
    assert report is not None
    assert (report.replaced.total, report.missing.total) == (0, 0)


@pytest.mark.parametrize("level", ["stat", "hash", "copy"])
def test_captured_anew_its_files_are_still_those_that_are_here(
    level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(tmp_path / "store"))
    moved(tmp_path, groups)
    captured = fos.capture_media(NAME, "v1", level)
    assert (captured.files, captured.missing) == (6, 0)
    assert Path(fos.load_snapshot(NAME, "v1").first().filepath).is_file()
    report = fos.verify_snapshot(NAME, "v1", media=True).media
    assert report is not None
    assert (report.found, report.replaced.total, report.missing.total) == (6, 0, 0)


def test_what_a_scene_names_since_is_where_it_says(tmp_path: Path) -> None:
    groups(tmp_path / "there")
    fos.create_snapshot(NAME, "v1", media="hash")
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    # Below the folder where they were, so that a path could be taken for one of before
    here = tmp_path / "there/inner"
    fos.import_snapshot(package, media_to=here)
    scene = here / "scene.fo3d"
    scene.write_text(scene.read_text().replace("points.pcd", "more.pcd"))
    more = write(here / "more.pcd")
    captured = fos.capture_media(NAME, "v1", "hash")
    assert (captured.files, captured.missing) == (6, 0)
    report = fos.verify_snapshot(NAME, "v1", media=True).media
    assert report is not None
    assert (report.found, report.hashed, report.missing.total) == (6, 6, 0)
    Path(more).unlink()
    report = fos.verify_snapshot(NAME, "v1", media=True).media
    assert report is not None
    assert report.missing.names == (more,)


def test_restored_they_come_from_where_they_are(tmp_path: Path) -> None:
    snapshot = moved(tmp_path)
    back = fos.restore_media(NAME, "v1", to=tmp_path / "back")
    assert (len(back.paths), back.lost.total) == (24, 0)
    assert files(tmp_path / "back") == files(tmp_path / "here")
    some = fos.restore_media(NAME, "v1", snapshot.first().id, to=tmp_path / "some")
    assert (len(some.paths), some.lost.total) == (6, 0)


def test_of_files_that_went_beside_others_and_of_those_that_did_not_come(tmp_path: Path) -> None:
    images(tmp_path / "there", 3)
    (tmp_path / "there/夜2.png").unlink()
    fos.create_snapshot(NAME, "v1", media="hash")
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    write(tmp_path / "here/夜0.png", "mine")
    fos.import_snapshot(package, media_to=tmp_path / "here")
    shown = fos.load_snapshot(NAME, "v1").values("filepath")
    assert Path(shown[0]).name.startswith("夜0-")
    assert Path(shown[0]).read_text() == "there/夜0.png"
    assert shown[1:] == [str(tmp_path / "here/夜1.png"), str(tmp_path / "there/夜2.png")]
    assert fos.load_snapshot(NAME, "v1").match(F("filepath") == shown[0]).count() == 1


def test_a_clone_of_it_names_the_files_that_are_here(tmp_path: Path) -> None:
    snapshot = moved(tmp_path)
    clone = fos.clone_snapshot(NAME, "v1", "clone")
    assert clone.values("drivable.mask_path") == snapshot.values("drivable.mask_path")
    assert Path(clone.first().drivable.mask_path).is_file()


def test_it_does_so_after_archives_renames_and_the_trash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    turned_on(tmp_path, monkeypatch)
    moved(tmp_path)
    fos.archive_snapshot(NAME, "v1")
    assert media().proven
    fos.unarchive_snapshot(NAME, "v1")
    fos.edit_snapshot(NAME, "v1", "v2")
    fos.delete_snapshot(NAME, "v2")
    fos.restore_snapshot(NAME, "v2")
    assert Path(fos.load_snapshot(NAME, "v2").first().filepath).is_file()
    fos.convert_snapshots(NAME, "delta")
    assert Path(fos.load_snapshot(NAME, "v2").first().filepath).is_file()
    fos.convert_snapshots(NAME, "duplication")
    assert Path(fos.load_snapshot(NAME, "v2").first().filepath).is_file()
    assert_sound(database)


def test_places_on_the_globe_are_found_as_before(tmp_path: Path) -> None:
    def placed(folder: Path) -> fo.Dataset:
        dataset = images(folder, 2)
        points = [fo.GeoLocation(point=[float(number), 1.0]) for number in range(2)]
        dataset.set_values("location", points)
        dataset.create_index([("location.point", "2dsphere")])
        return dataset

    snapshot = moved(tmp_path, placed)
    near = snapshot.geo_near([1.0, 1.0], location_field="location")
    assert near.values("filepath") == [str(tmp_path / f"here/夜{n}.png") for n in (1, 0)]
    assert len(snapshot) == 2


def test_into_a_dataset_that_is_here_as_well(tmp_path: Path) -> None:
    images(tmp_path / "there", 2)
    fos.create_snapshot(NAME, "v1")
    fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)
    fos.import_snapshot(tmp_path / "v1.tar", media_to=tmp_path / "here")
    (tmp_path / "there/masks/0.png").write_text("painted over since")
    mask = Path(fos.load_snapshot(NAME, "v1").first().drivable.mask_path)
    assert mask.read_text() == "masks/0.png"


def test_from_the_id_of_a_run_to_what_the_app_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow = pytest.importorskip("mlflow")
    before = street_dataset(NAME, tmp_path)
    labels = before.values("ground_truth.detections.label")
    shutil.copytree(tmp_path, tmp_path / "kept", ignore=lambda *_: ["runs", "kept"])
    fos.create_snapshot(NAME, "v1", media="hash")
    with mlflow.start_run() as run:
        mlflow.log_input(fos.mlflow_dataset(NAME, "v1"), context="training")
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    for path in tmp_path.glob("street-*.png"):
        path.unlink()
    fos.import_snapshot(package, media_to=tmp_path / "here")
    fo.load_dataset(NAME).clear()

    trained_on = fos.open_run(f"mlflow:{run.info.run_id}")
    assert trained_on.values("ground_truth.detections.label") == labels
    with AppServer(tmp_path / "server.log", FIFTYONE_MODULE_PATH="fiftyone_snapshots") as server:
        answer = Client(server, trained_on).query(
            """
            query ($name: String!) {
                samples(dataset: $name, view: [], first: 20) {
                    ... on SampleItemStrConnection {
                        edges { node { ... on ImageSample { sample urls { field url } } } }
                    }
                }
            }
            """,
            name=trained_on.name,
        )
        edges = answer["data"]["samples"]["edges"]
        assert len(edges) == 12
        for number, edge in enumerate(edges):
            (url,) = [each["url"] for each in edge["node"]["urls"] if each["field"] == "filepath"]
            address = f"{server.url}/media?{urlencode({'filepath': url})}"
            with urllib.request.urlopen(address, timeout=60) as picture:
                shown = picture.read()
            assert shown == (tmp_path / f"kept/street-{number:03d}.png").read_bytes()
            drawn = edge["node"]["sample"]["ground_truth"]["detections"]
            assert [label["label"] for label in drawn] == labels[number]


@pytest.mark.parametrize(
    ("paths", "former", "others"),
    [
        ({"/a/b/c.png": "/x/b/c.png", "/a/d.png": "/x/d.png"}, "/a/", 0),
        ({"/a/b/c.png": "/x/c.png"}, "/a/b/", 0),
        ({"/c.png": "/x/c.png", "/d/e.png": "/x/d/e.png"}, "/", 0),
        ({"C:\\a\\b.png": "/x/b.png", "C:\\a\\c.png": "/x/c.png"}, "", 2),
        ({"/a/../b/c.png": "/x/c.png", "/b/d.png": "/x/d.png"}, "/b/", 1),
        ({"/a/b.png": "/x/b-12ab.png"}, "", 1),
        ({"/a/b.png": "/a/b.png"}, "/", 0),
    ],
)
def test_where_files_are_is_told_by_folders(
    paths: dict[str, str], former: str, others: int
) -> None:
    found = MovedMedia.of(paths, staying=["/a/gone.png"])
    assert {path: found.place(path) for path in paths} == paths
    assert found.place("/a/gone.png") == "/a/gone.png"
    assert found.former == former or len(paths) > 1
    assert len([path for path in found.others if path in paths]) <= max(others, 1)
    assert MovedMedia.from_document(bson.decode(bson.encode(found.to_document()))) == found
    assert bool(found) == any(path != new for path, new in paths.items())


def test_of_many_long_paths_as_many_are_told_as_a_view_takes(database: Database[Document]) -> None:
    long = "数" * 1000
    paths = {f"C:\\{long}{number}.png": f"/here/{long}{number}.png" for number in range(12_000)}
    moved = MovedMedia.of(paths)
    assert len(bson.encode(moved.to_document())) < 2**23
    fields = [f"a{number}.b.c" for number in range(30)]
    database["documents"].insert_one({"a3": {"b": [{"c": next(iter(paths))}]}})
    for named in (fields[3:4], fields):
        database.command(
            {"create": "shown", "viewOn": "documents", "pipeline": moved.stages(named)}
        )
        (shown,) = database["shown"].find()
        assert shown["a3"]["b"][0]["c"] == next(iter(paths.values()))
        database.drop_collection("shown")
