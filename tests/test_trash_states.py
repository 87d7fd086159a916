"""Every state of a dataset in the trash, and every branch, has a way back: SDK, commands, App."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.command_line import Run, in_this_process
from support.full import Document
from support.invariants import World, assert_sound
from support.operators import PLUGIN, execute, form, problems
from support.panel import Panel, happen
from support.stories import STORIES
from support.story import NAME, make

pytestmark = pytest.mark.usefixtures("installed_plugin")


@pytest.fixture(autouse=True)
def plugin(installed_plugin: Path) -> Path:
    return installed_plugin


@pytest.fixture
def first(database: Database[Document]) -> World:
    """What the dataset was before it was rolled back twice, of which the last time was undone."""
    dataset = make("image", STORIES["revert"])
    before = World.now(database, NAME)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    dataset.reload()
    dataset.tag_samples("second")
    fos.create_snapshot(NAME, "v3")
    fos.revert_dataset_to_snapshot(NAME, "v1")
    fos.undo_revert(NAME)
    return before


def states() -> list[fos.TrashItem]:
    return [item for item in fos.list_trash(NAME) if item.kind.value == "head"]


def is_first(database: Database[Document], first: World) -> bool:
    """Whether the first state is back, with its snapshots, beside what was taken since."""
    found = World.now(database, NAME)
    assert_sound(database)
    return found.head == first.head and fos.list_snapshots(NAME) == ["v1", "v2", "v3"]


def test_in_python(database: Database[Document], first: World) -> None:
    here = World.now(database, NAME)
    earlier, last = states()
    plan = fos.undo_revert(NAME, earlier.id, dry_run=True)
    assert (plan.snapshots_to_bring_back, plan.snapshots_to_delete) == (["v2"], [])
    assert not plan.is_redo
    fos.undo_revert(NAME, operation_id=earlier.id)
    assert is_first(database, first)
    # That can be undone as well, and the other state has stayed
    assert states()[0].id == last.id
    fos.undo_revert(NAME)
    assert World.now(database, NAME).head == here.head
    assert fos.list_snapshots(NAME) == ["v1", "v3"]
    with pytest.raises(fos.NothingToUndoError, match=earlier.id):
        fos.undo_revert(NAME, earlier.id)
    with pytest.raises(fos.NothingToUndoError, match=earlier.id):
        fos.undo_revert(NAME, earlier.id, dry_run=True)


def test_on_the_command_line(
    database: Database[Document], first: World, capsys: pytest.CaptureFixture[str]
) -> None:
    run: Run = in_this_process(capsys)
    earlier = states()[0]
    assert earlier.id in run("trash", NAME).out
    planned = run("undo-revert", NAME, earlier.id, "--dry-run").out
    assert planned.startswith("Would bring back")
    assert "snapshots that come back: v2" in planned
    assert run("undo-revert", NAME, earlier.id, "--json").json["is_redo"] is False
    assert is_first(database, first)


def test_in_the_app(database: Database[Document], first: World) -> None:
    earlier, last = states()
    shown = Panel(NAME, trash=True)
    buttons = [item["view"] for key, item in shown.components() if key == "bring_back"]
    assert [button["params"] for button in buttons] == [{"operation_id": earlier.id}]
    assert shown.button("undo")["label"] == "Redo rollback to v1"  # type: ignore[index]
    (asked,) = [
        item["params"]
        for item in happen(NAME, "on_undo_revert", operation_id=earlier.id)
        if item["operator_uri"].startswith("prompt_")
    ]
    assert asked["operator_uri"] == f"{PLUGIN}/undo_revert"
    assert asked["params"]["operation_id"] == earlier.id
    plan = execute("plan_undo", NAME, operation_id=earlier.id)
    assert "The snapshot 'v2' will come back" in plan["message"]
    waiting = form("undo_revert", NAME, in_dialog=True, operation_id=earlier.id)
    preview = {"params": waiting["preview"]["view"]["params"], "result": plan}
    planned = form("undo_revert", NAME, in_dialog=True, operation_id=earlier.id, preview=preview)
    assert "before the rollback to 'v1'" in planned["what"]["view"]["label"]
    assert not problems(planned)
    # Without a choice it is the last one, as ever
    assert form("undo_revert", NAME)["operation_id"]["default"] == last.id
    message = execute("undo_revert", NAME, operation_id=earlier.id)["message"]
    assert "before the rollback to 'v1'" in message
    assert is_first(database, first)


def test_where_all_samples_are_gone(database: Database[Document], first: World) -> None:
    dataset = fo.load_dataset(NAME)
    dataset.delete_samples(dataset.values("id"))
    choices = form("bring_back_samples", NAME)["name"]["view"]["choices"]
    (earlier,) = [each["value"] for each in choices if states()[0].id in each["value"]]
    execute("bring_back_samples", NAME, name=earlier)
    assert is_first(database, first)


def test_deleted_branches_of_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    dataset = make("image", STORIES["create"])
    for word in ("older", "newer"):
        fos.create_branch(NAME, "night")
        fo.load_dataset(f"{NAME}.night").tag_samples(word)
        fos.delete_branch(f"{NAME}.night")
    older, newer = (item for item in fos.list_trash(dataset) if item.kind.value == "branch")
    shown = Panel(NAME, trash=True)
    buttons = [item["view"] for key, item in shown.components() if key == "restore_branch"]
    assert [button["params"]["operation_id"] for button in buttons] == [newer.id, older.id]
    happen(NAME, "on_restore_branch", **buttons[1]["params"])
    branch = fo.load_dataset(f"{NAME}.night")
    assert "older" in branch.distinct("tags")
    # Its name is taken by then
    with pytest.raises(fos.DuplicateNameError):
        fos.restore_branch(f"{NAME}.night", newer.id)
    fos.delete_branch(branch)
    run: Run = in_this_process(capsys)
    assert run("branch", "restore", f"{NAME}.night", newer.id).code == 0
    assert "newer" in fo.load_dataset(f"{NAME}.night").distinct("tags")
