"""Every write of ours among FiftyOne's documents: what is there under the same id stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from fiftyone.operators.store import ExecutionStore
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.datasets import image_dataset
from support.full import digest

Document = dict[str, Any]

OWNERS = {
    "views": "_dataset_id",
    "workspaces": "_dataset_id",
    "runs": "_dataset_id",
    "tags": "_dataset_id",
    "execution_store": "dataset_id",
}
FILES = {"fs.files": "_id", "fs.chunks": "files_id"}


@pytest.fixture
def dataset(database: Database[Document]) -> fo.Dataset:
    dataset = image_dataset("d", 2, persistent=True)
    dataset.save_view("all", dataset.limit(2))
    dataset.save_workspace("mine", fo.Space(children=[fo.Panel(type="Samples")]))
    dataset.register_run("run", dataset.init_run())
    dataset.save_run_results("run", dataset.init_run_results("run", numbers=[1, 2]))
    ExecutionStore.create("notes", dataset_id=dataset._doc.id).set("a", 1)
    tag = {"_dataset_id": dataset._doc.id, "_sample_id": ObjectId(dataset.first().id)}
    database["tags"].insert_one({**tag, "kind": "temporal"})
    fos.create_snapshot(dataset, "v1")
    return dataset


class Planted:
    """Documents of somebody else, under ids that some of ours have."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._documents: list[tuple[str, Document]] = []

    def plant(self, name: str, id_: object, /, **values: object) -> None:
        """Puts one in the place of ours."""
        document = {"_id": id_, "planted": True, **values}
        self._database[name].replace_one({"_id": id_}, document, upsert=True)
        self._documents.append((name, document))

    def are_untouched(self) -> bool:
        return all(
            self._database[name].find_one({"_id": document["_id"]}) == document
            for name, document in self._documents
        )


@pytest.fixture
def planted(database: Database[Document]) -> Planted:
    return Planted(database)


def _ours(name: str, database: Database[Document], owner: ObjectId) -> Document:
    """Returns a document that belongs to a dataset, or to a loaded snapshot."""
    if name in OWNERS:
        found = database[name].find_one({OWNERS[name]: owner})
    else:
        run = database["runs"].find_one({"_dataset_id": owner}) or {}
        found = database[name].find_one({FILES[name]: run["results"]})
    assert found is not None
    return found


def _plant_over(
    name: str, planted: Planted, database: Database[Document], owner: ObjectId
) -> None:
    id_ = _ours(name, database, owner)["_id"]
    field = OWNERS.get(name) or FILES[name]
    planted.plant(name, id_, **({} if field == "_id" else {field: ObjectId()}))


@pytest.mark.parametrize("name", [*OWNERS, "fs.files"])
def test_loading_a_snapshot(
    name: str, dataset: fo.Dataset, planted: Planted, database: Database[Document]
) -> None:
    snapshot_id = fos.load_snapshot("d", "v1")._doc.id
    _plant_over(name, planted, database, snapshot_id)
    with pytest.raises(fos.InvalidRequestError, match="belongs to something else"):
        fos.load_snapshot("d", "v1")
    assert planted.are_untouched()
    fos.delete_snapshot("d", "v1")
    fos.empty_trash("d")
    assert planted.are_untouched()


def test_loading_a_snapshot_whose_id_a_dataset_has(
    dataset: fo.Dataset, planted: Planted, database: Database[Document]
) -> None:
    id_ = ObjectId(fos.get_snapshot_info("d", "v1").id)
    planted.plant("datasets", id_, name="hers", sample_collection_name="samples.hers")
    for name, owner in OWNERS.items():
        planted.plant(name, ObjectId(), **{owner: id_})
    with pytest.raises(fos.InvalidRequestError, match="has the id of the snapshot"):
        fos.load_snapshot("d", "v1")
    assert planted.are_untouched()
    fos.delete_snapshot("d", "v1")
    fos.empty_trash("d")
    assert planted.are_untouched()


def _revert() -> None:
    fos.revert_dataset_to_snapshot("d", "v1")


def _undo() -> None:
    fos.undo_revert("d")


@pytest.mark.parametrize("act", [_revert, _undo])
def test_reverting_and_undoing(
    act: Callable[[], None], dataset: fo.Dataset, database: Database[Document]
) -> None:
    if act is _undo:
        _revert()
    id_ = dataset._doc.id
    for name in (*OWNERS, *FILES):
        planted = Planted(database)
        kept, run = _ours(name, database, id_), _ours("runs", database, id_)
        _plant_over(name, planted, database, id_)
        if name == "fs.files":
            # Else the file is the dataset's, whatever is in it
            database["runs"].delete_one({"_id": run["_id"]})
        before = digest(database, id_)
        with pytest.raises(fos.InvalidRequestError, match="belongs to something else"):
            act()
        assert planted.are_untouched(), name
        assert digest(database, id_) == before, name
        database[name].replace_one({"_id": kept["_id"]}, kept)
        database["runs"].replace_one({"_id": run["_id"]}, run, upsert=True)
    act()


@pytest.mark.parametrize("act", [_revert, _undo])
def test_what_comes_between_a_revert_and_its_end(
    act: Callable[[], None], dataset: fo.Dataset, database: Database[Document]
) -> None:
    verb = "revert" if act is _revert else "undo_revert"
    if act is _undo:
        _revert()
    planted = Planted(database)

    def plant(point: str) -> None:
        if point == f"{verb}.installed_related":
            assert planted.are_untouched()
        if point == f"{verb}.committed":
            for name in OWNERS:
                _plant_over(name, planted, database, dataset._doc.id)

    with faults.observe(plant):
        act()
    assert planted.are_untouched()


def test_results_that_another_dataset_uses_as_well(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    """As those do that were imported before imports were checked."""
    dataset.register_run("late", dataset.init_run())
    dataset.save_run_results("late", dataset.init_run_results("late", numbers=[3]))
    run = database["runs"].find_one({"key": "late"}) or {}
    database["runs"].insert_one({"_dataset_id": ObjectId(), "results": run["results"]})
    file = {"_id": run["results"]}
    before = database["fs.files"].find_one(file)
    fos.revert_dataset_to_snapshot("d", "v1")
    assert database["fs.files"].find_one(file) == before is not None
    assert database["fs.chunks"].count_documents({"files_id": run["results"]})


def test_restoring_temporal_tags(
    dataset: fo.Dataset, planted: Planted, database: Database[Document]
) -> None:
    _plant_over("tags", planted, database, dataset._doc.id)
    with pytest.raises(fos.InvalidRequestError, match="belongs to something else"):
        fos.restore_samples("d", "v1", [dataset.first().id])
    assert planted.are_untouched()


def test_a_dataset_that_says_it_was_generated_from_a_snapshot(
    dataset: fo.Dataset, planted: Planted, database: Database[Document]
) -> None:
    id_ = ObjectId(fos.get_snapshot_info("d", "v1").id)
    samples = f"samples.{ObjectId()}"
    hers = ObjectId()
    planted.plant("datasets", hers, name="hers", sample_collection_name=samples, _snapshot_id=id_)
    planted.plant(samples, 1)
    fos.load_snapshot("d", "v1")
    fos.delete_snapshot("d", "v1")
    fos.empty_trash("d")
    assert planted.are_untouched()
