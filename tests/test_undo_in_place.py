"""An undo that changes no more than some samples of a large dataset writes them where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.merge.samples import Sample, SampleMerge
from fiftyone_snapshots.backend.merge.triple import PartTriple
from fiftyone_snapshots.backend.mongo.continuity import Continuity
from fiftyone_snapshots.backend.rawbson.ids import Keys
from fiftyone_snapshots.backend.storage import counted
from fiftyone_snapshots.backend.undo import undo
from support.crash import fails_at, killed_at, points_of
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.invariants import assert_sound
from support.street import STREET, label, operation, weather


@pytest.fixture(params=["duplication", "delta"], autouse=True)
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each backend, with any dataset taken for a large one."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    monkeypatch.setattr(counted, "_WORTH_COUNTING", 0)


@pytest.fixture
def street() -> fo.Dataset:
    return image_dataset(STREET, 24, persistent=True)


def collection(name: str = STREET) -> str:
    """Returns where the samples lie: somewhere else after every exchange."""
    return str(fo.load_dataset(name, reload=True)._sample_collection_name)


def test_no_more_is_written_than_what_changes(
    street: fo.Dataset, database: Database[Document]
) -> None:
    before, place = weather(), collection()
    done = operation("fog", 0, 1)
    label(STREET, 2, "later")
    shown = fo.load_dataset(STREET).first()
    undo = fos.undo_operation(STREET, done.id)
    assert collection() == place
    assert weather() == [*before[:2], "later", *before[3:]]
    assert shown["weather"].label == before[0]
    assert (undo.undoes, undo.samples_changed) == (done.id, 2)
    assert not fos.list_trash(STREET)
    assert undo.after is not None
    assert fos.is_head_equal(STREET, undo.after)
    assert fos.verify_snapshot(STREET, undo.after).is_intact
    # A browser that has the samples open must not write over them
    assert {*fo.load_dataset(STREET).limit(2).values("last_modified_at")} != {None}
    fos.undo_operation(STREET, undo.id)
    assert weather()[:3] == ["fog", "fog", "later"]
    assert collection() == place
    assert_sound(database)


def test_samples_in_each_others_way_alone_lose_their_places(
    street: fo.Dataset, database: Database[Document]
) -> None:
    street.add_sample_field("number", fo.IntField)
    street.set_values("number", list(range(24)))
    street.create_index("number", unique=True)
    ids, place = street.values("id"), collection()
    with fos.undoable(STREET, "exchange") as block:
        for number, value in ((20, 100), (21, 20), (20, 21)):
            sample = street[ids[number]]
            sample["number"] = value
            sample.save()
        # These can be replaced where they lie
        some = street[2:5]
        some.set_values("weather.label", ["fog"] * len(some))
    assert block.operation is not None
    fos.undo_operation(STREET, block.operation.id)
    assert collection() == place
    dataset = fo.load_dataset(STREET, reload=True)
    assert {*zip(dataset.values("id"), dataset.values("number"), strict=True)} == {
        *zip(ids, range(24), strict=True)
    }
    assert dataset.values("id")[:22] == [*ids[:20], *ids[22:]]
    assert "fog" not in weather()
    assert_sound(database)


def test_samples_come_back_and_go(street: fo.Dataset, database: Database[Document]) -> None:
    place, there = collection(), {*street.values("id")}
    with fos.undoable(STREET, "tidy") as block:
        street.delete_samples(street.limit(2))
        street.add_sample(fo.Sample("/media/new.jpg"))
    assert block.operation is not None
    undo = fos.undo_operation(STREET, block.operation.id)
    dataset = fo.load_dataset(STREET, reload=True)
    assert {*dataset.values("id")} == there
    assert collection() == place
    fos.undo_operation(STREET, undo.id)
    dataset = fo.load_dataset(STREET, reload=True)
    assert len(dataset) == len(there) - 1
    assert dataset.match({"filepath": "/media/new.jpg"}).count() == 1
    assert_sound(database)


def test_frames_are_undone_where_they_are(database: Database[Document]) -> None:
    dataset = video_dataset(STREET, 3, 6, persistent=True)
    fos.create_snapshot(STREET, "v1")
    place = dataset._frame_collection_name
    with fos.undoable(STREET, "frames") as block:
        sample = dataset.first()
        sample.frames[2]["note"] = "edited"
        del sample.frames[3]
        sample.save()
    assert block.operation is not None
    with fos.undoable(STREET, "schema") as other:
        dataset.delete_frame_field("note")
    assert other.operation is not None
    fos.undo_operation(STREET, other.operation.id)
    fos.undo_operation(STREET, block.operation.id, prefer="theirs")
    assert not fos.diff(STREET, "v1", progress=False).changed
    assert place
    assert_sound(database)


@pytest.mark.parametrize(
    "edit",
    [
        lambda dataset: dataset.delete_sample_field("weather"),
        lambda dataset: dataset.save_view("mine", dataset.limit(1)),
        lambda dataset: dataset.create_index("weather.label"),
        lambda dataset: dataset.clear(),
    ],
    ids=["schema", "view", "index", "everything"],
)
def test_what_is_more_than_some_samples_is_built_beside(
    street: fo.Dataset, edit: Callable[[fo.Dataset], object], database: Database[Document]
) -> None:
    fos.create_snapshot(STREET, "v1")
    place = collection()
    with fos.undoable(STREET, "edit") as block:
        edit(street)
    assert block.operation is not None
    fos.undo_operation(STREET, block.operation.id)
    assert collection() != place
    assert fos.is_head_equal(STREET, "v1")
    assert not fos.diff(STREET, "v1", progress=False).items
    assert [item.is_undo for item in fos.list_trash(STREET)] == [True]
    assert_sound(database)


@pytest.mark.parametrize("place", ["staged", "noted"])
def test_what_somebody_writes_at_that_moment_stays(
    street: fo.Dataset, place: str, database: Database[Document]
) -> None:
    done = operation("fog", 0, 1)
    samples = database[collection()]
    ids = fo.load_dataset(STREET).values("id")

    def write(number: int) -> Callable[[], object]:
        change = {"$set": {"weather.label": "at once"}}
        return lambda: samples.update_one({"_id": ObjectId(ids[number])}, change)

    with (
        faults.arm(f"apply_merge.{place}", write(1)),
        pytest.raises(fos.ConcurrentWritesError, match="written to by somebody else"),
    ):
        fos.undo_operation(STREET, done.id)
    assert weather()[:2] == ["fog", "at once"]
    assert_sound(database)
    # Another sample is none of its business
    fos.undo_operation(STREET, done.id, prefer="theirs")
    last = operation("rain", 3)
    with faults.arm(f"apply_merge.{place}", write(5)):
        fos.undo_operation(STREET, last.id)
    assert weather()[5] == "at once"
    assert weather()[3] != "rain"
    assert fos.is_head_equal(STREET, fos.list_snapshots(STREET, safety=True)[-1])
    assert_sound(database)


@pytest.mark.parametrize("large", ["delta"], indirect=True)
@pytest.mark.parametrize("number", [0, 5])
def test_what_somebody_writes_between_plan_and_exchange_stays(
    street: fo.Dataset,
    number: int,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = operation("fog", 0, 1)
    sample = {"_id": ObjectId(fo.load_dataset(STREET).values("id")[number])}
    apply = undo.apply

    def apply_late(*args: Any) -> object:
        # Its time stays what it is, so nothing but its bytes tells
        database[collection()].update_one(sample, {"$set": {"weather.label": "late"}})
        return apply(*args)

    monkeypatch.setattr(undo, "apply", apply_late)
    with pytest.raises(fos.StaleMergeError):
        fos.undo_operation(STREET, done.id)
    assert weather()[number] == "late"
    monkeypatch.undo()
    assert_sound(database)


def test_what_was_written_before_a_document_is_read_is_a_conflict(
    street: fo.Dataset, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = operation("fog", 0, 1)
    sample = {"_id": ObjectId(fo.load_dataset(STREET).values("id")[0])}
    fetch = PartTriple.fetch

    def fetch_late(self: PartTriple, keys: Keys) -> object:
        database[collection()].update_one(sample, {"$set": {"weather.label": "late"}})
        return fetch(self, keys)

    monkeypatch.setattr(PartTriple, "fetch", fetch_late)
    with pytest.raises(fos.ConflictsRemainError):
        fos.undo_operation(STREET, done.id)
    assert weather()[:2] == ["late", "fog"]


@pytest.mark.parametrize("large", ["delta"], indirect=True)
def test_counters_that_may_have_begun_anew_since_the_plan_prove_nothing(
    street: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = operation("fog", 0, 1)
    before = weather()
    merged: list[Sample] = []
    merge = SampleMerge.merge
    monkeypatch.setattr(
        SampleMerge, "merge", lambda self, sample: merged.append(sample) or merge(self, sample)
    )
    monkeypatch.setattr(Continuity, "lasts_until", lambda self, later: False)
    fos.undo_operation(STREET, done.id)
    # Both times
    assert len(merged) > 2
    assert weather()[:2] != before[:2]


@pytest.mark.parametrize("large", ["delta"], indirect=True)
def test_nothing_is_merged_or_read_twice(
    street: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = operation("fog", 0, 1)
    merged: list[Sample] = []
    recalled: list[object] = []
    merge, recall = SampleMerge.merge, counted.recall
    monkeypatch.setattr(
        SampleMerge, "merge", lambda self, sample: merged.append(sample) or merge(self, sample)
    )
    monkeypatch.setattr(counted, "recall", lambda *args: recalled.append(args) or recall(*args))
    undone = fos.undo_operation(STREET, done.id)
    assert len(merged) == 2
    # For the plan, and to see that the state before the undo is kept already
    assert len(recalled) == 2
    assert undone.after is not None
    assert fos.is_head_equal(STREET, undone.after)
    assert fos.verify_snapshot(STREET, undone.after).is_intact


@pytest.mark.parametrize(
    ("large", "fault"), [("duplication", fails_at), ("delta", killed_at)], indirect=["large"]
)
def test_dying_anywhere_it_is_done_or_not(
    street: fo.Dataset,
    fault: Callable[[str, Callable[[], object]], bool],
    database: Database[Document],
) -> None:
    before = weather()
    last = operation("fog", 0, 1)
    points = [
        point
        for point in points_of(lambda: fos.undo_operation(STREET, last.id))
        if point.startswith("apply_merge.")
    ]
    assert "apply_merge.exchanged_samples" in points
    assert weather() == before
    for point in dict.fromkeys(points):
        done = operation(f"at {point}", 0, 1)
        assert fault(point, lambda: fos.undo_operation(STREET, done.id)), point  # noqa: B023
        fos.recover()
        assert weather() in (before, [f"at {point}"] * 2 + before[2:]), point
        listed = next(each for each in fos.list_undoable(STREET) if each.id == done.id)
        assert (listed.undone_by is None) == (weather() != before), point
        if listed.undone_by is None:
            fos.undo_operation(STREET, done.id)
        assert weather() == before, point
        assert_sound(database)
