"""Every verb of the command line: what it does, and what it says to people and to programs."""

from __future__ import annotations

import json
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.cli import output
from support.command_line import Run, in_this_process
from support.crash import killed_at
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.docs import check_console
from support.environment import ROOT
from support.full import Document

NAME = "Füchse 数据集"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset(NAME, 4, persistent=True)


def test_create_list_info(dataset: fo.Dataset, run: Run) -> None:
    ended = run("create", NAME, "v1", "-d", "said of it", "-t", "gold", "--tag", "訓練")
    assert (ended.code, ended.out) == (0, f"Created snapshot 'v1' of '{NAME}' (+4 -0 ~0)\n")
    dataset.tag_samples("x")
    run("create", NAME, "v2")
    listed = run("list", NAME)
    lines = listed.out.splitlines()
    assert lines[0].split() == [
        "snapshot", "created", "by", "samples", "size", "changes", "kept", "tags", "description",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[2:]] == ["v1", "v2"]
    assert lines[2].endswith("gold, 訓練  said of it")
    entries = run("list", NAME, "--json").json
    assert [entry["name"] for entry in entries] == ["v1", "v2"]
    assert entries[1]["changes"]["num_samples_changed"] == 4
    assert entries[0]["tags"] == ["gold", "訓練"]
    everything = run("list", "--json").json
    assert [(item["dataset_name"], item["name"]) for item in everything] == [
        (NAME, "v1"),
        (NAME, "v2"),
    ]
    info = run("info", NAME, "v1", "--json").json
    assert (info["description"], info["load_status"]) == ("said of it", "LOADED")
    assert "said of it" in run("info", NAME, "v1").out
    assert run("list", "nowhere").code == 1


