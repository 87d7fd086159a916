"""The panel shows at each snapshot the runs of MLflow that used it, and waits for nobody."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.errors import TrackerError
from fiftyone_snapshots.backend.trackers import mlflow as tracker
from fiftyone_snapshots.backend.trackers import noticed
from support.datasets import image_dataset
from support.panel import Panel

NAME = "Füchse 数据集"

pytestmark = pytest.mark.usefixtures("installed_plugin")


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return pytest.importorskip("mlflow")


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    made.tag_samples("x")
    fos.create_snapshot(NAME, "v2")
    return made


def answered() -> None:
    """Waits for the threads that ask the tracker."""
    for thread in threading.enumerate():
        if getattr(thread, "_target", None) is noticed._ask:
            thread.join()


def trained(mlflow: Any, snapshot: str) -> str:
    with mlflow.start_run(run_name="detector") as begun:
        mlflow.log_input(fos.mlflow_dataset(NAME, snapshot), context="training")
        mlflow.log_metric("mAP", 0.5)
    return f"mlflow:{begun.info.run_id}"


def test_runs_that_used_a_snapshot_are_shown_at_it(mlflow: Any, dataset: fo.Dataset) -> None:
    run = trained(mlflow, "v1")
    # Nobody waits: what is not known yet, is not shown yet
    assert not Panel(NAME).runs
    answered()
    assert Panel(NAME).runs == [f"{run} 'detector': training, finished"]


def test_there_is_something_new_to_see_when_the_tracker_has_answered(
    mlflow: Any, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version() -> Any:
        return Panel(NAME).find("watch")["view"]["version"]  # type: ignore[index]

    version()
    answered()
    before = version()
    trained(mlflow, "v2")
    # What was asked a moment ago is not asked again
    assert (version(), answered(), version()) == (before, None, before)
    monkeypatch.setattr(noticed, "_FRESH_SECONDS", -1)
    version()
    answered()
    assert version() != before
    assert Panel(NAME).runs
    answered()


def test_a_tracker_that_does_not_answer_is_no_matter(
    mlflow: Any, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(mlflow, "v1")
    Panel(NAME)
    answered()
    asked: list[str] = []

    def fail(address: str) -> list[Any]:
        asked.append(address)
        raise TrackerError("MLflow does not answer")

    monkeypatch.setattr(tracker, "runs_on", fail)
    monkeypatch.setattr(noticed, "_FRESH_SECONDS", -1)
    Panel(NAME)
    answered()
    # What was known stays, and the other one is not waited for as long
    assert Panel(NAME).runs
    answered()
    assert len(set(asked)) == 1


def test_where_no_tracker_is_set_none_of_its_runs_are_shown(
    mlflow: Any, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(mlflow, "v1")
    Panel(NAME)
    answered()
    assert Panel(NAME).runs
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert not Panel(NAME).runs


def test_without_an_address_nothing_is_imported(tmp_path: Path, dataset: fo.Dataset) -> None:
    asked = [noticed.is_set(), [each.name for each in threading.enumerate()]]
    Panel(NAME)
    assert asked == [False, [each.name for each in threading.enumerate()]]
    program = (
        "import sys, fiftyone_snapshots.panels, fiftyone_snapshots.backend.trackers.noticed; "
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_an_address_of_a_snapshot_is_found_once(
    mlflow: Any, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    Panel(NAME)
    answered()
    monkeypatch.setattr(noticed, "_FRESH_SECONDS", -1)
    read: list[object] = []
    original: Callable[..., str] = noticed.uri.uri
    monkeypatch.setattr(noticed.uri, "uri", lambda *a, **k: read.append(a) or original(*a, **k))
    Panel(NAME)
    answered()
    assert read == []
