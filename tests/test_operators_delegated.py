"""Operators executed elsewhere: by a delegated worker, or in the background of the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionContext, Executor

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.errors import OperationCancelledError
from fiftyone_snapshots.operators import OPERATORS, running
from support.app import Worker
from support.datasets import image_dataset
from support.operators import PLUGIN, execute
from support.panel import Panel
from support.snapshots import stored_snapshots

pytestmark = pytest.mark.usefixtures("installed_plugin")

DELEGATABLE = {operator.NAME for operator in OPERATORS if operator.DELEGATABLE}


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset("street", persistent=True)


def delegate(name: str, dataset: fo.Dataset, /, **params: Any) -> Any:
    """Queues an operator, and returns the id of the queued operation."""
    context = {"dataset": dataset, "params": params, "request_delegation": True}
    queued = foo.execute_operator(f"{PLUGIN}/{name}", context)
    assert queued.delegated
    return queued.result["_id"] if "_id" in queued.result else queued.result["id"]


def until(probe: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < deadline, "This takes too long"
        time.sleep(0.1)
    return answer


def ended(database: Any, operation_id: Any) -> dict[str, Any]:
    states = ["completed", "failed"]
    query = {"_id": operation_id, "run_state": {"$in": states}}
    document: dict[str, Any] = until(lambda: database["delegated_ops"].find_one(query))
    return document


def test_a_worker_does_every_operator(
    dataset: fo.Dataset, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.create_snapshot(dataset, "v0")
    dataset.tag_samples("edited")

    def of_edited_branch() -> dict[str, Any]:
        fo.load_dataset("street.b").tag_samples("of the branch")
        return {"branch": "street.b"}

    def of_plan() -> dict[str, Any]:
        return {"merge": fos.list_merges(dataset)[-1].id}

    def of_conflict() -> dict[str, Any]:
        for name in ("street", "street.b"):
            sample = fo.load_dataset(name, reload=True).first()
            sample["weather"].label = f"of {name}"
            sample.save()
        return {"merge": fos.plan_merge("street.b", progress=False).id}

    def of_operation() -> dict[str, Any]:
        with fos.undoable("street", "tag") as block:
            fo.load_dataset("street", reload=True).tag_samples("undoable")
        assert block.operation is not None
        return {"operation": block.operation.id}

    story: list[tuple[str, dict[str, Any] | Callable[[], dict[str, Any]]]] = [
        ("create_snapshot", {"name": "v1", "description": "first"}),
        ("refresh_changes", {}),
        ("create_snapshot", {"name": "v2"}),
        ("compare_snapshots", {"before": "v1", "after": "v2"}),
        ("verify_snapshot", {"name": "v1"}),
        ("capture_media", {"name": "v1", "level": "stat"}),
        ("plan_push", {}),
        ("push_snapshots", {"names": ["v1"]}),
        ("plan_pull", {}),
        ("pull_snapshots", {}),
        ("clone_snapshot", {"name": "v1", "new_dataset_name": "copy"}),
        ("restore_samples", {"name": "v0", "sample_ids": dataset.values("id")[:1]}),
        ("undo_restore", {}),
        ("plan_revert", {"name": "v1"}),
        ("revert_to_snapshot", {"name": "v1"}),
        ("undo_revert", {}),
        ("archive_snapshot", {"name": "v1"}),
        ("unarchive_snapshot", {"name": "v1"}),
        ("create_branch", {"name": "b"}),
        ("plan_merge", of_edited_branch),
        ("apply_merge", of_plan),
        ("undo_merge", {}),
        ("plan_merge", {"branch": "street.b"}),
        ("apply_merge", of_plan),
        ("undo_operation", of_operation),
        ("review_merge", of_conflict),
    ]
    assert {name for name, _ in story} == DELEGATABLE
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    (tmp_path / "remote").mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_REMOTE", str(tmp_path / "remote"))
    with Worker(tmp_path / "worker.log"):
        for name, params in story:
            given = params() if callable(params) else params
            document = ended(database, delegate(name, dataset, **given))
            assert document["run_state"] == "completed", document["result"]
            assert document["result"]["result"]["message"]
            assert document["status"]["progress"] == 1.0
        failing = ended(database, delegate("verify_snapshot", dataset, name="v1"))
        assert failing["result"]["result"]["ok"] is True
    # What is done here, between two operators
    here = {"begin_operation", "end_operation", "plan_merge"}
    interfaces = {e.interface for e in fos.list_events()[:-1] if e.action not in here}
    assert interfaces == {"delegated"}
    snapshots = fos.list_snapshots(dataset)
    assert (snapshots[:3], snapshots[-1]) == (["v0", "v1", "v2"], "merge of b 2")
    assert dataset.count_sample_tags()["of the branch"] == len(dataset)
    assert len(fo.load_dataset("copy")) == len(dataset)


def delegate_other(name: str, dataset: fo.Dataset, /, **params: Any) -> Any:
    """Queues an operator of FiftyOne's own."""
    context = ExecutionContext({"dataset_name": dataset.name, "params": params})
    queued = DelegatedOperationService().queue_operation(
        operator=f"@voxel51/operators/{name}", label=name, delegation_target=None, context=context
    )
    return queued.id


