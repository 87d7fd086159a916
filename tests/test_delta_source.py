"""Documents of a virtual snapshot are looked up wherever they are at that moment."""

from __future__ import annotations

from unittest.mock import patch

import bson
import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.dataset.parts import Part
from fiftyone_snapshots.backend.errors import SnapshotError
from fiftyone_snapshots.backend.manifest import store as manifest_store
from fiftyone_snapshots.backend.manifest.cache import CachedPart, Recent
from fiftyone_snapshots.backend.storage.delta import chains
from fiftyone_snapshots.backend.storage.delta.source import VirtualSource
from support.datasets import image_dataset
from support.full import Document
from support.histories import content, edit

NAME = "Füchse"
SAMPLES = 20


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")
    return image_dataset(NAME, SAMPLES, persistent=True)


def source_of(
    database: Database[Document], name: str, known: CachedPart | None = None
) -> VirtualSource:
    record = next(r for r in Catalog(database).list_all() if r.name == name)
    return VirtualSource(database, record.dataset_id, record.id, Part.SAMPLES, known)


def ids_of(documents: list[bytes]) -> list[ObjectId]:
    return [bson.decode(document)["_id"] for document in documents]


def test_one_that_has_looked_before_finds_what_was_moved_meanwhile(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    expected = content(dataset)
    source = source_of(database, "v1")

    def found() -> list[bytes]:
        documents = source.fetch(ids_of(expected))
        return [documents[id_.binary] for id_ in ids_of(expected)]

    assert found() == expected
    for name in ("v2", "v3", "v4"):
        edit(dataset, name)
        fos.create_snapshot(NAME, name)
        assert found() == expected
    fos.delete_snapshot(NAME, "v2")
    fos.delete_snapshot(NAME, "v4")
    fos.empty_trash(NAME)
    assert found() == expected
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)
    with pytest.raises(SnapshotError, match="was deleted"):
        found()


def test_one_of_a_history_that_was_begun_anew_is_not_taken_for_the_old(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    former = chains.load(database, dataset._doc.id)
    (old,) = former.links
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)
    fos.create_snapshot(NAME, "v1")
    current = chains.load(database, dataset._doc.id)
    (new,) = current.links
    assert former.version == current.version
    assert chains.is_current(database, current, new.id)
    assert not chains.is_current(database, former, old.id)


def test_while_nothing_changes_the_chain_is_loaded_once(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(NAME, "v1")
    ids = ids_of(content(dataset))
    source = source_of(database, "v1")
    with patch.object(chains, "load", wraps=chains.load) as load:
        for id_ in ids:
            assert source.fetch([id_])
    assert load.call_count == 1


def test_what_is_known_is_not_looked_up(dataset: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(NAME, "v1")
    first, *rest = content(dataset)
    known_id, *others = ids_of([first, *rest])
    manifest = manifest_store.load(database, source_of(database, "v1")._snapshot_id, Part.SAMPLES)
    source = source_of(database, "v1", CachedPart(manifest, {known_id.binary: b"as it was read"}))
    assert source.fetch([known_id]) == {known_id.binary: b"as it was read"}
    expected = {id_.binary: document for id_, document in zip(others, rest, strict=True)}
    expected[known_id.binary] = b"as it was read"
    assert source.fetch([known_id, *others, ObjectId()]) == expected


def test_only_so_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fiftyone_snapshots.backend.manifest.cache._MOST_BYTES", 10)
    recent = Recent()
    recent.note({b"1": b"12345", b"2": b"12345"})
    recent.note({b"3": b"1"})
    assert recent.documents == {b"1": b"12345", b"2": b"12345"}
