"""All ids of a collection in natural order, from its index alone."""

from __future__ import annotations

import numpy as np
import pytest
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

from fiftyone_snapshots.backend.contents import Documents
from fiftyone_snapshots.backend.delta import order
from fiftyone_snapshots.backend.manifest import Manifest
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

    found = order.of_collection(collection, known)

    assert np.array_equal(found, Manifest.read(Documents(collection)).in_order())
