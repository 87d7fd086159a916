"""A snapshot that this process has opened before is opened at once, if all is as it was."""

from __future__ import annotations

from collections.abc import Callable

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.counting import COMMANDS
from support.datasets import image_dataset
from support.full import Document

NAME = "again"

#: What opening it once more costs while nothing has changed.
FEW = 6


@pytest.fixture(params=["duplication", "delta"])
def snapshot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    dataset = image_dataset(NAME, 3, persistent=True)
    dataset.save_view("first", dataset.limit(1))
    fos.create_snapshot(NAME, "v1")
    return fos.load_snapshot(NAME, "v1")


def _opened() -> tuple[fo.Dataset, int]:
    with COMMANDS.counted() as sent:
        found = fos.load_snapshot(NAME, "v1")
    return found, len(sent)


def test_nothing_is_made_anew(snapshot: fo.Dataset) -> None:
    assert _opened() == (snapshot, FEW)


def _drop_view(database: Database[Document], snapshot_id: ObjectId) -> None:
    database.drop_collection(f"snapshots.{snapshot_id}")


def _delete_document(database: Database[Document], snapshot_id: ObjectId) -> None:
    database["datasets"].delete_one({"_id": snapshot_id})


def _edit_document(database: Database[Document], snapshot_id: ObjectId) -> None:
    database["datasets"].update_one({"_id": snapshot_id}, {"$set": {"info": {"edited": True}}})


def _delete_saved_views(database: Database[Document], snapshot_id: ObjectId) -> None:
    database["views"].delete_many({"_dataset_id": snapshot_id})


ELSEWHERE = (_drop_view, _delete_document, _edit_document, _delete_saved_views)


@pytest.mark.parametrize("change", ELSEWHERE, ids=lambda change: change.__name__.strip("_"))
def test_what_was_changed_elsewhere_is_put_right(
    snapshot: fo.Dataset,
    change: Callable[[Database[Document], ObjectId], None],
    database: Database[Document],
) -> None:
    info = dict(snapshot.info)
    change(database, snapshot._doc.id)
    found, number = _opened()
    assert number > FEW
    assert (len(found), found.info, found.list_saved_views()) == (3, info, ["first"])
    assert len(found.load_saved_view("first")) == 1


def test_edits_in_memory_are_gone(snapshot: fo.Dataset) -> None:
    first = snapshot.first()
    first["filepath"] = "edited.png"
    found, number = _opened()
    assert number > FEW
    assert found.first().filepath != "edited.png"


def test_a_new_name_is_the_one_that_it_is_loaded_under(snapshot: fo.Dataset) -> None:
    assert snapshot.name == f"{NAME}@v1"
    fos.edit_snapshot(NAME, "v1", new_name="gold")
    assert fos.load_snapshot(NAME, "gold").name == f"{NAME}@gold"
    fo.load_dataset(NAME).name = "renamed"
    assert fos.load_snapshot("renamed", "gold").name == "renamed@gold"


def test_one_that_was_deleted_is_not_found(snapshot: fo.Dataset) -> None:
    fos.delete_snapshot(NAME, "v1")
    with pytest.raises(fos.SnapshotNotFoundError):
        fos.load_snapshot(NAME, "v1")
    fos.restore_snapshot(NAME, "v1")
    assert len(_opened()[0]) == 3


def test_one_that_is_not_held_ready_any_more_is_made_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_CACHE_MAX", "1")
    dataset = image_dataset(NAME, 3, persistent=True)
    for number in range(1, 4):
        dataset.tag_samples(f"v{number}")
        fos.create_snapshot(NAME, f"v{number}")
    first = fos.load_snapshot(NAME, "v1")
    fos.load_snapshot(NAME, "v2")
    again = fos.load_snapshot(NAME, "v1")
    assert again.count_sample_tags().get("v2") is None
    assert again.count_sample_tags()["v1"] == len(first) == 3
