"""Removing everything of this package: nothing of ours is left, nothing of FiftyOne's is lost."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.errors import DatasetBusyError
from support.command_line import in_this_process
from support.crash import killed_at
from support.datasets import image_dataset
from support.full import FULL_DATASETS, Document, digest
from support.invariants import World, assert_sound
from support.saved import Saved
from support.stopping import Sleeper, commands_of, lease_runs_out
from support.stranger import Stranger

NAME = "full"


def of_ours(database: Database[Document]) -> list[str]:
    """Names what the database holds of this package."""
    found = [
        f"{name}: {document['_id']}"
        for name in ("datasets", "fs.files")
        for document in database[name].find()
        if any("snapshot" in str(value) for value in (*document, *map(str, document.values())))
    ]
    known = database["datasets"].distinct("_id")
    found += [
        f"{name}: {document['_id']}"
        for name in ("views", "workspaces", "runs", "tags")
        for document in database[name].find({"_dataset_id": {"$nin": known}})
    ]
    for described in database.list_collections():
        if described["name"].startswith("snapshots.") or described["type"] == "view":
            found.append(described["name"])
    return found


@pytest.mark.parametrize("kind", ["image", "video"])
def test_nothing_of_ours_is_left_and_datasets_are_as_they_were(
    kind: str, database: Database[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = FULL_DATASETS[kind](NAME, database)
    other = image_dataset("other", persistent=True)
    expected = digest(database, dataset._doc.id), digest(database, other._doc.id)
    collections = {name for name in database.list_collection_names() if "samples." in name}
    for name in ("v1", "v2", "v3"):
        fos.create_snapshot(dataset, name)
    fos.create_snapshot(other, "v1")
    fos.archive_snapshot(other, "v1")
    for view in fos.load_snapshot(dataset, "v2").list_saved_views():
        fos.load_snapshot(dataset, "v2").load_saved_view(view)
    fos.load_snapshot(dataset, "v3")
    dataset.clear()
    fos.revert_dataset_to_snapshot(dataset, "v1")
    assert of_ours(database)

    planned = fos.purge()
    assert (planned.datasets, planned.snapshots, planned.in_trash) == (2, 2, 3)
    assert planned.size_bytes > 0
    (archive,) = planned.archives
    assert archive.startswith(str(tmp_path))
    assert "2 snapshots of 2 datasets" in str(planned)
    assert of_ours(database)

    removed = fos.purge(dry_run=False)
    assert removed == planned
    assert of_ours(database) == []
    assert (digest(database, dataset._doc.id), digest(database, other._doc.id)) == expected
    left = {name for name in database.list_collection_names() if "samples." in name}
    assert len(left) == len(collections)
    assert Path(archive).exists()
    assert fos.purge(dry_run=False) == fos.purge()
    assert of_ours(database) == []

    # The package is still there, and begins anew
    fos.create_snapshot(dataset, "v1")
    assert len(fos.load_snapshot(dataset, "v1")) == len(dataset)
    assert fos.import_snapshot(archive).name == "v1"


def test_it_is_refused_while_an_operation_is_under_way(database: Database[Document]) -> None:
    dataset = image_dataset("street", persistent=True)
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(image_dataset("lane", persistent=True), "v1")
    captured, may_go_on = threading.Event(), threading.Event()

    def pause() -> None:
        captured.set()
        assert may_go_on.wait(60)

    with faults.arm("create.captured", pause):
        creating = threading.Thread(target=fos.create_snapshot, args=(dataset, "v2"))
        creating.start()
        assert captured.wait(60)
        with pytest.raises(DatasetBusyError, match="Nothing was removed"):
            fos.purge(dry_run=False)
        may_go_on.set()
        creating.join()
    assert fos.list_snapshots(dataset) == ["v1", "v2"]
    assert fos.list_snapshots("lane") == ["v1"]
    assert all(fos.verify_all())
    fos.purge(dry_run=False)
    assert of_ours(database) == []


def test_what_a_dead_process_left_half_done_is_put_right_first(
    database: Database[Document],
) -> None:
    dataset = image_dataset("street", persistent=True)
    fos.create_snapshot(dataset, "v1")
    expected = digest(database, dataset._doc.id)
    dataset.clear()
    assert killed_at("revert.committed", lambda: fos.revert_dataset_to_snapshot("street", "v1"))
    fos.purge(dry_run=False)
    assert of_ours(database) == []
    assert digest(database, dataset._doc.id) == expected


def test_what_an_interrupted_one_has_left_is_removed(database: Database[Document]) -> None:
    dataset = image_dataset("street", persistent=True)
    for share in (0.2, 0.5, 0.8):
        fos.create_snapshot(dataset, "v1")
        fos.load_snapshot(dataset, "v1")
        ours = [name for name in of_ours(database) if name.startswith("snapshots.")]
        for name in sorted(ours)[: int(len(ours) * share)]:
            database.drop_collection(name)
        fos.purge(dry_run=False)
        assert of_ours(database) == []
    assert len(dataset) == 10


def test_the_command_asks(capsys: pytest.CaptureFixture[str]) -> None:
    run = in_this_process(capsys)
    dataset = image_dataset("street", persistent=True)
    fos.create_snapshot(dataset, "v1")
    asked = run("purge")
    assert asked.code == 2
    assert "--yes" in asked.err
    assert "1 snapshots of 1 datasets" in run("purge", "--dry-run").out
    assert fos.list_snapshots(dataset) == ["v1"]
    assert run("purge", "--yes", "--json").json["snapshots"] == 1
    assert fos.list_snapshots(dataset) == []


def test_what_a_stranger_left_of_a_snapshot_goes_as_well(database: Database[Document]) -> None:
    dataset = image_dataset("street", persistent=True)
    dataset.save_view("patches", dataset.to_patches("ground_truth"))
    before = set(database["datasets"].distinct("name"))
    fos.create_snapshot(dataset, "v1")
    name = fos.load_snapshot(dataset, "v1").name
    with Stranger() as stranger:
        stranger.run(
            f"fo.load_dataset('{name}').load_saved_view('patches')\nfoo.delete_dataset('{name}')"
        )
    fos.purge(dry_run=False)
    assert of_ours(database) == []
    assert set(database["datasets"].distinct("name")) == before
    assert len(fo.load_dataset("street").load_saved_view("patches")) > 0


@pytest.mark.parametrize("few", [4, pytest.param(None, marks=pytest.mark.long)])
def test_one_that_slept_removes_nothing_of_what_others_have(
    few: int | None, database: Database[Document]
) -> None:
    names = ["street", "lane"]
    for name in names:
        fos.create_snapshot(image_dataset(name, 2, persistent=True), "v1")
        fos.load_snapshot(name, "v1")
        fos.revert_dataset_to_snapshot(name, "v1")
    saved, everything = Saved(database), of_ours(database)
    commands = commands_of(_purge)
    if few is not None:
        commands = random.Random(1).sample([c for c in commands if c.writes], few)
    for command in commands:
        saved.bring_back()
        fo.Dataset._instances.clear()
        sleeper = Sleeper(_purge, command.number)
        assert sleeper.is_stopped, command
        lease_runs_out(database)
        if of_ours(database) == everything and command.name != "drop":
            # Where nothing is removed yet, nobody needs to begin anew
            fos.undo_revert(names[0])
        else:
            _purge()
        for name in names:
            fo.load_dataset(name).add_sample(fo.Sample("/media/others.png"))
            fos.create_snapshot(name, "others")
        expected = [World.now(database, name) for name in names]
        outcome = sleeper.wake()
        found = [World.now(database, name) for name in names]
        assert found == expected, f"{command}, {outcome}"
        # The very last one may be sent; it finds nothing of what it was to remove
        assert outcome in {"LeaseLostError", "done"}, command
        fos.recover()
        assert_sound(database)


def _purge() -> None:
    fos.purge(dry_run=False)
