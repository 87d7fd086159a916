"""With MongoDB's own users: who may only read snapshots cannot write them, by any means."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pymongo
import pytest
from pymongo.errors import OperationFailure

from support.environment import ROOT
from support.mongod import Mongod

DATABASE = "shared"

MANAGER = """
import fiftyone as fo
import fiftyone_snapshots as fos
from support.datasets import image_dataset, video_dataset

dataset = image_dataset("street", 6, persistent=True)
dataset.save_view("sunny", dataset.match(fo.ViewField("weather.label") == "sunny"))
dataset.register_run("first", dataset.init_run(method="x"))
dataset.save_run_results("first", dataset.init_run_results("first", numbers=[1, 2, 3]))
fos.create_snapshot(dataset, "v1")
video = video_dataset("film", 2, 3, persistent=True)
fos.create_snapshot(video, "v1")
fos.delete_snapshot(video, "v1")
fos.restore_snapshot(video, "v1")
print(json.dumps(fos.mongodb_role("snapshot_readers")))
"""

EDITOR = """
import fiftyone as fo
import fiftyone_snapshots as fos

dataset = fo.load_dataset("street")
dataset.tag_samples("seen")
dataset.set_values("score", [1.0] * len(dataset))
dataset.delete_samples(dataset.last().id)
dataset.save_view("few", dataset.limit(2))

told = {}
snapshot = fo.load_dataset("street", snapshot="v1")
told["samples"] = len(snapshot)
told["view"] = len(snapshot.load_saved_view("sunny"))
told["results"] = snapshot.load_run_results("first").numbers
told["frames"] = fo.load_dataset("film", snapshot="v1").count("frames")
told["listed"] = fos.list_snapshots("street")
told["changes"] = fos.diff("street", "v1", progress=False).deleted.__len__()
told["verified"] = bool(fos.verify_snapshot("street", "v1"))
told["browsed"] = fos.get_history("street").total

refused = {}
for name, act in {
    "create": lambda: fos.create_snapshot("street", "v2"),
    "delete": lambda: fos.delete_snapshot("street", "v1"),
    "revert": lambda: fos.revert_dataset_to_snapshot("street", "v1"),
    "edit": lambda: fos.edit_snapshot("street", "v1", description="x"),
    "empty_trash": lambda: fos.empty_trash("film"),
}.items():
    try:
        act()
    except fos.SnapshotPermissionError as error:
        refused[name] = str(error)
told["refused"] = refused
try:
    told["patches"] = len(dataset.to_patches("ground_truth"))
except Exception as error:
    told["patches"] = str(error)[:14]
told["events"] = [[e.action, e.outcome.value] for e in fos.list_events()][::-1]
told["log"] = bool(fos.verify_audit_log())
print(json.dumps(told))
"""


pytestmark = pytest.mark.lengthy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    with Mongod(tmp_path_factory.mktemp("auth") / "db", auth=True) as server:
        yield server


@pytest.fixture(scope="module")
def run(server: Mongod, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Any]:
    """Runs a program as a user of MongoDB's; returns what it prints."""
    home = tmp_path_factory.mktemp("home")

    def run(program: str, uri: str) -> Any:
        environment = {
            **os.environ,
            "HOME": str(home),
            "FIFTYONE_DATABASE_URI": uri,
            "FIFTYONE_DATABASE_NAME": DATABASE,
            "FIFTYONE_SNAPSHOTS_BACKEND": "duplication",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), os.environ["PYTHONPATH"]]),
        }
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", "import json\n" + program],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert "not authorized" not in ended.stderr, "something is tried that is not allowed"
        return json.loads(ended.stdout.strip().splitlines()[-1])

    return run


@pytest.fixture(scope="module")
def editor(server: Mongod, run: Callable[[str, str], Any]) -> str:
    """The address of somebody who may edit datasets and read snapshots."""
    command = run(MANAGER, server.uri)
    with server.client() as client:
        client[DATABASE].command(command)
        roles = [{"role": "snapshot_readers", "db": DATABASE}]
        client[DATABASE].command("createUser", "anna", pwd="pass", roles=roles)
    return f"mongodb://anna:pass@{server.address}/?authSource={DATABASE}"


@pytest.fixture(scope="module")
def told(editor: str, run: Callable[[str, str], Any]) -> Any:
    """What the editor's program has found."""
    return run(EDITOR, editor)


