"""Safety snapshots: when there is one, how long it is kept, and what else they are."""

from __future__ import annotations

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.record import SnapshotRecord
from support.datasets import image_dataset
from support.full import Document
from support.invariants import assert_sound
from support.street import STREET, operation, weather


@pytest.fixture(params=["duplication", "delta"])
def street(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    return image_dataset(STREET, 6, persistent=True)


def test_nothing_is_stored_if_nothing_changed(
    street: fo.Dataset, database: Database[Document]
) -> None:
    with fos.undoable(STREET, "look") as block:
        list(street)
    assert block.operation is None
    assert fos.list_snapshots(STREET, safety=True) == []
    assert fos.list_undoable(STREET) == []
    fos.create_snapshot(STREET, "v1")
    done = operation("fog", 0)
    assert done.before == "v1"
    assert fos.list_snapshots(STREET) == ["v1"]
    assert fos.list_snapshots(STREET, safety=True) == ["v1", done.after]
    second = operation("snow", 1)
    assert second.before == done.after
    with fos.undoable(STREET, "index"):
        street.create_index("weather.label")
    assert fos.list_undoable(STREET)[0].what == "index"
    assert_sound(database)


def test_safety_snapshots_are_no_named_ones(
    street: fo.Dataset, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "2")
    done = operation("fog", 0)
    fos.create_snapshot(STREET, "v1")
    operation("snow", 1)
    assert fos.check_new_snapshot(STREET) == 1
    two = fos.create_snapshot(STREET, "v2")
    assert two.linear_change_summary is not None
    assert two.linear_change_summary.num_samples_changed == 1
    assert [entry.name for entry in fos.get_history(STREET).entries] == ["v2", "v1"]
    assert [found.name for found in fos.search_snapshots()] == ["v2", "v1"]
    assert fos.prune_snapshots(STREET, keep_last=1, dry_run=True).kept == ("v2",)
    assert done.before is not None
    assert done.after is not None
    assert fos.diff(STREET, done.before, done.after, progress=False).changed
    assert len(fos.load_snapshot(STREET, done.before)) == 6
    for name in (done.before, done.before.upper(), f"Safety {'a' * 24}"):
        with pytest.raises(fos.InvalidNameError, match="reserved"):
            fos.create_snapshot(STREET, name)
    with pytest.raises(fos.InvalidRequestError, match="keeps its name"):
        fos.edit_snapshot(STREET, done.before, new_name="mine")
    fos.delete_snapshot(STREET, done.before)
    assert not fos.list_undoable(STREET)[-1].is_undoable
    with pytest.raises(fos.NothingToUndoError, match=r"restore_snapshot\(\) what was deleted"):
        fos.undo_operation(STREET, done.id)
    fos.restore_snapshot(STREET, done.before)
    assert fos.list_undoable(STREET)[-1].is_undoable
    assert_sound(database)


def test_records_of_earlier_versions_are_named(
    street: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(STREET, "v1")
    database["snapshots.catalog"].update_one({}, {"$unset": {"kind": 1}})
    document = database["snapshots.catalog"].find_one({})
    assert document is not None
    assert not SnapshotRecord.from_document(document).is_safety
    assert fos.list_snapshots(STREET) == ["v1"]
    assert fos.check_new_snapshot(STREET) == 19


def test_rules_keep_the_newest_and_what_others_hold(
    street: fo.Dataset, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    for rule in ("HOURS", "DAYS", "WEEKS"):
        monkeypatch.setenv(f"FIFTYONE_SNAPSHOTS_SAFETY_{rule}", "0")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_SAFETY_KEEP", "2")
    fos.create_snapshot(STREET, "v1")
    first = operation("a", 0)
    assert first.after is not None
    fos.pin_snapshot(STREET, first.after)
    done = [operation(name, number) for number, name in enumerate("bcde")]
    kept = fos.list_snapshots(STREET, safety=True)
    assert kept == ["v1", first.after, *(done[i].after for i in (1, 2, 3))]
    assert [o.what for o in fos.list_undoable(STREET)] == ["e", "d", "a"]
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_SAFETY_KEEP", "1")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_SAFETY_HOURS", "2")
    last = operation("f", 4)
    assert last.after in fos.list_snapshots(STREET, safety=True)
    assert_sound(database)


def test_the_newest_is_what_began_last_whatever_its_id(
    street: fo.Dataset, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    for rule in ("HOURS", "DAYS", "WEEKS"):
        monkeypatch.setenv(f"FIFTYONE_SNAPSHOTS_SAFETY_{rule}", "0")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_SAFETY_KEEP", "1")
    before = weather()
    operation("fog", 0)
    # As of another process, in the same second
    other = database["snapshots.operations"].find_one_and_delete({})
    assert other is not None
    database["snapshots.operations"].insert_one({**other, "_id": ObjectId("f" * 24)})
    newest = operation("rain", 1)
    assert [each.what for each in fos.list_undoable(STREET)] == ["rain"]
    fos.undo_operation(STREET, newest.id)
    assert weather() == ["fog", *before[1:]]


def test_the_newest_stay_undoable_however_few_they_are(
    street: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rule in ("HOURS", "DAYS", "WEEKS"):
        monkeypatch.setenv(f"FIFTYONE_SNAPSHOTS_SAFETY_{rule}", "0")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_SAFETY_KEEP", "3")
    for number in range(5):
        operation(str(number), 0)
        expected = [str(each) for each in range(number, -1, -1)][:3]
        assert [each.what for each in fos.list_undoable(STREET)] == expected
