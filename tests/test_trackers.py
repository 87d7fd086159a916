"""Runs of experiment trackers: which used a version, and which version one used. A real MLflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.access import Level
from support.command_line import Run, in_this_process
from support.datasets import image_dataset
from support.docs import check_python
from support.environment import ROOT
from support.permissions import allow

NAME = "Straße"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


# In folders of their own, as `make test-clients` puts them; at the end, as what FiftyOne needs
# comes first, and before MLflow is imported, which then looks once what there is
sys.path += filter(None, map(os.environ.get, ("SNAPSHOTS_TEST_WANDB", "SNAPSHOTS_TEST_MLFLOW")))
CLIENTS = "is not installed: make test-clients"


@pytest.fixture(params=["files", "SQLite"])
def mlflow(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow with a store of files, and with one of SQL; neither needs a server."""
    uri = (tmp_path / "runs").as_uri()
    if request.param == "SQLite":
        pytest.importorskip("alembic", reason=f"SQLAlchemy {CLIENTS}")
        uri = f"sqlite:///{tmp_path / 'runs.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return pytest.importorskip("mlflow")


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    made = image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    made.tag_samples("x")
    fos.create_snapshot(NAME, "v2")
    return made


def trained(mlflow: Any, context: str | None = "training", *snapshots: str) -> str:
    """Logs a run on some snapshots, and returns its address."""
    with mlflow.start_run(run_name="detector") as begun:
        for snapshot in snapshots or ("v1",):
            mlflow.log_input(fos.mlflow_dataset(NAME, snapshot), context=context)
    return f"mlflow:{begun.info.run_id}"


def test_from_a_run_to_the_version_and_back(mlflow: Any, dataset: fo.Dataset, run: Run) -> None:
    address = fos.snapshot_uri(NAME, "v1", names=False)
    noted = trained(mlflow)
    logged = mlflow.get_run(noted.partition(":")[2]).inputs.dataset_inputs[0]
    assert (logged.dataset.name, len(logged.dataset.digest)) == (f"{NAME}@v1", 32)
    assert logged.dataset.digest in fos.content_hash(NAME, "v1")
    assert json.loads(logged.dataset.profile) == {"num_samples": 3}
    source = mlflow.data.get_source(logged)
    assert source.uri == address
    opened = source.load()
    assert (opened.name, opened.count_sample_tags().get("x")) == (f"{NAME}@v1", None)
    with pytest.raises(fos.SnapshotReadOnlyError):
        opened.tag_samples("y")
    found = mlflow.search_runs(
        filter_string=f"dataset.digest = '{logged.dataset.digest}'", output_format="list"
    )
    assert [f"mlflow:{item.info.run_id}" for item in found] == [noted]
    assert fos.open_run(noted).name == opened.name
    assert fos.open_run(noted, "training").name == opened.name
    (known,) = fos.list_runs_of(NAME, "v1")
    assert (known.run, known.name, known.status) == (noted, "detector", "FINISHED")
    assert (known.experiment, known.contexts, known.models) == ("Default", ("training",), ())
    assert known.started_at is not None
    assert fos.list_runs_of(NAME, "v2") == []
    assert run("runs", NAME, "v1", "--json").json == [known.to_dict()]
    assert noted in run("runs", NAME, "v1").out
    assert run("runs", NAME, "v2").out == "No runs\n"
    assert run("open-run", noted).out == f"{NAME}@v1\n"
    assert run("open-run", noted, "--context", "test", "--json").code == 1
    assert isinstance(
        mlflow.data.dataset_source_registry.resolve_dataset_source(address), type(source)
    )


def test_a_version_is_known_under_other_names(mlflow: Any, dataset: fo.Dataset) -> None:
    first = trained(mlflow)
    dataset.name = "road"
    fos.edit_snapshot("road", "v1", "w1")
    fos.archive_snapshot("road", "w1")
    with mlflow.start_run() as begun:
        mlflow.log_input(fos.mlflow_dataset("road", "w1"))
    runs = fos.list_runs_of("road", "w1")
    assert {item.run for item in runs} == {first, f"mlflow:{begun.info.run_id}"}
    assert sorted(item.contexts for item in runs) == [(), ("training",)]
    assert fos.open_run(first).name == "road@w1"  # brought back


