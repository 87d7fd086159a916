"""A branch is an ordinary dataset that is what a snapshot holds, and remembers that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fiftyone as fo
import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.mongo.database import raw
from support.datasets import image_dataset, video_dataset
from support.docs import check_python
from support.environment import ROOT
from support.full import FULL_DATASETS, Document
from support.invariants import assert_no_debris, assert_sound

DOCS = ROOT / "docs" / "branches.md"


@pytest.fixture(params=["delta"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", name)
    return name


@pytest.fixture
def street() -> fo.Dataset:
    dataset = image_dataset("street", 4, persistent=True)
    fos.create_snapshot(dataset, "v1")
    return dataset


def documents(database: Database[Document], name: str | None) -> Iterator[RawBSONDocument]:
    if name is not None:
        yield from raw(database[name]).find()


def stored(database: Database[Document], dataset: fo.Dataset) -> list[object]:
    """Returns samples and frames, byte by byte and in order, and their indexes."""
    names = [dataset._sample_collection_name, dataset._doc.frame_collection_name]
    found: list[object] = []
    for name in names:
        found.append([document.raw for document in documents(database, name)])
        found.append(None if name is None else database[name].index_information())
    return found


@pytest.mark.parametrize(
    ("kind", "backend"),
    [("image", "delta"), ("video", "duplication"), ("group", "delta"), ("empty", "duplication")],
    indirect=["backend"],
)
def test_a_branch_has_all_that_the_snapshot_holds(
    kind: str, backend: str, database: Database[Document]
) -> None:
    parent = FULL_DATASETS[kind]("street", database)
    fos.create_snapshot(parent, "v1", "as labelled")
    before = stored(database, parent)
    if kind != "empty":
        parent.delete_samples([parent.first().id])
    fos.create_snapshot(parent, "v2")

    branch = fos.create_branch(parent, "night", snapshot="v1", description="darker")
    made = fo.load_dataset(branch.dataset_name)
    assert (made.name, made.persistent, made.media_type) == (
        "street.night",
        True,
        parent.media_type,
    )
    assert made.name in fo.list_datasets()
    assert stored(database, made) == before
    for listed in ("saved_views", "workspaces", "brain_runs", "evaluations", "runs"):
        assert getattr(made, f"list_{listed}")() == getattr(parent, f"list_{listed}")()
    for view in made.list_saved_views():
        loaded = made.load_saved_view(view)
        assert loaded._root_dataset._doc.id == made._doc.id
        assert len(list(loaded.limit(1).iter_samples())) <= 1
    for workspace in made.list_workspaces():
        made.load_workspace(workspace)
    for part, owner in (("tags", "_dataset_id"), ("execution_store", "dataset_id")):
        counts = [database[part].count_documents({owner: d._doc.id}) for d in (parent, made)]
        assert kind == "empty" or counts[0] > 0 or part == "tags"
        assert counts[1] >= counts[0]
    assert fos.get_branch_info(made) == branch
    assert (branch.parent_name, branch.base_snapshot, branch.description) == (
        "street",
        "v1",
        "darker",
    )
    assert_sound(database, load=False)


def test_results_of_runs_come_along_and_are_the_branchs_own(
    backend: str, database: Database[Document]
) -> None:
    dataset = image_dataset("street", 3, persistent=True)
    dataset.register_run("mine", dataset.init_run(method="mine"))
    results = dataset.init_run_results("mine", numbers=list(range(100_000)))
    dataset.save_run_results("mine", results)
    fos.create_branch(dataset, "night")
    dataset.delete_run("mine")
    made = fo.load_dataset("street.night")
    assert made.load_run_results("mine").numbers[-1] == 99_999
    made.delete()
    assert database["fs.files"].count_documents({"snapshot_id": None}) == 0
    assert database["fs.chunks"].count_documents({}) == 0
    assert_no_debris(database)


def test_a_branch_is_edited_like_any_dataset(backend: str, database: Database[Document]) -> None:
    parent = video_dataset("street", 2, 3, persistent=True)
    fos.create_branch(parent, "night")
    made = fo.load_dataset("street.night")
    sample = made.first()
    sample["weather"] = fo.Classification(label="dark")
    sample.frames[1]["note"] = "moon"
    sample.save()
    made.add_sample(fo.Sample("/media/new.mp4"))
    made.delete_samples([made.skip(1).first().id])
    frame = made.first().frames[2]
    frame["objects"].detections[0].label = "owl"
    frame.save()
    assert made.first().id == parent.first().id
    assert parent.count_values("weather.label").get("dark") is None
    assert "owl" in made.distinct("frames.objects.detections.label")
    assert "owl" not in parent.distinct("frames.objects.detections.label")

    fos.create_snapshot(made, "mine")
    made.clear()
    fos.revert_dataset_to_snapshot(made, "mine")
    assert len(made) == 2
    assert fos.list_snapshots(made) == ["mine"]
    assert fos.get_branch_info(made) is not None
    assert_sound(database)


def test_patches_of_a_branch_are_not_those_of_its_parent(database: Database[Document]) -> None:
    parent = image_dataset("street", 3, persistent=True)
    parent.save_view("patches", parent.to_patches("ground_truth"))
    shown = parent.load_saved_view("patches")._dataset.name
    fos.create_branch(parent, "night")
    made = fo.load_dataset("street.night")
    view = made.load_saved_view("patches")
    assert view._dataset.name != shown
    patch = view.first()
    patch["ground_truth"].label = "owl"
    patch.save()
    assert "owl" in made.distinct("ground_truth.detections.label")
    assert "owl" not in parent.distinct("ground_truth.detections.label")


def test_a_branch_is_made_of_the_dataset_as_it_is_now(
    street: fo.Dataset, backend: str, database: Database[Document]
) -> None:
    unchanged = fos.create_branch(street, "one")
    assert unchanged.base_snapshot == "v1"
    street.save_view("mine", street.limit(1))
    other_views = fos.create_branch(street, "two")
    assert other_views.base_snapshot == "base of two"
    assert fo.load_dataset("street.two").list_saved_views() == ["mine"]
    street.tag_samples("seen")
    fos.create_snapshot(street, "base of three")
    street.tag_samples("seen twice")
    assert fos.create_branch(street, "three").base_snapshot == "base of three 2"
    assert fos.list_snapshots(street) == ["v1", "base of two", "base of three", "base of three 2"]
    # What was killed after its snapshot was created finds that again
    assert fos.create_branch(street, "four").base_snapshot == "base of three 2"
    assert [branch.name for branch in fos.list_branches(street)] == ["one", "two", "three", "four"]


def test_a_branch_of_an_archived_snapshot_leaves_it_archived(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    parent = video_dataset("street", 2, 3, persistent=True)
    parent.create_index("frames.objects.detections.label", name="labels")
    parent.save_view("first", parent.limit(1))
    fos.create_snapshot(parent, "v1")
    before = stored(database, parent)
    parent.clear()
    fos.create_snapshot(parent, "v2")
    fos.archive_snapshot(parent, "v1")
    fos.create_branch(parent, "night", "v1")
    made = fo.load_dataset("street.night")
    assert stored(database, made) == before
    assert made.list_saved_views() == parent.list_saved_views()
    info = fos.get_snapshot_info(parent, "v1")
    assert info is not None
    assert info.is_archived
    assert_no_debris(database)


def test_a_name_that_a_dataset_has_gets_a_number(street: fo.Dataset) -> None:
    fo.Dataset("street.night")
    fo.Dataset("STREET night_2")
    branch = fos.create_branch(street, "night")
    assert branch.dataset_name == "street.night_3"
    for clashing in ("night", "Night"):
        with pytest.raises(fos.DuplicateNameError, match=r"branch named 'night' already"):
            fos.create_branch(street, clashing)
    # Another dataset may have a branch of that name
    other = image_dataset("road", 1, persistent=True)
    assert fos.create_branch(other, "night").dataset_name == "road.night"


@pytest.mark.parametrize("name", ["", " x", "a/b", "HEAD", "…", "\n"])
def test_a_name_that_cannot_be_used_is_refused(name: str, street: fo.Dataset) -> None:
    with pytest.raises(fos.InvalidNameError, match=r"[Bb]ranch"):
        fos.create_branch(street, name)
    assert fo.list_datasets() == ["street"]


def test_what_is_refused_leaves_nothing(street: fo.Dataset, database: Database[Document]) -> None:
    with pytest.raises(fos.SnapshotNotFoundError):
        fos.create_branch(street, "night", "v7")
    with pytest.raises(fos.NotVersionableError):
        fos.create_branch(fos.load_snapshot(street, "v1"), "night")
    (master,) = database.list_collection_names(
        filter={"name": {"$regex": r"^snapshots\.masters.*\.samples$"}}
    )
    id_ = ObjectId(street.first().id)
    database[master].update_one({"_id": id_}, {"$set": {"filepath": "/media/other.jpg"}})
    with pytest.raises(fos.DamagedSnapshotError, match="No branch was created"):
        fos.create_branch(street, "night", "v1")
    assert fo.list_datasets() == ["street"]
    assert fos.list_branches(street) == []
    database[master].update_one({"_id": id_}, {"$set": {"filepath": street.first().filepath}})
    assert_sound(database)


def test_branches_have_branches(street: fo.Dataset) -> None:
    fos.create_branch(street, "night")
    inner = fos.create_branch("street.night", "fog")
    assert (inner.dataset_name, inner.parent_name) == ("street.night.fog", "street.night")
    assert inner.base_snapshot == "base of fog"
    assert [branch.name for branch in fos.list_branches("street")] == ["night"]
    assert fos.list_branches("street.night") == [inner]


def test_the_page_says_what_is() -> None:
    image_dataset("digits", 3, persistent=True)
    check_python(DOCS, {})