def copy_field(dataset: fo.Dataset, name: str) -> Any:
    """Queues an operator of FiftyOne's own."""
    params = {"field_name": "größe", "new_field_name": name}
    context = ExecutionContext({"dataset_name": dataset.name, "params": params})
    queued = DelegatedOperationService().queue_operation(
        operator="@voxel51/operators/clone_sample_field",
        label=f"Copy to {name}",
        delegation_target=None,
        context=context,
    )
    return queued.id


def test_what_is_queued_on_a_dataset_runs_in_the_order_it_was_queued(
    dataset: fo.Dataset, database: Any, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """One worker, which takes what was queued last, and three datasets."""
    operations = database["delegated_ops"]
    overtaken, waiting = (image_dataset(name, persistent=True) for name in ("lane", "alley"))
    for each in (dataset, overtaken, waiting):
        fos.create_snapshot(each, "v0")
        each.tag_samples("edited")

    in_order = [
        copy_field(dataset, "before"),
        delegate("create_snapshot", dataset, name="v1"),
        delegate("revert_to_snapshot", dataset, name="v0"),
        delegate("create_snapshot", dataset, name="v2"),
    ]
    late = delegate("create_snapshot", overtaken, name="v1")
    reading = delegate("compare_snapshots", overtaken, before="v0")
    early = copy_field(overtaken, "after")
    stuck = copy_field(waiting, "copy")
    begun = {"run_state": "running", "started_at": datetime.now(timezone.utc)}
    operations.update_one({"_id": stuck}, {"$set": begun})
    behind = delegate("create_snapshot", waiting, name="v1")

    with Worker(tmp_path / "worker.log", FIFTYONE_SNAPSHOTS_LOCK_WAIT_SEC="1"):
        with subtests.test("what was queued before an operation runs before it"):
            found = [ended(database, each) for each in in_order]
            assert [each["run_state"] for each in found] == ["completed"] * 4, found
            assert fos.list_snapshots(dataset) == ["v0", "v2"]
            assert "edited" not in fos.load_snapshot(dataset, "v2").count_sample_tags()
            fos.undo_revert(dataset)
            first = fos.load_snapshot(dataset, "v1")
            assert first.count_sample_tags()["edited"] == len(dataset)
            assert "before" in first.get_field_schema()
        with subtests.test("what another plugin's has overtaken is refused, but not reading"):
            assert ended(database, early)["run_state"] == "completed"
            assert ended(database, reading)["run_state"] == "completed"
            refused = ended(database, late)
            assert refused["run_state"] == "failed"
            assert "OvertakenError: 'Copy to after'" in refused["result"]["error"]
            assert fos.list_snapshots(overtaken) == ["v0"]
        with subtests.test("what runs elsewhere is waited for, and then named"):
            refused = ended(database, behind)
            assert f"fiftyone delegated fail {stuck}" in refused["result"]["error"]
            DelegatedOperationService().set_failed(stuck)
            again = ended(database, delegate("create_snapshot", waiting, name="v1"))
            assert again["run_state"] == "completed"
            assert fos.list_snapshots(waiting) == ["v0", "v1"]


def test_a_worker_killed_in_the_middle_leaves_nothing(
    dataset: fo.Dataset, database: Any, tmp_path: Path
) -> None:
    fault = {"FIFTYONE_SNAPSHOTS_FAULT": "create.captured:pause"}
    with Worker(tmp_path / "worker.log", **fault) as worker:
        delegate("create_snapshot", dataset, name="v1")
        until(lambda: "paused" in worker.output())
        (entry,) = fos.list_operations(dataset)
        assert entry.verb.value == "create"
        assert fos.list_snapshots(dataset) == []
        worker.kill()
    assert until(lambda: not fos.list_operations(dataset))
    assert fos.list_snapshots(dataset) == []
    assert not stored_snapshots(database)
    execute("create_snapshot", dataset, name="v1")
    assert fos.list_snapshots(dataset) == ["v1"]


@pytest.fixture
def app_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets operators believe that the App's server executes them."""
    monkeypatch.setenv("FIFTYONE_SERVER", "1")
    monkeypatch.setattr(running, "GRACE_SECONDS", 0.2)
    running._tasks.clear()
    yield
    running._tasks.clear()


def as_the_app(name: str, dataset: fo.Dataset, /, **params: Any) -> dict[str, Any]:
    operator = foo.get_operator(f"{PLUGIN}/{name}")
    request = {"dataset_name": dataset.name, "params": params}
    ctx = ExecutionContext(request, executor=Executor(), operator_uri=operator.uri)
    result: dict[str, Any] = operator.execute(ctx)
    return result


@pytest.mark.usefixtures("app_server")
def test_what_is_quick_is_done_at_once(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE_SECONDS", 30)
    assert as_the_app("create_snapshot", dataset, name="v1")["state"] == "done"
    assert running.tasks("street") == []


@pytest.mark.usefixtures("app_server")
def test_what_is_slow_goes_on_in_the_background(dataset: fo.Dataset) -> None:
    gate = threading.Event()
    with faults.arm("create.captured", lambda: gate.wait(30)):
        result = as_the_app("create_snapshot", dataset, name="v1")
        assert result["state"] == "running"
        assert "History panel" in result["message"]
        (task,) = running.tasks("street")
        until(lambda: task.operations)
        assert fos.get_operation(task.operations[0]).verb.value == "create"
        gate.set()
        assert task.ended.wait(30)
    assert task.outcome()["snapshot"]["name"] == "v1"
    running.dismiss(task.id)
    assert running.tasks("street") == []


@pytest.mark.usefixtures("app_server")
def test_what_came_of_a_dialog_is_told_by_its_panel_and_by_the_one_that_takes_its_place(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE_SECONDS", 30)
    fos.create_snapshot(dataset, "v1")
    asked = {"name": "v1", "panel_id": Panel.ID, "dialog": True}
    assert as_the_app("delete_snapshot", dataset, **asked)["state"] == "done"
    told = Panel("street").find("outcome_0")
    assert told is not None
    assert "moved to the trash" in str(told)
    asked = {"name": "v1", "panel_id": "another", "dialog": True}
    as_the_app("restore_snapshot", dataset, **asked)
    assert "outcome_1" not in dict(Panel("street").components())
    assert "outcome_1" in dict(Panel("street", panels=["another"]).components())
    with pytest.raises(fos.SnapshotNotFoundError):
        as_the_app("delete_snapshot", dataset, name="v9", panel_id=Panel.ID, dialog=True)
    assert "outcome_1" not in dict(Panel("street").components())


@pytest.mark.usefixtures("app_server")
def test_what_ends_while_the_panel_looks_is_under_way_and_told_at_the_next_look(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    why_not = fos.management.why_not

    def end(*asked: Any) -> str | None:
        gate.set()
        assert task.ended.wait(30)
        return why_not(*asked)

    with faults.arm("audit.appending", lambda: gate.wait(30)):
        as_the_app("create_snapshot", dataset, name="v1")
        (task,) = running.tasks("street")
        until(lambda: fos.list_snapshots(dataset) == ["v1"] and not fos.list_operations(dataset))
        with monkeypatch.context() as patch:
            patch.setattr(fos.management, "why_not", end)
            panel = Panel("street")
    assert panel.find("task_0") is not None
    assert panel.find("outcome_0") is None
    later = Panel("street")
    assert later.version != panel.version
    assert later.find("task_0") is None
    assert later.find("outcome_0") is not None


@pytest.mark.usefixtures("app_server")
def test_what_is_slow_can_be_cancelled(dataset: fo.Dataset) -> None:
    gate = threading.Event()
    with faults.arm("create.reserved", lambda: gate.wait(30)):
        as_the_app("create_snapshot", dataset, name="v1")
        (task,) = running.tasks("street")
        operation = until(lambda: fos.list_operations(dataset))[0]
        cancelled = as_the_app("cancel_operation", dataset, operation_id=str(operation.id))
        assert cancelled["in_time"] is True
        gate.set()
        assert task.ended.wait(30)
    assert isinstance(task.error, OperationCancelledError)
    assert fos.list_snapshots(dataset) == []
    assert fos.get_operation(str(operation.id)).state.value == "undone"


@pytest.mark.usefixtures("app_server")
def test_large_actions_are_not_left_in_a_queue_nobody_serves(
    dataset: fo.Dataset, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LARGE_DOCUMENTS", 1)
    monkeypatch.setattr(running, "OFFER_SECONDS", 0.5)
    monkeypatch.setattr(running, "GRACE_SECONDS", 30)
    assert as_the_app("create_snapshot", dataset, name="v1")["state"] == "done"
    assert database["delegated_ops"].count_documents({}) == 0


@pytest.mark.usefixtures("app_server")
def test_large_actions_go_to_a_worker_that_is_alive(
    dataset: fo.Dataset, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LARGE_DOCUMENTS", 1)
    monkeypatch.setattr(running, "OFFER_SECONDS", 30)
    with Worker(tmp_path / "worker.log"):
        result = as_the_app("create_snapshot", dataset, name="v1")
        assert result["state"] == "delegated"
        (queued,) = database["delegated_ops"].find({}, {"_id": 1})
        assert ended(database, queued["_id"])["run_state"] == "completed"
    assert fos.list_snapshots(dataset) == ["v1"]


@pytest.mark.usefixtures("app_server")
def test_errors_in_the_background_are_kept(dataset: fo.Dataset) -> None:
    def fail() -> None:
        time.sleep(0.5)
        raise RuntimeError("the disk is full")

    with faults.arm("create.captured", fail):
        as_the_app("create_snapshot", dataset, name="v1")
        (task,) = running.tasks("street")
        assert task.ended.wait(30)
    with pytest.raises(RuntimeError, match="the disk is full"):
        task.outcome()
    assert fos.list_snapshots(dataset) == []
