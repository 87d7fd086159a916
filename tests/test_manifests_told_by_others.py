"""Manifests that are stored as differences say what they would in full."""

from __future__ import annotations

import bson
import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st
from pymongo.database import Database

from fiftyone_snapshots.backend import manifest_store
from fiftyone_snapshots.backend.contents import Part
from fiftyone_snapshots.backend.database import Document
from fiftyone_snapshots.backend.errors import DamagedSnapshotError
from fiftyone_snapshots.backend.manifest import Manifest, Patch

IDS = [ObjectId() for _ in range(12)]

contents = st.dictionaries(st.sampled_from(IDS), st.integers(0, 3))


def of(documents: dict[ObjectId, int]) -> Manifest:
    return Manifest.of(bson.encode({"_id": id_, "n": n}) for id_, n in documents.items())


def difference(older: Manifest, newer: Manifest) -> Patch:
    found = older.compare(newer)
    changed = sorted([*found.added, *found.changed])
    keys = [key for key in newer.keys if ObjectId(bytes(key).ljust(12, b"\0")) in changed]
    assert len(keys) == len(changed)
    return Patch(newer.only(newer.keys[[key in keys for key in newer.keys]]), found.deleted_keys)


@given(contents, contents, contents)
def test_patches_lead_from_one_to_the_other_and_can_be_joined(
    one: dict[ObjectId, int], two: dict[ObjectId, int], three: dict[ObjectId, int]
) -> None:
    first, second, third = of(one), of(two), of(three)
    forth, further = difference(first, second), difference(second, third)
    assert forth.applied_to(first).fingerprint() == second.fingerprint()
    assert further.after(forth).applied_to(first).fingerprint() == third.fingerprint()


@pytest.fixture
def chain(database: Database[Document]) -> list[tuple[ObjectId, str]]:
    """Snapshots, of which the manifests of all but the last are told by the next one's."""
    documents = {ObjectId(): 0 for _ in range(50)}
    found = []
    for number, id_ in enumerate(list(documents)[:5]):
        documents[id_] = number + 1
        documents.pop(list(documents)[-1])
        documents[ObjectId()] = number
        content, snapshot_id = of(documents), ObjectId()
        manifest_store.save(database, snapshot_id, {Part.SAMPLES: content})
        found.append((snapshot_id, content.fingerprint()))
    for (older, _), (newer, _) in zip(found[-2::-1], found[:0:-1], strict=True):
        manifest_store.rebase(database, older, Part.SAMPLES, newer)
    bases = {p["snapshot_id"]: p.get("base") for p in database["snapshots.manifests"].find()}
    assert [bases[id_] for id_, _ in found] == [*[id_ for id_, _ in found[1:]], None]
    return found


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [4, 3, 2, 1], [2, 3, 1, 4], [3, 1, 4]])
def test_deleting_some_leaves_the_others_what_they_are(
    chain: list[tuple[ObjectId, str]], order: list[int], database: Database[Document]
) -> None:
    left = dict(chain)
    for number in order:
        gone = chain[number][0]
        manifest_store.delete(database, gone)
        del left[gone]
        for id_, fingerprint in left.items():
            found = manifest_store.load(database, id_, Part.SAMPLES)
            assert found.fingerprint() == fingerprint
    assert set(database["snapshots.manifests"].distinct("snapshot_id")) == set(left)


def test_a_damaged_one_can_be_deleted(
    chain: list[tuple[ObjectId, str]], database: Database[Document]
) -> None:
    damaged = chain[2][0]
    database["snapshots.manifests"].update_one(
        {"snapshot_id": damaged}, {"$set": {"data": b"forged"}}
    )
    manifest_store.delete(database, damaged)
    for id_, fingerprint in chain[3:]:
        assert manifest_store.load(database, id_, Part.SAMPLES).fingerprint() == fingerprint
    for id_, _ in chain[:2]:
        with pytest.raises(DamagedSnapshotError):
            manifest_store.load(database, id_, Part.SAMPLES)
