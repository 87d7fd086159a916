"""Archived snapshots: out of the database, and as exact as ever."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.operations import operation
from fiftyone_snapshots.testing.backend_contract import raw_documents
from support.archives import only, turned_on
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document, digest
from support.invariants import assert_sound
from support.stories import STORIES
from support.story import NAME, change, make

DATASETS = {
    "image": lambda: image_dataset("d", 12, persistent=True),
    "video": lambda: video_dataset("d", 3, 4, persistent=True),
    "grouped": lambda: grouped_dataset("d", 4, persistent=True),
}


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of archives, turned on."""
    return turned_on(tmp_path, monkeypatch)


@pytest.fixture
def history(archives: Path) -> fo.Dataset:
    """A video dataset with snapshots v1, v2 and v3, and changes since."""
    dataset = make("video", STORIES["delete"])
    change(dataset, "drei")
    return dataset


def masters(database: Database[Document]) -> dict[str, list[bytes]]:
    """Returns what backends have stored of snapshots."""
    query = {"name": {"$regex": r"^snapshots\.(masters|delta)\."}}
    names = database.list_collection_names(filter=query)
    return {name: raw_documents(database[name]) for name in sorted(names)}


def contents(database: Database[Document]) -> list[list[bytes]]:
    return sorted(masters(database).values())


@pytest.mark.parametrize("kind", DATASETS)
def test_comes_back_byte_by_byte_in_the_same_order(
    kind: str, archives: Path, database: Database[Document]
) -> None:
    dataset = DATASETS[kind]()
    dataset.create_index("tags")
    # An order that sorting by id would not give
    moved = dataset._sample_collection.find_one_and_delete({})
    dataset._sample_collection.insert_one(moved)
    fos.create_snapshot(dataset, "v1")
    before = contents(database), digest(database, dataset._doc.id)
    indexes = _record(database, "v1").storage["indexes"]
    fos.archive_snapshot(dataset, "v1")
    assert not masters(database)
    fos.unarchive_snapshot(dataset, "v1")
    assert contents(database) == before[0]
    assert _record(database, "v1").storage["indexes"] == indexes
    dataset.reload()
    dataset.delete_samples(dataset.limit(2))
    fos.revert_dataset_to_snapshot(dataset, "v1")
    assert digest(database, dataset._doc.id) == before[1]


def test_an_archived_snapshot_stays_listed(
    history: fo.Dataset, archives: Path, database: Database[Document]
) -> None:
    fos.load_snapshot(NAME, "v2")
    fos.archive_snapshot(NAME, "v2")
    assert fos.list_snapshots(NAME) == ["v1", "v2", "v3"]
    snapshot = fos.get_snapshot_info(NAME, "v2")
    assert snapshot is not None
    assert snapshot.is_archived
    assert snapshot.load_status is fos.DatasetSnapshotStatus.UNLOADED
    assert snapshot.linear_change_summary is not None
    archive = _record(database, "v2").archive
    assert archive is not None
    assert archive.size_bytes == only(archives).stat().st_size
    assert not [name for name in masters(database) if str(snapshot.id) in name]
    assert f"{NAME}@v2" not in fo.list_datasets()
    assert not fo.dataset_exists(f"{NAME}@v2")
    assert_sound(database)


USES = {
    "load": lambda: fo.load_dataset(NAME, snapshot="v2"),
    "clone": lambda: fos.clone_snapshot(NAME, "v2", "copy"),
    "revert": lambda: fos.revert_dataset_to_snapshot(NAME, "v2"),
    "restore": lambda: fos.restore_samples(NAME, "v2", fo.load_dataset(NAME).first().id),
}


@pytest.mark.parametrize("use", USES)
def test_using_one_says_how_to_bring_it_back(
    use: str, history: fo.Dataset, database: Database[Document]
) -> None:
    fos.archive_snapshot(NAME, "v2")
    before = digest(database, history._doc.id)
    with pytest.raises(fos.ArchivedSnapshotError, match=r"unarchive_snapshot\('Zoo 🦊', 'v2'\)"):
        USES[use]()
    assert digest(database, history._doc.id) == before
    assert_sound(database)