def test_versions_of_the_same_content_are_told_apart(mlflow: Any, dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v3")  # as v2
    trained(mlflow, "training", "v3")
    assert fos.mlflow_dataset(NAME, "v2").digest == fos.mlflow_dataset(NAME, "v3").digest
    assert fos.list_runs_of(NAME, "v2") == []
    assert len(fos.list_runs_of(NAME, "v3")) == 1


def test_runs_of_all_experiments_and_their_models(mlflow: Any, dataset: fo.Dataset) -> None:
    from mlflow.entities import LoggedModelOutput

    client = mlflow.MlflowClient()
    model = mlflow.initialize_logged_model(name="detector")
    elsewhere = client.create_experiment("elsewhere")
    first = trained(mlflow, "training")
    with mlflow.start_run(experiment_id=elsewhere) as begun:
        mlflow.log_input(fos.mlflow_dataset(NAME, "v1"), context="training")
        mlflow.log_input(fos.mlflow_dataset(NAME, "v1"), context="validation")
    client.log_outputs(begun.info.run_id, [LoggedModelOutput(model.model_id, 0)])
    runs = fos.list_runs_of(NAME, "v1")
    assert [item.experiment for item in runs] == ["elsewhere", "Default"]
    assert runs[0].models == (f"models:/{model.model_id}",)
    client.delete_run(first.partition(":")[2])
    assert len(fos.list_runs_of(NAME, "v1")) == 1


def test_runs_that_lead_to_no_version(mlflow: Any, dataset: fo.Dataset, run: Run) -> None:
    several = trained(mlflow, None, "v1", "v2")
    with pytest.raises(fos.InvalidRequestError, match=r"2 versions.*none has one"):
        fos.open_run(several)
    with pytest.raises(fos.InvalidRequestError, match="no version of a dataset for 'training'"):
        fos.open_run(several, "training")
    with mlflow.start_run() as begun:
        mlflow.log_input(fos.mlflow_dataset(NAME, "v1"), context="training")
        mlflow.log_input(fos.mlflow_dataset(NAME, "v2"), context="validation")
    both = f"mlflow:{begun.info.run_id}"
    with pytest.raises(fos.InvalidRequestError, match=r"context is meant .training, validation"):
        fos.open_run(both)
    assert fos.open_run(both, "validation").name == f"{NAME}@v2"
    with mlflow.start_run() as begun:
        mlflow.log_input(mlflow.data.meta_dataset.MetaDataset(Other({"uri": "s3://x"})))
        mlflow.log_input(mlflow.data.meta_dataset.MetaDataset(Other([])))
    with pytest.raises(fos.InvalidRequestError, match="has logged no version"):
        fos.open_run(f"mlflow:{begun.info.run_id}")
    for unknown in ("mlflow:" + "0" * 32, "mlflow:../x"):
        with pytest.raises(fos.InvalidRequestError, match="There is no run"):
            fos.open_run(unknown)
    for wrong in ("", "mlflow:", "x", "wandb:x"):
        with pytest.raises(fos.InvalidRequestError, match="Not the address of a run"):
            fos.open_run(wrong)
    fos.delete_snapshot(NAME, "v2")
    with pytest.raises(fos.SnapshotNotFoundError, match="in the trash"):
        fos.open_run(both, "validation")
    assert run("open-run", both, "--context", "validation").code == 1


class Other:
    """What others have logged."""

    def __init__(self, told: Any) -> None:
        self.told = told

    def _get_source_type(self) -> str:
        return "other"

    def to_json(self) -> str:
        return json.dumps(self.told)

    def to_dict(self) -> Any:
        return self.told


def test_whoever_may_not_look_at_the_dataset_learns_nothing(
    mlflow: Any, dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    noted = trained(mlflow)
    policy_file(allow(Level.NONE))
    for refused in (
        lambda: fos.list_runs_of(NAME, "v1"),
        lambda: fos.mlflow_dataset(NAME, "v1"),
        lambda: fos.open_run(noted),
    ):
        with pytest.raises(fos.SnapshotPermissionError, match="view"):
            refused()
    policy_file(allow(Level.VIEW))
    assert len(fos.list_runs_of(NAME, "v1")) == 1
    assert fos.open_run(noted).name == fos.mlflow_dataset(NAME, "v1").name


def test_a_tracker_that_does_not_answer(
    mlflow: Any, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    for asked in (lambda: fos.list_runs_of(NAME, "v1"), lambda: fos.open_run("mlflow:x")):
        with pytest.raises(fos.TrackerError, match="MLflow does not answer"):
            asked()


def test_without_mlflow_it_is_said_what_to_install(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mlflow", "fiftyone_snapshots_mlflow"):
        monkeypatch.setitem(sys.modules, name, None)
    for asked in (
        lambda: fos.mlflow_dataset(NAME, "v1"),
        lambda: fos.list_runs_of(NAME, "v1"),
        lambda: fos.open_run("mlflow:x"),
    ):
        with pytest.raises(fos.MissingPackageError, match=r"pip install .*mlflow"):
            asked()


def test_a_reference_of_wandb_is_the_same_for_as_long_as_the_version_is(
    dataset: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    wandb = pytest.importorskip("wandb", reason=f"W&B {CLIENTS}")

    def noted(snapshot: str) -> Any:
        made = wandb.Artifact("street", type="dataset")
        made.add_reference(fos.snapshot_uri(NAME, snapshot, names=False), name="version")
        return made

    version = noted("v1")
    with wandb.init(project="street") as begun:
        begun.log_artifact(version)
    fos.edit_snapshot(NAME, "v1", "w1")
    assert noted("w1").digest == version.digest != noted("v2").digest
    reference = version.manifest.entries["version"].ref
    assert fos.open_snapshot_uri(reference).name == f"{NAME}@w1"


def test_the_documentation(mlflow: Any) -> None:
    street = image_dataset("street", 6, persistent=True)
    check_python(ROOT / "docs" / "models-and-runs.md", {"dataset": street})


def test_mlflow_does_not_wait_for_fiftyone() -> None:
    """MLflow imports the source whenever it is imported itself."""
    program = (
        "import sys, types\n"
        "for name, made in {'dataset': 'Dataset', 'dataset_source': 'DatasetSource'}.items():\n"
        "    module = types.ModuleType(name)\n"
        "    setattr(module, made, object)\n"
        "    sys.modules[f'mlflow.data.{name}'] = module\n"
        "sys.modules['mlflow'] = sys.modules['mlflow.data'] = types.ModuleType('mlflow')\n"
        "import fiftyone_snapshots_mlflow\n"
        "assert not {'fiftyone', 'fiftyone_snapshots'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
