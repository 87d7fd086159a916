"""Snapshots as files, from one server to another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.testing.backend_contract import raw_documents
from support.crash import fails_at, killed_at, points_of
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document, digest, full_video_dataset
from support.invariants import World, assert_sound
from support.stories import STORIES
from support.story import NAME, change, make

DATASETS = {
    "image": lambda: image_dataset("d", 6, persistent=True),
    "video": lambda: video_dataset("d", 2, 3, persistent=True),
    "grouped": lambda: grouped_dataset("d", 3, persistent=True),
}


def _without_names(found: dict[str, object]) -> dict[str, object]:
    """Leaves out the dataset document, which names its collections and its time of loading."""
    return {key: value for key, value in found.items() if key != "dataset"}


@pytest.mark.parametrize("kind", DATASETS)
def test_a_snapshot_starts_a_new_dataset(
    kind: str, tmp_path: Path, database: Database[Document]
) -> None:
    dataset = DATASETS[kind]()
    dataset.create_index("tags")
    fos.create_snapshot(dataset, "v1", "first")
    before = digest(database, dataset._doc.id)
    id_ = dataset._doc.id
    path = fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")
    fo.delete_dataset("d")
    assert not database["snapshots.catalog"].count_documents({})

    snapshot = fos.import_snapshot(path)
    assert (snapshot.name, snapshot.description) == ("v1", "first")
    assert fo.list_datasets() == ["d"]
    back = fo.load_dataset("d")
    assert back._doc.id == id_
    assert back.persistent
    assert _without_names(digest(database, id_)) == _without_names(before)
    assert not fos.calculate_dataset_latest_changes_summary("d").has_changes
    assert fos.diff("d", "v1", progress=False).changed == []
    assert_sound(database)


def test_everything_a_dataset_owns_comes_along(
    tmp_path: Path, database: Database[Document]
) -> None:
    dataset = full_video_dataset("d", database)
    dataset.persistent = True
    fos.create_snapshot(dataset, "v1")
    before = digest(database, dataset._doc.id)
    # What would delete samples by itself stays behind
    del before["sample indexes"]["ttl"]["expireAfterSeconds"]
    id_ = dataset._doc.id
    fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")
    fo.delete_dataset("d")
    fos.import_snapshot(tmp_path / "v1.tar", "renamed")
    assert fo.list_datasets() == ["renamed"]
    assert _without_names(digest(database, id_)) == _without_names(before)
    # What these views had generated was left behind, and is not theirs any more
    back = fo.load_dataset("renamed")
    assert {len(back.load_saved_view(name)) > 0 for name in back.list_saved_views()} == {True}
    assert fos.verify_snapshot("renamed", "v1")


def test_snapshots_of_the_same_dataset_come_together_in_order(
    tmp_path: Path, database: Database[Document]
) -> None:
    make("video", STORIES["delete"])
    before = World.now(database, NAME)
    for name in ("v1", "v2", "v3"):
        fos.export_snapshot(NAME, name, tmp_path / f"{name}.tar")
    fo.delete_dataset(NAME)
    for name in ("v2", "v3", "v1"):
        fos.import_snapshot(tmp_path / f"{name}.tar")
    assert fos.list_snapshots(NAME) == ["v1", "v2", "v3"]
    found = World.now(database, NAME)
    assert found.changes == before.changes
    assert fos.get_dataset_latest_changes_summary(NAME) is None
    fos.revert_dataset_to_snapshot(NAME, "v3")
    assert World.now(database, NAME).head == before.head
    assert_sound(database)


def test_an_archived_snapshot_is_exported_from_its_archive(
    tmp_path: Path, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    archives = tmp_path / "archives"
    archives.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(archives))
    make("video", STORIES["delete"])
    direct = fos.export_snapshot(NAME, "v2", tmp_path / "direct.tar")
    fos.archive_snapshot(NAME, "v2")
    exported = fos.export_snapshot(NAME, "v2", tmp_path / "v2.tar")
    assert exported.read_bytes() == direct.read_bytes()
    assert fos.get_snapshot_info(NAME, "v2").is_archived
    assert_sound(database)


def test_an_archive_can_be_imported(
    tmp_path: Path, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = image_dataset("d", 3, persistent=True)
    fos.create_snapshot(dataset, "v1")
    fos.archive_snapshot(dataset, "v1")
    (archive,) = tmp_path.iterdir()
    kept = archive.rename(tmp_path / "kept.tar")
    fo.delete_dataset("d")
    fos.import_snapshot(kept)
    assert len(fo.load_dataset("d")) == 3


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    dataset = image_dataset("d", 2, persistent=True)
    fos.create_snapshot(dataset, "v1")
    with pytest.raises(fos.SnapshotNotFoundError):
        fos.export_snapshot(dataset, "v2", tmp_path / "v2.tar")
    with pytest.raises(ValueError, match="does not exist"):
        fos.export_snapshot(dataset, "v1", tmp_path / "no" / "v1.tar")
    (tmp_path / "v1.tar").write_text("mine")
    with pytest.raises(ValueError, match="exists"):
        fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")
    assert (tmp_path / "v1.tar").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["x" * 300 + ".tar", "~nobody.at.all/v1.tar", "a\0b.tar"])
def test_a_path_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    dataset = image_dataset("d", 1, persistent=True)
    fos.create_snapshot(dataset, "v1")
    path = Path(name) if name.startswith("~") else tmp_path / name
    for act in (lambda: fos.export_snapshot("d", "v1", path), lambda: fos.import_snapshot(path)):
        with pytest.raises(fos.InvalidRequestError, match=r"cannot be used|is no path"):
            act()
    assert not list(tmp_path.iterdir())


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, which those of tests are not."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.name != "posix", reason="folders are closed in another way")
def test_a_folder_that_one_may_not_enter(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = image_dataset("d", 1, persistent=True)
    fos.create_snapshot(dataset, "v1")
    for folder in ("closed", "full"):
        (open_folder / folder).mkdir()
    fos.export_snapshot("d", "v1", open_folder / "v1.tar")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(open_folder / "closed" / "archives"))
    (open_folder / "closed").chmod(0)
    (open_folder / "full").chmod(0o555)
    with _without_privileges():
        for act, error in (
            (
                lambda: fos.export_snapshot("d", "v1", open_folder / "closed" / "v1.tar"),
                ValueError,
            ),
            (lambda: fos.import_snapshot(open_folder / "closed" / "v1.tar"), ValueError),
            (
                lambda: fos.export_snapshot("d", "v1", open_folder / "full" / "v1.tar"),
                fos.ArchiveStorageError,
            ),
            (lambda: fos.archive_snapshot("d", "v1"), fos.ArchiveStorageError),
        ):
            with pytest.raises(error, match="Permission denied"):
                act()
    (open_folder / "closed").chmod(0o755)
    assert not fos.get_snapshot_info("d", "v1").is_archived


@contextmanager
def _without_privileges() -> Iterator[None]:
    """Lets root be stopped by what stops others."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_cannot_be_imported(tmp_path: Path, database: Database[Document]) -> None:
    dataset = image_dataset("d", 2, persistent=True)
    fos.create_snapshot(dataset, "v1")
    path = fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")
    with pytest.raises(ValueError, match="here already"):
        fos.import_snapshot(path)
    fos.delete_snapshot(dataset, "v1")
    with pytest.raises(ValueError, match="in the trash"):
        fos.import_snapshot(path)
    fos.empty_trash(dataset)
    with pytest.raises(ValueError, match="is called 'd'"):
        fos.import_snapshot(path, "other")
    fos.create_snapshot(dataset, "V1")
    with pytest.raises(fos.DuplicateNameError):
        fos.import_snapshot(path)
    fo.delete_dataset("d")
    fo.Dataset("d", persistent=True)
    with pytest.raises(fos.DuplicateNameError, match="dataset_name"):
        fos.import_snapshot(path)
    with pytest.raises(ValueError, match="no file"):
        fos.import_snapshot(tmp_path / "none.tar")
    fos.import_snapshot(path, "other")
    assert sorted(fo.list_datasets()) == ["d", "other"]
    assert_sound(database)