@pytest.mark.parametrize("use", USES)
def test_it_can_be_brought_back_whenever_it_is_needed(
    use: str,
    history: fo.Dataset,
    archives: Path,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fos.archive_snapshot(NAME, "v2")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_AUTO_UNARCHIVE", "true")
    # What is done in half a second says nothing
    monkeypatch.setattr(operation, "_PROGRESS_INTERVAL_SECONDS", 0)
    USES[use]()
    assert not list(archives.iterdir())
    assert not fos.get_snapshot_info(NAME, "v2").is_archived
    entry = database["snapshots.journal"].find_one({"verb": "unarchive"})
    assert entry is not None
    assert entry["progress"] > 0


def test_comparisons_stay_exact(history: fo.Dataset, database: Database[Document]) -> None:
    label = history.first().weather.id
    samples = fos.load_snapshot(NAME, "v1").values("id")
    before = _everything_compared(samples, label)
    for name in ("v2", "v1", "v3"):
        fos.archive_snapshot(NAME, name)
        assert _everything_compared(samples, label) == before, name


def _everything_compared(samples: list[str], label: str) -> list[str]:
    pairs = [("v1", "v2"), ("v2", "v3"), ("v3", "v1"), ("v1", None), ("v2", None), ("v3", None)]
    found = [str(fos.diff(NAME, a, b, progress=False)) for a, b in pairs]
    found += [repr(fos.diff(NAME, a, b, progress=False).fields) for a, b in pairs]
    found += [str(fos.diff_sample(NAME, samples[0], a, b)) for a, b in pairs]
    found += [str(fos.sample_history(NAME, id_)) for id_ in samples]
    found += [str(fos.label_history(NAME, label))]
    plan = fos.revert_dataset_to_snapshot(NAME, "v1", dry_run=True)
    found += [str(plan)]
    summary = fos.calculate_dataset_latest_changes_summary(NAME)
    return [*found, str((summary.num_samples_added, summary.num_samples_changed))]


def test_summaries_stay_exact_when_a_neighbour_goes(
    history: fo.Dataset, database: Database[Document]
) -> None:
    def after_deletion() -> tuple[int, int, int]:
        fos.delete_snapshot(NAME, "v2")
        found = fos.get_snapshot_info(NAME, "v3").linear_change_summary
        assert found is not None
        return found.num_samples_added, found.num_samples_deleted, found.num_samples_changed

    expected = after_deletion()
    assert expected > (0, 0, 0)
    fos.restore_snapshot(NAME, "v2")
    for name in ("v1", "v3"):
        fos.archive_snapshot(NAME, name)
    assert after_deletion() == expected


def test_a_touched_document_is_no_change_next_to_an_archived_one(archives: Path) -> None:
    dataset = image_dataset("d", 5, persistent=True)
    fos.create_snapshot(dataset, "v1")
    # Other bytes, the same content: only reading the archive can tell
    dataset._sample_collection.update_many({}, {"$set": {"nothing": None}})
    dataset.add_sample_field("nothing", fo.StringField)
    dataset.limit(1).tag_samples("really")
    fos.archive_snapshot(dataset, "v1")
    assert fos.calculate_dataset_latest_changes_summary(dataset).num_samples_changed == len(
        fos.diff(dataset, "v1", progress=False).changed
    )
    fos.unarchive_snapshot(dataset, "v1")
    expected = fos.calculate_dataset_latest_changes_summary(dataset)
    fos.archive_snapshot(dataset, "v1")
    found = fos.calculate_dataset_latest_changes_summary(dataset)
    assert found.num_samples_changed == expected.num_samples_changed == 1


def test_verify_reads_the_archive(history: fo.Dataset, archives: Path) -> None:
    fos.archive_snapshot(NAME, "v2")
    report = fos.verify_snapshot(NAME, "v2")
    assert report
    assert {part.part: part.found for part in report.parts}["frames"] > 0

    archive = only(archives)
    content = bytearray(archive.read_bytes())
    content[content.index(b"samples/000000.bson.zst\0") + 600] ^= 1
    archive.write_bytes(content)
    report = fos.verify_snapshot(NAME, "v2")
    assert not report
    assert "samples/000000.bson.zst" in str(report)

    archive.unlink()
    assert "is gone" in str(fos.verify_snapshot(NAME, "v2"))


def test_a_damaged_archive_is_not_brought_back(
    history: fo.Dataset, archives: Path, database: Database[Document]
) -> None:
    fos.archive_snapshot(NAME, "v2")
    archive = only(archives)
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(fos.DamagedArchiveError, match="truncated"):
        fos.unarchive_snapshot(NAME, "v2")
    assert fos.get_snapshot_info(NAME, "v2").is_archived
    archive.write_bytes(content)
    assert_sound(database)
    fos.unarchive_snapshot(NAME, "v2")
    assert_sound(database)


def test_a_damaged_snapshot_is_not_archived(
    history: fo.Dataset, archives: Path, database: Database[Document]
) -> None:
    name = next(name for name in masters(database) if name.endswith(".samples"))
    database[name].delete_one({})
    with pytest.raises(fos.DamagedSnapshotError, match=r"1 are missing|are gone"):
        fos.archive_snapshot(NAME, "v1")
    assert not list(archives.iterdir())
    assert not fos.get_snapshot_info(NAME, "v1").is_archived
    assert name in masters(database)


def test_deleting_restoring_and_destroying(
    history: fo.Dataset, archives: Path, database: Database[Document]
) -> None:
    fos.archive_snapshot(NAME, "v2")
    fos.delete_snapshot(NAME, "v2")
    assert only(archives)
    fos.restore_snapshot(NAME, "v2")
    assert fos.get_snapshot_info(NAME, "v2").is_archived
    assert_sound(database)
    fos.delete_snapshot(NAME, "v2")
    fos.empty_trash(NAME)
    assert not list(archives.iterdir())
    assert_sound(database)


def test_deleting_the_dataset_removes_its_archives(
    history: fo.Dataset, archives: Path, database: Database[Document]
) -> None:
    fos.archive_snapshot(NAME, "v1")
    fos.archive_snapshot(NAME, "v2")
    assert len(list(archives.iterdir())) == 2
    fo.delete_dataset(NAME)
    assert not list(archives.iterdir())


def test_an_empty_dataset(archives: Path, database: Database[Document]) -> None:
    dataset = fo.Dataset("d", persistent=True)
    fos.create_snapshot(dataset, "v1")
    before = contents(database)
    fos.archive_snapshot(dataset, "v1")
    fos.unarchive_snapshot(dataset, "v1")
    assert contents(database) == before
    assert len(fos.load_snapshot(dataset, "v1")) == 0


def _record(database: Database[Document], name: str):
    from fiftyone_snapshots.backend.mongo.database import connect

    catalog = Catalog(connect())
    (record,) = [record for record in catalog.list_all() if record.name == name]
    return record
