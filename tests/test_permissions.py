"""Who may do what: every row of the table, the policy file, other policies, and the App."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone.operators.executor import ExecutionContext, ExecutionError

import fiftyone_snapshots as fos
from fiftyone_snapshots import management
from fiftyone_snapshots.backend.access import Action, Interface, Level, acting_as, policy
from fiftyone_snapshots.backend.access.actor import Actor, current
from fiftyone_snapshots.backend.access.door import ACTION
from fiftyone_snapshots.backend.access.policy_file import PolicyFile
from support.datasets import image_dataset
from support.operators import PLUGIN, execute, form, problems
from support.panel import Panel

NO_ACTION = {
    "acting_as": "says who acts",
    "archives_are_on": "tells what the settings say",
    "diagnose": "looks for what is wrong, such as a policy that lets nobody in",
    "reporting": "says who is told how far things are",
    "why_not": "asks the policy itself, and tells nothing else",
}
"""The public functions that need no door."""

TABLE: dict[str, tuple[Callable[[], Any], Level]] = {
    "list": (lambda: fos.list_snapshots("street"), Level.VIEW),
    "information": (lambda: fos.get_snapshot_info("street", "v1"), Level.VIEW),
    "browse": (lambda: fos.get_history("street"), Level.VIEW),
    "load": (lambda: fos.load_snapshot("street", "v1"), Level.VIEW),
    "load with FiftyOne": (lambda: fo.load_dataset("street", snapshot="v1"), Level.VIEW),
    "load of a Dataset": (lambda: fos.load_snapshot(fo.load_dataset("street"), "v1"), Level.VIEW),
    "clone": (lambda: fos.clone_snapshot("street", "v1", "copy"), Level.VIEW),
    "diff": (lambda: fos.diff("street", "v1", progress=False), Level.VIEW),
    "calculate": (lambda: fos.calculate_dataset_latest_changes_summary("street"), Level.VIEW),
    "preview": (
        lambda: fos.revert_dataset_to_snapshot("street", "v1", dry_run=True),
        Level.VIEW,
    ),
    "verify": (lambda: fos.verify_snapshot("street", "v1"), Level.VIEW),
    "verify all": (fos.verify_all, Level.VIEW),
    "log": (lambda: fos.list_events("street"), Level.VIEW),
    "address": (lambda: fos.snapshot_uri("street", "v1"), Level.VIEW),
    "equality": (lambda: fos.is_head_equal("street", "v1"), Level.VIEW),
    "tag": (lambda: fos.tag_snapshot("street", "v1", "new"), Level.TAG),
    "untag": (lambda: fos.untag_snapshot("street", "v1", "new"), Level.TAG),
    "create": (lambda: fos.create_snapshot("street", "v2"), Level.MANAGE),
    "delete": (lambda: fos.delete_snapshot("street", "v1"), Level.MANAGE),
    "restore": (lambda: fos.restore_snapshot("street", "old"), Level.MANAGE),
    "revert": (lambda: fos.revert_dataset_to_snapshot("street", "v1"), Level.MANAGE),
    "undo": (lambda: fos.undo_revert("street"), Level.MANAGE),
    "edit": (lambda: fos.edit_snapshot("street", "v1", description="new"), Level.MANAGE),
    "restore samples": (
        lambda: fos.restore_samples("street", "v1", fo.load_dataset("street").first().id),
        Level.MANAGE,
    ),
    "empty trash": (lambda: fos.empty_trash("street"), Level.MANAGE),
    "recover": (fos.recover, Level.MANAGE),
    "archive": (lambda: fos.archive_snapshot("street", "v1"), Level.MANAGE),
    "unarchive": (lambda: fos.unarchive_snapshot("street", "v1"), Level.VIEW),
    "export": (lambda: fos.export_snapshot("street", "v1", "v1.tar"), Level.VIEW),
    "import": (lambda: fos.import_snapshot("moved.tar"), Level.MANAGE),
    "pin": (lambda: fos.pin_snapshot("street", "v1"), Level.MANAGE),
    "unpin": (lambda: fos.unpin_snapshot("street", "v1"), Level.MANAGE),
    "prune": (
        lambda: fos.prune_snapshots("street", keep_last=1, dry_run=False),
        Level.MANAGE,
    ),
    "preview of pruning": (lambda: fos.prune_snapshots("street", keep_last=1), Level.VIEW),
}
"""What can be done, and the level that it needs."""


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    """A dataset with something for every action: what was deleted, exported and reverted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = image_dataset("street", 4, persistent=True)
    fos.create_snapshot(dataset, "moved")
    fos.export_snapshot(dataset, "moved", "moved.tar")
    fos.delete_snapshot(dataset, "moved")
    fos.empty_trash(dataset)
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, "old")
    fos.delete_snapshot(dataset, "old")
    fos.revert_dataset_to_snapshot(dataset, "v1")
    return dataset