def test_the_limits_hold_for_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = image_dataset("d", 2, persistent=True)
    fos.create_snapshot(dataset, "v1")
    path = fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")
    fo.delete_dataset("d")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_IN_DB", "0")
    with pytest.raises(fos.LimitExceededError):
        fos.import_snapshot(path)
    assert not fo.list_datasets()


@pytest.mark.parametrize("fault", [fails_at, killed_at])
def test_a_new_dataset_is_imported_whole_or_not_at_all(
    fault, tmp_path: Path, database: Database[Document]
) -> None:
    dataset = make("video", STORIES["create"])
    change(dataset, "mehr")
    fos.create_snapshot(NAME, "v2")
    path = fos.export_snapshot(NAME, "v2", tmp_path / "v2.tar")
    fo.delete_dataset(NAME)

    points = points_of(lambda: fos.import_snapshot(path))
    expected = World.now(database, NAME)
    fo.delete_dataset(NAME)
    assert "import.dataset_made" in points
    for point in [point for point in points if point.startswith("import.")]:
        assert fault(point, lambda: fos.import_snapshot(path)), point
        fos.recover()
        assert_sound(database, load=False)
        if fo.dataset_exists(NAME):
            found = World.now(database, NAME)
            assert found.snapshots == ["v2"], point
            assert found.head.keys() == expected.head.keys()
            fo.delete_dataset(NAME)
        else:
            assert not database["runs"].count_documents({}), point
            assert not database["fs.files"].count_documents({}), point
            assert not [n for n in database.list_collection_names() if n.startswith("samples.")]


def test_a_killed_export_leaves_nothing(tmp_path: Path, database: Database[Document]) -> None:
    dataset = image_dataset("d", 2, persistent=True)
    fos.create_snapshot(dataset, "v1")
    for point in ("archive.piece", "export.written", "export.checked"):
        assert killed_at(point, lambda: fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar"))
        fos.list_snapshots(dataset)
        assert not list(tmp_path.iterdir()), point
    assert raw_documents(database["snapshots.unremoved"]) == []