def test_load(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    grouped = grouped_dataset("groups", 2, 2, persistent=True)
    fos.create_snapshot(grouped, "v1")
    data = run("load", NAME, "v1", "--json").json
    assert (data["name"], data["samples"]) == (f"{NAME}@v1", 4)
    assert "größe" in data["fields"]
    assert f"{NAME}@v1" in run("load", NAME, "v1").out
    assert run("load", "groups", "v1", "--json").json["media_type"] == "group"


def test_edit_and_tags(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1", "old")
    assert run("edit", NAME, "v1", "--name", "w1").code == 0
    assert run("edit", NAME, "w1", "--json").json["description"] == "old"
    assert run("edit", NAME, "w1").out == "Nothing was changed: say --name or --description\n"
    assert run("edit", NAME, "w1", "-d", "new", "--json").json["description"] == "new"
    assert run("edit", NAME, "w1", "-d", "", "--json").json["description"] is None
    assert run("tag", NAME, "w1", "a", "b", "--json").json["tags"] == ["a", "b"]
    assert run("untag", NAME, "w1", "a").out == "Its tags are: b\n"
    nothing = f"Nothing was done: snapshot 'w1' of '{NAME}' "
    assert run("untag", NAME, "w1", "a").out == f"{nothing}has none of these tags\n"
    assert run("tag", NAME, "w1", "b").out == f"{nothing}has these tags already\n"
    assert run("edit", NAME, "w1", "--name", "w1").out == f"{nothing}is that already\n"


def test_delete_restore_and_empty(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    preview = run("delete", NAME, "v1", "--dry-run")
    assert (preview.code, fos.list_snapshots(NAME)) == (0, ["v1"])
    assert preview.out.startswith("Would delete snapshot 'v1'")
    assert run("delete", NAME, "v1", "--dry-run", "--yes").code == 0
    assert fos.list_snapshots(NAME) == ["v1"]
    deleted = run("delete", NAME, "v1", "--yes")
    assert "can be restored until" in deleted.out
    assert fos.list_snapshots(NAME) == []
    assert run("restore", NAME, "v1").code == 0
    again = run("delete", NAME, "v1", "--yes", "--json").json
    assert (again["snapshot_name"], again["restorable"]) == ("v1", True)
    (item,) = run("trash", NAME, "--json").json
    assert (item["kind"], item["name"]) == ("snapshot", "v1")
    assert run("empty-trash", NAME, "-n", "--json").json == [item]
    assert "Would destroy for good:" in run("empty-trash", NAME, "-n").out
    assert run("empty-trash", NAME, "-y", "--json").json == [item]
    assert run("trash").out == "The trash is empty\n"
    assert run("delete", NAME, "v1", "-n").code == 1


def test_delete_without_a_trash_says_so(
    dataset: fo.Dataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.create_snapshot(dataset, "v1")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", "0")
    assert run("delete", NAME, "v1", "--yes").out == "Deleted snapshot 'v1' for good\n"


def test_revert_and_undo(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.delete_samples([dataset.first().id])
    dataset.add_sample_field("neu", fo.StringField)
    fos.create_snapshot(dataset, "v2")
    plan = run("revert", NAME, "v1", "--dry-run", "--json").json
    assert (plan["samples_to_add_back"], plan["snapshots_to_delete"]) == (1, ["v2"])
    text = run("revert", NAME, "v1", "-n").out
    assert "1 samples come back" in text
    assert "fields that are removed: neu" in text
    assert len(dataset) == 3
    assert "undo-revert" in run("revert", NAME, "v1", "-y").out
    assert (len(dataset), fos.list_snapshots(NAME)) == (4, ["v1"])
    assert run("undo-revert", NAME, "--json").json["snapshots"] == ["v1", "v2"]
    assert len(dataset) == 3


def test_restore_samples(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    ids = dataset.values("id")
    dataset.delete_samples(ids[:1])
    dataset.set_values("größe", [99.0] * 3)
    assert run("restore-samples", NAME, "v1", ids[0], "--json").json["samples_added"] == 1
    ended = run("restore-samples", NAME, "v1", *ids, "-f", "größe", "--json")
    assert ended.json["samples_changed"] == 3
    assert sorted(dataset.values("größe")) == [0.0, 1.0, 2.0, 3.0]


def test_comparing(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    assert run("diff", NAME, "v1", "--exit-code").code == 0
    assert run("changes", NAME, "--cached").out == "+0 -0 ~0, 4 samples\n"
    first = dataset.first()
    first["weather"].label = "foggy"
    first.save()
    assert run("diff", NAME, "v1").code == 0
    different = run("diff", NAME, "v1", "--exit-code", "--json")
    assert (different.code, different.json["changed"]) == (3, 1)
    assert run("changes", NAME, "--exit-code").code == 3
    assert run("changes", NAME, "--json").json["num_samples_changed"] == 1
    fos.create_snapshot(dataset, "v2")
    assert "foggy" in run("diff", NAME, "v1", "v2").out
    history = run("history", NAME, first.id, "--json").json
    assert "v2" in json.dumps(history)
    assert "v2" in run("history", NAME, first.id).out
    assert run("history", NAME, first["weather"].id, "--label").code == 0
    assert run("history", NAME, "0" * 24).code == 1


def test_verify(
    dataset: fo.Dataset,
    run: Run,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With it, what damages one snapshot leaves the others alone
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "duplication")
    assert run("verify", NAME).out == "No snapshots\n"
    for name in ("v1", "v2"):
        fos.create_snapshot(dataset, name)
    assert run("verify", NAME, "v1").code == 0
    record = database["snapshots.catalog"].find_one({"name": "v2"})
    assert record is not None
    database[f"snapshots.masters.{record['_id']}.samples"].delete_one({})
    damaged = run("verify", NAME, "--json")
    assert damaged.code == 3
    assert [report["ok"] for report in damaged.json] == [True, False]
    assert "DAMAGED" in run("verify").out


def test_search(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "第一版", tags=["gold"])
    fos.create_snapshot(video_dataset("videos", 1, 1, persistent=True), "v1")

    def found(*arguments: str) -> list[str]:
        return [item["name"] for item in run("search", *arguments, "--json").json]

    assert found() == ["v1", "第一版"]
    assert found("第一") == ["第一版"]
    assert found("--tag", "gold") == ["第一版"]
    assert found("--since", "2020-01-01", "--label", "turn") == ["v1"]
    assert found("--until", "2020-01-01T12:00:00") == []
    assert found("--field", "frames.objects") == ["v1"]
    assert found("--contains-sample", dataset.first().id) == ["第一版"]
    assert found("--created-by", "nobody else") == []
    assert run("search", "--since", "yesterday").code == 2
    assert run("search", "--contains-sample", "x").code == 1
    assert "第一版" in run("search").out


def test_naming_and_lineage(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    address = run("uri", NAME, "v1").out.strip()
    assert address == fos.snapshot_uri(NAME, "v1")
    resolved = run("resolve", address, "--json").json
    assert (resolved["dataset_name"], resolved["snapshot_name"]) == (NAME, "v1")
    assert (resolved["dataset"], resolved["snapshot"]) == (NAME, "v1")
    assert run("resolve", "v1").code == 1
    assert run("hash", NAME).out == run("hash", NAME, "v1").out
    assert run("lineage", NAME).out == "Nothing is known\n"
    dataset.register_run("run", dataset.init_run(method="x"))
    (known,) = run("lineage", NAME, "run", "--json").json
    assert (known["snapshot_name"], known["head"], known["kind"]) == ("v1", "equal", "custom")
    assert "equal" in run("lineage", NAME).out


def test_operations(dataset: fo.Dataset, run: Run, database: Database[Document]) -> None:
    assert killed_at("create.captured", lambda: fos.create_snapshot(NAME, "v1"))
    ended = run("recover", "--json")
    assert ended.json == {"operations": 1, "deleted_datasets": 0, "stray_collections": 0}
    assert run("operations", NAME).out == "Nothing is under way\n"
    (entry,) = run("operations", NAME, "--ended-within", "600", "--json").json
    assert (entry["verb"], entry["state"]) == ("create", "undone")
    assert run("operation", entry["id"]).out == "create: undone\n"
    assert run("cancel", entry["id"], "--json").json == {"cancelled": False}
    assert run("operation", "x").code == 1


def test_clone(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    cloned = run("clone", NAME, "v1", "copy", "--json").json
    assert (cloned["dataset_name"], cloned["sample_count"]) == ("copy", 4)
    assert fo.dataset_exists("copy")
    again = run("clone", NAME, "v1", "copy")
    assert (again.code, again.out) == (1, "")
    assert "copy" in again.err


def test_convert(dataset: fo.Dataset, run: Run, database: Database[Document]) -> None:
    fos.create_snapshot(dataset, "v1")
    (used,) = database["snapshots.catalog"].distinct("backend")
    other = "duplication" if used == "delta" else "delta"
    assert run("convert", NAME, other).out == f"Moved 1 snapshots of '{NAME}' to {other}\n"
    assert run("convert", NAME, other, "--json").json == {
        "dataset_name": NAME,
        "backend": other,
        "moved": 0,
    }
    assert database["snapshots.catalog"].distinct("backend") == [other]
    assert run("create", NAME, "v2", "--trust-timestamps").code == 0
    unknown = run("convert", NAME, "git")
    assert (unknown.code, unknown.out) == (1, "")
    assert "git" in unknown.err


def test_archive_and_bring_back(
    dataset: fo.Dataset, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.create_snapshot(NAME, "v1")
    assert "FIFTYONE_SNAPSHOTS_ARCHIVE_PATH" in run("archive", NAME, "v1").err
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    assert run("archive", NAME, "v1", "--json").json["is_archived"] is True
    assert run("archive", NAME, "v1").out.startswith("Nothing was done: ")
    assert run("info", NAME, "v1", "--json").json["is_archived"]
    fos.pin_snapshot(NAME, "v1")
    assert "  archived, pinned" in run("list", NAME).out
    assert run("load", NAME, "v1").code == output.FAILED
    assert run("unarchive", NAME, "v1", "--json").json["is_archived"] is False
    assert run("unarchive", NAME, "v1").out.startswith("Nothing was done: ")
    assert run("unarchive", NAME, "v2").code == output.FAILED
    assert run("load", NAME, "v1").code == output.DONE


def test_export_and_import(dataset: fo.Dataset, run: Run, tmp_path: Path) -> None:
    fos.create_snapshot(NAME, "v1")
    path = tmp_path / "v1.tar"
    exported = run("export", NAME, "v1", str(path), "--json").json
    assert exported == {"path": str(path), "size_bytes": path.stat().st_size}
    fo.delete_dataset(NAME)
    assert run("import", str(path), "--dataset-name", "again", "--json").json["name"] == "v1"
    assert fos.list_snapshots("again") == ["v1"]


def test_pin_and_prune(dataset: fo.Dataset, run: Run) -> None:
    for name in ("v1", "v2", "v3"):
        fos.create_snapshot(NAME, name)
    nothing = f"Nothing was done: snapshot 'v1' of '{NAME}' is"
    assert run("unpin", NAME, "v1").out == f"{nothing} not pinned\n"
    assert run("pin", NAME, "v1", "--json").json["is_pinned"]
    assert run("pin", NAME, "v1").out == f"{nothing} pinned\n"
    planned = run("prune", NAME, "--keep-last", "1", "--dry-run", "--json").json
    assert [snapshot["name"] for snapshot in planned["pruned"]] == ["v2"]
    assert run("prune", NAME, "--keep-last", "1").code == output.USAGE
    assert fos.list_snapshots(NAME) == ["v1", "v2", "v3"]
    assert run("unpin", NAME, "v1").code == output.DONE
    assert run("prune", NAME, "--older-than", "1", "--yes").code == output.DONE
    assert fos.list_snapshots(NAME) == ["v1", "v2", "v3"]
    assert run("prune", NAME, "--keep-last", "1", "--yes").code == output.DONE
    assert fos.list_snapshots(NAME) == ["v3"]


def test_the_documentation(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "anna")
    (tmp_path / "archives").mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path / "archives"))
    monkeypatch.chdir(tmp_path)
    digits = image_dataset("digits", 10, persistent=True)
    fo.Dataset("spare", persistent=True)

    def edit() -> None:
        digits.delete_samples(digits.limit(2).values("id"))
        digits.match(fo.ViewField("weather.label") == "sunny").set_values(
            "weather.label", ["cloudy"] * digits.count_values("weather.label")["sunny"]
        )

    check_console(ROOT / "docs" / "command-line.md", run, edit)


def test_restoring_samples_and_taking_that_back(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.tag_samples("edited")
    assert "undo-restore" in run("restore-samples", NAME, "v1", dataset.first().id).out
    assert "before restoring from v1" in run("trash", NAME).out
    assert "1 samples are what they were" in run("undo-restore", NAME).out
    assert dataset.count_sample_tags()["edited"] == 4
