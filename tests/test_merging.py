"""Merging a branch into its parent: planned, decided, applied as one step, undone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.command_line import Run, in_this_process
from support.datasets import image_dataset
from support.docs import check_python
from support.environment import ROOT
from support.full import Document
from support.operators import execute
from support.street import NIGHT, STREET, label, plan, street_with_branch, weather


@pytest.fixture(params=["duplication", "delta"])
def street(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    """A dataset with a branch; on both, something was changed."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    return street_with_branch(6)


def conflicting() -> fos.MergePlan:
    label(STREET, 2, "ours")
    label(NIGHT, 2, "theirs")
    return plan()


def test_the_page_is_true() -> None:
    image_dataset(STREET, 6, persistent=True)
    check_python(ROOT / "docs" / "merging.md", {})


def test_a_merge_from_the_plan_to_the_next_one(street: fo.Dataset) -> None:
    before = {s.id: s.last_modified_at for s in street}
    first = plan()
    assert (first.state, first.open_conflicts, first.changes.samples_changed) == ("open", 0, 1)
    made = fos.apply_merge(first, "merged", description="night work")
    assert weather()[:3] == ["ours", "theirs", "sunny"]
    changed = [s.id for s in fo.load_dataset(STREET) if s.last_modified_at != before[s.id]]
    assert len(changed) == 1
    assert fos.list_snapshots(STREET)[-1] == "merged"
    assert fos.is_head_equal(STREET, made)
    found = fos.get_snapshot_info(STREET, "merged").merged_from
    assert found is not None
    assert (found.dataset_name, found.is_full) == (NIGHT, True)
    assert fos.list_snapshots(NIGHT)[-1] == found.snapshot_name
    assert fos.get_history(STREET).entries[0].merged_from == found
    assert fos.get_merge(first.id).snapshot_name == "merged"
    # The next one begins where this one ended: what ours changed since is no conflict
    label(STREET, 1, "later")
    label(NIGHT, 3, "more")
    second = plan()
    assert (second.base_snapshot, second.open_conflicts) == (found.snapshot_name, 0)
    fos.apply_merge(second)
    assert weather()[:4] == ["ours", "later", "sunny", "more"]
    assert [merge.state for merge in fos.list_merges(STREET)] == ["applied", "applied"]
    assert [event.action for event in fos.list_events(STREET)].count("apply_merge") == 2


def test_an_undo_takes_a_merge_back_and_the_base_with_it(street: fo.Dataset) -> None:
    before = weather()
    merged = fos.apply_merge(plan()).name
    fos.undo_revert(STREET)
    assert weather() == before
    assert merged not in fos.list_snapshots(STREET)
    again = plan()
    assert again.changes.samples_changed == 1
    assert again.base_snapshot == fos.list_snapshots(STREET)[0]
    fos.undo_revert(STREET)
    assert weather()[1] == "theirs"
    assert merged in fos.list_snapshots(STREET)


def test_every_conflict_stops_a_merge(street: fo.Dataset) -> None:
    found = conflicting()
    assert [(c.kind, c.total, c.open) for c in found.counts] == [("label_class", 1, 1)]
    with pytest.raises(fos.ConflictsRemainError, match="1 conflict is open"):
        fos.apply_merge(found)
    (conflict,) = found.conflicts()
    assert (conflict.ours["label"], conflict.theirs["label"]) == ("ours", "theirs")
    assert found.view("theirs").values("weather.label") == ["theirs"]
    assert found.view("ours", kind="label_class", field="weather").values("id") == [
        conflict.sample_id
    ]
    assert len(found.view("ours", field="ground_truth")) == 0
    assert found.resolve(conflict, {"value": {"label": "by hand", "confidence": 0.5}}) == 1
    assert found.resolve({"kind": "label_class", "resolved": False}, "ours") == 0
    fos.apply_merge(found)
    assert weather()[2] == "by hand"
    with pytest.raises(fos.InvalidRequestError, match="applied already"):
        fos.apply_merge(found)
    with pytest.raises(fos.InvalidRequestError, match="applied already"):
        found.resolve(None, "ours")


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
def test_names_that_nobody_has(street: fo.Dataset) -> None:
    with pytest.raises(fos.DatasetNotFoundError, match=r"Did you mean 'street\.night'\?"):
        fos.plan_merge("night")
    with pytest.raises(fos.InvalidRequestError, match="neither side has a field 'wether'"):
        plan(prefer={"wether": "ours"})
    for known in ("weather.label", "frames.x", "info.a", "mask_targets"):
        assert plan(prefer={known: "ours"}).open_conflicts == 0
    with pytest.raises(fos.InvalidRequestError, match="there are: filepath, "):
        plan(fields=["wether"])
    with pytest.raises(fos.InvalidRequestError, match="own and never merged"):
        plan(fields=["_rand"])


