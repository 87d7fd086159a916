"""What happens between the plan of a merge and its being applied."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.datasets import image_dataset
from support.full import Document

STREET, NIGHT = "street", "street.night"


@pytest.fixture(autouse=True)
def street() -> fo.Dataset:
    """A dataset with two branches that were edited."""
    made = image_dataset(STREET, 3, persistent=True)
    for name in ("night", "fog"):
        fos.create_branch(STREET, name)
        fo.load_dataset(f"{STREET}.{name}").tag_samples(name)
    return made


def plan(branch: str = NIGHT, **options: Any) -> fos.MergePlan:
    return fos.plan_merge(branch, progress=False, **options)


def tags(name: str = STREET) -> set[str]:
    return set(fo.load_dataset(name, reload=True).distinct("tags"))


@pytest.mark.parametrize("is_same", [True, False])
def test_two_people_apply_at_once(is_same: bool) -> None:
    """The second one waits, and then finds that it was done, or that the target is another."""
    first = plan()
    second = first if is_same else plan("street.fog")
    others: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as pool:

        def join_in() -> None:
            others.append(pool.submit(fos.apply_merge, second.id))

        with faults.arm("apply_merge.noted", join_in):
            fos.apply_merge(first)
        error = others[0].exception()
    if is_same:
        assert isinstance(error, fos.InvalidRequestError)
        assert "applied already" in str(error)
    else:
        assert isinstance(error, fos.StaleMergeError)
    assert "night" in tags()
    assert "fog" not in tags()
    assert fos.list_snapshots(STREET)[1:] == ["merge of night"]


def test_a_plan_a_month_old(database: Database[Document]) -> None:
    fo.load_dataset(STREET).delete_samples([fo.load_dataset(STREET).first().id])
    found = plan(view=fo.load_dataset(NIGHT).limit(2))
    old = ObjectId.from_datetime(datetime.now(timezone.utc) - timedelta(days=30))
    for name in ("snapshots.merges", "snapshots.conflicts"):
        for document in list(database[name].find()):
            database[name].delete_one({"_id": document["_id"]})
            key = "_id" if document["_id"] == ObjectId(found.id) else "plan_id"
            database[name].insert_one({**document, key: old})
    # What plans have left whose process died
    orphan = {"plan_id": ObjectId.from_datetime(datetime.now(timezone.utc) - timedelta(days=2))}
    for name in ("snapshots.merges", "snapshots.conflicts"):
        database[name].insert_one({**orphan})
    plan("street.fog")
    for name in ("snapshots.merges", "snapshots.conflicts"):
        assert database[name].find_one(orphan) is None
    again = fos.get_merge(str(old))
    assert (again.state, again.samples, again.open_conflicts) == ("open", 2, 1)
    again.resolve(None, "theirs")
    fos.apply_merge(again)
    assert fo.load_dataset(STREET, reload=True).count_sample_tags()["night"] == 2


def test_a_base_that_was_archived_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.create_snapshot(STREET, "newer")
    found = plan()
    assert found.base_snapshot is not None
    fos.archive_snapshot(STREET, found.base_snapshot)
    fos.apply_merge(found)
    assert "night" in tags()


def test_a_base_that_is_gone() -> None:
    """A branch holds its base. Any other base can go, and then the plan says what to do."""
    base = fos.list_snapshots(STREET)[0]
    plan()
    with pytest.raises(fos.HeldSnapshotError, match="needed to merge"):
        fos.delete_snapshot(STREET, base)
    fo.load_dataset(STREET).clone("copy", persistent=True).tag_samples("copy")
    fos.create_snapshot(STREET, "free")
    found = plan("copy", into=STREET, base="free")
    fos.delete_snapshot(STREET, "free")
    with pytest.raises(fos.SnapshotNotFoundError, match="restore_snapshot"):
        fos.apply_merge(found)
    fos.restore_snapshot(STREET, "free")
    fos.delete_snapshot(STREET, "free")
    fos.empty_trash(STREET)
    with pytest.raises(fos.SnapshotNotFoundError, match="was destroyed"):
        fos.apply_merge(found)
    assert "copy" not in tags()
    fos.apply_merge(plan("copy", into=STREET, base=base))
    assert "copy" in tags()


def test_a_branch_that_was_deleted_and_brought_back() -> None:
    found = plan()
    fos.delete_branch(NIGHT)
    with pytest.raises(fos.DatasetNotFoundError, match="was deleted"):
        fos.apply_merge(found)
    assert (fos.get_merge(found.id).state, "night" in tags()) == ("open", False)
    fos.restore_branch(NIGHT)
    fos.apply_merge(found)
    assert "night" in tags()


def test_a_target_that_was_deleted(database: Database[Document]) -> None:
    found = plan(view=fo.load_dataset(NIGHT).limit(1))
    fo.delete_dataset(STREET)
    with pytest.raises(fos.MergeNotFoundError):
        fos.apply_merge(found)
    assert database["snapshots.merges"].count_documents({}) == 0
