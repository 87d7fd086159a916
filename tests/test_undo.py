"""Operations that are undone one by one, and the safety snapshots that make it possible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.crash import fails_at, killed_at, points_of
from support.datasets import image_dataset
from support.full import Document
from support.invariants import assert_sound
from support.street import STREET, label, operation, weather


@pytest.fixture(params=["duplication", "delta"])
def street(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    return image_dataset(STREET, 6, persistent=True)


def test_an_operation_is_undone_and_what_came_later_stays(street: fo.Dataset) -> None:
    before = weather()
    done = operation("fog", 0, 1)
    assert (done.what, done.state, done.samples_changed) == ("fog", "done", 2)
    assert done.is_undoable
    label(STREET, 2, "later")
    dry = fos.undo_operation(STREET, done.id, dry_run=True)
    assert (dry.changes.samples_changed, dry.open_conflicts, dry.undoes) == (2, 0, done.id)
    assert weather()[:3] == ["fog", "fog", "later"]
    undo = fos.undo_operation(STREET, done.id)
    assert weather() == [*before[:2], "later", *before[3:]]
    assert (undo.undoes, undo.samples_changed) == (done.id, 2)
    listed = fos.list_undoable(STREET)
    assert [(o.what, o.undone_by, o.is_undoable) for o in listed] == [
        ("undo of fog", None, True),
        ("fog", undo.id, False),
    ]
    with pytest.raises(fos.NothingToUndoError, match="undone already"):
        fos.undo_operation(STREET, done.id)
    again = fos.undo_operation(STREET, undo.id)
    assert weather()[:3] == ["fog", "fog", "later"]
    fos.undo_operation(STREET, done.id)
    assert weather()[:3] == [*before[:2], "later"]
    assert again.undoes == undo.id


def test_what_was_changed_again_is_decided_as_in_a_merge(
    street: fo.Dataset, database: Database[Document]
) -> None:
    before = weather()
    done = operation("fog", 0, 1)
    label(STREET, 1, "by hand")
    with pytest.raises(fos.ConflictsRemainError, match="apply_merge"):
        fos.undo_operation(STREET, done.id)
    assert weather()[:2] == ["fog", "by hand"]
    plan = fos.undo_operation(STREET, done.id, dry_run=True)
    (conflict,) = plan.conflicts()
    assert (conflict.base["label"], conflict.ours["label"]) == ("fog", "by hand")
    assert plan.view("theirs").values("weather.label") == [before[1]]
    review = plan.review()
    assert len(review) == 1
    assert review.first()["weather_theirs"].label == before[1]
    assert review.get_field("weather_theirs").description == "As before fog has it"
    assert plan.resolve(conflict, "ours") == 1
    with pytest.raises(fos.InvalidRequestError, match="nobody names"):
        fos.apply_merge(plan, "mine")
    fos.apply_merge(plan)
    assert weather()[:2] == [before[0], "by hand"]
    assert fos.list_undoable(STREET)[0].undoes == done.id
    with pytest.raises(fos.NothingToUndoError, match="is no merge, but the undo of 'fog'"):
        fos.undo_merge(STREET)
    (former,) = (item for item in fos.list_trash(STREET) if item.kind == "head")
    assert (former.name, former.is_undo, former.is_merge) == ("fog", True, False)
    fos.undo_revert(STREET)
    assert weather()[:2] == ["fog", "by hand"]
    # With the undo taken back, the operation holds again
    assert fos.list_undoable(STREET)[-1].is_undoable
    fos.undo_operation(STREET, done.id, prefer="theirs")
    assert weather() == before
    assert_sound(database)


def test_what_an_undo_brings_back_is_looked_at_where_it_is(street: fo.Dataset) -> None:
    second = street.skip(1).first()
    with fos.undoable(STREET, "tidy") as block:
        street.delete_samples(second.id)
        street.delete_sample_field("weather")
    assert block.operation is not None
    street.add_sample(fo.Sample(filepath=second.filepath))
    plan = fos.undo_operation(STREET, block.operation.id, dry_run=True)
    assert plan.branch_name == "before tidy"
    assert fos.list_merges(STREET) == [plan]
    assert fos.get_overview(STREET).merges[0].plan.branch_name == "before tidy"
    assert any(conflict.kind == "same_media" for conflict in plan.conflicts())
    found = fos.read_conflict(plan.id, kind="same_media")
    assert found is not None
    assert found.file == Path(second.filepath).name


@pytest.mark.parametrize("on_error", [None, "revert"])
def test_an_error_stays_or_is_taken_back(street: fo.Dataset, on_error: str | None) -> None:
    before = weather()

    @fos.undoable(STREET, "risky", on_error=on_error)
    def work() -> None:
        label(STREET, 0, "half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        work()
    failed = fos.list_undoable(STREET)[-1]
    assert (failed.state, failed.error) == ("failed", "RuntimeError: no more")
    if on_error is None:
        assert weather()[0] == "half"
        fos.undo_operation(STREET, failed.id)
    assert weather() == before
    events = [event.action for event in fos.list_events(STREET)]
    assert events.count("end_operation") == 1
    assert events.count("undo_operation") == 1


def test_a_process_that_dies_leaves_its_edits_and_the_state_before(
    street: fo.Dataset, database: Database[Document]
) -> None:
    before = weather()
    assert killed_at("end_operation.begun", lambda: operation("fog", 0))
    (left,) = fos.list_undoable(STREET)
    assert (left.state, left.is_undoable) == ("interrupted", False)
    assert weather()[0] == "fog"
    with pytest.raises(fos.NothingToUndoError, match=f"roll back to '{left.before}'"):
        fos.undo_operation(STREET, left.id)
    assert left.before is not None
    fos.revert_dataset_to_snapshot(STREET, left.before)
    assert weather() == before
    assert_sound(database)


@pytest.mark.parametrize("point", ["reserved", "captured"])
def test_who_finishes_an_undo_does_not_go_on_with_the_snapshot_of_the_dead(
    street: fo.Dataset, database: Database[Document], point: str
) -> None:
    before = weather()
    done = operation("fog", 0)
    assert killed_at(f"apply_merge.{point}", lambda: fos.undo_operation(STREET, done.id))
    begun = database["snapshots.catalog"].find_one({"state": "creating"})
    assert begun is not None
    fos.recover()
    undo, undone = fos.list_undoable(STREET)
    assert (undo.undoes, undone.undone_by, weather()) == (done.id, undo.id, before)
    # The dead may wake up, and would fill it
    taken = database["snapshots.catalog"].find_one({"name": begun["name"]})
    assert taken is not None
    assert taken["_id"] != begun["_id"]
    assert not database.list_collection_names(filter={"name": {"$regex": str(begun["_id"])}})
    fos.undo_operation(STREET, undo.id)
    assert weather()[0] == "fog"
    fos.revert_dataset_to_snapshot(STREET, str(undo.after))
    fos.undo_revert(STREET)
    assert weather()[0] == "fog"
    assert_sound(database)


@pytest.mark.parametrize("fault", [fails_at, killed_at])
@pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.long)])
def test_dying_anywhere_never_touches_the_edit(
    street: fo.Dataset,
    fault: Callable[[str, Callable[[], object]], bool],
    every: int,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for rule in ("HOURS", "DAYS", "WEEKS"):
        monkeypatch.setenv(f"FIFTYONE_SNAPSHOTS_SAFETY_{rule}", "0")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_SAFETY_KEEP", "1")
    points = points_of(lambda: operation("fog", 0, 1))
    # The edit comes after those; what both captures pass is met in the first one
    begun = max(n for n, point in enumerate(points) if point.startswith("begin_operation"))
    for number, point in enumerate(points[::every]):
        label(STREET, 2, f"before {number}")
        before = weather()

        def act(word: str = f"word {number}") -> None:
            operation(word, 0, 1)

        assert fault(point, act), point
        word = f"word {number}"
        is_edited = points.index(point) > begun
        assert weather() == ([word, word, *before[2:]] if is_edited else before), point
        # Whatever was left does not keep the next one from being made and undone
        done = operation("next", 3)
        edited = weather()
        fos.undo_operation(STREET, done.id)
        assert weather() == [*edited[:3], before[3], *edited[4:]], point
    assert_sound(database)


def test_a_revert_takes_operations_with_it(
    street: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(STREET, "v1")
    done = operation("fog", 0)
    plan = fos.revert_dataset_to_snapshot(STREET, "v1", dry_run=True)
    assert plan.snapshots_to_delete == []
    fos.revert_dataset_to_snapshot(STREET, "v1")
    assert not fos.list_undoable(STREET)[0].is_undoable
    fos.undo_revert(STREET)
    assert weather()[0] == "fog"
    fos.undo_operation(STREET, done.id)
    assert weather()[0] != "fog"
    assert_sound(database)


def test_operations_of_a_deleted_dataset_are_forgotten(
    street: fo.Dataset, database: Database[Document]
) -> None:
    operation("fog", 0)
    street.delete()
    fos.recover()
    assert not list(database["snapshots.operations"].find())
    assert_sound(database)


def _delete_field(dataset: fo.Dataset) -> None:
    dataset.delete_sample_field("weather")


def _rename_field(dataset: fo.Dataset) -> None:
    dataset.rename_sample_field("weather", "sky")


def _clear(dataset: fo.Dataset) -> None:
    dataset.clear()


def _delete_samples(dataset: fo.Dataset) -> None:
    dataset.delete_samples(dataset.limit(3))


def _add(dataset: fo.Dataset) -> None:
    dataset.add_sample(fo.Sample("/media/new.jpg"))


def _view(dataset: fo.Dataset) -> None:
    dataset.save_view("mine", dataset.limit(1))
    dataset.info["a"] = 1
    dataset.save()


EDITS = [_delete_field, _rename_field, _clear, _delete_samples, _add, _view]


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_was_done_is_undone(
    street: fo.Dataset, edit: Any, database: Database[Document]
) -> None:
    fos.create_snapshot(STREET, "v1")
    with fos.undoable(STREET, "edit") as block:
        edit(street)
    assert block.operation is not None
    assert not fos.is_head_equal(STREET, "v1") or edit is _view
    # Later edits that have nothing to do with it
    dataset = fo.load_dataset(STREET, reload=True)
    later = dataset.add_sample(fo.Sample("/media/later.jpg", tags=["later"]))
    fos.undo_operation(STREET, block.operation.id)
    dataset = fo.load_dataset(STREET, reload=True)
    assert dataset[later].tags == ["later"]
    dataset.delete_samples([later])
    assert fos.is_head_equal(STREET, "v1")
    difference = fos.diff(STREET, "v1", progress=False)
    assert not difference.schema
    assert not difference.items
    assert_sound(database)
