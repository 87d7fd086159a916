"""What a dataset says of undo, and snapshots that a scheduler takes."""

from __future__ import annotations

from datetime import timedelta

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.diff import version_hash
from fiftyone_snapshots.backend.mongo.collections import CATALOG
from support.command_line import in_this_process
from support.counting import COMMANDS
from support.datasets import image_dataset
from support.full import Document
from support.operators import PLUGIN, execute
from support.panel import Panel, happen


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO_SAMPLES", "0")
    return with_mood("street")


def with_mood(name: str) -> fo.Dataset:
    made = image_dataset(name, 4, persistent=True)
    made.set_values("mood", ["good"] * 4)
    return made


def edit(dataset: fo.Dataset, label: str) -> bool:
    """Changes all samples by a call, and returns whether that can be undone."""
    number = len(fos.list_undoable(dataset))
    dataset.clear_sample_field("mood")
    dataset.set_values("mood", [label] * len(dataset))
    return len(fos.list_undoable(dataset)) > number


def test_a_dataset_says_it_for_itself(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = with_mood("other")
    assert str(fos.get_undo_mode("street")) == "street: off (by default)"
    assert not edit(dataset, "a")
    assert str(fos.set_undo_mode("street", "on")) == "street: on (by the dataset)"
    assert edit(dataset, "b")
    assert not edit(other, "b")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", "on")
    assert edit(other, "c")
    assert fos.set_undo_mode("street", "off").mode == "off"
    assert not edit(dataset, "c")
    # Who says off for a process means it
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", "off")
    setting = fos.set_undo_mode("street", "on")
    assert (setting.mode, setting.dataset, setting.environment) == ("off", "on", "off")
    assert not edit(dataset, "d")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", "auto")
    assert str(fos.set_undo_mode("street", None)) == "street: auto (by the environment)"
    assert edit(dataset, "e")
    with pytest.raises(ValueError, match="mode must be one of 'off', 'on', 'auto' or None"):
        fos.set_undo_mode("street", "perhaps")


def test_it_stays_when_the_dataset_is_renamed_or_reverted(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    fos.set_undo_mode(dataset, "auto")
    dataset.name = "lane"
    fos.revert_dataset_to_snapshot("lane", "v1")
    assert fos.get_undo_mode(dataset.name).dataset == "auto"


@pytest.mark.usefixtures("installed_plugin")
def test_it_is_chosen_by_command_operator_and_panel(
    dataset: fo.Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    run = in_this_process(capsys)
    assert run("undoable", "mode", "street").out.strip() == "street: off (by default)"
    assert run("undoable", "mode", "street", "on", "--json").json["mode"] == "on"
    assert execute("set_undo_mode", dataset, mode="auto")["setting"]["dataset"] == "auto"
    button = Panel("street", activity=True).find("undo_mode")
    assert button is not None
    assert "Undo of operations: auto" in str(button)
    requests = happen("street", "on_set_undo_mode")
    assert f"{PLUGIN}/set_undo_mode" in str(requests)
    execute("set_undo_mode", dataset, mode="unset")
    assert fos.get_undo_mode("street").dataset is None


@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_a_scheduled_snapshot_is_taken_if_something_has_changed(
    dataset: fo.Dataset, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    # Counters prove it of a dataset with so many samples that others are compared at once
    monkeypatch.setattr(version_hash, "_ENOUGH_WRITES", 0)
    taken = fos.take_scheduled_snapshot("street")
    assert taken is not None
    assert fos.list_snapshots("street") == []
    with COMMANDS.counted() as sent:
        assert fos.take_scheduled_snapshot("street") is None
    # Nothing is written but the note in the audit log, nor are samples read
    assert len(sent) <= 25, sent
    assert fos.list_snapshots("street", safety=True) == [taken.name]
    edit(dataset, "fog")
    assert fos.take_scheduled_snapshot("street") is not None
    # The state before an operation is the one that there is
    with fos.undoable("street", "relabel") as block:
        dataset.set_values("weather.label", ["hail"] * 4)
    assert block.operation is not None
    assert block.operation.before in fos.list_snapshots("street", safety=True)
    assert len(fos.list_snapshots("street", safety=True)) <= 3


def test_scheduled_ones_go_by_the_rules(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    for name, number in (("HOURS", 0), ("DAYS", 2), ("WEEKS", 0)):
        monkeypatch.setenv(f"FIFTYONE_SNAPSHOTS_SAFETY_{name}", str(number))
    taken = []
    for number in range(4):
        edit(dataset, str(number))
        snapshot = fos.take_scheduled_snapshot("street")
        assert snapshot is not None
        taken.append(snapshot.name)
        # Each is a day older than the next one
        for record in database[CATALOG].find():
            aged = record["created_at"] - timedelta(days=1)
            database[CATALOG].update_one({"_id": record["_id"]}, {"$set": {"created_at": aged}})
    assert fos.list_snapshots("street", safety=True) == taken[-2:]


def test_the_command_tells_what_it_did(
    dataset: fo.Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    run = in_this_process(capsys)
    taken = run("schedule", "street", "--json")
    assert taken.json["name"] == fos.list_snapshots("street", safety=True)[0]
    assert run("schedule", "street", "--json").json is None
    assert run("schedule", "street").out.strip() == "'street' has not changed"
    (event,) = fos.list_events("street", action="take_scheduled_snapshot", limit=1)
    assert event.outcome == "done"
    assert run("schedule", "nowhere").code == 1
