"""A deleted branch is in the trash of its parent, and comes back whole."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.full import FULL_DATASETS, Document, digest
from support.invariants import assert_sound


def names(items: list[fos.TrashItem]) -> list[tuple[str, str | None, str]]:
    return [(item.kind.value, item.dataset_name, item.name) for item in items]


@pytest.mark.parametrize(("kind", "backend"), [("group", "delta"), ("video", "duplication")])
def test_it_comes_back_as_it_was(
    kind: str, backend: str, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    parent = FULL_DATASETS[kind]("street", database)
    fos.create_branch(parent, "night")
    made = fo.load_dataset("street.night")
    made.tag_samples("dark")
    fos.create_snapshot(made, "own")
    made.tag_samples("darker")
    fos.revert_dataset_to_snapshot(made, "own")
    made.tag_samples("darkest")
    fos.load_snapshot(made, "own")
    before = digest(database, made._doc.id)

    deleted = fos.delete_branch(made)
    assert not fo.dataset_exists("street.night")
    assert made.deleted
    assert fos.list_branches(parent) == []
    assert names(fos.list_trash(parent)) == [("branch", "street.night", "night")]
    assert_sound(database)
    # Others that tidy up leave it alone
    fos.create_snapshot(image_dataset("other", 1, persistent=True), "v1")
    fos.recover()
    assert [found.name for found in fos.search_snapshots()].count("own") == 0

    back = fos.restore_branch("street.night")
    assert back == deleted
    assert digest(database, back.dataset_id) == before
    assert fos.list_snapshots("street.night") == ["own"]
    assert fos.list_trash(parent) == []
    assert [item.kind.value for item in fos.list_trash("street.night")] == ["head"]
    fos.undo_revert("street.night")
    assert "darker" in fo.load_dataset("street.night").distinct("tags")
    assert_sound(database)


@pytest.fixture
def street() -> fo.Dataset:
    dataset = image_dataset("street", 2, persistent=True)
    fos.create_branch(dataset, "night")
    return dataset


def test_names_that_were_taken_meanwhile(street: fo.Dataset, database: Database[Document]) -> None:
    fos.delete_branch("street.night")
    fo.Dataset("street.night", persistent=True)
    again = fos.create_branch(street, "night")
    assert again.dataset_name == "street.night_2"
    with pytest.raises(fos.DuplicateNameError, match="branch named 'night' already"):
        fos.restore_branch("street.night")
    fos.delete_branch("street.night_2")
    assert fos.restore_branch("street.night").dataset_name == "street.night_2"
    assert_sound(database)


def test_what_is_refused(street: fo.Dataset) -> None:
    with pytest.raises(fos.NotABranchError, match="'street' is not a branch"):
        fos.delete_branch(street)
    with pytest.raises(fos.DatasetNotFoundError):
        fos.delete_branch("nothing")
    fos.delete_branch("street.night")
    with pytest.raises(fos.NothingToUndoError, match=r"Did you mean 'street\.night'"):
        fos.restore_branch("street.nigt")
    with pytest.raises(fos.DatasetNotFoundError):
        fos.get_branch_info("street.night")
    fos.create_branch(street, "fog")
    fos.create_branch("street.fog", "deep")
    with pytest.raises(fos.HeldSnapshotError, match=r"has branches itself.*street\.fog\.deep"):
        fos.delete_branch("street.fog")


def test_it_expires(street: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot("street.night", "own")
    fos.delete_branch("street.night")
    (item,) = fos.list_trash()
    assert item.expires_at - item.trashed_at == timedelta(days=7)
    then = datetime.now(timezone.utc) - timedelta(days=8)
    database["snapshots.trash"].update_many({}, {"$set": {"trashed_at": then}})
    fos.create_snapshot(street, "v2")
    assert fos.list_trash() == []
    with pytest.raises(fos.NothingToUndoError):
        fos.restore_branch("street.night")
    assert_sound(database)


def test_without_a_trash_it_is_destroyed(
    street: fo.Dataset, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", "0")
    base = fos.get_branch_info("street.night")
    assert base is not None
    fos.delete_branch("street.night")
    assert fos.list_trash() == []
    fos.delete_snapshot(street, base.base_snapshot)
    assert_sound(database)
