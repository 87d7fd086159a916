"""Verifying tells what is damaged, by name, and that what is not damaged is not."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.dataset.parts import Part
from fiftyone_snapshots.backend.mongo.collections import MANIFESTS
from fiftyone_snapshots.backend.results.listed import MAX_LISTED
from fiftyone_snapshots.backend.snapshots.verify_report import PartReport
from support.datasets import image_dataset, video_dataset
from support.full import BRAIN_KEY, FULL_DATASETS, RUN_KEY, Document
from support.snapshots import collection_of

NAME, SNAPSHOT = "Füchse", "v1"


@pytest.fixture
def dataset() -> fo.Dataset:
    """A dataset with a snapshot."""
    dataset = video_dataset(NAME, persistent=True)
    fos.create_snapshot(NAME, SNAPSHOT)
    return dataset


def part(which: Part) -> PartReport:
    """Verifies the snapshot and returns what is said of one part, the others being fine."""
    report = fos.verify_snapshot(NAME, SNAPSHOT)
    assert not report
    assert [found.part for found in report.parts if not found] == [which.value]
    return next(found for found in report.parts if found.part == which.value)


def master(database: Database[Document], which: Part) -> str:
    info = fos.get_snapshot_info(NAME, SNAPSHOT)
    assert info is not None
    return collection_of(database, ObjectId(info.id), which)


def test_a_snapshot_is_as_captured_whatever_becomes_of_its_dataset(dataset: fo.Dataset) -> None:
    dataset.clear()
    report = fos.verify_snapshot(NAME, SNAPSHOT)
    assert report.ok
    assert report.media is None
    assert str(report).startswith(f"Snapshot '{SNAPSHOT}' of dataset '{NAME}': as captured")
    assert {found.part: found.found for found in report.parts}["frames"] == 15


def test_documents_that_are_missing_unexpected_or_altered_are_named(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    samples = database[master(database, Part.SAMPLES)]
    missing, altered, _ = samples.find().sort("_id", 1)
    new = samples.insert_one({"filepath": "/new"}).inserted_id
    samples.delete_one({"_id": missing["_id"]})
    samples.update_one({"_id": altered["_id"]}, {"$set": {"weather.label": "wrong"}})

    found = part(Part.SAMPLES)
    assert (found.expected, found.found) == (3, 3)
    assert found.missing.names == (str(missing["_id"]),)
    assert found.altered.names == (str(altered["_id"]),)
    assert found.unexpected.names == (str(new),)
    text = str(fos.verify_snapshot(NAME, SNAPSHOT))
    assert "DAMAGED" in text
    assert str(missing["_id"]) in text


def test_a_change_of_one_bit_or_of_the_order_of_keys_is_damage(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    frames = database[master(database, Part.FRAMES)]
    one, other = frames.find().limit(2)
    frames.update_one({"_id": one["_id"]}, {"$set": {"frame_number": float(one["frame_number"])}})
    reordered = {"_id": other["_id"], **dict(reversed(list(other.items())))}
    frames.replace_one({"_id": other["_id"]}, reordered)
    assert set(part(Part.FRAMES).altered.names) == {str(one["_id"]), str(other["_id"])}


def test_a_collection_that_is_gone_does_not_hide_the_state_of_the_others(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    database.drop_collection(master(database, Part.FRAMES))
    found = part(Part.FRAMES)
    assert (found.expected, found.found, found.missing.total) == (15, 0, 15)


@pytest.mark.parametrize("damage", ["missing", "altered"])
def test_without_its_manifest_a_snapshot_is_damaged_and_not_old(
    dataset: fo.Dataset, database: Database[Document], damage: str
) -> None:
    wanted = {"part": Part.SAMPLES.value}
    if damage == "missing":
        database[MANIFESTS].delete_many(wanted)
    else:
        piece = database[MANIFESTS].find_one(wanted)
        assert piece is not None
        changed = piece["data"][:-1] + bytes([piece["data"][-1] ^ 1])
        database[MANIFESTS].update_one(wanted, {"$set": {"data": changed}})
    found = part(Part.SAMPLES)
    assert found.expected is None
    assert found.found == 3
    assert found.problem is not None
    assert "manifest" in found.problem


def test_runs_whose_results_are_lost_are_named_by_their_keys(
    database: Database[Document],
) -> None:
    FULL_DATASETS["point-cloud"](NAME, database)
    fos.create_snapshot(NAME, SNAPSHOT)
    results = {run["key"]: run["results"] for run in database[master(database, Part.RUNS)].find()}
    files = database[master(database, Part.RESULT_FILES)]
    files.delete_one({"_id": results[BRAIN_KEY]})
    chunks = database[master(database, Part.RESULT_CHUNKS)]
    chunks.delete_one({"files_id": results[RUN_KEY]})
    report = fos.verify_snapshot(NAME, SNAPSHOT)
    assert set(report.lost_results.names) == {BRAIN_KEY, RUN_KEY}


def test_results_that_the_dataset_itself_had_lost_are_no_damage(
    database: Database[Document],
) -> None:
    FULL_DATASETS["point-cloud"](NAME, database)
    for name in ("fs.files", "fs.chunks"):
        database[name].delete_many({})
    fos.create_snapshot(NAME, SNAPSHOT)
    assert fos.verify_snapshot(NAME, SNAPSHOT)
    assert fos.load_snapshot(NAME, SNAPSHOT).list_runs() == [RUN_KEY]


def test_missing_media_are_told_of_samples_slices_and_frames(tmp_path: Path) -> None:
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_group_field("group", default="left")
    paths = [tmp_path / name for name in ("左.jpg", "right.mp4", "frame.jpg")]
    for path in paths:
        path.touch()
    group = fo.Group()
    left = fo.Sample(paths[0], group=group.element("left"))
    right = fo.Sample(paths[1], group=group.element("right"))
    cloud = fo.Sample("cloud.pcd", group=group.element("cloud"))
    right.frames[1] = fo.Frame(filepath=str(paths[2]))
    dataset.add_samples([left, right, cloud])
    elsewhere = {"filepath": "s3://bucket/cloud.pcd"}
    dataset._sample_collection.update_one({"_id": cloud._id}, {"$set": elsewhere})
    fos.create_snapshot(NAME, SNAPSHOT)
    report = fos.verify_snapshot(NAME, SNAPSHOT, media=True)
    assert report.media is not None
    assert (report.ok, report.media.found, report.media.unchecked) == (True, 3, 1)

    for path in paths:
        path.unlink()
    report = fos.verify_snapshot(NAME, SNAPSHOT, media=True)
    assert report.media is not None
    assert set(report.media.missing.names) == {str(path) for path in paths}
    assert not report.ok
    assert report.is_intact, "the media are no part of the snapshot"
    assert fos.verify_snapshot(NAME, SNAPSHOT), "nobody asked for the media"


def test_reports_name_no_more_than_anybody_can_read(database: Database[Document]) -> None:
    image_dataset(NAME, MAX_LISTED + 50, persistent=True)
    fos.create_snapshot(NAME, SNAPSHOT)
    database[master(database, Part.SAMPLES)].delete_many({})
    missing = part(Part.SAMPLES).missing
    assert (missing.total, len(missing.names)) == (MAX_LISTED + 50, MAX_LISTED)
    assert len(str(missing)) < 1000


def test_all_snapshots_of_all_datasets_are_verified_with_progress(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    image_dataset("other", 2, persistent=True)
    fos.create_snapshot("other", "a")
    fos.create_snapshot("other", "b")
    fos.delete_snapshot("other", "b")
    database.drop_collection(master(database, Part.SAMPLES))
    told: list[float] = []
    reports = fos.verify_all(progress=lambda fraction, label: told.append(fraction))
    assert {(report.dataset_name, report.snapshot_name): report.ok for report in reports} == {
        (NAME, SNAPSHOT): False,
        ("other", "a"): True,
    }
    assert told == sorted(told)
    assert told[-1] == 1


def test_what_does_not_exist_cannot_be_verified(dataset: fo.Dataset) -> None:
    with pytest.raises(ValueError, match="has no snapshot 'nope'"):
        fos.verify_snapshot(NAME, "nope")
