"""Bringing a copy up to date, where it lies."""

from __future__ import annotations

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from fiftyone_snapshots.backend.dataset.parts import Documents, Part
from fiftyone_snapshots.backend.storage import collections
from support.full import Document

COUNT = 40


@pytest.fixture(params=[1, 1000], ids=["two threads", "one thread"], autouse=True)
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "_FEW", request.param)


@pytest.fixture
def frames(database: Database[Document]) -> Collection[Document]:
    collection = database["frames.of"]
    collection.insert_many(frame(number) for number in range(COUNT))
    return collection


@pytest.fixture
def copy(database: Database[Document], frames: Collection[Document]) -> Collection[Document]:
    return collections.copy_all(Part.FRAMES, Documents(frames), database, "copy")


def frame(number: int, **fields: object) -> Document:
    return {"_id": number, "_sample_id": 1, "frame_number": number, **fields}


def test_changed_documents_stay_where_they_are_and_new_ones_follow(
    frames: Collection[Document], copy: Collection[Document]
) -> None:
    changed = list(range(1, COUNT, 3))
    frames.update_many({"_id": {"$in": changed}}, {"$set": {"label": "cat"}})
    added = list(range(COUNT, COUNT + 5))
    frames.insert_many(frame(number) for number in added)
    frames.delete_many({"_id": {"$in": [0, 2]}})

    collections.patch(copy, Documents(frames), [*added, *changed], [0, 2])

    assert list(copy.find()) == list(frames.find())


def test_frames_that_have_swapped_their_numbers_stay_where_they_are(
    frames: Collection[Document], copy: Collection[Document]
) -> None:
    first, last = 0, COUNT - 1
    frames.update_one({"_id": first}, {"$set": {"frame_number": last}})
    frames.update_one({"_id": last}, {"$set": {"frame_number": first}})
    frames.update_many({}, {"$set": {"label": "cat"}})

    collections.patch(copy, Documents(frames), list(range(COUNT)), [])

    assert list(copy.find()) == list(frames.find())
