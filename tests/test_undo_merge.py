"""Taking a merge back, and where a merge is told of."""

from __future__ import annotations

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.operators import words
from support.command_line import Run, in_this_process
from support.datasets import image_dataset
from support.full import Document, assert_same, digest
from support.operators import execute, form, problems

STREET, NIGHT = "street", "street.night"


@pytest.fixture(params=["duplication", "delta"])
def street(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    """A dataset with a branch that was edited."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    made = image_dataset(STREET, 4, persistent=True)
    fos.create_branch(STREET, "night")
    fo.load_dataset(NIGHT).tag_samples("dark")
    return made


one = pytest.mark.parametrize("street", ["duplication"], indirect=True)


def merge() -> str:
    return fos.apply_merge(fos.plan_merge(NIGHT, progress=False)).name


def tags() -> list[str]:
    return fo.load_dataset(STREET, reload=True).distinct("tags")


def test_a_merge_is_taken_back_whole_and_made_again(street: fo.Dataset) -> None:
    before = tags()
    merged = merge()
    assert "dark" in tags()
    would = fos.undo_merge(STREET, dry_run=True)
    assert (would.is_merge, would.is_redo, would.snapshot_name) == (True, False, merged)
    assert would.snapshots_to_delete == [merged]
    assert "dark" in tags()
    fos.undo_merge(STREET)
    assert tags() == before
    assert merged not in fos.list_snapshots(STREET)
    with pytest.raises(fos.NothingToUndoError, match="was taken back already"):
        fos.undo_merge(STREET)
    merge()
    assert "dark" in tags()
    fos.undo_merge(STREET)
    fos.undo_revert(STREET)
    assert "dark" in tags()
    fos.undo_merge(STREET)
    assert tags() == before
    events = fos.list_events(STREET, action="undo_merge")
    assert [event.outcome.value for event in events] == ["done", "done", "failed", "done"]


@one
def test_what_is_no_merge_is_not_taken_back(street: fo.Dataset) -> None:
    with pytest.raises(fos.NothingToUndoError):
        fos.undo_merge(STREET)
    merge()
    fos.revert_dataset_to_snapshot(STREET, fos.list_snapshots(STREET)[0])
    for dry_run in (True, False):
        with pytest.raises(fos.NothingToUndoError, match="is no merge"):
            fos.undo_merge(STREET, dry_run=dry_run)
    assert "dark" not in tags()
    fos.undo_revert(STREET)
    assert "dark" in tags()


@one
def test_what_was_edited_since_goes_to_the_trash(
    street: fo.Dataset, database: Database[Document]
) -> None:
    before = digest(database, street._doc.id)
    merge()
    fo.load_dataset(STREET, reload=True).tag_samples("since")
    fos.undo_merge(STREET)
    assert_same(digest(database, street._doc.id), before)
    fos.undo_revert(STREET)
    assert {"dark", "since"} <= set(tags())


@one
def test_the_command_line(street: fo.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    run: Run = in_this_process(capsys)
    plan = fos.plan_merge(NIGHT, progress=False)
    assert f"merge undo '{STREET}'" in run("merge", "apply", plan.id, "--yes").out
    assert "before the merge" in run("trash", STREET).out
    shown = run("merge", "undo", STREET, "--dry-run")
    assert (shown.code, "merge of night" in shown.out) == (0, True)
    assert run("merge", "undo", STREET).code == 0
    assert "dark" not in tags()
    assert run("merge", "undo", STREET).code == 1


@one
@pytest.mark.usefixtures("installed_plugin")
def test_the_operator(street: fo.Dataset) -> None:
    assert problems(form("undo_merge", STREET)) != []
    name = merge()
    (former,) = fos.list_trash(STREET)
    assert words.undo_name(former) == f"Undo merge '{name}'"
    assert problems(form("undo_merge", STREET)) == []
    assert "taken back" in execute("undo_merge", street)["message"]
    assert "dark" not in tags()


def _entry(name: str) -> object:
    (found,) = [each for each in fos.get_history(STREET).entries if each.name == name]
    return found


@one
def test_history_names_both_parents(
    street: fo.Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    """The snapshot before it in the line, and that of the branch."""
    base = fos.list_snapshots(STREET)[0]
    night = fo.load_dataset(NIGHT)
    night.register_run("e", night.init_run())
    name = merge()
    theirs = fos.list_snapshots(NIGHT)[-1]
    found = fos.get_snapshot_info(STREET, name)
    entry = _entry(name)
    for told in (found.merged_from, entry.merged_from):  # type: ignore[union-attr, attr-defined]
        assert (told.dataset_name, told.snapshot_name) == (NIGHT, theirs)
        assert told.onto_name == base
    assert entry.previous == base  # type: ignore[attr-defined]
    assert fos.list_snapshots(STREET) == [base, name]
    (event,) = fos.list_events(STREET, action="apply_merge")
    assert event.snapshot_name == name
    said = event.parameters["branch"], event.parameters["branch_snapshot"]
    assert said == (NIGHT, theirs)
    assert fos.run_lineage(STREET, "e").is_before_merge
    out = in_this_process(capsys)("info", STREET, name).out
    assert f"'{theirs}' of '{NIGHT}', with '{base}'" in out


@one
def test_the_snapshot_of_a_merge_that_was_taken_back_goes_as_others_do(
    street: fo.Dataset,
) -> None:
    merged = merge()
    told = fos.list_snapshots(NIGHT)[-1]
    with pytest.raises(fos.HeldSnapshotError):
        fos.delete_snapshot(STREET, merged)
    fos.undo_merge(STREET)
    (item,) = [each for each in fos.list_trash(STREET) if each.kind.value == "snapshot"]
    assert (item.name, item.held_by, item.expires_at is None) == (merged, (), False)
    # It can come back, and then both are needed again
    fos.undo_revert(STREET)
    for name, snapshot in ((STREET, merged), (NIGHT, told)):
        with pytest.raises(fos.HeldSnapshotError):
            fos.delete_snapshot(name, snapshot)
    fos.undo_merge(STREET)
    fos.restore_snapshot(STREET, merged)
    with pytest.raises(fos.HeldSnapshotError):
        fos.delete_snapshot(STREET, merged)
    fos.revert_dataset_to_snapshot(STREET, fos.list_snapshots(STREET)[0])
    with pytest.raises(fos.HeldSnapshotError):
        fos.delete_snapshot(NIGHT, told)
    fos.empty_trash(STREET)
    assert [each.name for each in fos.list_trash(STREET)] == []
    fos.delete_snapshot(NIGHT, told)
    assert "dark" in fo.load_dataset(NIGHT).distinct("tags")
    merge()
    assert "dark" in tags()
