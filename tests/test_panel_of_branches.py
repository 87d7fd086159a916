"""Branches in the App: the History panel's section, and the operators behind it."""

from __future__ import annotations

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.operators import PLUGIN, execute, form, problems
from support.panel import Panel, happen

pytestmark = pytest.mark.usefixtures("installed_plugin")


@pytest.fixture
def street() -> fo.Dataset:
    dataset = image_dataset("street", 2, persistent=True)
    fos.create_snapshot(dataset, "v1")
    return dataset


def prompted(requests: list[dict[str, object]]) -> list[object]:
    return [
        (r["params"]["operator_uri"], r["params"]["params"])  # type: ignore[index]
        for r in requests
        if "operator_uri" in r["params"]  # type: ignore[operator]
    ]


def test_a_branch_from_its_creation_to_its_return(street: fo.Dataset) -> None:
    assert "None yet" in Panel("street").text()
    ((uri, given),) = prompted(happen("street", "on_create_branch"))
    assert (uri, given["dialog"]) == (f"{PLUGIN}/create_branch", True)  # type: ignore[index]
    ((_, given),) = prompted(happen("street", "on_menu", value="create_branch/v1"))
    assert given["snapshot"] == "v1"  # type: ignore[index]
    assert "create_branch/v1" in Panel("street").menu(0)

    made = execute("create_branch", street, name="night", description="darker")
    assert made["message"] == ("Branch 'night' is dataset 'street.night', made of snapshot 'v1'")
    shown = Panel("street")
    assert "dataset street.night · created just now" in shown.text()
    assert "darker" in shown.text()
    opened = happen("street", "on_open_dataset", dataset="street.night")
    assert [r["params"]["dataset"] for r in opened if "dataset" in r["params"]] == ["street.night"]
    within = Panel("street.night")
    assert "This is branch night of street, made of snapshot v1." in within.text()
    assert within.button("open_parent") is not None
    assert execute("list_branches", street)["branches"] == [made["branch"]]

    ((uri, given),) = prompted(happen("street", "on_delete_branch", branch="street.night"))
    assert uri == f"{PLUGIN}/delete_branch"
    asked = form("delete_branch", "street", in_dialog=True, branch="street.night")
    assert "and with 0 snapshots" in asked["loss"]["view"]["description"]
    before = Panel("street").version
    deleted = execute("delete_branch", street, branch="street.night")
    assert Panel("street").version != before
    assert deleted["undo"] == {"action": "delete_branch", "branch": "street.night"}
    trash = Panel("street", trash=True)
    assert "Branch 'night'" in trash.text()
    happen("street", "on_undo", undo=deleted["undo"])
    assert [branch.name for branch in fos.list_branches(street)] == ["night"]
    fos.delete_branch("street.night")
    execute("restore_branch", street, branch="street.night")
    assert fo.dataset_exists("street.night")


def test_what_cannot_be_done_is_said_in_the_form(
    street: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "has no branches" in problems(form("delete_branch", "street", in_dialog=True))[0]
    assert "holds no branches" in problems(form("restore_branch", "street", in_dialog=True))[0]
    fos.create_branch(street, "night")
    taken = form("create_branch", "street", in_dialog=True, name="Night")
    assert "branch named 'night' already" in problems(taken)[0]
    assert problems(form("create_branch", "street", in_dialog=True, name="a/b"))
    assert not problems(form("create_branch", "street", in_dialog=True, name="fog"))
