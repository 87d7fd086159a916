"""Snapshots that are told by others leave for an archive and come back, in any order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.crash import points_of
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.histories import content, edit, snapshots, stored
from support.invariants import assert_sound

NAME = "Füchse"
SAMPLES = 20
NAMES = ["v0", "v1", "v2"]


@pytest.fixture(autouse=True)
def delta(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")
    folder = tmp_path / "archives"
    folder.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(folder))


@pytest.mark.parametrize("media", [image_dataset, video_dataset])
def test_archiving_and_exporting_materialise_nothing(
    media: Callable[..., fo.Dataset], tmp_path: Path, database: Database[Document]
) -> None:
    dataset = media(NAME, SAMPLES, persistent=True)
    # An order that is not that of the ids
    dataset._sample_collection.insert_one(dataset._sample_collection.find_one_and_delete({}))
    expected = snapshots(dataset, 3)
    before = stored(database, "")
    passed = points_of(lambda: fos.export_snapshot(NAME, "v0", tmp_path / "export.tar"))
    assert stored(database, "") == before
    passed += points_of(lambda: fos.archive_snapshot(NAME, "v0"))
    assert not [point for point in passed if point.startswith("delta.materialised")]
    assert sum(stored(database, "").values()) < sum(before.values())
    assert fos.verify_snapshot(NAME, "v0")
    fos.unarchive_snapshot(NAME, "v0")
    assert content(fos.load_snapshot(NAME, "v0")) == expected[0]
    fos.delete_snapshot(NAME, "v0")
    fos.empty_trash(NAME)
    fos.import_snapshot(tmp_path / "export.tar")
    assert fos.list_snapshots(NAME) == NAMES
    assert [content(fos.load_snapshot(NAME, name)) for name in NAMES] == expected
    assert_sound(database)


@pytest.mark.parametrize("back", [list(order) for order in permutations(NAMES)])
def test_those_that_left_come_back_in_any_order(
    back: list[str], database: Database[Document]
) -> None:
    dataset = image_dataset(NAME, SAMPLES, persistent=True)
    expected = dict(zip(NAMES, snapshots(dataset, 3), strict=True))
    for name in reversed(back):
        fos.archive_snapshot(NAME, name)
        assert_sound(database, load=False)
    assert not stored(database, "")
    for name in back:
        fos.unarchive_snapshot(NAME, name)
        assert content(fos.load_snapshot(NAME, name)) == expected[name]
        assert_sound(database, load=False)
    fos.create_snapshot(NAME, "v3")
    expected["v3"] = content(dataset)
    fos.delete_snapshot(NAME, back[0])
    fos.empty_trash(NAME)
    del expected[back[0]]
    assert {name: content(fos.load_snapshot(NAME, name)) for name in expected} == expected
    assert_sound(database)


def test_the_history_goes_on_while_some_are_away(database: Database[Document]) -> None:
    dataset = image_dataset(NAME, SAMPLES, persistent=True)
    expected = dict(zip(NAMES, snapshots(dataset, 3), strict=True))
    for name in ("v1", "v2"):
        fos.archive_snapshot(NAME, name)
    edit(dataset, "meanwhile")
    fos.create_snapshot(NAME, "v3")
    expected["v3"] = content(dataset)
    assert fos.diff(NAME, "v2", "v3").changed
    for name in ("v2", "v1"):
        fos.unarchive_snapshot(NAME, name)
    edit(dataset, "later")
    fos.create_snapshot(NAME, "v4")
    expected["v4"] = content(dataset)
    assert {name: content(fos.load_snapshot(NAME, name)) for name in expected} == expected
    assert fos.prune_snapshots(NAME, keep_last=2, dry_run=False)
    fos.empty_trash(NAME)
    assert {name: content(fos.load_snapshot(NAME, name)) for name in ("v3", "v4")} == {
        name: expected[name] for name in ("v3", "v4")
    }
    assert_sound(database)


def test_archived_ones_move_to_another_backend_with_the_rest(
    database: Database[Document],
) -> None:
    dataset = image_dataset(NAME, SAMPLES, persistent=True)
    expected = dict(zip(NAMES, snapshots(dataset, 3), strict=True))
    fos.archive_snapshot(NAME, "v1")
    assert fos.convert_snapshots(NAME, "duplication") == 3
    assert not stored(database, "")
    fos.unarchive_snapshot(NAME, "v1")
    assert not stored(database, "")
    assert {name: content(fos.load_snapshot(NAME, name)) for name in NAMES} == expected
    assert_sound(database)
