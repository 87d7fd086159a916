"""Archives that somebody has written by hand: no id, owner, time or index in them is believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from fiftyone.operators.store import ExecutionStore
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.testing.backend_contract import raw_documents
from support.archives import Files, forge, header, unpack
from support.datasets import image_dataset
from support.full import digest
from support.invariants import assert_sound

Document = dict[str, Any]
Edit = Callable[[str, Document], object]

SHARED = (
    "datasets",
    "views",
    "workspaces",
    "runs",
    "fs.files",
    "fs.chunks",
    "tags",
    "execution_store",
)
OWNED = ("views", "workspaces", "runs", "tags", "execution_store")


def _dataset(name: str, database: Database[Document]) -> fo.Dataset:
    dataset = image_dataset(name, 2, persistent=True)
    dataset.save_view("all", dataset.limit(2))
    dataset.save_workspace("mine", fo.Space(children=[fo.Panel(type="Samples")]))
    dataset.register_run("run", dataset.init_run())
    dataset.save_run_results("run", dataset.init_run_results("run", numbers=[1, 2]))
    ExecutionStore.create("notes", dataset_id=dataset._doc.id).set("a", name)
    tag = {"_dataset_id": dataset._doc.id, "_sample_id": ObjectId(dataset.first().id)}
    database["tags"].insert_one({**tag, "kind": "temporal", "start": 1})
    return dataset


@pytest.fixture(scope="module")
def files(database: Database[Document], tmp_path_factory: pytest.TempPathFactory) -> Files:
    """What lies in an export of a dataset that is gone."""
    dataset = _dataset("d", database)
    fos.create_snapshot(dataset, "v1", tags=["first"])
    path = fos.export_snapshot(dataset, "v1", tmp_path_factory.mktemp("exported") / "v1.tar")
    fo.delete_dataset("d")
    return unpack(path)


@pytest.fixture
def victim(database: Database[Document]) -> fo.Dataset:
    dataset = _dataset("victim", database)
    fos.create_snapshot(dataset, "hers")
    fos.load_snapshot(dataset, "hers")
    return dataset


def _everything(database: Database[Document]) -> dict[str, object]:
    names = [name for name in database.list_collection_names() if name.startswith("samples.")]
    return {name: raw_documents(database[name]) for name in (*SHARED, *names)}


def _only(part: str, **values: object) -> Edit:
    def change(other: str, document: Document) -> None:
        if other == part:
            document.update(values)

    return change


def _forgeries(database: Database[Document], victim: fo.Dataset) -> dict[str, Edit]:
    """What may be put into the documents of an archive, to harm another dataset."""
    theirs = {"_dataset_id": victim._doc.id}
    run = database["runs"].find_one(theirs) or {}
    chunk = database["fs.chunks"].find_one({"files_id": run["results"]}) or {}
    view = database["views"].find_one(theirs) or {}

    def refer(field: str, value: object) -> Edit:
        return _only("dataset", **{field: value})

    def result(id_: object, with_file: bool = True, **more: object) -> Edit:
        def change(part: str, document: Document) -> object:
            if part == "runs":
                document["results"] = id_
            elif part == "results.files":
                document.update({"_id": id_, **more})
                return with_file
            elif part == "results.chunks":
                document["files_id"] = id_
                return with_file
            return None

        return change

    found: dict[str, Edit] = {}
    for part in OWNED:
        owner = "dataset_id" if part == "execution_store" else "_dataset_id"
        other = database[part].find_one({owner: victim._doc.id}) or {}
        found[f"the id of another's {part}"] = _only(part, _id=other["_id"])
        found[f"{part} of another"] = _only(part, **{owner: victim._doc.id})
    return {
        **found,
        "a view of nobody": _only("views", _dataset_id=None),
        "an odd id": _only("tags", _id="odd"),
        "samples of another": _only("samples", _dataset_id=victim._doc.id),
        "another's result": result(run["results"]),
        "another's result, left out": result(run["results"], with_file=False),
        "a result that is no run's": _only("results.files", _id=ObjectId()),
        "bytes that are no file's": _only("results.chunks", files_id=run["results"]),
        "another's bytes": _only("results.chunks", _id=chunk["_id"]),
        "a result of a loaded snapshot": result(ObjectId(), snapshot_id=ObjectId()),
        "another's view": refer("saved_views", [view["_id"]]),
        "another's run": refer("evaluations", {"run": run["_id"]}),
        "generated from a snapshot": refer("_snapshot_id", ObjectId()),
    }


@pytest.mark.parametrize("is_here", [False, pytest.param(True, marks=pytest.mark.long)])
def test_nothing_of_an_import_touches_another_dataset(
    is_here: bool, files: Files, victim: fo.Dataset, database: Database[Document], tmp_path: Path
) -> None:
    path = tmp_path / "forged.tar"
    if is_here:
        # The dataset is there, and the snapshot was deleted
        path.write_bytes(forge(files))
        fos.import_snapshot(path)
        fos.delete_snapshot("d", "v1")
        fos.empty_trash("d")
    before = _everything(database)
    for what, change in _forgeries(database, victim).items():
        path.write_bytes(forge(files, change=change))
        with pytest.raises((fos.InvalidRequestError, fos.DamagedArchiveError)) as raised:
            fos.import_snapshot(path)
        assert "othing was changed" in str(raised.value), what
        assert _everything(database) == before, what
    assert_sound(database, load=False)
    # What is not forged can be imported next
    path.write_bytes(forge(files))
    fos.import_snapshot(path)
    assert fos.verify_snapshot("d", "v1")


def test_ids_of_an_archive_are_new_here(
    files: Files, victim: fo.Dataset, database: Database[Document], tmp_path: Path
) -> None:
    generated = victim.to_patches("ground_truth")._dataset
    fos.delete_snapshot(victim, "hers")
    fos.restore_snapshot(victim, "hers")
    snapshot = database["snapshots.catalog"].find_one({}) or {}
    operation = database["snapshots.journal"].find_one({}) or {}

    def snapshot_id(id_: ObjectId) -> Callable[[Document], object]:
        return lambda about: about["snapshot"].update(id={"$oid": str(id_)})

    def dataset_id(id_: ObjectId) -> tuple[Callable[[Document], object], Edit]:
        return lambda about: about["dataset"].update(id={"$oid": str(id_)}), _only(
            "dataset", _id=id_
        )

    own = ObjectId(header(files)["dataset"]["id"]["$oid"])
    before = _everything(database)
    for what, (change_header, change) in {
        "another dataset's": (snapshot_id(victim._doc.id), _only("")),
        "an operation's": (snapshot_id(operation["_id"]), _only("")),
        "its own dataset's": (snapshot_id(own), _only("")),
        "a dataset with a snapshot's": dataset_id(snapshot["_id"]),
        "a dataset that is generated": dataset_id(generated._doc.id),
        "a snapshot that is here": (snapshot_id(snapshot["_id"]), _only("")),
    }.items():
        path = tmp_path / "forged.tar"
        path.write_bytes(forge(files, change_header, change))
        with pytest.raises(fos.InvalidRequestError):
            fos.import_snapshot(path)
        assert _everything(database) == before, what
    assert_sound(database, load=False)


def test_what_is_exported_comes_back_into_its_dataset(
    database: Database[Document], tmp_path: Path
) -> None:
    dataset = _dataset("d", database)
    fos.create_snapshot(dataset, "v1")
    before = digest(database, dataset._doc.id)
    path = fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")
    fos.delete_snapshot(dataset, "v1")
    fos.empty_trash(dataset)
    # Shares its view, runs and results with the dataset as it is
    fos.import_snapshot(path)
    assert len(fos.load_snapshot("d", "v1")) == 2
    dataset.delete_run("run")
    dataset.delete_saved_view("all")
    dataset.clear()
    fos.revert_dataset_to_snapshot("d", "v1")
    assert {**digest(database, dataset._doc.id), "dataset": 0} == {**before, "dataset": 0}
    assert fo.load_dataset("d").load_run_results("run").numbers == [1, 2]
    with pytest.raises(fos.InvalidRequestError, match=r"clone_snapshot\('d', 'v1', 'other'\)"):
        fos.import_snapshot(path, "other")
    assert_sound(database)


def test_an_imported_dataset_has_the_frames_of_nobody(
    files: Files, victim: fo.Dataset, database: Database[Document], tmp_path: Path
) -> None:
    theirs = victim._sample_collection_name
    path = tmp_path / "forged.tar"
    path.write_bytes(forge(files, change=_only("dataset", frame_collection_name=theirs)))
    fos.import_snapshot(path)
    found = database["datasets"].find_one({"name": "d"}) or {}
    assert found["frame_collection_name"] is None


def _header(**values: object) -> Callable[[Document], object]:
    return lambda about: about["snapshot"].update(values)


def _index(**values: object) -> Callable[[Document], object]:
    index = {"v": 2, "key": {"tags": 1}, "name": "tags_1", **values}
    return lambda about: about["indexes"]["samples"].append(index)


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"a": value}
    return value


BAD_HEADERS: dict[str, Callable[[Document], object]] = {
    "a time that is none": _header(created_at="yesterday"),
    "a time before all time": _header(created_at={"$date": "0001-01-01T00:00:00Z"}),
    "no id": _header(id=None),
    "an id that is none": _header(id="v1"),
    "a name that is none": _header(name=["v1"]),
    "half a letter": _header(description="\ud800"),
    "tags that are none": _header(tags="first"),
    "a tag that is none": _header(tags=["\n"]),
    "a count below none": _header(sample_count=-1),
    "a count that is none": _header(sample_count=True),
    "half a count": _header(size_bytes=0.5),
    "version 0": lambda about: about.update(version=0),
    "version -1": lambda about: about.update(version=-1),
    "version true": lambda about: about.update(version=True),
    "an odd part": lambda about: about["indexes"].update(labels=[]),
    "an index without a key": _index(key={}),
    "an index without a name": _index(name=None),
    "an index of no kind": _index(key={"tags": "sideways"}),
    "an index with odd options": _index(sparse={"a": 1}),
    "an unknown option": _index(surprise=1),
    "an index that two samples break": _index(key={"_media_type": 1}, unique=True),
}

BAD_DOCUMENTS: dict[str, Edit] = {
    "one id for all": _only("samples", _id=ObjectId()),
    "an id that is a list": _only("samples", _id=[1]),
    "a nest of 250": _only("samples", nest=_nested(250)),
    "view stages that are none": _only("views", view_stages=["{", 5]),
    "saved views that are none": _only("dataset", saved_views=5),
    "runs that are none": _only("dataset", evaluations=[]),
    "fields that are none": _only("dataset", sample_fields=[{"name": None}]),
}


def test_what_is_odd_in_an_archive_is_refused_with_a_reason(
    files: Files, database: Database[Document], tmp_path: Path
) -> None:
    path = tmp_path / "forged.tar"
    forged = {what: forge(files, change) for what, change in BAD_HEADERS.items()}
    forged |= {what: forge(files, change=change) for what, change in BAD_DOCUMENTS.items()}
    for what, data in forged.items():
        path.write_bytes(data)
        try:
            fos.import_snapshot(path)
        except (fos.DamagedArchiveError, fos.InvalidNameError):
            pass
        except Exception as error:
            raise AssertionError(what) from error
        else:
            raise AssertionError(what)
        assert not fo.list_datasets(), what
        assert not database["snapshots.catalog"].count_documents({}), what
    assert fos.search_snapshots() == []
    assert_sound(database)


def test_an_index_that_cannot_be_built_is_refused_where_the_dataset_is_here(
    files: Files, database: Database[Document], tmp_path: Path
) -> None:
    path = tmp_path / "forged.tar"
    path.write_bytes(forge(files))
    fos.import_snapshot(path)
    fos.delete_snapshot("d", "v1")
    fos.empty_trash("d")
    bad = {what: change for what, change in BAD_HEADERS.items() if what.startswith("an index")}
    for what, change in {**bad, "an odd collation": _index(collation=5)}.items():
        path.write_bytes(forge(files, change))
        with pytest.raises(fos.DamagedArchiveError):
            fos.import_snapshot(path)
        assert not database["snapshots.catalog"].count_documents({}), what
    assert_sound(database)


def test_no_index_of_an_archive_deletes_samples(
    files: Files, database: Database[Document], tmp_path: Path
) -> None:
    path = tmp_path / "forged.tar"
    path.write_bytes(forge(files, _index(expireAfterSeconds=0)))
    fos.import_snapshot(path)
    dataset = fo.load_dataset("d")
    assert (
        dataset._sample_collection.index_information()["tags_1"].get("expireAfterSeconds") is None
    )
    fos.load_snapshot("d", "v1")
    dataset.clear()
    fos.revert_dataset_to_snapshot("d", "v1")
    found = fo.load_dataset("d")._sample_collection.index_information()
    assert "expireAfterSeconds" not in found["tags_1"]


@pytest.mark.parametrize("backend", ["duplication", pytest.param("delta", marks=pytest.mark.long)])
def test_an_archive_that_was_exchanged_is_not_brought_back(
    backend: str, database: Database[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = _dataset("d", database)
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, "v2")
    fos.archive_snapshot(dataset, "v1")
    (archive,) = tmp_path.iterdir()
    whole = archive.read_bytes()
    before = _everything(database)
    for what, data in {
        "an index": forge(unpack(archive), _index(expireAfterSeconds=0)),
        "a name": forge(unpack(archive), _header(name="v2")),
        "an owner": forge(unpack(archive), change=_only("views", _dataset_id=ObjectId())),
        "an id": forge(unpack(archive), change=_only("runs", _id=ObjectId())),
        "one id for all": forge(unpack(archive), change=_only("samples", _id=ObjectId())),
    }.items():
        archive.write_bytes(data)
        with pytest.raises(fos.DamagedArchiveError):
            fos.unarchive_snapshot("d", "v1")
        assert fos.get_snapshot_info("d", "v1").is_archived, what
        assert _everything(database) == before, what
    archive.write_bytes(whole)
    fos.unarchive_snapshot("d", "v1")
    assert fos.verify_snapshot("d", "v1")
    assert_sound(database)
