"""Merging while others write, delete snapshots, or may not see everything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import PyMongoError

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.errors import DatasetBusyError
from support.crash import killed_at
from support.datasets import image_dataset
from support.full import Document
from support.stopping import lease_runs_out
from support.street import NIGHT, STREET, label, plan, street_with_branch, weather


@pytest.fixture(params=["duplication", "delta"])
def street(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    """A dataset with a branch; on both, something was changed."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    return street_with_branch(40)


class Writer:
    """Somebody who writes at one point after the other, and notes what was acknowledged."""

    def __init__(self, dataset: fo.Dataset, database: Database[Document]) -> None:
        self._samples = database[dataset._sample_collection_name]
        self._views = database["views"]
        self._owner = dataset._doc.id
        # Nothing that the merge changes
        self._ids = self._samples.distinct("_id")[2:]
        self._is_near = False
        self.written: list[ObjectId] = []
        self.views: list[ObjectId] = []
        self.refused: list[str] = []
        self.points: list[str] = []

    def __call__(self, point: str) -> None:
        self._is_near |= point == "apply_merge.refused_writes"
        if not self._is_near or not point.startswith("apply_merge.") or not self._ids:
            return
        self.points.append(point)
        id_ = self._ids.pop()
        try:
            found = self._samples.update_one({"_id": id_}, {"$set": {"note": point}})
        except (PyMongoError, fos.SnapshotError) as error:
            self.refused.append(type(error).__name__)
        else:
            assert found.matched_count, f"nothing was there to write to at {point}"
            self.written.append(id_)
        view = {"_id": ObjectId(), "_dataset_id": self._owner, "name": point, "slug": point}
        self._views.insert_one({**view, "view_stages": []})
        self.views.append(view["_id"])


def test_no_write_is_acknowledged_and_lost(
    street: fo.Dataset, database: Database[Document]
) -> None:
    merge = plan()
    writer = Writer(street, database)
    try:
        with faults.observe(writer):
            fos.apply_merge(merge)
    except fos.ConcurrentWritesError:
        # A view that was saved before the exchange stops it, and nothing else would
        pass
    assert len(writer.points) > 2
    assert writer.refused
    dataset = fo.load_dataset(STREET, reload=True)
    head = database[dataset._sample_collection_name]
    assert {d["_id"] for d in head.find({"note": {"$ne": None}})} >= set(writer.written)
    assert {v["_id"] for v in database["views"].find()} >= set(writer.views)
    # And writing goes on
    label(STREET, 5, "later")


def test_a_view_that_is_saved_after_the_exchange_stays(
    street: fo.Dataset, database: Database[Document]
) -> None:
    merge = plan()
    writer = Writer(street, database)

    def later(point: str) -> None:
        if point in ("apply_merge.recorded", "apply_merge.shelved_related"):
            writer._is_near = True
            writer(point)

    with faults.observe(later):
        fos.apply_merge(merge)
    assert len(writer.views) == 2
    assert {v["_id"] for v in database["views"].find()} >= set(writer.views)
    assert weather()[:2] == ["ours", "theirs"]


def test_who_writes_at_that_moment_is_told(
    street: fo.Dataset, database: Database[Document]
) -> None:
    refused: list[BaseException] = []

    def write() -> None:
        sample = street.skip(7).first()
        sample["weather"].label = "meanwhile"
        try:
            sample.save()
        except DatasetBusyError as error:
            refused.append(error)

    merge = plan()
    with faults.arm("apply_merge.refused_writes", write):
        fos.apply_merge(merge)
    assert "try again" in str(refused[0])
    assert weather()[:2] == ["ours", "theirs"]


def test_after_a_merge_that_failed_writing_goes_on(
    street: fo.Dataset, database: Database[Document]
) -> None:
    merge = plan()
    with faults.arm("apply_merge.refused_writes"), pytest.raises(faults.InjectedFault):
        fos.apply_merge(merge)
    label(STREET, 5, "later")
    assert weather()[5] == "later"
    for found in database.list_collections(filter={"name": street._sample_collection_name}):
        assert not found["options"].get("validator")


