"""Verifying tells damage from what could not be told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.command_line import Run, in_this_process
from support.datasets import image_dataset
from support.full import Document

NAME, INTACT, DAMAGED, UNTOLD = "digits", 0, 3, 4


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "archives"
    folder.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(folder))
    return folder


@pytest.fixture
def dataset(archives: Path) -> fo.Dataset:
    """Two snapshots."""
    dataset = image_dataset(NAME, 4, persistent=True)
    fos.create_snapshot(dataset, "v1")
    dataset.tag_samples("later")
    fos.create_snapshot(dataset, "v2")
    return dataset


def test_three_outcomes_have_three_exit_codes(
    dataset: fo.Dataset, archives: Path, run: Run
) -> None:
    fos.archive_snapshot(NAME, "v1")
    (archive,) = archives.iterdir()
    content = archive.read_bytes()
    report = fos.verify_snapshot(NAME, "v1")
    assert (bool(report), report.verdict) == (True, fos.Verdict.INTACT)
    assert run("verify", NAME).code == INTACT

    away = archives.rename(archives.with_name("away"))
    for mount_point in (False, True):
        if mount_point:
            archives.mkdir()
        report = fos.verify_snapshot(NAME, "v1")
        assert (bool(report), report.verdict) == (False, fos.Verdict.UNTOLD)
        assert str(archives) in str(report)
        assert "DAMAGED" not in str(report)
        ended = run("verify", NAME, "--json")
        assert ended.code == UNTOLD
        assert [each["verdict"] for each in ended.json] == ["untold", "intact"]
        assert run("verify").code == UNTOLD
    archives.rmdir()
    away.rename(archives)

    (archives / "another.tar").touch()
    archive.unlink()
    assert fos.verify_snapshot(NAME, "v1").verdict is fos.Verdict.DAMAGED
    archive.write_bytes(content[: len(content) // 2])
    report = fos.verify_snapshot(NAME, "v1")
    assert (bool(report), report.verdict) == (False, fos.Verdict.DAMAGED)
    assert run("verify", NAME).code == DAMAGED


def test_a_store_out_of_reach_is_no_damage(
    dataset: fo.Dataset, archives: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.archive_snapshot(NAME, "v1")
    shutil.rmtree(archives)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", "no-scheme://x")
    assert fos.verify_snapshot(NAME, "v1").verdict is fos.Verdict.UNTOLD


def _convert() -> None:
    fos.convert_snapshots(NAME, "delta")


MOVES: dict[str, tuple[Callable[[], object], Callable[[], object], fos.Verdict]] = {
    "archive": (
        lambda: None,
        lambda: fos.archive_snapshot(NAME, "v1"),
        fos.Verdict.INTACT,
    ),
    "unarchive": (
        lambda: fos.archive_snapshot(NAME, "v1"),
        lambda: fos.unarchive_snapshot(NAME, "v1"),
        fos.Verdict.INTACT,
    ),
    "convert": (lambda: None, _convert, fos.Verdict.INTACT),
    "convert back": (
        _convert,
        lambda: fos.convert_snapshots(NAME, "duplication"),
        fos.Verdict.INTACT,
    ),
    "create": (_convert, lambda: fos.create_snapshot(NAME, "v3"), fos.Verdict.INTACT),
    "delete the newer": (_convert, lambda: fos.delete_snapshot(NAME, "v2"), fos.Verdict.INTACT),
    "destroy": (
        lambda: None,
        lambda: (fos.delete_snapshot(NAME, "v1"), fos.empty_trash(NAME)),
        fos.Verdict.UNTOLD,
    ),
}


@pytest.mark.parametrize("move", MOVES)
def test_what_is_moved_while_it_is_read_is_read_where_it_is(
    move: str, dataset: fo.Dataset
) -> None:
    prepare, act, expected = MOVES[move]
    prepare()
    todo = [act]

    def meanwhile(fraction: float, label: str) -> None:
        if todo:
            todo.pop()()

    report = fos.verify_snapshot(NAME, "v1", progress=meanwhile)
    assert not todo
    assert report.verdict is expected, str(report)


def test_what_is_moved_all_the_time_cannot_be_told(dataset: fo.Dataset) -> None:
    def meanwhile(fraction: float, label: str) -> None:
        is_archived = fos.get_snapshot_info(NAME, "v1").is_archived
        (fos.unarchive_snapshot if is_archived else fos.archive_snapshot)(NAME, "v1")

    report = fos.verify_snapshot(NAME, "v1", progress=meanwhile)
    assert report.verdict in (fos.Verdict.UNTOLD, fos.Verdict.INTACT), str(report)


def test_an_operation_that_ended_before_hides_no_damage(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    names = database.list_collection_names(filter={"name": {"$regex": r"\.(masters|delta)\."}})
    for name in names:
        if name.endswith("samples"):
            database.drop_collection(name)
    fos.pin_snapshot(NAME, "v1")
    assert {report.verdict for report in fos.verify_all()} == {fos.Verdict.DAMAGED}