@pytest.fixture
def policy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a policy into force."""
    path = tmp_path / "policy.yml"

    def write(text: str) -> Path:
        path.write_text(text)
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", str(path))
        return path

    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "anna")
    return write


def allow(level: Level) -> str:
    return f'datasets: {{"*": {{anna: {level.name.lower()}}}}}'


def levels(text: str, tmp_path: Path) -> Callable[[str | None, str | None], Level]:
    path = tmp_path / "other.yml"
    path.write_text(text)
    found = PolicyFile.read(path)
    return lambda user, dataset: found.level(Actor(user, Interface.SDK, "host"), dataset)


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
    with pytest.raises(fos.InvalidRequestError, match="is called 'street'"):
        fos.import_snapshot("moved.tar", "other")
    fo.delete_dataset("street")
    with pytest.raises(fos.SnapshotPermissionError, match="dataset 'street'"):
        fos.import_snapshot("moved.tar")
    assert fos.import_snapshot("moved.tar", "other").name == "moved"


def test_a_renamed_dataset_has_the_level_of_its_new_name(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    policy_file("datasets: {street: {anna: view}}")
    dataset.name = "lane"
    with pytest.raises(fos.SnapshotPermissionError, match="dataset 'lane'"):
        fos.list_snapshots(dataset)


def test_lists_of_all_datasets_show_what_one_may_see(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    secret = image_dataset("secret", 2, persistent=True)
    fos.create_snapshot(secret, "s1")
    fos.delete_snapshot(secret, "s1")
    assert {item.dataset_id for item in fos.list_trash()} == {
        str(dataset._doc.id),
        str(secret._doc.id),
    }
    policy_file('datasets: {secret: {ben: view}, "*": {anna: view}}')
    assert {item.dataset_id for item in fos.list_trash()} == {str(dataset._doc.id)}
    assert {event.dataset for event in fos.list_events()} == {"street"}
    with pytest.raises(fos.SnapshotPermissionError, match="of all datasets"):
        fos.verify_all()


# Policy files

EXAMPLE = """
groups:
  labellers: [anna, ben]
  leads: [carla, ben]
datasets:
  secret-*:
    leads: manage
    carla: view
  "*":
    "*": view
    labellers: edit
    leads: Manage
    dora: none
