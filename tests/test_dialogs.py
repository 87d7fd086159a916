"""Dialogs of the App: previews before anything happens, links, and the way to lost samples."""

from __future__ import annotations

import threading
from copy import deepcopy
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from fiftyone.operators.executor import ExecutionContext, ExecutionError, Executor
from fiftyone.operators.registry import OperatorRegistry

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.operations import reporting
from fiftyone_snapshots.backend.revert import revert
from fiftyone_snapshots.operators import OPERATORS, running
from support.datasets import image_dataset
from support.operators import PLUGIN, execute, form, problems, prompted, triggered
from support.panel import Panel, happen

pytestmark = pytest.mark.usefixtures("installed_plugin")


@pytest.fixture
def dataset() -> fo.Dataset:
    """Two snapshots: ten samples, and eight."""
    dataset = image_dataset("street", persistent=True)
    fos.create_snapshot(dataset, "v1", "first")
    dataset.delete_samples(dataset.take(2, seed=51))
    fos.create_snapshot(dataset, "v2")
    return dataset


class TestPreviews:
    """Nothing can be confirmed before it is on screen what it would do."""

    def test_a_rollback_waits_for_its_plan(self, dataset: fo.Dataset) -> None:
        def shown(**preview: Any) -> dict[str, Any]:
            return form("revert_to_snapshot", "street", in_dialog=True, name="v1", **preview)

        result = execute("plan_revert", dataset, name="v1")
        running_ = {"state": "running", "task_id": "1", "progress": 0.5}
        for found in (
            {},
            {"params": {"name": "v1"}, "result": running_},
            {"params": {"name": "v1"}, "error": "It broke"},
            {"params": {"name": "v2"}, "result": result},
        ):
            waiting = shown(preview=found)
            assert waiting["preview"]["invalid"], found
            assert "loss" not in waiting
        assert shown(preview={"params": {"name": "v1"}, "result": running_})["preview"]["view"][
            "progress"
        ] == pytest.approx(0.5)
        planned = shown(preview={"params": {"name": "v1"}, "result": result})
        assert problems(planned) == []
        assert "2 samples deleted since will come back" in planned["loss"]["view"]["description"]

    def test_a_plan_that_takes_long_is_asked_for_again_and_told_nowhere_else(
        self, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FIFTYONE_SERVER", "1")
        monkeypatch.setattr(running, "GRACE_SECONDS", 0.05)
        monkeypatch.setattr(running, "LARGE_DOCUMENTS", 0)
        go_on, plan = threading.Event(), revert.plan

        def slow(*args: Any) -> Any:
            reporting.reporter()(0.25, "reading")
            go_on.wait(60)
            return plan(*args)

        monkeypatch.setattr(revert, "plan", slow)
        answer = execute("plan_revert", dataset, name="v1")
        assert answer["state"] == "running"
        task_id = answer["task_id"]
        again = execute("plan_revert", dataset, name="v1", task_id=task_id)
        assert (again["task_id"], again["progress"]) == (task_id, 0.25)
        assert running.tasks("street") == []
        go_on.set()
        monkeypatch.setattr(running, "GRACE_SECONDS", 60)
        done = execute("plan_revert", dataset, name="v1", task_id=task_id)
        assert done["plan"]["samples_to_add_back"] == 2
        assert "Preview" not in Panel("street").text()
        assert running.find(task_id) is None


class TestSaving:
    """Nobody is told that a name is taken because it was just saved under it."""

    def test_what_was_typed_before_it_was_saved_is_no_mistake(self, dataset: fo.Dataset) -> None:
        typed = {"history": {"create": {"fields": {"name": "v3"}}}}
        requests = happen("street", "on_create", panel_state=deepcopy(typed))
        assert fos.list_snapshots(dataset) == ["v1", "v2", "v3"]
        assert name_error(Panel("street", **typed)) is None
        # A second click of the same
        assert "already exists" not in str(
            happen("street", "on_create", panel_state=deepcopy(typed))
        )
        # A second window of the session may bring back what this one has cleared
        states = [r["params"]["state"] for r in requests if "state" in r["params"]]
        saves = next(state["saves"] for state in states if "saves" in state)
        assert name_error(Panel("street", saves=saves, **typed)) == (
            "'v3' is saved. Choose another name"
        )
        # Whoever types it anew later is told
        assert "already exists" in str(name_error(Panel("street", saves=saves + 1, **typed)))
        fos.delete_snapshot(dataset, "v3")
        assert name_error(Panel("street", saves=saves, **typed)) is None

    def test_a_failed_attempt_can_be_repeated(self, dataset: fo.Dataset) -> None:
        typed = {"history": {"create": {"fields": {"name": "v1"}}}}
        for _ in range(2):
            requests = happen("street", "on_create", panel_state=deepcopy(typed))
            assert "already exists" in str(requests)
        assert "already exists" in str(name_error(Panel("street", **typed)))


def name_error(panel: Panel) -> str | None:
    fields = panel.find("fields")
    assert fields is not None
    view = fields["type"]["properties"]["name"]["view"]
    error: str | None = view["error"]
    return error


class TestLinks:
    """An address that names a snapshot opens it, or says what is in the way."""

    @pytest.mark.parametrize(
        "link",
        [
            {"address": "street@v2"},
            {"address": "street", "snapshot": "v2"},
            {"address": "street@v1", "snapshot": "v2"},
        ],
    )
    def test_what_was_never_opened_is_opened(
        self, dataset: fo.Dataset, link: dict[str, str]
    ) -> None:
        fos.load_snapshot(dataset, "v1")
        assert triggered("open_link", None, **link) == [("open_dataset", {"dataset": "street@v2"})]

    def test_names_that_contain_the_separator(self) -> None:
        dataset = image_dataset("a@b", persistent=True)
        fos.create_snapshot(dataset, "c@d")
        assert triggered("open_link", None, address="a@b@c@d") == [
            ("open_dataset", {"dataset": "a@b@c@d"})
        ]

    def test_what_is_not_there_is_told(self, dataset: fo.Dataset) -> None:
        ((operator, params),) = triggered("open_link", None, address="street@v9")
        assert operator == "prompt_user_for_operation"
        assert params["params"]["asked"]
        shown = form("open_link", None, address="street@v9", asked=True)["link"]["view"]
        assert shown["label"] == "Dataset 'street' has no snapshot 'v9'"
        assert shown["description"] == "Its snapshots are 'v2', 'v1'."
        assert triggered("open_link", None, address="street@v9", asked=True) == [
            ("open_dataset", {"dataset": "street"})
        ]
        assert "no dataset" in problems(form("open_link", None, address="gone@v1"))[0]
        ((operator, _),) = triggered("open_link", None, address="gone@v1")
        assert operator == "prompt_user_for_operation"

    def test_what_is_in_the_trash_or_the_archive_is_brought_back(
        self, dataset: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
        fos.delete_snapshot(dataset, "v2")
        fos.archive_snapshot(dataset, "v1")
        for name, what in (("v1", "is archived"), ("v2", "was deleted")):
            address = f"street@{name}"
            ((operator, _),) = triggered("open_link", None, address=address)
            assert operator == "prompt_user_for_operation"
            assert what in form("open_link", None, address=address)["link"]["view"]["label"]
            assert triggered("open_link", None, address=address, asked=True) == [
                ("open_dataset", {"dataset": address})
            ]
        assert fos.list_snapshots(dataset) == ["v1", "v2"]


class TestTheApp:
    """What the App's script is told, and may act on."""

    def test_a_dataset_without_samples_has_a_way_back(self, dataset: fo.Dataset) -> None:
        assert execute("describe_open_snapshot", dataset)["is_lost"] is False
        dataset.delete_samples(dataset.values("id"))
        assert execute("describe_open_snapshot", dataset)["is_lost"] is True
        shown = form("bring_back_samples", "street")
        offered = [choice["value"] for choice in shown["name"]["view"]["choices"]]
        assert offered == ["v2", "v1"]
        ((operator, _),) = triggered("bring_back_samples", "street", ask=True)
        assert operator == "prompt_user_for_operation"
        waiting = form("bring_back_samples", "street", in_dialog=True)
        assert waiting["preview"]["invalid"]
        assert waiting["preview"]["view"]["params"] == {"name": "v2"}
        execute("bring_back_samples", dataset, name="v1")
        dataset.reload()
        assert len(dataset) == 10

    def test_a_new_dataset_has_nothing_to_bring_back(self) -> None:
        empty = fo.Dataset("empty", persistent=True)
        fos.create_snapshot(empty, "v1")
        assert execute("describe_open_snapshot", empty)["is_lost"] is False
        assert "nothing to go back to" in problems(form("bring_back_samples", "empty"))[0]

    def test_every_window_learns_that_the_content_was_exchanged(self, dataset: fo.Dataset) -> None:
        def version() -> str:
            return str(execute("describe_open_snapshot", dataset)["version"])

        seen = [version()]
        sample = dataset.first()
        sample.tags.append("edited")
        sample.save()
        assert version() == seen[0]
        fos.revert_dataset_to_snapshot(dataset, "v1")
        seen.append(version())
        fos.undo_revert(dataset)
        seen.append(version())
        fos.restore_samples(dataset, "v1", sample.id)
        seen.append(version())
        assert len(set(seen)) == 4

    def test_restoring_asks_which_samples_and_says_what_changes(self, dataset: fo.Dataset) -> None:
        lost = sorted(set(fos.load_snapshot(dataset, "v1").values("id")) - {*dataset.values("id")})
        edited = dataset.first()
        edited.tags.append("edited")
        edited.save()
        with pytest.raises(ExecutionError, match="Which samples"):
            execute("restore_samples", dataset, name="v1")
        shown = form("restore_samples", "street", in_dialog=True, name="v1")
        assert [choice["value"] for choice in shown["which"]["view"]["choices"]] == ["all"]
        assert shown["which"]["required"]
        assert "preview" not in shown
        fields = [choice["value"] for choice in shown["fields"]["view"]["choices"]]
        assert "tags" in fields
        assert "id" not in fields
        waiting = form("restore_samples", "street", in_dialog=True, name="v1", which="all")
        assert waiting["preview"]["invalid"]
        ids = [*lost, edited.id, *dataset.values("id")[1:3]]
        plan = execute("plan_restore_samples", dataset, name="v1", sample_ids=ids)
        assert plan["message"].splitlines() == [
            "- 2 deleted samples will come back",
            "- 1 sample edited since will lose those edits",
            "- 2 samples will stay the same",
        ]
        told = execute("restore_samples", dataset, name="v1", sample_ids=ids)["message"]
        done = "2 samples came back, 1 sample restored, 2 samples the same already"
        assert told == f"From snapshot 'v1': {done}"
        with pytest.raises(ExecutionError, match="no fields that can be restored"):
            execute("plan_restore_samples", dataset, name="v1", sample_ids=ids, fields=["gone"])

    def test_a_choice_in_a_menu_is_no_state(self, dataset: fo.Dataset) -> None:
        rows = Panel("street").find("rows")
        assert rows is not None
        assert rows["view"]["name"] == "ComponentView"
        requests = happen("street", "on_menu", value="verify/v1")
        assert prompted(requests) == [f"{PLUGIN}/verify_snapshot"]


def test_a_dialog_is_told_what_failed_and_callers_from_python_are_not_fooled(
    dataset: fo.Dataset,
) -> None:
    operator = OperatorRegistry().get_operator(f"{PLUGIN}/delete_snapshot")
    mark = form("delete_snapshot", "street", in_dialog=True)["form"]["default"]
    params = {"name": "v9", "form": mark}
    request = {"dataset_name": "street", "params": params, "prompt_id": "1"}
    ctx = ExecutionContext(request, executor=Executor(), operator_uri=operator.uri)
    result = operator.execute(ctx)
    assert (result["state"], result["error"]) == ("failed", "SnapshotNotFoundError")
    assert "v1" in result["message"]  # what there is
    shown = operator.resolve_type(
        ExecutionContext({**request, "results": result}, operator_uri=operator.uri), "outputs"
    ).to_json()["type"]["properties"]
    assert shown["error"]["view"]["label"] == result["message"]
    with pytest.raises(Exception, match="v9"):
        execute("delete_snapshot", dataset, name="v9")


def test_a_snapshot_is_exported_to_a_file_that_is_not_there(
    dataset: fo.Dataset, tmp_path: Path
) -> None:
    there = tmp_path / "v1.tar"
    for path, problem in (
        ("v1.tar", "whole path"),
        (str(tmp_path), "exists already"),
        (str(tmp_path / "no" / "v1.tar"), "There is no folder"),
    ):
        assert problem in problems(form("export_snapshot", dataset.name, name="v1", file=path))[0]
        with pytest.raises(ExecutionError, match="Validation error"):
            execute("export_snapshot", dataset, name="v1", file=path)
    assert not problems(form("export_snapshot", dataset.name, name="v1", file=str(there)))
    result = execute("export_snapshot", dataset, name="v1", file=str(there))
    assert result["file"] == str(there)
    fos.delete_snapshot(dataset, "v1")
    fos.empty_trash(dataset)
    assert fos.import_snapshot(there).name == "v1"


@pytest.mark.parametrize("are_workers_allowed", [False, True])
def test_a_form_offers_no_schedule_that_is_not_available(
    dataset: fo.Dataset, are_workers_allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fo.config, "allow_legacy_orchestrators", are_workers_allowed)
    request = {"dataset_name": dataset.name, "params": {}}
    for offered in OPERATORS:
        operator = OperatorRegistry().get_operator(f"{PLUGIN}/{offered.NAME}")
        for is_asked in (False, True):
            ctx = ExecutionContext(
                {**request, "request_delegation": is_asked}, operator_uri=operator.uri
            )
            options = operator.resolve_execution_options(ctx)
            assert options.allow_immediate_execution
            can_wait = offered.DELEGATABLE and (is_asked or are_workers_allowed)
            assert options.allow_delegated_execution == can_wait, offered.NAME
