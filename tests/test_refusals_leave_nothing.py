"""What is refused before it begins leaves nothing: nothing to be mended, nothing to be told of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.datasets import image_dataset
from support.full import Document
from support.invariants import World

NAME = "digits"
PATH = "FIFTYONE_SNAPSHOTS_ARCHIVE_PATH"


@pytest.fixture(params=["duplication", "delta"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder for archives; the dataset has three snapshots, of which one is archived."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    place = tmp_path / "archives"
    place.mkdir()
    monkeypatch.setenv(PATH, str(place))
    image_dataset(NAME, 3, persistent=True)
    for name in ("v1", "v2", "v3"):
        fos.create_snapshot(NAME, name)
    fos.archive_snapshot(NAME, "v1")
    return place


def test_nothing_is_left(
    folder: Path, tmp_path: Path, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = fos.export_snapshot(NAME, "v2", tmp_path / "v2.tar")
    junk = tmp_path / "junk.tar"
    junk.write_bytes(b"no archive")
    before = World.now(database, NAME)
    files = sorted(tmp_path.rglob("*"))
    away = tmp_path / "away"

    def refused(act: Callable[[], object], error: type[Exception], **settings: str) -> None:
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            for _ in range(2):
                with pytest.raises(error):
                    act()

    limit = {"FIFTYONE_SNAPSHOTS_MAX_PER_DATASET": "2"}
    typo = {PATH: str(tmp_path / "typo")}
    refused(lambda: fos.archive_snapshot(NAME, "v2"), fos.ArchiveStorageError, **typo)
    refused(lambda: fos.create_snapshot(NAME, "v4"), fos.ArchiveStorageError, **typo, **limit)
    refused(lambda: fos.unarchive_snapshot(NAME, "v1"), fos.ArchiveStorageError, **typo, **limit)
    folder.rename(away)
    refused(lambda: fos.unarchive_snapshot(NAME, "v1"), fos.ArchiveStorageError)
    refused(lambda: fos.export_snapshot(NAME, "v1", tmp_path / "a.tar"), fos.ArchiveStorageError)
    away.rename(folder)
    nowhere = tmp_path / "nowhere" / "v2.tar"
    refused(lambda: fos.export_snapshot(NAME, "v2", nowhere), fos.InvalidRequestError)
    refused(lambda: fos.export_snapshot(NAME, "v2", exported), fos.InvalidRequestError)
    refused(lambda: fos.import_snapshot(nowhere), fos.InvalidRequestError)
    refused(lambda: fos.import_snapshot(junk), fos.NotAnArchiveError)
    refused(lambda: fos.import_snapshot(exported), fos.InvalidRequestError)
    refused(lambda: fos.convert_snapshots(NAME, "unknown"), fos.InvalidSettingError)

    assert World.now(database, NAME) == before
    assert sorted(tmp_path.rglob("*")) == files
    assert fos.diagnose()
    assert fos.recover() == fos.recover()
    assert database["snapshots.unremoved"].find_one() is None
    assert fo.list_datasets() == [NAME]


def test_one_from_an_earlier_version_goes_when_its_folder_is_made(
    folder: Path, tmp_path: Path, database: Database[Document]
) -> None:
    typo = tmp_path / "typo"
    database["snapshots.unremoved"].insert_one({"_id": "x.tar", "location": str(typo)})
    fos.recover()
    (found,) = fos.diagnose().problems
    assert str(typo) in found.message
    assert "make the folder again" in found.advice
    typo.mkdir()
    fos.recover()
    assert fos.diagnose()


def test_an_archive_is_not_forgotten_by_who_dies_removing_it(
    folder: Path, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.delete_snapshot(NAME, "v1")
    archives = sorted(folder.iterdir())
    with monkeypatch.context() as patch:
        patch.delenv(PATH)
        fos.empty_trash(NAME)
    with faults.arm("archive.removing"), pytest.raises(faults.InjectedFault):
        fos.recover()
    assert sorted(folder.iterdir()) == archives
    fos.recover()
    assert not list(folder.iterdir())
    assert fos.diagnose()
