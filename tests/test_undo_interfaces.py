"""Undoing operations by command and operator, and what the audit log tells of it."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.command_line import in_this_process
from support.datasets import image_dataset
from support.docs import check_python
from support.environment import ROOT
from support.operators import PLUGIN, execute, form
from support.panel import Panel, happen


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset("street", 4, persistent=True)
    for word in ("one", "two"):
        with fos.undoable(made, word):
            made.tag_samples(word)
    return made


def tags(dataset: fo.Dataset) -> set[str]:
    dataset.reload()
    return set(dataset.distinct("tags")) & {"one", "two"}


def test_commands(dataset: fo.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    run = in_this_process(capsys)
    listed = run("undoable", "list", "street", "--json").json
    assert [each["what"] for each in listed] == ["two", "one"]
    assert "+0 -0 ~4" in run("undoable", "list", "street").out
    dry = run("undoable", "undo", "street", listed[1]["id"], "-n", "--json").json
    assert dry["undoes"] == listed[1]["id"]
    done = run("undoable", "undo", "street", listed[1]["id"], "-y", "--json").json
    assert done["undoes"] == listed[1]["id"]
    assert tags(dataset) == {"two"}
    (event,) = fos.list_events("street", action="undo_operation")
    assert event.parameters["operation_id"] == listed[1]["id"]
    begun = [e.parameters["what"] for e in fos.list_events("street", action="end_operation")]
    assert begun == ["two", "one"]


def test_operators(dataset: fo.Dataset, installed_plugin: Path) -> None:
    listed = execute("list_undoable", dataset)["operations"]
    planned = execute("undo_operation", dataset, operation=listed[1]["id"], dry_run=True)
    assert planned["merge"]["changes"]["samples_changed"] == 4
    done = execute("undo_operation", dataset, operation=listed[1]["id"])
    assert done["operation"]["undoes"] == listed[1]["id"]
    assert tags(dataset) == {"two"}
    execute("undo_operation", dataset, operation=done["operation_id"])
    assert tags(dataset) == {"one", "two"}


@pytest.mark.usefixtures("installed_plugin")
def test_the_panel(dataset: fo.Dataset) -> None:
    def buttons() -> list[str]:
        shown = Panel("street", activity=True)
        found = (item["view"] for key, item in shown.components() if key == "undo_operation")
        return [view["params"]["operation"] for view in found]

    two, one = fos.list_undoable(dataset)
    assert buttons() == [two.id, one.id]
    assert "two" in Panel("street", activity=True).text()
    requests = happen("street", "on_undo_operation", operation=one.id)
    (asked,) = (each["params"] for each in requests if one.id in str(each))
    assert asked["operator_uri"] == f"{PLUGIN}/undo_operation"
    undo = fos.undo_operation(dataset, one.id)
    assert buttons() == [undo.id, two.id]
    shown = fos.load_snapshot(dataset, str(undo.after)).name
    assert Panel(shown, activity=True).find("undo_operation") is None


@pytest.mark.usefixtures("installed_plugin")
def test_what_is_to_be_decided_is_on_a_page_of_merges(dataset: fo.Dataset) -> None:
    one = fos.list_undoable(dataset)[1]
    fos.undo_operation(dataset, one.id, dry_run=True)
    assert "is planned" not in Panel("street").text()
    with fos.undoable(dataset, "rain"):
        dataset.set_values("weather.label", ["rain"] * 4)
    rain = fos.list_undoable(dataset)[0]
    dataset.set_values("weather.label", ["rain"] * 3 + ["hail"])
    plan = fos.undo_operation(dataset, rain.id, dry_run=True)
    said = "An undo in street, back to before rain, is planned: 1 conflict to decide."
    assert said in Panel("street").text()
    page = Panel("street", merge={"dataset": "street", "id": plan.id})
    assert "Undo in street: back to before rain" in page.text()
    execute("resolve_merge", dataset, merge=plan.id, take="ours")
    asked = form("apply_merge", dataset.name, merge=plan.id)
    assert asked["change"]["view"]["label"] == "Undo in 'street', back to before rain?"
    assert "snapshot" not in asked
    assert execute("apply_merge", dataset, merge=plan.id)["message"] == "Undone"
    (last,) = (item for item in fos.list_trash(dataset) if item.kind == "head")
    assert (last.name, last.is_undo) == ("rain", True)
    undone = execute("undo_revert", dataset)
    assert undone["message"].startswith("The undo of 'rain' was undone")


def test_the_page_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "anna")
    made = image_dataset("street", 4, persistent=True)
    made.set_values("weather.label", ["sunny", "rainy"] * 2)
    check_python(ROOT / "docs" / "undo.md", {})