@pytest.mark.parametrize("prefer", ["theirs", {"label_class": "theirs"}, {"weather": "theirs"}])
@pytest.mark.parametrize("street", ["duplication"], indirect=True)
def test_a_preference_decides_conflicts_only(street: fo.Dataset, prefer: Any) -> None:
    conflicting()
    found = plan(prefer=prefer)
    assert (found.total_conflicts, found.open_conflicts) == (1, 0)
    fos.apply_merge(found)
    assert weather()[:3] == ["ours", "theirs", "theirs"]


def test_what_was_decided_stays_decided_if_it_has_not_changed(street: fo.Dataset) -> None:
    found = conflicting()
    label(STREET, 3, "a")
    label(NIGHT, 3, "b")
    found.resolve(None, "theirs")
    again = plan()
    assert (again.total_conflicts, again.open_conflicts) == (2, 1)
    assert fos.get_merge(found.id).state == "discarded"
    label(NIGHT, 2, "another")
    assert plan().open_conflicts == 2


@pytest.mark.parametrize("name", [STREET, NIGHT])
def test_a_plan_is_stale_once_a_side_has_changed(street: fo.Dataset, name: str) -> None:
    found = plan()
    label(name, 4, "meanwhile")
    before = weather()
    with pytest.raises(fos.StaleMergeError, match="has changed since the merge was planned"):
        fos.apply_merge(found)
    assert weather() == before
    fos.apply_merge(plan())


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
def test_a_plan_is_not_stale_when_a_side_was_merely_touched(street: fo.Dataset) -> None:
    found = plan()
    for name in (STREET, NIGHT):
        fo.load_dataset(name).set_values("größe", fo.load_dataset(name).values("größe"))
    fos.apply_merge(found)


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
@pytest.mark.parametrize("point", ["copied_samples", "staged_related", "added_views"])
def test_what_is_written_while_a_merge_is_built_is_not_lost(
    street: fo.Dataset, point: str
) -> None:
    found = plan()
    points = {"added_views": "added_runs"}

    def write() -> None:
        street._sample_collection.update_one({}, {"$set": {"tags": ["meanwhile"]}})

    with (
        faults.arm(f"apply_merge.{points.get(point, point)}", write),
        pytest.raises((fos.StaleMergeError, fos.ConcurrentWritesError)),
    ):
        fos.apply_merge(found)
    assert weather()[:2] == ["ours", "rainy" if street.skip(1).first().id is None else "sunny"]
    assert fo.load_dataset(STREET, reload=True).first().tags == ["meanwhile"]


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda: fos.revert_dataset_to_snapshot(STREET, fos.list_snapshots(STREET)[0]),
        lambda: fos.revert_dataset_to_snapshot(NIGHT, "own"),
    ],
)
def test_a_plan_is_stale_once_a_side_was_reverted(
    street: fo.Dataset, change: Callable[[], None]
) -> None:
    fos.create_snapshot(NIGHT, "own")
    label(NIGHT, 3, "more")
    found = plan()
    change()
    with pytest.raises(fos.StaleMergeError):
        fos.apply_merge(found)


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
def test_sides_that_were_renamed_or_deleted(street: fo.Dataset) -> None:
    found, other = plan(), fos.create_branch(STREET, "other").dataset_name
    label(other, 4, "other")
    second = fos.plan_merge(other, progress=False)
    fo.load_dataset(STREET).name = "road"
    fo.load_dataset(NIGHT).name = "dark"
    fos.apply_merge(found)
    assert weather("road")[:2] == ["ours", "theirs"]
    fos.delete_branch(other)
    with pytest.raises(fos.DatasetNotFoundError, match="was deleted"):
        fos.apply_merge(second)


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
def test_without_a_base_it_must_be_said(street: fo.Dataset) -> None:
    copy = fo.load_dataset(STREET).clone("copy", persistent=True)
    with pytest.raises(fos.NoMergeBaseError, match="into="):
        fos.plan_merge("copy")
    with pytest.raises(fos.NoMergeBaseError, match="base="):
        fos.plan_merge("copy", STREET)
    with pytest.raises(fos.SnapshotNotFoundError, match="'nothing' to begin with"):
        fos.plan_merge("copy", STREET, base="nothing")
    label("copy", 3, "x")
    nothing = fos.plan_merge("copy", STREET, base=None, progress=False)
    assert [(c.kind, c.total) for c in nothing.counts] == [("label_class", 1)]
    assert nothing.base_snapshot is None
    with pytest.raises(fos.InvalidRequestError, match="into itself"):
        fos.plan_merge(copy, copy)


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
def test_the_target_merges_into_its_branch_as_well(street: fo.Dataset) -> None:
    fos.apply_merge(fos.plan_merge(STREET, NIGHT, progress=False))
    assert weather(NIGHT)[:2] == ["ours", "theirs"]
    back = plan()
    assert (back.open_conflicts, back.changes.samples_changed) == (0, 1)
    fos.apply_merge(back)
    assert weather() == weather(NIGHT)


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
def test_a_merge_that_was_given_up(street: fo.Dataset, database: Database[Document]) -> None:
    found = conflicting()
    fos.discard_merge(found)
    with pytest.raises(fos.InvalidRequestError, match="discarded already"):
        fos.discard_merge(found.id)
    assert database["snapshots.conflicts"].count_documents({}) == 0
    with pytest.raises(fos.MergeNotFoundError):
        fos.get_merge("0" * 24)


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
def test_a_unique_index_that_would_break(street: fo.Dataset) -> None:
    fo.load_dataset(STREET).create_index("größe", unique=True)
    night = fo.load_dataset(NIGHT)
    sample = night.last()
    sample["größe"] = 0.0
    sample.save()
    found = plan()
    assert [(c.kind, c.total) for c in found.counts] == [("unique_index", 1)]
    with pytest.raises(fos.InvalidRequestError, match="cannot be decided"):
        found.resolve(None, "ours")
    with pytest.raises(fos.ConflictsRemainError):
        fos.apply_merge(found)


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
def test_the_command_line(street: fo.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    run: Run = in_this_process(capsys)
    conflicting()
    planned = run("merge", "plan", NIGHT, "--json")
    assert planned.code == 3
    merge = planned.json["id"]
    assert run("merge", "apply", merge, "--yes").code == 3
    shown = run("merge", "show", merge, "--conflicts")
    assert (shown.code, "label_class" in shown.out) == (3, True)
    decided = run("merge", "resolve", merge, "--kind", "label_class", "--take", "theirs")
    assert (decided.code, decided.out) == (0, "1 conflicts decided, 0 are open\n")
    label(STREET, 5, "meanwhile")
    assert run("merge", "apply", merge, "--yes").code == 4
    merge = run("merge", "plan", NIGHT, "--prefer", "label_class=ours", "--json").json["id"]
    applied = run("merge", "apply", merge, "--yes", "--snapshot", "both")
    assert (applied.code, "merge undo 'street'" in applied.out) == (0, True)
    headings, *rows = run("merge", "list", STREET).out.splitlines()
    (row,) = (row for row in rows if row.startswith(merge))
    # Each value below its heading
    assert row[headings.index("planned") :].startswith("20")
    assert row[headings.index("open conflicts") :].strip().isdigit()
    assert "'merged into street' of 'street.night'" in run("info", STREET, "both").out
    assert run("merge", "discard", merge).code == 1


@pytest.mark.parametrize("street", ["duplication"], indirect=True)
@pytest.mark.usefixtures("installed_plugin")
def test_the_operators(street: fo.Dataset) -> None:
    conflicting()
    merge = execute("plan_merge", street, branch=NIGHT)["merge"]
    decided = execute("resolve_merge", street, merge=merge["id"], kind="all", take="theirs")
    assert decided["merge"]["open_conflicts"] == 0
    done = execute("apply_merge", street, merge=merge["id"])
    assert done["snapshot"]["merged_from"]["dataset_name"] == NIGHT
    assert weather()[2] == "theirs"


def test_a_base_that_was_archived_or_deleted(
    street: fo.Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database: Database[Document],
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", "0")
    base = fos.list_snapshots(STREET)[0]
    fos.create_snapshot(STREET, "newer")
    fos.archive_snapshot(STREET, base)
    found = conflicting()
    found.resolve(None, "base")
    fos.apply_merge(found)
    assert weather()[:3] == ["ours", "theirs", "sunny"]
    # The next one begins with a snapshot of the branch
    label(NIGHT, 4, "more")
    again = plan()
    assert again.base_snapshot is not None
    fos.create_snapshot(NIGHT, "later")
    with pytest.raises(fos.HeldSnapshotError):
        fos.delete_snapshot(NIGHT, again.base_snapshot)
    # As somebody may who knows no holding
    database["snapshots.catalog"].delete_one({"name": again.base_snapshot})
    with pytest.raises(fos.SnapshotNotFoundError, match="was destroyed"):
        fos.apply_merge(again)
