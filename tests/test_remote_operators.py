"""Pushing and pulling in the App: what would travel is told first, and where to is not asked."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.full import Document
from support.operators import execute, form, problems
from support.panel import Panel, happen

pytestmark = pytest.mark.usefixtures("installed_plugin")

_SETTING = "FIFTYONE_SNAPSHOTS_REMOTE"


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset("d", 6, persistent=True)
    fos.create_snapshot(made, "v1")
    return made


def _edited(dataset: fo.Dataset, name: str) -> None:
    dataset.limit(1).tag_samples(name)
    fos.create_snapshot(dataset, name)


def test_there_and_back(
    remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_SETTING, str(remote))
    _edited(dataset, "v2")
    plan = execute("plan_push", dataset)
    assert "2 snapshots ('v1', 'v2') would be pushed, at most" in plan["message"]
    assert not list(remote.iterdir())
    assert execute("push_snapshots", dataset, names=["v1"])["push"]["snapshots"] == ["v1"]
    assert execute("push_snapshots", dataset, names="v1, v2")["push"]["snapshots"] == ["v2"]
    assert execute("push_snapshots", dataset)["message"].startswith("Nothing to push")
    fos.delete_snapshot("d", "v2")
    fos.empty_trash("d")
    plan = execute("plan_pull", dataset)
    assert "1 snapshot ('v2') would be pulled" in plan["message"]
    assert fos.list_snapshots("d") == ["v1"]
    assert execute("pull_snapshots", dataset)["pull"]["snapshots"] == ["v2"]
    assert fos.list_snapshots("d") == ["v1", "v2"]


def test_a_branch_of_what_is_newer_there(
    remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_SETTING, str(remote))
    _edited(dataset, "theirs")
    execute("push_snapshots", dataset)
    fos.revert_dataset_to_snapshot("d", "v1")
    fos.empty_trash("d")
    _edited(dataset, "ours")
    assert "gone on since 'v1'" in execute("plan_pull", dataset)["message"]
    pulled = execute("pull_snapshots", dataset, branch="b")
    assert (pulled["pull"]["branch"], fo.dataset_exists("d.b")) == ("d.b", True)


def test_the_menu_is_there_where_a_remote_is(
    remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Panel("d").find("remotes") is None
    (refusal,) = problems(form("push_snapshots", "d"))
    assert _SETTING in refusal
    fos.push("d", remote)
    assert fos.known_remotes("d") == [str(remote)]
    menu = Panel("d").find("remotes")
    assert menu is not None
    assert [choice["label"] for choice in menu["view"]["choices"]] == ["Push …", "Pull …"]
    for value in ("push", "pull"):
        requests = happen("d", "on_remote", value=value)
        asked = [r["params"] for r in requests if "prompt" in r["operator_uri"]]
        assert [each["operator_uri"] for each in asked] == [
            f"@snapshots/versioning/{value}_snapshots"
        ]
    # What is set is offered first
    other = remote.parent / "other"
    other.mkdir()
    monkeypatch.setenv(_SETTING, str(other))
    assert fos.known_remotes("d") == [str(other), str(remote)]
    assert form("push_snapshots", "d")["remote"]["default"] == str(other)
    viewer = {"d": {"*": "view"}}
    policy = remote.parent / "policy.yml"
    policy.write_text(f"datasets: {viewer}")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", str(policy))
    assert Panel("d").find("remotes") is None


@pytest.mark.parametrize("name", ["push_snapshots", "plan_push", "pull_snapshots", "plan_pull"])
def test_where_to_is_not_for_the_app_to_choose(
    name: str, remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_SETTING, str(remote))
    elsewhere = remote.parent / "elsewhere"
    elsewhere.mkdir()
    for given in (str(elsewhere), "s3://KEY:SECRET@bucket/x", 5):
        with pytest.raises(Exception, match="not one that is set") as caught:
            execute(name, dataset, remote=given)
        assert "SECRET" not in str(caught.value)
    assert not list(elsewhere.iterdir())


def test_no_login_is_shown(
    dataset: fo.Dataset, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_SETTING, "s3://KEY:SECRET@bucket/x")
    assert fos.known_remotes("d") == []
    assert "SECRET" not in str(form("push_snapshots", "d"))
    assert Panel("d").find("remotes") is None


def test_the_dialog_shows_what_would_travel(
    remote: Path, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_SETTING, str(remote))
    for name, params in (
        ("push", {"remote": str(remote), "names": []}),
        ("pull", {"remote": str(remote)}),
    ):
        asked = form(f"{name}_snapshots", "d", in_dialog=True)
        assert asked["preview"]["invalid"]
        assert asked["preview"]["view"]["operator"] == f"@snapshots/versioning/plan_{name}"
        result = execute(f"plan_{name}", dataset, **params)
        found = {"params": params, "result": result}
        told = form(f"{name}_snapshots", "d", in_dialog=True, preview=found)
        assert result["message"] in str(told["plan"])
        assert not problems(told)
        execute("push_snapshots", dataset)
