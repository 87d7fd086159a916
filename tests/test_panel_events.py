"""The History panel's menus and drop-downs, as the App calls them."""

from __future__ import annotations

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.panel import Panel, happen

pytestmark = pytest.mark.usefixtures("installed_plugin")

NAMES = ("a|b", "c|d", "数据 1")


@pytest.fixture
def dataset() -> fo.Dataset:
    dataset = fo.Dataset("street", persistent=True)
    for number, name in enumerate(NAMES):
        dataset.add_sample(fo.Sample(filepath=f"/images/{number}.jpg"))
        fos.create_snapshot(dataset, name)
    return dataset


def test_whatever_their_names_snapshots_are_compared_with_the_one_before(
    dataset: fo.Dataset,
) -> None:
    menu = Panel("street").menu(1)
    value = next(value for value in menu if value.startswith("compare_previous"))
    requests = happen("street", "on_menu", value=value, path="history.rows")
    states = [request["params"]["state"] for request in requests if "state" in request["params"]]
    compared = [state["compare"] for state in states if state.get("compare")]
    assert [(found["before"], found["after"]) for found in compared] == [("a|b", "c|d")]


def test_a_menu_looks_first_and_discards_last(dataset: fo.Dataset) -> None:
    menu = Panel("street").rows[0]["menu"]
    groups = [(choice["group"], choice["is_dangerous"]) for choice in menu]
    assert list(dict.fromkeys(groups)) == [("look", False), ("manage", False), ("danger", True)]


def test_a_pin_asks_nothing(dataset: fo.Dataset) -> None:
    for action, is_pinned in (("pin", True), ("unpin", False)):
        assert f"{action}/c|d" in Panel("street").menu(1)
        requests = happen("street", "on_menu", value=f"{action}/c|d")
        assert not any("prompt" in request["operator_uri"] for request in requests)
        info = fos.get_snapshot_info("street", "c|d")
        assert info is not None
        assert info.is_pinned is is_pinned


def test_chips_say_what_helps(dataset: fo.Dataset) -> None:
    fos.pin_snapshot("street", "a|b")
    opened = fos.load_snapshot("street", "c|d")
    chips = {
        row["name"]: [chip["text"] for chip in row["chips"]] for row in Panel(opened.name).rows
    }
    assert chips == {"数据 1": ["newest"], "c|d": ["open"], "a|b": ["pinned"]}


def test_the_activity_tells_an_undo_from_a_redo(dataset: fo.Dataset) -> None:
    fos.revert_dataset_to_snapshot("street", "a|b")
    fos.undo_revert("street")
    fos.undo_revert("street")
    titles = [
        item["view"]["title"]
        for name, item in Panel("street", activity=True).components()
        if name == "action" and "title" in item.get("view", {})
    ]
    assert titles[:3] == ["Redo rollback to a|b", "Undo rollback to a|b", "Rollback to snapshot"]
