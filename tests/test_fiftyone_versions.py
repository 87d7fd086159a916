"""Snapshots taken with an older FiftyOne are still good with this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from support.environment import ROOT

OLDER = "fiftyone==1.21.*"

CAPTURE = """
import json
import fiftyone as fo
import fiftyone.constants as foc
import fiftyone_snapshots as fos
from support.datasets import grouped_dataset, image_dataset, video_dataset

state = {}
for make in (grouped_dataset, image_dataset, video_dataset):
    dataset = make(make.__name__, persistent=True)
    dataset.save_view("kept", dataset.limit(1))
    if dataset.media_type == "image":
        dataset.evaluate_detections("ground_truth", "ground_truth", eval_key="kept")
    fos.create_snapshot(dataset, "old")
    assert len(fos.load_snapshot(dataset, "old")) == len(dataset)
    state[dataset.name] = dataset.values("id")
print(json.dumps({"version": foc.VERSION, "state": state}))
"""

USE = """
import json
import sys
import fiftyone as fo
import fiftyone.constants as foc
import fiftyone_snapshots as fos

for name, ids in json.loads(sys.argv[1]).items():
    snapshot = fo.load_dataset(name, snapshot="old")
    assert snapshot.values("id") == ids
    assert [sample.id for sample in snapshot] == ids
    assert snapshot.count("tags") > 0 and snapshot.summary()
    assert len(snapshot.load_saved_view("kept")) == 1
    if snapshot.media_type == "image":
        assert snapshot.load_evaluation_results("kept") is not None
    assert fos.verify_snapshot(name, "old").ok
    try:
        snapshot.tag_samples("wrong")
        raise AssertionError("a snapshot was edited")
    except PermissionError:
        pass

    dataset = fo.load_dataset(name)
    dataset.delete_sample_field("weather")
    dataset.delete_samples(ids[:1])
    fos.create_snapshot(dataset, "new")
    fos.revert_dataset_to_snapshot(name, "old")
    dataset.reload()
    assert dataset.values("id") == ids and dataset.has_field("weather")
    dataset.tag_samples("right")
print(json.dumps({"version": foc.VERSION}))
"""


@pytest.fixture
def older_python(tmp_path: Path) -> Path:
    """A Python that has an older FiftyOne, and this package."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    # The releases that we develop with, as far as FiftyOne wants them as well
    lock = (ROOT / "requirements.lock").read_text()
    pins = [line.split()[0] for line in lock.splitlines() if "==" in line.split("#")[0]]
    constraints = tmp_path / "constraints.txt"
    unwanted = ("fiftyone==", "fiftyone-")
    constraints.write_text("\n".join(pin for pin in pins if not pin.startswith(unwanted)))
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "-c", constraints, OLDER], check=True
    )
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "fiftyone_snapshots").symlink_to(ROOT, target_is_directory=True)
    return python


@pytest.fixture
def database_name(database: Database[dict[str, Any]]) -> Iterator[str]:
    """A database that no newer FiftyOne has seen."""
    name = f"{database.name}_versions"
    yield name
    database.client.drop_database(name)


@pytest.mark.long
def test_a_snapshot_of_an_older_fiftyone_loads_verifies_and_reverts(
    older_python: Path, database_name: str
) -> None:
    captured = _run(older_python, CAPTURE, database=database_name)
    used = _run(Path(sys.executable), USE, json.dumps(captured["state"]), database=database_name)
    assert captured["version"].startswith("1.21.")
    assert used["version"].startswith("1.22.")
    # The newer one migrated the dataset, not what was captured
    again = _run(older_python, "print('{}')", database=database_name)
    assert again == {}


def _run(python: Path, program: str, *arguments: str, database: str) -> dict[str, Any]:
    packages = python.parents[2] / "packages"
    environment = {
        **os.environ,
        "FIFTYONE_DATABASE_NAME": database,
        "PYTHONPATH": os.pathsep.join([str(packages), str(ROOT / "tests")]),
    }
    done = subprocess.run(
        [python, "-c", program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
