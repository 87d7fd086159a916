"""The doctor finds what is wrong, says what to do, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import fiftyone as fo
import fiftyone.core.dataset as fod
import fiftyone.plugins as fop
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.crash import Child, Gate, killed_at
from support.datasets import image_dataset
from support.full import Document

NAME = "digits"


@pytest.fixture
def dataset() -> fo.Dataset:
    dataset = image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(dataset, "v1")
    return dataset


def found(subject: str) -> list[fos.Finding]:
    return [item for item in fos.diagnose().findings if item.subject == subject]


def the_problem(subject: str) -> fos.Finding:
    diagnosis = fos.diagnose()
    assert not diagnosis
    (problem,) = diagnosis.problems
    assert problem.subject == subject, problem
    assert problem.advice
    assert f"problem  {subject}: {problem.message}" in str(diagnosis)
    return problem


def test_a_healthy_installation(
    dataset: fo.Dataset, installed_plugin: Path, database: Database[Document]
) -> None:
    before = {name: list(database[name].find()) for name in database.list_collection_names()}
    diagnosis = fos.diagnose()
    after = {name: list(database[name].find()) for name in database.list_collection_names()}
    assert diagnosis, str(diagnosis)
    assert before == after
    subjects = {item.subject for item in diagnosis.findings}
    assert subjects >= {"versions", "package", "hooks", "plugin", "settings", "server", "disk"}
    assert subjects >= {"snapshots", "orphans"}
    (server,) = found("server")
    assert database.client.server_info()["version"] in server.message
    assert "wiredTiger" in server.message
    (plugin,) = found("plugin")
    assert plugin.severity is fos.Severity.OK


def test_an_empty_database() -> None:
    assert fos.diagnose()


def test_no_plugin_is_no_problem(dataset: fo.Dataset) -> None:
    (plugin,) = found("plugin")
    assert plugin.severity is fos.Severity.NOTE
    assert "ln -s" in plugin.advice


def test_a_disabled_plugin(installed_plugin: Path) -> None:
    settings = Path(os.environ["FIFTYONE_CONFIG_PATH"]).parent
    settings.mkdir(exist_ok=True)
    fop.disable_plugin("@snapshots/versioning")
    try:
        assert "plugins enable" in the_problem("plugin").advice
    finally:
        fop.enable_plugin("@snapshots/versioning")
        (settings / "app_config.json").unlink()


def test_another_copy_as_plugin(plugins_dir: Path) -> None:
    copies = [plugins_dir / name for name in ("one", "two")]
    try:
        for number, copy in enumerate(copies):
            copy.mkdir()
            shutil.copy(Path(fos.__file__).parent / "fiftyone.yml", copy)
            (copy / "__init__.py").write_text("def register(plugin): pass\n")
            if number == 0:
                (plugin,) = found("plugin")
                assert plugin.severity is fos.Severity.NOTE
                assert "another copy" in plugin.message
        assert "2" in the_problem("plugin").message
    finally:
        for copy in copies:
            shutil.rmtree(copy, ignore_errors=True)


def test_a_hook_that_somebody_has_replaced(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fod, "load_dataset", lambda name: None)
    assert "load_dataset" in the_problem("hooks").message


def test_two_copies_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sys.modules,
        "elsewhere.backend.operations.journal",
        sys.modules["fiftyone_snapshots.backend.operations.journal"],
    )
    assert "elsewhere" in the_problem("package").message


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [("MAX_IN_DB", "many", "MAX_IN_DB"), ("BACKEND", "punchcards", "punchcards")],
)
def test_settings(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str) -> None:
    monkeypatch.setenv(f"FIFTYONE_SNAPSHOTS_{variable}", value)
    assert any(
        item.subject == "settings" and says in item.message for item in fos.diagnose().problems
    )


def test_a_policy_that_lets_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "policy.yml"
    path.write_text("datasets: {street: {anna: view}}")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", str(path))
    (policy,) = found("policy")
    assert str(path) in policy.message
    path.write_text("datasets: {street: {anna: emperor}}")
    assert "emperor" in the_problem("policy").message


def test_archives(
    dataset: fo.Dataset,
    database: Database[Document],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert found("archives") == []
    folder = tmp_path / "archives"
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(folder))
    assert "does not exist" in the_problem("archives").message
    folder.mkdir()
    (archives,) = found("archives")
    assert archives.message == str(folder)

    fos.archive_snapshot(dataset, "v1")
    (snapshots,) = found("snapshots")
    assert "1 of them archived" in snapshots.message
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_IN_DB", "1")
    assert found("limit") == []

    # It cannot be removed while its store is away
    folder.rename(tmp_path / "away")
    fos.delete_snapshot(dataset, "v1")
    fos.empty_trash(dataset)
    (tmp_path / "away").rename(folder)
    assert "1 archives that nobody needs" in the_problem("orphans").message
    fos.recover()
    assert fos.diagnose()
    assert list(folder.iterdir()) == []


def test_a_limit_that_is_reached(dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_IN_DB", "1")
    (limit,) = found("limit")
    assert limit.severity is fos.Severity.NOTE


def test_a_server_that_cannot_be_reached() -> None:
    command = Path(sys.executable).with_name("fiftyone-snapshots")
    address = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"
    ended = subprocess.run(
        [command, "doctor", "--json"],
        env={**os.environ, "FIFTYONE_DATABASE_URI": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 3, ended.stderr
    (server,) = (f for f in json.loads(ended.stdout)["findings"] if f["subject"] == "server")
    assert server["severity"] == "problem"
    assert "FIFTYONE_DATABASE_URI" in server["message"]


def test_an_operation_that_died(dataset: fo.Dataset, database: Database[Document]) -> None:
    assert killed_at("create.captured", lambda: fos.create_snapshot(NAME, "v2"))
    assert "create of 'digits'" in the_problem("operation").message
    assert database["snapshots.journal"].count_documents({"state": "running"}) == 1
    (lease,) = found("lease")
    assert lease.severity is fos.Severity.NOTE
    assert fos.recover().operations == 1
    assert fos.diagnose()


def test_an_operation_that_is_under_way(dataset: fo.Dataset) -> None:
    gate = Gate()

    def create() -> None:
        with faults.arm("create.captured", gate.stop):
            fos.create_snapshot(NAME, "v2")

    with Child(create) as child:
        gate.wait()
        (operation,) = found("operation")
        assert operation.severity is fos.Severity.NOTE
        assert "under way" in operation.message
        assert fos.diagnose()
        gate.open()
        child.result()


def test_orphans(dataset: fo.Dataset, database: Database[Document]) -> None:
    database[f"snapshots.masters.{ObjectId()}.samples"].insert_one({})
    database["snapshots.manifests"].insert_one(
        {"snapshot_id": ObjectId(), "part": "samples", "number": 0}
    )
    assert "2 things" in the_problem("orphans").message
    fos.recover()
    assert fos.diagnose()


def test_a_dataset_deleted_by_others(dataset: fo.Dataset, database: Database[Document]) -> None:
    document = database["datasets"].find_one_and_delete({"name": NAME})
    assert document is not None
    database.drop_collection(document["sample_collection_name"])
    fod.Dataset._instances.clear()
    assert "deleted datasets" in the_problem("orphans").message
    assert fos.recover().deleted_datasets == 1
    assert fos.diagnose()


def test_damaged_and_foreign_records(dataset: fo.Dataset, database: Database[Document]) -> None:
    manifests = list(database["snapshots.manifests"].find())
    database["snapshots.manifests"].delete_many({})
    assert "manifest is gone" in the_problem("snapshot 'v1'").message
    database["snapshots.manifests"].insert_many(manifests)
    database["snapshots.catalog"].update_one({}, {"$set": {"backend": "punchcards"}})
    assert "punchcards" in the_problem("snapshot 'v1'").message
    database["snapshots.catalog"].update_one({}, {"$set": {"format": 99}})
    assert "format 99" in the_problem("snapshots").message
