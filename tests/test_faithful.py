"""A snapshot loses nothing, and neither does a revert."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import fiftyone as fo
import pytest
from bson import ObjectId
from fiftyone.operators.store import ExecutionStore
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.mongo import invalidate
from fiftyone_snapshots.backend.mongo.database import connect
from fiftyone_snapshots.backend.projection import project
from fiftyone_snapshots.backend.storage import registry
from support.datasets import image_dataset
from support.full import (
    ANNO_KEY,
    BRAIN_KEY,
    EVAL_KEY,
    FULL_DATASETS,
    RUN_KEY,
    STORE,
    Document,
    assert_same,
    content,
    digest,
)
from support.profiling import profile

NAME = "Füchse 🦊 狐"
SNAPSHOT = "vor dem Unfall 🦺 v1.0"

FULL_KINDS = [kind for kind in FULL_DATASETS if kind != "empty"]


@pytest.fixture(params=FULL_DATASETS)
def dataset(request: pytest.FixtureRequest, database: Database[Document]) -> fo.Dataset:
    """A dataset of each media type with everything that FiftyOne keeps of one."""
    return FULL_DATASETS[request.param](NAME, database)


@pytest.fixture(params=FULL_KINDS)
def full_dataset(request: pytest.FixtureRequest, database: Database[Document]) -> fo.Dataset:
    """The same, without the empty dataset."""
    return FULL_DATASETS[request.param](NAME, database)


def wreck(dataset: fo.Dataset, database: Database[Document]) -> None:
    """Changes everything about a dataset that can be changed."""
    _wreck_contents(dataset, database)
    _wreck_related(dataset, database)
    _wreck_document(dataset, database)


def _wreck_contents(dataset: fo.Dataset, database: Database[Document]) -> None:
    if len(dataset):
        dataset.clone_sample_field("note", "copied")
        dataset.delete_sample_field("strange")
        dataset.rename_sample_field("location", "renamed")
    dataset.add_sample_field("added", fo.IntField)
    for collection in (dataset._sample_collection, dataset._frame_collection):
        if collection is None:
            continue
        documents = list(collection.find())
        collection.delete_many({"_id": {"$in": [doc["_id"] for doc in documents[::2]]}})
        if documents:
            # Back again, but at the end: the order of the others has changed
            collection.insert_one(documents[0])
        collection.drop_indexes()
        collection.update_many({}, {"$set": {"filepath": "wrong"}})
        collection.create_index("filepath", name="another")


def _wreck_related(dataset: fo.Dataset, database: Database[Document]) -> None:
    for view_name in dataset.list_saved_views():
        dataset.load_saved_view(view_name)
    dataset.delete_saved_views()
    dataset.save_view("new view", dataset.limit(1))
    dataset.delete_workspaces()
    dataset.save_workspace("new workspace", fo.Space())
    if dataset.has_brain_run(BRAIN_KEY):
        dataset.delete_brain_run(BRAIN_KEY)
    if dataset.has_evaluation(EVAL_KEY):
        dataset.rename_evaluation(EVAL_KEY, "renamed")
    if dataset.has_run(RUN_KEY):
        results = dataset.init_run_results(RUN_KEY, summe=-1)
        dataset.save_run_results(RUN_KEY, results, overwrite=True)
    dataset.register_run("new", dataset.init_run())
    dataset_id = dataset._doc.id
    tag = database["tags"].find_one_and_delete({"_dataset_id": dataset_id})
    if tag is not None:
        # Two that exchange what must be unique
        one, other = database["tags"].find({"_dataset_id": dataset_id})
        database["tags"].delete_many({"_dataset_id": dataset_id})
        ids = one.pop("_id"), other.pop("_id")
        database["tags"].insert_many([{**one, "_id": ids[1]}, {**other, "_id": ids[0]}])
    store = ExecutionStore.create(STORE, dataset_id=dataset_id)
    store.clear()
    store.set("ключ", "wrong")


def _wreck_document(dataset: fo.Dataset, database: Database[Document]) -> None:
    dataset.info, dataset.classes, dataset.skeletons = {"wrong": True}, {}, {}
    dataset.app_config = fo.DatasetAppConfig()
    dataset.tags, dataset.description = ["wrong"], "wrong"
    dataset.save()
    if dataset.group_field:
        dataset.rename_group_slice("camera", "lens")
        dataset.default_group_slice = "scene"
    database["datasets"].update_one(
        {"_id": dataset._doc.id},
        {
            "$unset": {"plugin_state": "", "label_schemas": "", "_media_source_layouts": ""},
            "$set": {"_media_sources": [], "another_plugin": 1},
        },
    )


class TestRevert:
    def test_brings_back_every_byte_and_touches_no_other_dataset(
        self, dataset: fo.Dataset, database: Database[Document]
    ) -> None:
        other = FULL_DATASETS["point-cloud"]("another one", database)
        untouched = digest(database, other._doc.id)
        captured = digest(database, dataset._doc.id)
        fos.create_snapshot(NAME, SNAPSHOT)
        assert digest(database, dataset._doc.id) == captured, "taking a snapshot changes nothing"
        wreck(dataset, database)
        wrecked = digest(database, dataset._doc.id)
        assert not [
            part for part in captured if captured[part] and captured[part] == wrecked[part]
        ]

        fos.revert_dataset_to_snapshot(NAME, SNAPSHOT)
        assert_same(digest(database, dataset._doc.id), captured)
        fos.undo_revert(NAME)
        assert_same(digest(database, dataset._doc.id), wrecked)
        assert fos.verify_snapshot(NAME, SNAPSHOT)
        fos.load_snapshot(NAME, SNAPSHOT)
        fos.delete_snapshot(NAME, SNAPSHOT)
        fos.empty_trash(NAME)
        assert_same(digest(database, other._doc.id), untouched)

    def test_gives_back_what_works(
        self, full_dataset: fo.Dataset, database: Database[Document]
    ) -> None:
        expected = _what_works(full_dataset)
        fos.create_snapshot(NAME, SNAPSHOT)
        wreck(full_dataset, database)
        fos.revert_dataset_to_snapshot(NAME, SNAPSHOT)
        assert _what_works(fo.load_dataset(NAME)) == expected
        full_dataset.clear_cache()
        assert _what_works(full_dataset) == expected

    def test_saved_views_show_restored_patches_and_not_what_was_generated_since(
        self, database: Database[Document]
    ) -> None:
        dataset = image_dataset(NAME, persistent=True)
        dataset.save_view("patches", dataset.to_patches("ground_truth"))
        labels = dataset.load_saved_view("patches").values("ground_truth.label")
        fos.create_snapshot(NAME, SNAPSHOT)
        dataset.set_values(
            "ground_truth.detections.label",
            [["wrong"] * len(d) for d in dataset.values("ground_truth.detections")],
        )
        view = dataset.load_saved_view("patches")
        view.reload()
        assert set(view.values("ground_truth.label")) == {"wrong"}

        fos.revert_dataset_to_snapshot(NAME, SNAPSHOT)
        assert dataset.load_saved_view("patches").values("ground_truth.label") == labels


class TestLoadedSnapshot:
    def test_shows_everything_though_the_dataset_has_lost_it(
        self, full_dataset: fo.Dataset, database: Database[Document]
    ) -> None:
        expected = _what_works(full_dataset)
        settings = _settings(full_dataset, database)
        samples = content(database[full_dataset._sample_collection_name])
        fos.create_snapshot(NAME, SNAPSHOT)
        wreck(full_dataset, database)

        snapshot = fos.load_snapshot(NAME, SNAPSHOT)
        assert content(database[snapshot._sample_collection_name]) == samples
        assert _settings(snapshot, database) == settings
        assert _what_works(snapshot) == expected
        assert snapshot.list_indexes() is not None
        tags = list(database["tags"].find({"_dataset_id": snapshot._doc.id}))
        assert [tag["tag"] for tag in tags] == [f"переход {i} 🚦" for i in range(3)]

    def test_of_an_empty_dataset_is_empty(self, database: Database[Document]) -> None:
        FULL_DATASETS["empty"](NAME, database)
        fos.create_snapshot(NAME, SNAPSHOT)
        assert len(fos.load_snapshot(NAME, SNAPSHOT)) == 0

    @pytest.mark.parametrize("full_dataset", ["point-cloud"], indirect=True)
    def test_is_put_right_whatever_was_edited_in_it(
        self, full_dataset: fo.Dataset, database: Database[Document]
    ) -> None:
        fos.create_snapshot(NAME, SNAPSHOT)
        snapshot = fos.load_snapshot(NAME, SNAPSHOT)
        expected = _projected(database, snapshot._doc.id)
        # As clients would that know nothing of us
        mine = {"_dataset_id": snapshot._doc.id}
        one, other, *_ = database["tags"].find(mine)
        database["tags"].delete_many({"_id": {"$in": [one["_id"], other["_id"]]}})
        swapped = [{**one, "_id": other["_id"]}, {**other, "_id": one["_id"]}]
        database["tags"].insert_many(swapped)
        records = {"dataset_id": snapshot._doc.id, "key": "ключ"}
        record = database["execution_store"].find_one_and_delete(records)
        assert record is not None
        database["execution_store"].insert_one({**record, "_id": ObjectId(), "value": "wrong"})
        database["views"].update_many(mine, {"$set": {"view_stages": [], "name": "wrong"}})
        database["runs"].delete_one(mine)
        for file in list(database["fs.files"].find({"snapshot_id": snapshot._doc.id}))[:2]:
            database["fs.chunks"].delete_many({"files_id": file["_id"]})
        database["datasets"].update_one({"_id": snapshot._doc.id}, {"$set": {"info": "wrong"}})
        database.drop_collection(snapshot._sample_collection_name)

        fos.load_snapshot(NAME, SNAPSHOT)
        assert_same(_projected(database, snapshot._doc.id), expected)
        fos.delete_snapshot(NAME, SNAPSHOT)
        assert not any(_projected(database, snapshot._doc.id).values()), "nothing is left of it"

    def test_can_be_loaded_by_many_at_once(self, database: Database[Document]) -> None:
        dataset = FULL_DATASETS["point-cloud"](NAME, database)
        fos.create_snapshot(NAME, SNAPSHOT)
        ours = connect()
        record = Catalog(ours).get(dataset._doc.id, SNAPSHOT, NAME)
        state = registry.create(record.backend, ours).state(record)
        together = Barrier(4)

        def load(number: int) -> str:
            together.wait()
            return project.project(ours, record, state, NAME).name

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(load, range(4))) == {f"{NAME}@{SNAPSHOT}"}
        by_many = _projected(database, record.id)
        project.remove(ours, record.id)
        project.project(ours, record, state, NAME)
        assert_same(by_many, _projected(database, record.id))

    def test_costs_few_round_trips_whatever_its_size(self, database: Database[Document]) -> None:
        def commands_to_load(size: int) -> int:
            dataset = image_dataset(f"{size} samples", size, persistent=True)
            fos.create_snapshot(dataset, "v1")
            fos.load_snapshot(dataset, "v1")
            with profile(database) as commands:
                fos.load_snapshot(dataset, "v1")
            return len(commands)

        assert commands_to_load(5) == commands_to_load(200)


def _what_works(dataset: fo.Dataset) -> Document:
    """Returns what users see of what a dataset keeps outside its own documents."""
    found: Document = {
        "views": {name: len(dataset.load_saved_view(name)) for name in dataset.list_saved_views()},
        "workspaces": {
            name: dataset.load_workspace(name).to_dict() for name in dataset.list_workspaces()
        },
        "points": dataset.load_brain_results(BRAIN_KEY).points.tolist(),
        "annotations": dataset.load_annotation_results(ANNO_KEY).tasks,
        "run": dataset.load_run_results(RUN_KEY).serialize(),
        "config": dataset.get_run_info(RUN_KEY).config.serialize(),
    }
    if dataset.has_evaluation(EVAL_KEY):
        found["evaluation"] = dataset.load_evaluation_results(EVAL_KEY).metrics()
    store = ExecutionStore.create(STORE, dataset_id=dataset._doc.id)
    value = store.get("ключ")
    # Whatever the ids of runs are here, they lead to the same runs
    assert value["run"] == str(dataset._doc.runs[RUN_KEY].id)
    found["store"] = {**value, "run": RUN_KEY}
    return found


def _settings(dataset: fo.Dataset, database: Database[Document]) -> Document:
    document = database["datasets"].find_one({"_id": dataset._doc.id})
    assert document is not None
    own = {"_id", "name", "slug", "sample_collection_name", "frame_collection_name"}
    of_others = {"saved_views", "workspaces", "annotation_runs", "brain_methods", "evaluations"}
    changing = {"runs", "last_loaded_at", "sample_fields", "frame_fields"}
    schema = {name: type(field) for name, field in dataset.get_field_schema(flat=True).items()}
    return {key: document[key] for key in document if key not in own | of_others | changing} | {
        "fields": schema
    }


def _projected(database: Database[Document], snapshot_id: ObjectId) -> Document:
    """Returns everything there is of a loaded snapshot, comparable byte by byte."""
    own = {"_dataset_id": snapshot_id}
    files = {"snapshot_id": snapshot_id}
    file_ids = database["fs.files"].distinct("_id", files)
    chunks = database["fs.chunks"].find({"files_id": {"$in": file_ids}})
    # FiftyOne stamps the document whenever it loads it; the fields of what is loaded are read-only
    changing = dict.fromkeys(("last_loaded_at", "sample_fields", "frame_fields"), 0)
    documents = database["datasets"].find({"_id": snapshot_id}, changing)
    return {
        "dataset": list(documents),
        **{name: sorted(content(database[name], own)) for name in ("views", "runs", "tags")},
        "store": sorted(content(database["execution_store"], {"dataset_id": snapshot_id})),
        "files": sorted(content(database["fs.files"], files)),
        "chunks": sorted((chunk["files_id"], chunk["n"], chunk["data"]) for chunk in chunks),
        "samples": _shown(database, f"snapshots.{snapshot_id}"),
    }


def _shown(database: Database[Document], view: str) -> list[bytes]:
    """Returns what a view shows, which is nothing once it was closed for good."""
    description = next(iter(database.list_collections(filter={"name": view})), {})
    return [] if invalidate.is_closed(description) else content(database[view])
