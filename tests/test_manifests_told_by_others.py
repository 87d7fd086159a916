"""Manifests that are stored as differences say what they would in full."""

from __future__ import annotations

from itertools import pairwise

import bson
import fiftyone as fo
import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.dataset.parts import Part
from fiftyone_snapshots.backend.errors import DamagedSnapshotError
from fiftyone_snapshots.backend.manifest import store as manifest_store
from fiftyone_snapshots.backend.manifest.cache import CachedPart
from fiftyone_snapshots.backend.manifest.manifest import Manifest, Patch
from fiftyone_snapshots.backend.storage.delta.compact import FULL_MANIFESTS
from support.full import Document

IDS = [ObjectId() for _ in range(12)]

Stored = tuple[ObjectId, str]
"""A snapshot, and the fingerprint of its manifest."""

contents = st.dictionaries(st.sampled_from(IDS), st.integers(0, 3))


def of(documents: dict[ObjectId, int]) -> Manifest:
    return Manifest.of(bson.encode({"_id": id_, "n": n}) for id_, n in documents.items())


def difference(older: Manifest, newer: Manifest) -> Patch:
    found = older.compare(newer)
    changed = sorted([*found.added, *found.changed])
    keys = [key for key in newer.keys if ObjectId(bytes(key).ljust(12, b"\0")) in changed]
    assert len(keys) == len(changed)
    return Patch(newer.only(newer.keys[[key in keys for key in newer.keys]]), found.deleted_keys)


@given(st.lists(contents, min_size=2, max_size=6))
def test_patches_lead_from_one_to_the_next_and_can_be_joined(
    versions: list[dict[ObjectId, int]],
) -> None:
    manifests = [of(documents) for documents in versions]
    patches = [difference(*neighbours) for neighbours in pairwise(manifests)]
    for patch, (older, newer) in zip(patches, pairwise(manifests), strict=True):
        assert patch.applied_to(older).fingerprint() == newer.fingerprint()
    joined = Patch.joined(patches).applied_to(manifests[0])
    assert joined.fingerprint() == manifests[-1].fingerprint()


@pytest.fixture(params=["the one before", "the next one"])
def chain(request: pytest.FixtureRequest, database: Database[Document]) -> list[Stored]:
    """Snapshots, of which all manifests but one are told by that of a neighbour."""
    documents = {ObjectId(): 0 for _ in range(50)}
    found: list[Stored] = []
    known: dict[tuple[ObjectId, Part], CachedPart] = {}
    for number, id_ in enumerate(list(documents)[:5]):
        documents[id_] = number + 1
        documents.pop(list(documents)[-1])
        documents[ObjectId()] = number
        content, snapshot_id = of(documents), ObjectId()
        base = found[-1][0] if found and request.param == "the one before" else None
        manifest_store.save(database, snapshot_id, {Part.SAMPLES: content}, base, known)
        found.append((snapshot_id, content.fingerprint()))
        known[snapshot_id, Part.SAMPLES] = CachedPart(content)
    ids = [id_ for id_, _ in found]
    expected = dict(zip(ids, [None, *ids], strict=False))
    if request.param == "the next one":
        for older, newer in zip(ids[-2::-1], ids[:0:-1], strict=True):
            manifest_store.rebase(database, older, Part.SAMPLES, newer)
        expected = dict(zip(ids, [*ids[1:], None], strict=True))
    assert bases(database) == expected
    return found


def bases(database: Database[Document]) -> dict[ObjectId, ObjectId | None]:
    pieces = database["snapshots.manifests"].find({"part": Part.SAMPLES.value})
    return {piece["snapshot_id"]: piece.get("base") for piece in pieces}


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [4, 3, 2, 1], [2, 3, 1, 4], [3, 1, 4]])
def test_deleting_some_leaves_the_others_what_they_are(
    chain: list[Stored], order: list[int], database: Database[Document]
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


def test_a_damaged_one_can_be_deleted(chain: list[Stored], database: Database[Document]) -> None:
    ids = [id_ for id_, _ in chain]
    resting = ids[3:] if bases(database)[ids[0]] is None else ids[:2]
    database["snapshots.manifests"].update_one(
        {"snapshot_id": ids[2]}, {"$set": {"data": b"forged"}}
    )

    manifest_store.delete(database, ids[2])

    for id_, fingerprint in chain:
        if id_ in resting:
            with pytest.raises(DamagedSnapshotError):
                manifest_store.load(database, id_, Part.SAMPLES)
        elif id_ != ids[2]:
            found = manifest_store.load(database, id_, Part.SAMPLES)
            assert found.fingerprint() == fingerprint


def test_two_never_tell_each_other(chain: list[Stored], database: Database[Document]) -> None:
    (first, one), *_, (last, other) = chain
    for id_, base in ((first, last), (last, first)):
        manifest_store.rebase(database, id_, Part.SAMPLES, base)
    assert manifest_store.load(database, first, Part.SAMPLES).fingerprint() == one
    assert manifest_store.load(database, last, Part.SAMPLES).fingerprint() == other


def test_what_differs_much_is_stored_in_full(database: Database[Document]) -> None:
    base, other = ObjectId(), ObjectId()
    former, manifest = of(dict.fromkeys(IDS, 1)), of(dict.fromkeys(IDS, 2))
    manifest_store.save(database, base, {Part.SAMPLES: former})
    known = {(base, Part.SAMPLES): CachedPart(former)}
    manifest_store.save(database, other, {Part.SAMPLES: manifest}, base, known)
    assert bases(database) == {base: None, other: None}


def test_those_of_new_snapshots_are_told_by_the_one_before_up_to_a_limit(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")
    dataset = fo.Dataset("told", persistent=True)
    dataset.add_samples([fo.Sample(f"/media/{number}.jpg") for number in range(20)])
    for number in range(FULL_MANIFESTS + 2):
        dataset.limit(1).tag_samples(f"{number}")
        fos.create_snapshot(dataset, f"v{number}")
    records = Catalog(database).list(dataset._doc.id)
    told = bases(database)
    in_full = [record.sequence for record in records if told[record.id] is None]
    assert in_full == [records[0].sequence, FULL_MANIFESTS]
    assert fos.verify_snapshot(dataset.name, f"v{FULL_MANIFESTS + 1}").ok
