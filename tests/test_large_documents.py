"""Documents as large as MongoDB's limit: whatever was captured can be put back, and moved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bson
import fiftyone as fo
import pytest
from pymongo.collection import Collection
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.mongo import swap_document
from fiftyone_snapshots.backend.mongo.database import raw
from fiftyone_snapshots.backend.mongo.swap_document import swap
from support.datasets import image_dataset
from support.full import digest

Document = dict[str, Any]

LIMIT = 16 * 1024 * 1024
LEFT_OVER = 600
"""Bytes that are left for names and ids, which may be longer where a document goes."""


def _enlarge(
    collection: Collection[Document], query: Document, path: str, letter: str, size: int
) -> None:
    document = collection.find_one(query)
    assert document is not None
    missing = size - LEFT_OVER - len(bson.encode(document))
    collection.update_one({"_id": document["_id"]}, {"$set": {path: letter * missing}})


def _large(
    database: Database[Document], dataset: fo.Dataset, letter: str, count: int, size: int
) -> None:
    """Makes the dataset document large, then a sample and a saved view, if so many are wanted."""
    samples, mine = dataset._sample_collection_name, {"_dataset_id": dataset._doc.id}
    dataset.clear_cache()
    large: list[tuple[Collection[Document], Document, str]] = [
        (database["datasets"], {"_id": dataset._doc.id}, "info.large"),
        (database[samples], {}, "large"),
        (database["views"], mine, "description"),
    ]
    for collection, query, path in large[:count]:
        collection.update_one(query, {"$set": {path: ""}})
        _enlarge(collection, query, path, letter, size)
    dataset.reload()


@pytest.mark.parametrize(
    ("backend", "count", "size"),
    [
        ("duplication", 1, 9 * 1024 * 1024),
        pytest.param("duplication", 3, LIMIT, marks=pytest.mark.long),
        pytest.param("delta", 3, LIMIT, marks=pytest.mark.long),
    ],
)
def test_whatever_can_be_captured_can_be_put_back_and_moved(
    backend: str,
    count: int,
    size: int,
    database: Database[Document],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = image_dataset("d", 2, persistent=True)
    dataset.add_sample_field("large", fo.StringField)
    dataset.save_view("all", dataset.limit(2))
    _large(database, dataset, "a", count, size)
    fos.create_snapshot("d", "v1")
    first = _content(database, dataset)
    _large(database, dataset, "b", count, size)
    second = _content(database, dataset)

    fos.revert_dataset_to_snapshot("d", "v1")
    assert _content(database, dataset) == first
    fos.undo_revert("d")
    assert _content(database, dataset) == second

    assert fos.load_snapshot("d", "v1").info["large"][0] == "a"
    fos.archive_snapshot("d", "v1")
    fos.unarchive_snapshot("d", "v1")
    path = fos.export_snapshot("d", "v1", tmp_path / "exported.tar")
    fo.delete_dataset("d")
    fos.import_snapshot(path)
    assert _content(database, dataset) == first


@pytest.mark.parametrize("size", [9 * 1024 * 1024, pytest.param(LIMIT, marks=pytest.mark.long)])
def test_large_samples_can_be_restored_and_turned_back(
    size: int, database: Database[Document]
) -> None:
    dataset = image_dataset("d", 2, persistent=True)
    dataset.add_sample_field("large", fo.StringField)
    _large(database, dataset, "a", 2, size)
    fos.create_snapshot("d", "v1")
    samples = database[dataset._sample_collection_name]
    first = list(samples.find())
    samples.update_many({}, [{"$set": {"tags": ["now"], "large": _other_letter("$large")}}])
    second = list(samples.find())

    selected = dataset.values("id")
    with faults.arm("restore_samples.restored_samples"), pytest.raises(faults.InjectedFault):
        fos.restore_samples("d", "v1", selected)
    assert _by_id(samples) == _by_id(second)
    assert fos.restore_samples("d", "v1", selected).samples_changed == 2
    assert _by_id(samples) == _by_id(first)


def _other_letter(path: str) -> Document:
    return {"$replaceOne": {"input": path, "find": "a", "replacement": "b"}}


def _by_id(found: Iterable[Document] | Collection[Document]) -> dict[object, Document]:
    documents = found.find() if isinstance(found, Collection) else found
    return {document["_id"]: document for document in documents}


def _content(database: Database[Document], dataset: fo.Dataset) -> dict[str, object]:
    """Leaves out of the dataset document what an exchange of its collections changes."""
    found = digest(database, dataset._doc.id)
    document = database["datasets"].find_one({"_id": dataset._doc.id}) or {}
    return {**found, "dataset": document["info"]}


def _numbered(size: int, **values: object) -> Document:
    document = {"_id": 1, "a.b": 1, "c": float("nan"), **values, "filling": ""}
    document["filling"] = "x" * (size - len(bson.encode(document)))
    return document


@pytest.mark.parametrize("size", [1000, LIMIT])
def test_a_document_that_was_changed_is_not_replaced(
    size: int, database: Database[Document]
) -> None:
    collection = database["snapshots.test"]
    collection.insert_one(_numbered(size, list=[1, 2], small="old"))
    expected = raw(collection).find_one()
    assert expected is not None
    replacement = _numbered(size, small="new", other=[])
    for change in ({"small": "odd"}, {"list": [2, 1]}, {"c": 0.0}, {"filling": "short"}):
        changed = {**bson.decode(expected.raw), **change}
        collection.replace_one({"_id": 1}, changed)
        assert swap(collection, expected, replacement) is None
        found = raw(collection).find_one()
        assert found is not None
        assert found.raw == bson.encode(changed)
    raw(collection).replace_one({"_id": 1}, expected)
    former = swap(collection, expected, replacement)
    assert former is not None
    assert former.raw == expected.raw
    found = raw(collection).find_one()
    assert found is not None
    assert found.raw == bson.encode(replacement)


def test_an_edit_that_the_condition_cannot_see_comes_back_with_undo(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the document were too large to be compared whole
    monkeypatch.setattr(swap_document, "_COMMAND_BYTES", 20_000)
    dataset = image_dataset("d", 2, persistent=True)
    dataset.info["large"] = "a" * 10_000
    dataset.save()
    fos.create_snapshot("d", "v1")
    mine = {"_id": dataset._doc.id}
    edited = "b" + "a" * 9_999

    def edit(point: str) -> None:
        if point == "revert.shelved_dataset":
            database["datasets"].update_one(mine, {"$set": {"info.large": edited}})

    with faults.observe(edit):
        fos.revert_dataset_to_snapshot("d", "v1")
    fos.undo_revert("d")
    found = database["datasets"].find_one(mine)
    assert found is not None
    assert found["info"]["large"] == edited
