"""Operators of a plugin of others, which are made undoable without being asked."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.undo import estimate
from support.app import Worker
from support.datasets import image_dataset
from support.full import Document
from support.invariants import assert_sound

CODE = """
import fiftyone.operators as foo
from fiftyone.operators import types


class Relabel(foo.Operator):
    risk = types.RiskLevel.HIGH

    @property
    def config(self):
        return foo.OperatorConfig(
            name=self.name_, label=self.name_, risk_level=self.risk,
            allow_delegated_execution=True, execute_as_generator=self.name_ == "slowly",
        )

    name_ = "relabel"

    def execute(self, ctx):
        ctx.dataset.set_values("weather.label", [ctx.params["to"]] * len(ctx.dataset))
        if ctx.params.get("fails"):
            raise ValueError("no more")
        return {"done": True}


class Gently(Relabel):
    name_, risk = "gently", types.RiskLevel.MEDIUM


class Look(Relabel):
    name_, risk = "look", None

    def execute(self, ctx):
        return {"count": len(ctx.dataset)}


class Gone(Relabel):
    name_ = "gone"

    def execute(self, ctx):
        ctx.dataset.delete()


class Slowly(Relabel):
    name_ = "slowly"

    def execute(self, ctx):
        for sample in ctx.dataset.iter_samples(autosave=True):
            sample["weather"].label = ctx.params["to"]
            yield ctx.trigger("nothing")


def register(p):
    for operator in (Relabel, Gently, Look, Gone, Slowly):
        p.register(operator)
"""
NAMES = ("relabel", "gently", "look", "gone", "slowly")


@pytest.fixture
def plugin(installed_plugin: Path) -> Iterator[None]:
    folder = Path(os.environ["FIFTYONE_PLUGINS_DIR"]) / "others"
    folder.mkdir()
    (folder / "__init__.py").write_text(CODE)
    listed = "".join(f"  - {name}\n" for name in NAMES)
    (folder / "fiftyone.yml").write_text(f'name: "@others/labels"\noperators:\n{listed}')
    yield
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@pytest.fixture
def dataset(plugin: None, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", "on")
    return image_dataset("street", 4, persistent=True)


def run(name: str, **params: Any) -> Any:
    return foo.execute_operator(f"@others/labels/{name}", {"dataset": "street", "params": params})


def weather() -> list[str]:
    return fo.load_dataset("street", reload=True).values("weather.label")


def test_what_an_operator_does_is_undone_by_what_it_returns(dataset: fo.Dataset) -> None:
    before = weather()
    result = run("relabel", to="fog").result
    assert result["done"]
    (done,) = fos.list_undoable("street")
    assert (done.id, done.what) == (result["operation_id"], "operator @others/labels/relabel")
    assert (done.interface, done.samples_changed) == ("operator", 4)
    fos.undo_operation("street", result["operation_id"])
    assert weather() == before


def test_only_what_is_risky_and_changes_something(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    assert run("look").result == {"count": 4}
    assert run("gently", to="fog").result == {"done": True}
    assert fos.list_undoable("street") == []
    assert fos.list_snapshots("street", safety=True) == []
    run("slowly", to="snow")
    assert [each.samples_changed for each in fos.list_undoable("street")] == [4]
    with pytest.raises(Exception, match="no more"):
        run("relabel", to="hail", fails=True)
    assert fos.list_undoable("street")[0].state == "failed"
    foo.execute_operator(
        "@snapshots/versioning/create_snapshot",
        {
            "dataset": "street",
            "params": {"name": "v1"},
        },
    )
    assert len(fos.list_undoable("street")) == 2
    for setting in ("off", ""):
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", setting)
        assert run("relabel", to="dusk").result == {"done": True}
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", "perhaps")
    assert run("relabel", to="dawn").result == {"done": True}


def test_auto_never_takes_long_nor_much_space(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", "auto")
    assert "operation_id" in run("relabel", to="fog").result
    monkeypatch.setattr(estimate, "_BYTES_PER_SECOND", 10.0)
    assert "operation_id" not in run("relabel", to="snow").result
    monkeypatch.setattr(estimate, "_BYTES_PER_SECOND", 40e6)
    monkeypatch.setattr(estimate, "_MOST_BYTES", 1000)
    assert "operation_id" not in run("relabel", to="hail").result


def test_an_operator_that_deletes_samples_is_one_and_one_may_delete_the_dataset(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO_SAMPLES", "0")
    before = weather()
    foo.execute_operator(
        "@voxel51/operators/delete_sample_field",
        {"dataset": "street", "params": {"field_names": ["weather"]}},
    )
    (done,) = fos.list_undoable("street")
    assert done.what == "operator @voxel51/operators/delete_sample_field"
    fos.undo_operation("street", done.id)
    assert weather() == before
    assert run("gone").result is None
    assert not fo.dataset_exists("street")
    fos.recover()
    assert not list(database["snapshots.operations"].find())
    assert_sound(database)


def ended(database: Database[Document], operation_id: Any) -> Document:
    query = {"_id": operation_id, "run_state": {"$in": ["completed", "failed"]}}
    deadline = time.monotonic() + 90
    while (found := database["delegated_ops"].find_one(query)) is None:
        assert time.monotonic() < deadline, "This takes too long"
        time.sleep(0.2)
    return found


def test_a_worker_does_the_same(
    dataset: fo.Dataset, database: Database[Document], tmp_path: Path
) -> None:
    before = weather()
    with Worker(tmp_path / "worker.log"):
        context = {"dataset": dataset, "params": {"to": "fog"}, "request_delegation": True}
        queued = foo.execute_operator("@others/labels/relabel", context)
        document = ended(database, queued.result.get("_id") or queued.result["id"])
    assert document["run_state"] == "completed", document
    (done,) = fos.list_undoable("street")
    assert (done.interface, done.samples_changed) == ("delegated", 4)
    fos.undo_operation("street", done.id)
    assert weather() == before
