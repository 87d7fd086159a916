"""All ids of a collection, sorted or in natural order, and the times of some."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

from fiftyone_snapshots.backend.dataset.parts import Documents
from fiftyone_snapshots.backend.manifest.manifest import Manifest
from fiftyone_snapshots.backend.rawbson.ids import Ids
from fiftyone_snapshots.backend.storage import scan
from support.full import Document


@pytest.fixture
def collection(database: Database[Document]) -> Collection[Document]:
    return database["scanned"]


IDS = sorted(ObjectId() for _ in range(1234))


@pytest.mark.parametrize(
    "others", [[], [None, 3, "text", b"bytes", {"a": 1}, True]], ids=["usual", "of all types"]
)
@pytest.mark.parametrize("expected", [None, IDS[:3], IDS, IDS[1000:]])
def test_every_id_is_met_once_and_in_its_place(
    others: list[object], expected: list[ObjectId] | None, collection: Collection[Document]
) -> None:
    shuffled = np.random.default_rng(0).permutation(len(IDS))
    collection.insert_many([{"_id": IDS[place]} for place in shuffled])
    if others:
        collection.insert_many([{"_id": other} for other in others])
    known = None if expected is None else np.array([id_.binary for id_ in expected], "S12")

    found = scan.natural(collection, known)

    assert np.array_equal(found, Manifest.read(Documents(collection)).in_order())


EPOCH = datetime.fromisoformat("1970-01-01")
START = EPOCH - timedelta(seconds=10)
"""Times before the epoch are negative numbers."""

OTHERS = [None, "2030", 10**15, b"later", {"a": 1}]
"""No times."""


MOMENTS = {id_: START + timedelta(milliseconds=37 * (n // 2)) for n, id_ in enumerate(IDS)}
"""Two documents each have the same."""


@pytest.fixture(params=[True, False], ids=["indexed", "not indexed"])
def timed(request: pytest.FixtureRequest, collection: Collection[Document]) -> None:
    shuffled = np.random.default_rng(1).permutation(len(IDS))
    collection.insert_many(
        [{"_id": IDS[n], "a": 1, "last_modified_at": MOMENTS[IDS[n]]} for n in shuffled]
    )
    collection.insert_many(
        [{"_id": n, "last_modified_at": other} for n, other in enumerate(OTHERS)]
    )
    if request.param:
        collection.create_index("last_modified_at")


@pytest.mark.usefixtures("timed")
def test_all_later_times_are_told(collection: Collection[Document]) -> None:
    since = MOMENTS[IDS[700]]
    times = scan.times(collection, since)
    expected = sorted(moment for moment in MOMENTS.values() if moment > since)
    assert [EPOCH + timedelta(milliseconds=time) for time in sorted(times.tolist())] == expected


@pytest.mark.usefixtures("timed")
def test_documents_are_found_by_their_times(collection: Collection[Document]) -> None:
    moments = {MOMENTS[IDS[number]] for number in (0, 2, 700, 702, 1233)}
    wanted = np.array([(moment - EPOCH) // timedelta(milliseconds=1) for moment in moments])
    keys, times = scan.modified_at(collection, wanted)
    found = {
        id_: EPOCH + timedelta(milliseconds=time)
        for id_, time in zip(Ids(keys), times.tolist(), strict=True)
    }
    assert found == {id_: moment for id_, moment in MOMENTS.items() if moment in moments}


@pytest.mark.parametrize("expected", [IDS[:3], IDS, IDS[1000:], []])
def test_ids_are_told_sorted(expected: list[ObjectId], collection: Collection[Document]) -> None:
    collection.insert_many([{"_id": id_} for id_ in reversed(IDS)])
    found = scan.ids(collection, Ids.of(expected).keys)
    assert found is not None
    assert list(Ids(found)) == IDS


def test_ids_that_keys_do_not_find_are_not_told(collection: Collection[Document]) -> None:
    collection.insert_many([{"_id": id_} for id_ in [*IDS, "text"]])
    assert scan.ids(collection, Ids.of(IDS).keys) is None