def test_a_reader_edits_datasets_and_loads_snapshots(told: Any) -> None:
    assert told["samples"] == 6
    assert told["view"] > 0
    assert told["results"] == [1, 2, 3]
    assert told["frames"] == 6
    assert told["listed"] == ["v1"]
    assert told["changes"] == 1
    assert told["verified"] is True
    assert told["browsed"] == 1


def test_what_needs_new_collections_is_not_theirs(told: Any) -> None:
    assert told["patches"] == "not authorized"


@pytest.mark.parametrize("action", ["create", "delete", "revert", "edit", "empty_trash"])
def test_what_they_may_not_is_refused_by_mongodb_with_a_clear_error(
    told: Any, action: str
) -> None:
    message = told["refused"][action]
    assert message.startswith("MongoDB does not let this process ")
    assert "not authorized" in message


def test_what_they_did_is_in_the_log(told: Any, server: Mongod) -> None:
    assert told["events"][-6:] == [
        ["load", "done"],
        ["create", "refused"],
        ["delete", "refused"],
        ["revert", "refused"],
        ["edit", "refused"],
        ["empty_trash", "refused"],
    ]
    assert told["log"] is True


def test_nothing_of_the_package_is_theirs_to_write(told: Any, editor: str) -> None:
    with pymongo.MongoClient[dict[str, Any]](editor) as client:
        database = client[DATABASE]
        names = [name for name in database.list_collection_names() if "snapshots." in name]
        masters = [name for name in names if name.startswith("snapshots.masters.")]
        assert masters
        for name in names:
            attempts: dict[str, Callable[[], object]] = {
                "insert": lambda name=name: database[name].insert_one({}),
                "update": lambda name=name: database[name].update_many({}, {"$set": {"a": 1}}),
                "delete": lambda name=name: database[name].delete_many({}),
                "drop": lambda name=name: database.drop_collection(name),
                "rename": lambda name=name: database[name].rename("mine"),
                "index": lambda name=name: database[name].create_index("a"),
                "out": lambda name=name: database["datasets"].aggregate([{"$out": name}]),
                "change": lambda name=name: database.command("collMod", name, viewOn="x"),
            }
            for attempt, act in attempts.items():
                if (name, attempt) in {
                    ("snapshots.audit", "insert"),
                    ("snapshots.audit_head", "insert"),
                    ("snapshots.audit_head", "update"),
                }:
                    continue
                with pytest.raises(OperationFailure, match=r"not authorized|is a view|on a view"):
                    act()


def test_the_role_has_to_be_made_anew_for_new_datasets(
    server: Mongod, told: Any, editor: str, run: Callable[[str, str], Any]
) -> None:
    program = """
import fiftyone as fo
from pymongo.errors import OperationFailure
try:
    fo.load_dataset("new").set_values("score", [2.0])
    print(json.dumps("edited"))
except OperationFailure as error:
    print(json.dumps("refused"))
"""
    command = run(
        "import fiftyone_snapshots as fos\nfrom support.datasets import image_dataset\n"
        "image_dataset('new', 1, persistent=True)\n"
        "print(json.dumps(fos.mongodb_role('snapshot_readers')))",
        server.uri,
    )
    assert run(program, editor) == "refused"
    with server.client() as client:
        command = {"updateRole": command.pop("createRole"), **command}
        client[DATABASE].command(command)
    assert run(program, editor) == "edited"


def test_of_the_delta_backend_they_load_what_others_have_opened(
    server: Mongod, told: Any, editor: str, run: Callable[[str, str], Any]
) -> None:
    run(
        "import os; os.environ['FIFTYONE_SNAPSHOTS_BACKEND'] = 'delta'\n"
        "import fiftyone_snapshots as fos\nfrom support.datasets import image_dataset\n"
        "for name in ('open', 'closed'):\n"
        "    dataset = image_dataset(name, 3, persistent=True)\n"
        "    fos.create_snapshot(dataset, 'v1')\n"
        "fos.load_snapshot('open', 'v1')\nprint(json.dumps(None))",
        server.uri,
    )
    program = """
import fiftyone as fo
import fiftyone_snapshots as fos
found = {}
for name in ("open", "closed"):
    try:
        found[name] = len(fo.load_dataset(name, snapshot="v1"))
    except fos.SnapshotPermissionError as error:
        found[name] = "refused"
print(json.dumps(found))
"""
    assert run(program, editor) == {"open": 3, "closed": "refused"}
