"""Policies say who has which level: those in files, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots import management
from fiftyone_snapshots.backend.access import Interface, Level, policy
from fiftyone_snapshots.backend.access.actor import Actor
from fiftyone_snapshots.backend.access.policy_file import PolicyFile
from support.permissions import TABLE, allow, street


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    return street(tmp_path, monkeypatch)


def levels(text: str, tmp_path: Path) -> Callable[[str | None, str | None], Level]:
    path = tmp_path / "other.yml"
    path.write_text(text)
    found = PolicyFile.read(path)
    return lambda user, dataset: found.level(Actor(user, Interface.SDK, "host"), dataset)


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
