"""The App's server, started by a process with this package: it has the package at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from fiftyone.core.service import ServerService

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.guard import server
from support.datasets import image_dataset
from support.environment import free_port

# Hides the installed package, as where the plugin was only dropped into a folder
HIDDEN = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
import fiftyone as fo
import fiftyone_snapshots
from fiftyone_snapshots.backend.guard import missing
print(missing(), fiftyone_snapshots.__file__)
"""


def test_the_first_page_of_the_server_can_be_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIFTYONE_MODULE_PATH", raising=False)
    dataset = image_dataset("street", persistent=True)
    fos.create_snapshot(dataset, "v1")
    name = fos.load_snapshot(dataset, "v1").name
    service = ServerService(free_port(), address="127.0.0.1")
    try:
        answer = ask(service.port, name)
    finally:
        service.stop()
    assert "errors" not in answer, answer["errors"]
    assert answer["data"]["dataset"]["name"] == name


def ask(port: int, name: str) -> dict[str, Any]:
    query = "query Page($name: String!) { dataset(name: $name) { name } }"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query, "variables": {"name": name}}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


def test_the_package_comes_along_as_a_folder_that_cannot_be_imported_by_name() -> None:
    environment = server.environment(lambda _: {})(None)
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    missing, _, file = done.stdout.strip().rpartition(" ")
    assert missing == "[]"
    assert Path(file) == Path(fos.__file__)


def test_modules_that_the_user_has_named_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fo.config, "module_path", ["theirs", "fiftyone_snapshots"])
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    environment = server.environment(lambda _: {"FIFTYONE_DO_NOT_TRACK": "1"})(None)
    assert environment["FIFTYONE_DO_NOT_TRACK"] == "1"
    named = environment["FIFTYONE_MODULE_PATH"].split(":")
    assert named == ["theirs", "fiftyone_snapshots", "fiftyone_snapshots_server"]
    assert environment["PYTHONPATH"].endswith(f"{os.pathsep}/theirs")
