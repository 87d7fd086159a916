"""Whoever only looks destroys nothing: what is due is destroyed by those who change something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.access import Level
from support.datasets import image_dataset
from support.full import Document
from support.panel import Panel
from support.permissions import TABLE, allow, street

VIEWING = [act for act, level in TABLE.values() if level is Level.VIEW]


@pytest.fixture
def due(
    database: Database[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Database[Document]:
    """A dataset with trash that has expired, and snapshots of one that another process deleted."""
    street(tmp_path, monkeypatch)
    image_dataset("gone", 2, persistent=True)
    fos.create_snapshot("gone", "v1")
    database["datasets"].delete_one({"name": "gone"})
    fo.core.dataset.Dataset._instances.pop("gone", None)
    then = datetime.now(timezone.utc) - timedelta(days=30)
    database["snapshots.trash"].update_many({}, {"$set": {"trashed_at": then}})
    database["snapshots.catalog"].update_many({"live": False}, {"$set": {"trashed_at": then}})
    return database


def kept(database: Database[Document]) -> set[object]:
    """Returns what a user could miss: records, discarded states and stored collections."""
    stored = ("snapshots.masters.", "snapshots.trashed.", "snapshots.delta.")
    return {
        *database["snapshots.catalog"].distinct("_id"),
        *database["snapshots.trash"].distinct("_id"),
        *(name for name in database.list_collection_names() if name.startswith(stored)),
    }


def test_nobody_who_may_only_view_causes_a_deletion(
    due: Database[Document], installed_plugin: Path, policy_file: Callable[[str], Path]
) -> None:
    before = kept(due)
    policy_file(allow(Level.VIEW))
    for act in VIEWING:
        act()
    fos.search_snapshots("v1")
    fos.list_trash()
    assert "v1" in Panel("street").text()
    assert before <= kept(due)


def test_nor_does_reading_without_a_policy(due: Database[Document]) -> None:
    before = kept(due)
    fos.list_snapshots("street")
    fos.load_snapshot("street", "v1")
    fos.diff("street", "v1", progress=False)
    assert before <= kept(due)


@pytest.mark.parametrize(
    "act",
    [
        lambda: fos.tag_snapshot("street", "v1", "new"),
        lambda: fos.create_snapshot("street", "v2"),
        fos.recover,
    ],
    ids=["tag", "create", "recover"],
)
def test_who_changes_something_destroys_what_is_due(
    act: Callable[[], object], due: Database[Document]
) -> None:
    act()
    assert fos.list_trash() == []
    left = due["snapshots.catalog"].find({"kind": {"$ne": "safety"}}, {"name": 1})
    assert {each["name"] for each in left} <= {"v1", "v2", "base of night"}
    there = due["datasets"].distinct("_id", {"name": {"$in": ["street", "lane"]}})
    assert set(due["snapshots.catalog"].distinct("dataset_id")) == set(there)


def test_whoever_may_not_import_destroys_nothing(
    due: Database[Document], tmp_path: Path, policy_file: Callable[[str], Path]
) -> None:
    path = fos.export_snapshot("street", "v1", tmp_path / "v1.tar")
    before = kept(due)
    policy_file(allow(Level.VIEW))
    for wanted in (path, tmp_path / "nothing.tar"):
        with pytest.raises(fos.SnapshotError):
            fos.import_snapshot(wanted)
    assert before <= kept(due)


def test_what_is_still_there_can_be_brought_back(database: Database[Document]) -> None:
    dataset = image_dataset("street", 3, persistent=True)
    for name in ("v1", "v2"):
        fos.create_snapshot("street", name)
    first = dataset.first()
    dataset.set_values("filepath", [f"/now/{number}.jpg" for number in range(3)])
    fos.restore_samples("street", "v1", first.id)
    fos.delete_snapshot("street", "v1")
    fos.revert_dataset_to_snapshot("street", "v2")
    then = datetime.now(timezone.utc) - timedelta(days=30)
    database["snapshots.trash"].update_many({}, {"$set": {"trashed_at": then}})
    database["snapshots.catalog"].update_many({"live": False}, {"$set": {"trashed_at": then}})

    assert fos.restore_snapshot("street", "v1").name == "v1"
    fos.undo_revert("street")
    fos.undo_restore("street")
    dataset.reload()
    assert dataset.values("filepath") == [f"/now/{number}.jpg" for number in range(3)]
