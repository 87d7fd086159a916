"""Every action needs its level and no more, whoever asks; the App offers only what one may do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone.operators.executor import ExecutionContext, ExecutionError

import fiftyone_snapshots as fos
from fiftyone_snapshots import management
from fiftyone_snapshots.backend.access import Action, Interface, Level, acting_as
from fiftyone_snapshots.backend.access.actor import current
from fiftyone_snapshots.management.authorize import ACTION
from support.datasets import image_dataset
from support.operators import PLUGIN, execute, form, problems
from support.panel import Panel
from support.permissions import TABLE, allow, street

NO_ACTION = {
    "acting_as": "says who acts",
    "archives_are_on": "tells what the settings say",
    "diagnose": "looks for what is wrong, such as a policy that lets nobody in",
    "reporting": "says who is told how far things are",
    "wait_for_media": "waits for what this process does anyway",
    "why_not": "asks the policy itself, and tells nothing else",
}
"""The public functions that need no door."""


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    return street(tmp_path, monkeypatch)


# The table


@pytest.mark.parametrize("row", TABLE)
def test_every_row_needs_its_level_and_no_more(
    row: str, dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    act, needed = TABLE[row]
    policy_file(allow(Level(needed - 1)))
    with pytest.raises(fos.SnapshotPermissionError) as refused:
        act()
    assert isinstance(refused.value, PermissionError)
    assert refused.value.needed == needed.name.lower()
    assert refused.value.level == Level(needed - 1).name.lower()
    assert "User 'anna' may not" in str(refused.value)
    policy_file(allow(needed))
    act()


def test_without_a_policy_everybody_may_do_everything(dataset: fo.Dataset) -> None:
    for act, _ in list(TABLE.values())[:4]:
        act()
    assert all(management.why_not(action, "street") is None for action in Action)


def test_a_refusal_says_what_is_needed_and_changes_nothing(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    policy_file(allow(Level.EDIT))
    with pytest.raises(fos.SnapshotPermissionError) as refused:
        fos.delete_snapshot(dataset, "v1")
    assert str(refused.value) == (
        "User 'anna' may not delete snapshots of dataset 'street': manage (Can manage) is "
        "needed, and edit (Can edit) is what they have. Ask whoever maintains the policy."
    )
    assert (refused.value.action, refused.value.dataset) == ("delete", "street")
    assert fos.list_snapshots(dataset) == ["v1"]


def test_the_levels_are_those_of_the_specification() -> None:
    manage = {"create", "delete", "revert", "archive", "edit", "restore", "empty_trash", "pin",
              "unpin", "prune", "import", "undo_revert", "restore_samples",
              "convert"}  # fmt: skip
    view = {"load", "list", "diff", "unarchive", "clone", "verify", "search", "export"}
    assert {a.value for a in Action if a.level is Level.MANAGE} >= manage
    assert {a.value for a in Action if a.level is Level.VIEW} >= view
    assert Action.TAG.level is Level.TAG
    assert sorted(Level) == [Level.NONE, Level.VIEW, Level.TAG, Level.EDIT, Level.MANAGE]


@pytest.mark.parametrize("name", management.__all__)
def test_every_public_function_goes_through_the_door(name: str) -> None:
    found = getattr(management, name)
    if not isinstance(found, type) and name not in NO_ACTION:
        assert isinstance(getattr(found, ACTION, None), Action), f"{name} has no @acting(...)"


def test_a_loaded_snapshot_has_the_level_of_its_dataset(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    opened = fos.load_snapshot(dataset, "v1").name
    policy_file("datasets: {street: {anna: view}}")
    assert fos.locate(opened).snapshot == "v1"
    policy_file("datasets: {other: {anna: view}}")
    with pytest.raises(fos.SnapshotPermissionError, match="dataset 'street'"):
        fos.locate(opened)


def test_an_import_needs_the_level_of_the_dataset_that_it_adds_to(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    policy_file("datasets: {other: {anna: manage}}")
    with pytest.raises(fos.SnapshotPermissionError, match="dataset 'street'"):
        fos.import_snapshot("moved.tar")
    # It would get there, whatever name is given
    with pytest.raises(fos.SnapshotPermissionError, match="dataset 'street'"):
        fos.import_snapshot("moved.tar", "other")
    fo.delete_dataset("street")
    with pytest.raises(fos.SnapshotPermissionError, match="dataset 'street'"):
        fos.import_snapshot("moved.tar")
    assert fos.import_snapshot("moved.tar", "other").name == "moved"


def test_a_renamed_dataset_has_the_level_of_its_new_name(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    policy_file("datasets: {street: {anna: view}}")
    dataset.name = "road"
    with pytest.raises(fos.SnapshotPermissionError, match="dataset 'road'"):
        fos.list_snapshots(dataset)


def test_lists_of_all_datasets_show_what_one_may_see(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    secret = image_dataset("secret", 2, persistent=True)
    fos.create_snapshot(secret, "s1")
    fos.delete_snapshot(secret, "s1")
    assert {item.dataset_name for item in fos.list_trash()} == {
        "street",
        "lane.fog",
        "secret",
    }
    policy_file('datasets: {secret: {ben: view}, "*": {anna: view}}')
    assert {item.dataset_name for item in fos.list_trash()} == {"street", "lane.fog"}
    assert {event.dataset for event in fos.list_events()} == {"street", "lane", "lane.fog"}
    with pytest.raises(fos.SnapshotPermissionError, match="of all datasets"):
        fos.verify_all()


# Who asks


def test_the_user_is_the_named_one_else_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "system")
    monkeypatch.delenv("FIFTYONE_SNAPSHOTS_USER", raising=False)
    assert (current().user, current().interface) == ("system", Interface.SDK)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "anna")
    assert current().user == "anna"
    with acting_as(Interface.CLI):
        assert (current().user, current().interface) == ("anna", Interface.CLI)
        with acting_as(Interface.PANEL, "ben"):
            assert (current().user, current().interface) == ("ben", Interface.PANEL)
    assert current().interface is Interface.SDK


def test_threads_do_not_act_for_each_other() -> None:
    seen = []
    with acting_as(Interface.PANEL, "ben"):
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
    assert seen[0].interface is Interface.SDK
    assert seen[0].user != "ben"


def test_the_creator_is_whoever_asked(dataset: fo.Dataset) -> None:
    with acting_as(Interface.OPERATOR, "ben"):
        assert fos.create_snapshot(dataset, "v2").created_by == "ben"


# The App


@pytest.mark.usefixtures("installed_plugin")
def test_a_refused_form_says_so_and_cannot_be_submitted(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    policy_file(allow(Level.VIEW))
    for operator in ("create_snapshot", "delete_snapshot", "revert_to_snapshot", "edit_snapshot",
                     "undo_revert", "restore_snapshot", "empty_trash",
                     "restore_samples"):  # fmt: skip
        assert "'anna' may not" in problems(form(operator, "street"))[0], operator
        with pytest.raises(ExecutionError, match="may not"):
            execute(operator, dataset, name="v1")
    assert problems(form("browse_snapshot", "street", name="v1")) == []
    assert execute("browse_snapshot", dataset, name="v1")["dataset_name"] == "street@v1"


@pytest.mark.usefixtures("installed_plugin")
def test_the_user_of_the_app_is_whom_fiftyone_names(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    policy_file('datasets: {"*": {anna: none, ben@lab: manage}}')
    operator = foo.get_operator(f"{PLUGIN}/create_snapshot")
    request = {"dataset_name": "street", "params": {"name": "v2"}}
    ctx = ExecutionContext(request, operator_uri=operator.uri)
    with pytest.raises(fos.SnapshotPermissionError, match="'anna'"):
        operator.execute(ctx)
    ctx.user = SimpleNamespace(id="1", name="Ben", email="ben@lab")
    assert operator.execute(ctx)["snapshot"]["created_by"] == "ben@lab"


@pytest.mark.usefixtures("installed_plugin")
def test_the_panel_offers_only_what_one_may_do(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    panel = Panel("street")
    assert panel.button("save")["disabled"] is True  # it has no name yet
    everything = {value.partition("/")[0] for value in panel.menu(0)}
    assert {"revert", "delete", "edit", "clone", "verify"} <= everything

    policy_file(allow(Level.VIEW))
    panel = Panel("street")
    assert "'anna' may not create snapshots" in panel.text()
    assert panel.button("save") is None
    assert panel.rows[0]["browse"]["disabled"] is False
    left = {value.partition("/")[0] for value in panel.menu(0)}
    assert left == {"compare_head", "clone", "export", "verify"}
    assert panel.button("undo") is None

    policy_file(allow(Level.NONE))
    assert "'anna' may not list snapshots" in Panel("street").text()
