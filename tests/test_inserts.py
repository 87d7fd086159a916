"""Documents that are BSON already are inserted as they are, in their order."""

from __future__ import annotations

from collections.abc import Iterator

import bson
import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from fiftyone_snapshots.backend.dataset.parts import Documents
from fiftyone_snapshots.backend.mongo.writer import Writer
from support.full import Document

MEGABYTE = 1024 * 1024


@pytest.fixture
def target(database: Database[Document]) -> Collection[Document]:
    return database["inserted"]


def documents(sizes: list[int]) -> list[bytes]:
    return [bson.encode({"_id": ObjectId(), "filler": b"." * size}) for size in sizes]


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [1],
        [n % 977 for n in range(12_345)],
        [4 * MEGABYTE, 1, 15 * MEGABYTE, 15 * MEGABYTE, 2, 4 * MEGABYTE, 3],
    ],
    ids=["none", "one", "many", "large"],
)
def test_all_are_written_in_their_order(sizes: list[int], target: Collection[Document]) -> None:
    given = documents(sizes)
    with Writer(target) as writer:
        writer.write(given[:3])
        writer.write(memoryview(document) for document in given[3:])
    assert [
        bytes(document) for batch in Documents(target).document_batches() for document in batch
    ] == given


def test_what_is_refused_is_told(target: Collection[Document]) -> None:
    given = documents([1, 2])
    with pytest.raises(BulkWriteError, match="duplicate key"), Writer(target) as writer:
        writer.write([*given, given[0]])


def test_who_gives_up_writes_no_more(target: Collection[Document]) -> None:
    def given() -> Iterator[bytes]:
        yield from documents([1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Writer(target) as writer:
        writer.write(given())
    assert target.count_documents({}) == 0


def test_documents_that_pymongo_made_are_written_too(target: Collection[Document]) -> None:
    document = {"_id": "a", "nested": {"list": [1, 2.5, None]}}
    with Writer(target) as writer:
        writer.write([RawBSONDocument(bson.encode(document)).raw])
    assert target.find_one() == document
