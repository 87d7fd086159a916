"""How the audit log is read: what one asks for, as a table, and page by page in the panel."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.access import Interface, acting_as
from support.datasets import image_dataset
from support.panel import Panel


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset("street", 4, persistent=True)


def test_events_can_be_selected(dataset: fo.Dataset) -> None:
    other = image_dataset("other", 2, persistent=True)
    for number, user in enumerate(["anna", "ben", "anna"]):
        with acting_as(Interface.SDK, user):
            fos.create_snapshot(dataset, f"v{number}")
    fos.create_snapshot(other, "v1")
    fos.delete_snapshot(other, "v1")
    assert [e.snapshot for e in fos.list_events(dataset)] == ["v2", "v1", "v0"]
    assert [e.snapshot for e in fos.list_events("street", user="anna")] == ["v2", "v0"]
    assert [e.dataset for e in fos.list_events(action="delete")] == ["other"]
    assert [e.sequence for e in fos.list_events(limit=2)] == [5, 4]
    assert [e.sequence for e in fos.list_events(limit=2, offset=2)] == [3, 2]
    middle = fos.list_events()[2].at
    assert [e.sequence for e in fos.list_events(since=middle)] == [5, 4, 3]
    assert [e.sequence for e in fos.list_events(until=middle)] == [2, 1]
    assert fos.list_events(outcome="failed") == []
    assert fos.list_events("never there") == []
    assert fos.list_event_users(dataset) == ["anna", "ben"]
    with pytest.raises(ValueError, match="no action 'destroy'"):
        fos.list_events(action="destroy")
    with pytest.raises(ValueError, match="no outcome 'good'"):
        fos.list_events(outcome="good")


def test_csv_is_a_table(dataset: fo.Dataset, tmp_path: Path) -> None:
    with acting_as(Interface.SDK, "=cmd()"):
        fos.create_snapshot(dataset, '数据, "v1"\nx'.replace("\n", " "), "a\nb")
    assert fos.export_events(str(tmp_path / "log.CSV")) == 1
    with (tmp_path / "log.CSV").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["snapshot"] == '数据, "v1" x'
    assert json.loads(row["parameters"]) == {"description": "a\nb"}
    assert row["user"] == "'=cmd()", "a spreadsheet would take it for a formula"
    assert row["at"].endswith("Z")


def test_other_suffixes_are_refused(dataset: fo.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none of \.jsonl, \.csv"):
        fos.export_events(tmp_path / "log.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("installed_plugin")
def test_the_panel_shows_the_activity_page_by_page(dataset: fo.Dataset) -> None:
    with acting_as(Interface.SDK, "anna"):
        fos.create_snapshot(dataset, "v1")
    with pytest.raises(fos.SnapshotNotFoundError):
        fos.load_snapshot(dataset, "v9")
    for _ in range(20):
        fos.load_snapshot(dataset, "v1")
    assert Panel("street").button("activity") is not None
    first = Panel("street", activity=True)
    assert first.text().count("by ") >= 20
    assert first.button("newer")["disabled"] is True
    assert first.button("older")["disabled"] is False
    second = Panel("street", activity=True, page=1)
    assert "by anna" in second.text()
    assert "Dataset 'street' has no snapshot 'v9'" in second.text()
    assert "total samples: 4" in second.text()
    assert second.button("older")["disabled"] is True
    filters = {"history": {"events": {"user": "anna", "action": "create"}}}
    found = Panel("street", activity=True, **filters)
    assert found.text().count("· by ") == 1
    none = {"history": {"events": {"action": "delete"}}}
    assert "Nothing of that kind" in Panel("street", activity=True, **none).text()