"""


@pytest.mark.parametrize(
    ("user", "dataset", "level"),
    [
        ("anna", "street", Level.EDIT),
        ("ben", "street", Level.MANAGE),
        ("carla", "street", Level.MANAGE),
        ("dora", "street", Level.NONE),
        ("emil", "street", Level.VIEW),
        (None, "street", Level.VIEW),
        ("anna", "secret-1", Level.NONE),
        ("carla", "secret-1", Level.MANAGE),
        (None, "secret-1", Level.NONE),
        ("leads", "secret-1", Level.NONE),
        ("*", "secret-1", Level.NONE),
        ("anna", None, Level.NONE),
        ("ben", None, Level.MANAGE),
    ],
)
def test_the_first_pattern_that_fits_decides(
    user: str | None, dataset: str | None, level: Level, tmp_path: Path
) -> None:
    assert levels(EXAMPLE, tmp_path)(user, dataset) is level


def test_datasets_that_no_pattern_fits_are_closed(tmp_path: Path) -> None:
    level = levels("datasets: {数据*: {anna: manage}}", tmp_path)
    assert level("anna", "数据 1") is Level.MANAGE
    assert level("anna", "other") is Level.NONE
    assert level("anna", None) is Level.NONE


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("datasets:\n  a:\n    anna: boss\n", "line 3: 'boss' is no level"),
        ("datasets:\n  a: {anna: view}\n  a: {ben: view}\n", "line 3: 'a' is there twice"),
        ("datasets:\n  a: view\n", "line 2: 'a' must map names"),
        ("groups:\n  x: anna\ndatasets: {}\n", "line 2: group 'x' must be a list"),
        ("groups: {x: [anna]}\n", "line 1: 'datasets' is missing"),
        ("\ndataset: {}\n", "line 2: 'dataset' is neither"),
        ("datasets:\n  a: {anna: [view]}\n", "line 2: expected a level"),
        ("datasets:\n  a: {anna: view\n", "line 3: expected ',' or '}'"),
        ('groups: {"*": [anna]}\ndatasets: {}\n', "line 1: '*' is everybody"),
        ("datasets:\n\t- a\n", "line 2: found character"),
        ("", "is empty"),
    ],
)
def test_a_broken_file_denies_everything_and_says_where(
    text: str, complaint: str, dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    path = policy_file(text)
    for act, _ in TABLE.values():
        with pytest.raises(fos.SnapshotPermissionError) as refused:
            act()
        assert complaint in str(refused.value)
        assert str(path) in str(refused.value)


def test_a_missing_or_unreadable_file_denies_everything(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    path = policy_file("")
    path.unlink()
    with pytest.raises(fos.SnapshotPermissionError, match="No such file"):
        fos.list_snapshots(dataset)
    path.write_bytes(b"datasets: \xff\xfe")
    with pytest.raises(fos.SnapshotPermissionError, match="cannot be read"):
        fos.list_snapshots(dataset)


def test_a_changed_file_is_in_force_at_once(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    policy_file(allow(Level.VIEW))
    assert management.why_not("create", dataset) is not None
    policy_file(allow(Level.MANAGE))
    assert management.why_not("create", dataset) is None
    with pytest.raises(fos.InvalidRequestError, match="no action 'destroy'"):
        management.why_not("destroy", dataset)


# Policies of other packages


class OfficeHours:
    """Everybody may look; whoever the host trusts may do the rest."""

    def level(self, actor: Actor, dataset: str | None) -> Level:
        return Level.MANAGE if actor.user == "root" else Level.VIEW


class Failing:
    def level(self, actor: Actor, dataset: str | None) -> Level:
        raise ConnectionError("the directory of users is away")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], None]:
    """Installs a policy as an entry point, and puts it into force."""

    def install(name: str, made: object) -> None:
        point = SimpleNamespace(name=name, load=lambda: made)
        monkeypatch.setattr(policy, "entry_points", lambda group: [point])
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", name)

    monkeypatch.setattr(policy, "_cached", None)
    return install


def test_other_policies_plug_in(
    dataset: fo.Dataset,
    installed: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed("office", OfficeHours)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "anna")
    assert fos.list_snapshots(dataset) == ["v1"]
    with pytest.raises(fos.SnapshotPermissionError):
        fos.create_snapshot(dataset, "v2")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "root")
    fos.create_snapshot(dataset, "v2")


def test_a_policy_that_fails_lets_nobody_in(
    dataset: fo.Dataset,
    installed: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed("directory", Failing)
    with pytest.raises(fos.SnapshotPermissionError, match="the directory of users is away"):
        fos.list_snapshots(dataset)
    installed("broken", lambda: 1 / 0)
    with pytest.raises(fos.SnapshotPermissionError, match="ZeroDivisionError"):
        fos.list_snapshots(dataset)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", "elsewhere")
    with pytest.raises(fos.SnapshotPermissionError, match="which is neither a"):
        fos.list_snapshots(dataset)


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


def test_a_function_that_is_called_by_another_one_is_asked_for_as_well(
    dataset: fo.Dataset, installed: Callable[[str, object], None]
) -> None:
    asked = []

    class Once:
        def level(self, actor: Actor, dataset: str | None) -> Level:
            asked.append(dataset)
            return Level.MANAGE if len(asked) == 1 else Level.NONE

    installed("once", Once)
    with pytest.raises(fos.SnapshotPermissionError, match="load snapshots"):
        fos.clone_snapshot(dataset, "v1", "copy")
    assert not fo.dataset_exists("copy")


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
    everything = {value.partition("/")[0] for value in panel.menu("row_0")}
    assert {"revert", "delete", "edit", "clone", "verify"} <= everything

    policy_file(allow(Level.VIEW))
    panel = Panel("street")
    assert "'anna' may not create snapshots" in panel.text()
    assert panel.button("save") is None
    assert panel.button("browse")["disabled"] is False
    left = {value.partition("/")[0] for value in panel.menu("row_0")}
    assert left == {"compare_head", "clone", "verify"}
    assert panel.button("undo") is None

    policy_file(allow(Level.NONE))
    assert "'anna' may not list snapshots" in Panel("street").text()