def test_who_writes_after_a_merge_that_died_ends_it(
    street: fo.Dataset, database: Database[Document]
) -> None:
    merge = plan()
    assert killed_at("apply_merge.refused_writes", lambda: fos.apply_merge(merge))
    lease_runs_out(database)
    with pytest.raises(DatasetBusyError, match="try again"):
        label(STREET, 5, "refused")
    label(STREET, 5, "later")
    assert weather()[5] == "later"
    assert fos.get_merge(merge.id).state == "open"


# Whatever tells where the next merge begins is kept


def _merged(street: fo.Dataset) -> tuple[fos.DatasetSnapshot, str]:
    made = fos.apply_merge(plan())
    assert made.merged_from is not None
    # What the target has decided since
    label(STREET, 1, "decided")
    return made, made.merged_from.snapshot_name


def test_snapshots_that_tell_of_a_merge_are_held(street: fo.Dataset) -> None:
    made, of_branch = _merged(street)
    with pytest.raises(fos.HeldSnapshotError, match=r"street\.night"):
        fos.delete_snapshot(STREET, made)
    with pytest.raises(fos.HeldSnapshotError, match=r"street\.night"):
        fos.delete_snapshot(NIGHT, of_branch)
    fos.create_snapshot(STREET, "later")
    fos.prune_snapshots(STREET, keep_last=1, dry_run=False)
    assert made.name in fos.list_snapshots(STREET)
    fos.apply_merge(plan())
    assert weather()[1] == "decided"


def test_they_go_with_the_branch(street: fo.Dataset) -> None:
    made, _ = _merged(street)
    fos.delete_branch(NIGHT)
    with pytest.raises(fos.HeldSnapshotError):
        fos.delete_snapshot(STREET, made)
    fos.empty_trash(STREET)
    fos.delete_snapshot(STREET, made)


def test_a_snapshot_that_could_not_be_taken_is_taken_later(
    street: fo.Dataset,
) -> None:
    fos.create_snapshot(NIGHT, "the branch's own")
    merge = plan()

    def fail() -> None:
        raise fos.ConcurrentWritesError("written to")

    with faults.arm("create.copied_samples", fail), pytest.raises(fos.OutcomeUnknownError):
        fos.apply_merge(merge)
    assert weather()[:2] == ["ours", "theirs"]
    fos.recover()
    found = fos.get_merge(merge.id)
    assert (found.state, found.snapshot_name) == ("applied", fos.list_snapshots(STREET)[-1])


def test_a_branch_that_was_edited_since_is_stale(street: fo.Dataset) -> None:
    fos.create_snapshot(NIGHT, "v")
    merge = plan()
    label(NIGHT, 2, "since")
    with pytest.raises(fos.StaleMergeError, match="branch"):
        fos.apply_merge(merge)
    assert weather()[1] != "theirs"


def test_a_plan_shows_a_branch_to_nobody_who_may_not_see_it(
    street: fo.Dataset,
    policy_file: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    label(STREET, 2, "ours")
    label(NIGHT, 2, "theirs")
    merge = plan()
    image_dataset("own", 3, persistent=True)
    base = fos.create_snapshot(NIGHT, "secret")
    policy_file(
        """
datasets:
  street: {anna: manage}
  own: {anna: manage}
  "*": {anna: none}
"""
    )
    for look in (
        lambda: fos.get_merge(merge.id),
        lambda: list(merge.conflicts()),
        lambda: merge.view("theirs"),
        lambda: merge.resolve(None, "theirs"),
        lambda: fos.plan_merge("own", into=STREET, base=base.id, progress=False),
    ):
        with pytest.raises(fos.SnapshotPermissionError, match=r"street\.night"):
            look()
    assert fos.list_merges(STREET) == []
