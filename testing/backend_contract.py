"""The contract of :class:`~fiftyone_snapshots.backend.storage.base.Backend`, as tests.

A backend passes if a class like this one is collected by pytest and succeeds::

    class TestMyBackend(BackendContract):
        backend_class = MyBackend

        @pytest.fixture(params=[image_dataset, video_dataset])
        def dataset(self, request): ...

The suite looks at the dataset through pymongo alone, so that a backend cannot vouch for itself.
"""

from __future__ import annotations

from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..backend.catalog.record import SnapshotRecord, SnapshotState
from ..backend.dataset.parts import Documents, Head, Part
from ..backend.manifest import store as manifest_store
from ..backend.manifest.manifest import Manifest
from ..backend.mongo.collections import SERVERS
from ..backend.mongo.database import Document, create_compressed, server_time
from ..backend.rawbson.ids import Keys
from ..backend.storage.base import Backend, Beside

_VIEW = "contract_view"
_TARGET = "contract_target"

Content = dict[str, list[bytes]]


class BackendContract:
    """What must hold for every backend."""

    backend_class: ClassVar[type[Backend]]

    @pytest.fixture
    def dataset(self) -> fo.Dataset:
        """A dataset to capture; override it, with media types as parameters."""
        raise NotImplementedError("Override the fixture 'dataset'")

    @pytest.fixture
    def database(self) -> Database[Document]:
        """FiftyOne's database."""
        connection: Database[Document] = foo.get_db_conn()
        return connection

    @pytest.fixture
    def backend(self, database: Database[Document]) -> Backend:
        """The backend under test."""
        return self.backend_class(database)

    def test_gives_back_the_bytes_and_the_order(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        before = content_of(database, dataset)
        record = capture(backend, dataset)
        assert stored_content(backend, record) == before

    def test_is_not_touched_by_edits_of_the_dataset(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        before = content_of(database, dataset)
        record = capture(backend, dataset)
        spoil(dataset)
        assert content_of(database, dataset) != before
        assert stored_content(backend, record) == before

    def test_outlives_the_dataset(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        before = content_of(database, dataset)
        record = capture(backend, dataset)
        document = database["datasets"].find_one({"_id": dataset._doc.id}) or {}
        database.drop_collection(document["sample_collection_name"])
        if document.get("frame_collection_name"):
            database.drop_collection(document["frame_collection_name"])
        assert stored_content(backend, record) == before

    def test_keeps_snapshots_apart(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        contents, records = [], []
        for _ in range(3):
            contents.append(content_of(database, dataset))
            records.append(capture(backend, dataset))
            spoil(dataset)
        assert [stored_content(backend, record) for record in records] == contents

    def test_follows_each_sample_through_many_snapshots(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        contents, records = [], []
        ids: set[ObjectId] = set()
        for _ in range(3):
            contents.append(content_of(database, dataset))
            records.append(capture(backend, dataset))
            ids.update(map(ObjectId, dataset.values("id")))
            spoil(dataset)
            samples = dataset._sample_collection
            samples.insert_one({**samples.find_one(), "_id": ObjectId()})
        for some in (records, records[:1], records[1:]):
            for sample_id in [*ids, ObjectId()]:
                found = zip(some, backend.sample_states(some, sample_id), strict=True)
                for record, state in found:
                    content = contents[records.index(record)]
                    wanted = [raw for raw in content["samples"] if sample_id.binary in raw[:40]]
                    assert ([] if state.sample is None else [state.sample]) == wanted
                    frames = [raw for raw in content.get("frames", ()) if sample_id.binary in raw]
                    assert sorted(state.frames.values()) == (sorted(frames) if wanted else [])

    @pytest.mark.parametrize("discarded", [0, 1, 2])
    def test_discarding_one_snapshot_leaves_the_others(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset, discarded: int
    ) -> None:
        contents, records = [], []
        for _ in range(3):
            contents.append(content_of(database, dataset))
            records.append(capture(backend, dataset))
            spoil(dataset)
        discard(backend, records.pop(discarded))
        contents.pop(discarded)
        assert [stored_content(backend, record) for record in records] == contents

    def test_reports_manifests_of_what_it_stores(
        self, backend: Backend, dataset: fo.Dataset
    ) -> None:
        record, manifests = capture_with_manifests(backend, dataset)
        state = backend.state(record)
        for part, told in manifests.items():
            stored = Manifest.read(state[part]) if part in state else Manifest.empty()
            assert told.fingerprint() == stored.fingerprint(), part
        assert set(state) <= set(manifests)

    def test_adopts_a_state_that_somebody_else_has_staged(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        before = content_of(database, dataset)
        source = capture(backend, dataset)
        staged = {}
        for part, documents in backend.state(source).items():
            documents.copy_to(database[f"{_TARGET}.{part}"])
            staged[part] = Documents(database[f"{_TARGET}.{part}"])
        own = [part for part in staged if part.is_own_collection]
        indexes = {part: backend.indexes(source, part) for part in own}
        record = new_record(backend, dataset)
        record = with_storage(record, backend.ingest(record, staged, indexes))
        discard(backend, source)
        spoil(dataset)
        assert stored_content(backend, record) == before
        assert {part: backend.indexes(record, part) for part in own} == indexes
        assert not database.list_collection_names(filter={"name": {"$regex": f"^{_TARGET}"}})

    @pytest.mark.parametrize("is_earlier", [True, False])
    @pytest.mark.parametrize("edit", ["spoil", "add", "remove", "move", "describe"])
    def test_takes_in_what_differs_from_a_snapshot_beside(
        self,
        backend: Backend,
        database: Database[Document],
        dataset: fo.Dataset,
        edit: str,
        is_earlier: bool,
    ) -> None:
        contents = [content_of(database, dataset)]
        captured = [capture_with_manifests(backend, dataset)]
        _EDITS[edit](dataset)
        contents.append(content_of(database, dataset))
        captured.append(capture_with_manifests(backend, dataset))
        (kept, told), (taken, wanted) = captured if is_earlier else captured[::-1]
        staged, removed = _differing(backend, taken, told, wanted)
        indexes = {part: backend.indexes(taken, part) for part in removed}
        discard(backend, taken)
        if not backend.takes_in_beside(kept, is_earlier=is_earlier):
            pytest.skip("it takes states in whole")
        record = new_record(backend, dataset)
        beside = Beside(kept, is_earlier, removed)
        storage = backend.ingest_beside(record, beside, staged, wanted, indexes)
        manifest_store.save(database, record.id, wanted)
        record = with_storage(record, storage)
        assert stored_content(backend, record) == contents[is_earlier]
        assert stored_content(backend, kept) == contents[not is_earlier]
        assert {part: backend.indexes(record, part) for part in indexes} == indexes
        assert not database.list_collection_names(filter={"name": {"$regex": f"^{_TARGET}"}})
        discard(backend, record)
        assert stored_content(backend, kept) == contents[not is_earlier]

    def test_a_state_can_be_shown_through_read_only_views(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        record = capture(backend, dataset)
        samples = backend.state(record)[Part.SAMPLES]
        assert not samples.query, "views show whole collections"
        database.create_collection(_VIEW, viewOn=samples.collection.name, pipeline=[])
        try:
            assert raw_documents(database[_VIEW]) == raw_documents(samples.collection)
            with pytest.raises(OperationFailure):
                database[_VIEW].delete_many({})
        finally:
            database.drop_collection(_VIEW)

    def test_restores_a_part_into_a_collection_and_keeps_its_indexes(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        before = content_of(database, dataset)
        record = capture(backend, dataset)
        target = database[_TARGET]
        target.create_index("filepath")
        try:
            content = backend.restore(record, Part.SAMPLES, target)
            assert raw_documents(target) == before[Part.SAMPLES]
            assert not Manifest.read(Documents(target)).compare(content)
            assert "filepath_1" in target.index_information()
        finally:
            target.drop()

    def test_remembers_indexes(self, backend: Backend, dataset: fo.Dataset) -> None:
        dataset.create_index("tags")
        record = capture(backend, dataset)
        dataset.drop_index("tags")
        names = {index["name"] for index in backend.indexes(record, Part.SAMPLES)}
        assert {"_id_", "filepath_1", "tags_1"} <= names

    def test_tells_its_size(self, backend: Backend, dataset: fo.Dataset) -> None:
        assert backend.size_bytes(capture(backend, dataset)) > 0

    def test_discards_everything_and_can_be_told_twice(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        before = set(database.list_collection_names())
        record = capture(backend, dataset)
        for _ in range(2):
            discard(backend, record)
        # What is remembered of the server is no part of the snapshot
        left = set(database.list_collection_names()) - before - {SERVERS}
        assert not [name for name in left if database[name].find_one()]

    def test_discards_what_it_never_captured(self, backend: Backend) -> None:
        backend.discard(ObjectId())

    def test_captures_again_after_a_capture_that_never_ended(
        self, backend: Backend, database: Database[Document], dataset: fo.Dataset
    ) -> None:
        record = new_record(backend, dataset)
        head = Head(database, dataset._doc.id)
        backend.capture(record, head)
        spoil(dataset)
        before = content_of(database, dataset)
        captured = backend.capture(record, head)
        assert stored_content(backend, with_storage(record, captured.storage)) == before

    def test_captures_an_empty_dataset(self, backend: Backend, dataset: fo.Dataset) -> None:
        dataset.clear()
        record = capture(backend, dataset)
        assert stored_content(backend, record)[Part.SAMPLES] == []


def _differing(
    backend: Backend,
    record: SnapshotRecord,
    others: dict[Part, Manifest],
    manifests: dict[Part, Manifest],
) -> tuple[dict[Part, Documents], dict[Part, Keys]]:
    """Stages what a snapshot has that another one has not; tells what only that one has."""
    staged, removed = dict[Part, Documents](), dict[Part, Keys]()
    for part, documents in backend.state(record).items():
        target = backend.database[f"{_TARGET}.{part}"]
        staged[part] = Documents(target)
        if not part.is_own_collection:
            documents.copy_to(target)
            continue
        found = others[part].compare(manifests[part])
        removed[part] = found.deleted_keys
        changed = [*found.added, *found.changed]
        # There also if it is empty, as when a snapshot arrives
        create_compressed(backend.database, target.name)
        if changed:
            target.insert_many(documents.decoded(changed))
    return staged, removed


def new_record(backend: Backend, dataset: fo.Dataset) -> SnapshotRecord:
    """Makes the record of a snapshot that is about to be captured."""
    return SnapshotRecord(
        id=ObjectId(),
        dataset_id=dataset._doc.id,
        name="contract",
        slug="contract",
        description=None,
        sequence=1,
        state=SnapshotState.CREATING,
        backend=backend.name,
        created_at=server_time(backend.database),
        created_by=None,
    )


def with_storage(record: SnapshotRecord, storage: dict[str, Any]) -> SnapshotRecord:
    """Returns the record as the catalog would give it back."""
    document = record.to_document()
    return SnapshotRecord.from_document({**document, "storage": storage, "state": "ready"})


def capture_with_manifests(
    backend: Backend, dataset: fo.Dataset
) -> tuple[SnapshotRecord, dict[Part, Manifest]]:
    """Captures a dataset; returns the record and what the backend says it stored."""
    record = new_record(backend, dataset)
    captured = backend.capture(record, Head(backend.database, dataset._doc.id))
    manifest_store.save(
        backend.database, record.id, captured.manifests, captured.base, captured.known
    )
    return with_storage(record, captured.storage), dict(captured.manifests)


def capture(backend: Backend, dataset: fo.Dataset) -> SnapshotRecord:
    """Captures a dataset."""
    return capture_with_manifests(backend, dataset)[0]


def discard(backend: Backend, record: SnapshotRecord) -> None:
    """Forgets a snapshot, as those who use backends do."""
    backend.discard(record.id)
    manifest_store.delete(backend.database, record.id)


def spoil(dataset: fo.Dataset) -> None:
    """Changes and deletes samples, and frames where there are any, and saves a view."""
    collections = [dataset._sample_collection, dataset._frame_collection]
    for collection in (item for item in collections if item is not None):
        ids = [document["_id"] for document in collection.find({}, {"_id": 1})]
        collection.update_many({"_id": {"$in": ids[:2]}}, {"$inc": {"_rand": 1}})
        collection.delete_one({"_id": ids[-1]})
    dataset.save_view(f"view {ObjectId()}", dataset.limit(1))


def _add(dataset: fo.Dataset) -> None:
    sample = dataset.first().copy()
    sample.filepath = f"/added{sample.filepath}"
    dataset.add_sample(sample)


def _remove(dataset: fo.Dataset) -> None:
    dataset.delete_samples(dataset.last())


def _move(dataset: fo.Dataset) -> None:
    """Changes nothing but the order in which documents lie."""
    for collection in (dataset._sample_collection, dataset._frame_collection):
        first = None if collection is None else collection.find_one()
        if first is not None:
            collection.delete_one({"_id": first["_id"]})
            collection.insert_one(first)


def _describe(dataset: fo.Dataset) -> None:
    dataset.info = {"is": "described"}
    dataset.save()


_EDITS = {"spoil": spoil, "add": _add, "remove": _remove, "move": _move, "describe": _describe}
"""What can be done to a dataset, some to samples alone."""


def content_of(database: Database[Document], dataset: fo.Dataset) -> Content:
    """Returns the bytes of a dataset's samples, frames and saved views, in natural order."""
    document = database["datasets"].find_one({"_id": dataset._doc.id}) or {}
    content = {
        Part.SAMPLES.value: raw_documents(database[document["sample_collection_name"]]),
        Part.VIEWS.value: raw_documents(database["views"], {"_dataset_id": document["_id"]}),
    }
    if document.get("frame_collection_name"):
        frames = raw_documents(database[document["frame_collection_name"]])
        content[Part.FRAMES.value] = frames
    return content


def stored_content(backend: Backend, record: SnapshotRecord) -> Content:
    """Returns the bytes of what a backend gives back, as :func:`content_of` does."""
    state = backend.state(record)
    parts = [Part.SAMPLES, Part.VIEWS, *([Part.FRAMES] if Part.FRAMES in state else [])]
    return {
        part.value: raw_documents(state[part].collection) if part in state else []
        for part in parts
    }


def raw_documents(collection: Any, query: Document | None = None) -> list[bytes]:
    """Returns documents as bytes, in natural order."""
    raw = collection.with_options(codec_options=CodecOptions(document_class=RawBSONDocument))
    return [document.raw for document in raw.find(query or {})]
