"""What a dataset holds is told by its latest snapshot and the writes that were counted since.

Exactly, or not at all: whatever the counted writes do not account for is read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.dataset.change_token import DatasetToken
from fiftyone_snapshots.backend.dataset.parts import Head, Part
from fiftyone_snapshots.backend.manifest.manifest import Manifest
from fiftyone_snapshots.backend.storage import counted, watch
from support.crash import killed_at, points_of
from support.datasets import image_dataset, video_dataset
from support.full import Document, content
from support.profiling import documents_read, profile

NAME = "counted"
_SAMPLES = 200
_FEW = 30
"""So many documents may be looked at for one that was written to."""

Samples = Collection[Document]


@pytest.fixture(params=["duplication", "delta"], autouse=True)
def any_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each backend, with datasets of any size taken for large ones."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    monkeypatch.setattr(counted, "_WORTH_COUNTING", 0)
    monkeypatch.setattr(counted, "_MOST", 1.0)


@pytest.fixture
def samples(database: Database[Document]) -> Samples:
    """The samples of a dataset with a snapshot."""
    return _make(database)


def _make(database: Database[Document]) -> Samples:
    dataset = image_dataset(NAME, _SAMPLES, persistent=True)
    fos.create_snapshot(NAME, "v0")
    return database[dataset._sample_collection_name]


def recalled(samples: Samples) -> Any:
    """Returns what is told of the dataset; it must be what reading it tells."""
    database = foo.get_db_conn()
    dataset_id = fo.load_dataset(NAME)._doc.id
    head = Head(database, dataset_id)
    found = counted.recall(database, dataset_id, DatasetToken.of(head))
    for part, manifest in found.items():
        assert not manifest.compare(Manifest.read(head.state()[part]))
    return found


def touch(samples: Samples, number: int, **values: Any) -> None:
    """Writes as FiftyOne does."""
    id_ = samples.distinct("_id")[number]
    samples.update_one({"_id": id_}, {"$set": {**values, "last_modified_at": _now()}})


def write_silently(samples: Samples, number: int) -> None:
    """Writes as somebody who knows nothing of FiftyOne."""
    samples.update_one({"_id": samples.distinct("_id")[number]}, {"$set": {"note": ObjectId()}})


def insert(samples: Samples, number: int, time: datetime | None = None) -> None:
    """Adds a copy of a sample."""
    known = samples.find_one({"_id": samples.distinct("_id")[number]}) or {}
    id_ = ObjectId()
    new = {"_id": id_, "filepath": f"/{id_}.png", "last_modified_at": time or _now()}
    samples.insert_one({**known, **new})


def delete(samples: Samples, number: int) -> None:
    """Deletes a sample."""
    samples.delete_one({"_id": samples.distinct("_id")[number]})


def _now() -> datetime:
    return datetime.now(timezone.utc)


def test_what_was_written_once_is_told(samples: Samples) -> None:
    touch(samples, 1, note=1)
    touch(samples, 2, note=2)
    insert(samples, 3)
    delete(samples, 4)
    delete(samples, 5)
    found = recalled(samples)
    assert len(found[Part.SAMPLES]) == _SAMPLES - 1


def put_back(samples: Samples, number: int) -> None:
    """Deletes a sample and inserts another one under its id."""
    known = samples.find_one_and_delete({"_id": samples.distinct("_id")[number]})
    samples.insert_one({**known, "note": "put back", "last_modified_at": _now()})


def add_and_delete(samples: Samples, _: int) -> None:
    """Adds a sample, and deletes it again."""
    insert(samples, 0)
    samples.delete_one({"_id": samples.distinct("_id")[-1]})


def insert_old(samples: Samples, number: int) -> None:
    """Adds a sample with the time that it had elsewhere."""
    insert(samples, number, _now() - timedelta(days=9))


@pytest.mark.parametrize(
    "write", [write_silently, touch, delete, put_back, insert_old, add_and_delete]
)
def test_a_write_that_is_not_accounted_for_is_not_overlooked(
    samples: Samples, write: Callable[[Samples, int], object]
) -> None:
    # It is written to, or deleted, after it was written to
    touch(samples, 1, note=1)
    assert recalled(samples)
    write(samples, 1)
    assert not recalled(samples)
    assert_captured("v1")


def test_what_was_not_seen_when_it_was_counted_is_not_relied_on(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Somebody is always writing something, in whatever collection
    with monkeypatch.context() as patched:
        patched.setattr(watch, "writes_under_way", lambda status: 1)
        samples = _make(database)
    touch(samples, 1, note=1)
    assert not recalled(samples)
    # From the next one on it is known again
    assert_captured("v1")
    touch(samples, 2, note=1)
    assert recalled(samples)


def test_a_snapshot_that_trusts_timestamps_tells_nothing(samples: Samples) -> None:
    write_silently(samples, 1)
    fos.create_snapshot(NAME, "v1", trust_timestamps=True)
    # That of the one before still may
    assert not recalled(samples)
    assert_captured("v2")


@pytest.mark.parametrize("write", [touch, insert, write_silently])
def test_what_is_written_while_it_is_copied_is_in_it(
    samples: Samples, write: Callable[[Samples, int], object]
) -> None:
    touch(samples, 1, note=1)
    with faults.arm("create.copied_samples", lambda: write(samples, 2)):
        assert_captured("v1")
    assert recalled(samples)


def test_another_process_of_the_server_counts_anew(
    samples: Samples, database: Database[Document]
) -> None:
    facts = database["snapshots.datasets"]
    facts.update_one({}, {"$set": {"witness.continuity.process": str(ObjectId())}})
    assert not recalled(samples)


@pytest.mark.parametrize("what", ["closed", "validated"])
def test_a_server_that_may_have_counted_anew_tells_nothing(
    what: str, samples: Samples, database: Database[Document]
) -> None:
    facts = database["snapshots.datasets"]
    assert recalled(samples)
    long_ago = {"witness.continuity.at": _now() - timedelta(days=1)}
    changed = {"$inc": {f"witness.continuity.{what}": -1}}
    facts.update_one({}, changed | ({"$set": long_ago} if what == "closed" else {}))
    assert not recalled(samples)


def test_frames_are_told_as_well(database: Database[Document]) -> None:
    dataset = video_dataset(NAME, 5, 8, persistent=True)
    fos.create_snapshot(NAME, "v0")
    frames = database[dataset._frame_collection_name]
    touch(frames, 7, note=1)
    found = recalled(database[dataset._sample_collection_name])
    assert len(found[Part.FRAMES]) == 5 * 8
    fos.create_snapshot(NAME, "v1")
    loaded = fos.load_snapshot(NAME, "v1")
    assert content(database[loaded._frame_collection_name]) == content(frames)


def _compare(_: str) -> None:
    assert len(fos.diff(NAME, "v0", progress=False).changed) == 1


def _look(_: str) -> None:
    assert fos.calculate_dataset_latest_changes_summary(NAME).num_samples_changed == 1


def _create(name: str) -> None:
    fos.create_snapshot(NAME, name)


def _keep(name: str) -> None:
    with fos.undoable(NAME, "nothing"):
        pass
    fos.create_snapshot(NAME, name)


@pytest.mark.parametrize("verb", [_compare, _look])
def test_only_what_was_written_is_read(
    verb: Callable[[str], object], samples: Samples, database: Database[Document]
) -> None:
    touch(samples, 1, note=1)
    with profile(database) as commands:
        verb(NAME)
    assert documents_read(commands, samples.name) <= _FEW


# What is copied as a whole is read meanwhile
@pytest.mark.parametrize("any_size", ["delta"], indirect=True)
@pytest.mark.parametrize("capture", [_create, _keep])
def test_a_snapshot_of_what_was_written_once_reads_no_more(
    capture: Callable[[str], object], samples: Samples, database: Database[Document]
) -> None:
    touch(samples, 1, note=1)
    with profile(database) as commands:
        capture("v1")
    assert documents_read(commands, samples.name) <= _FEW
    assert_same("v1")


def test_a_branch_is_told_by_the_snapshot_that_it_was_made_of(
    database: Database[Document],
) -> None:
    _make(database)
    fos.create_branch(NAME, "lab", "v0")
    branch = fo.load_dataset(f"{NAME}.lab")
    samples = database[branch._sample_collection_name]
    touch(samples, 1, note=1)
    delete(samples, 2)
    with profile(database) as commands:
        fos.plan_merge(branch.name)
    assert documents_read(commands, samples.name) <= _FEW
    head = Head(database, branch._doc.id)
    found = counted.recall(database, branch._doc.id, DatasetToken.of(head))
    assert not found[Part.SAMPLES].compare(Manifest.read(head.state()[Part.SAMPLES]))


def test_a_branch_whose_creation_was_killed_is_told_exactly_or_not_at_all(
    database: Database[Document],
) -> None:
    def create() -> None:
        fos.create_branch(NAME, "lab", "v0")

    _make(database)
    points = points_of(create)
    fos.delete_branch(f"{NAME}.lab")
    fos.empty_trash(NAME)
    for point in points:
        assert killed_at(point, create), point
        fos.recover()
        if not fos.list_branches(NAME):
            create()
        branch = fo.load_dataset(f"{NAME}.lab", reload=True)
        touch(database[branch._sample_collection_name], 1, note=1)
        head = Head(database, branch._doc.id)
        found = counted.recall(database, branch._doc.id, DatasetToken.of(head))
        for part, manifest in found.items():
            assert not manifest.compare(Manifest.read(head.state()[part])), point
        fos.delete_branch(branch.name)
        fos.empty_trash(NAME)


@pytest.mark.parametrize("write", [write_silently, put_back, insert_old])
def test_of_a_branch_nothing_is_told_that_does_not_add_up(
    write: Callable[[Samples, int], object], database: Database[Document]
) -> None:
    _make(database)
    fos.create_branch(NAME, "lab", "v0")
    branch = fo.load_dataset(f"{NAME}.lab")
    write(database[branch._sample_collection_name], 1)
    head = Head(database, branch._doc.id)
    assert not counted.recall(database, branch._doc.id, DatasetToken.of(head))


def test_frames_of_a_branch_are_told_as_well(database: Database[Document]) -> None:
    video_dataset(NAME, 5, persistent=True)
    fos.create_snapshot(NAME, "v0")
    fos.create_branch(NAME, "lab")
    branch = fo.load_dataset(f"{NAME}.lab")
    touch(database[branch._frame_collection_name], 7, note=1)
    head = Head(database, branch._doc.id)
    found = counted.recall(database, branch._doc.id, DatasetToken.of(head))
    for part in (Part.SAMPLES, Part.FRAMES):
        assert not found[part].compare(Manifest.read(head.state()[part]))


_WRITES: list[Callable[[Samples, int], object]] = [
    touch,
    touch,
    touch,
    insert,
    insert,
    write_silently,
    delete,
    put_back,
    insert_old,
]


@settings(max_examples=12)
@given(
    rounds=st.lists(
        st.lists(st.tuples(st.sampled_from(_WRITES), st.integers(0, 9)), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_written_each_snapshot_is_exact(
    rounds: list[list[tuple[Callable[[Samples, int], object], int]]],
) -> None:
    database = foo.get_db_conn()
    if fo.dataset_exists(NAME):
        fo.delete_dataset(NAME)
    dataset = image_dataset(NAME, 20, persistent=True)
    fos.create_snapshot(NAME, "v0")
    samples = database[dataset._sample_collection_name]
    for number, writes in enumerate(rounds, start=1):
        for write, which in writes:
            write(samples, which)
        recalled(samples)
        assert_captured(f"v{number}")


def assert_captured(name: str) -> None:
    """Takes a snapshot, which must hold what the dataset holds, in its order."""
    fos.create_snapshot(NAME, name)
    assert_same(name)


def assert_same(name: str) -> None:
    """Compares a snapshot with the dataset."""
    database = foo.get_db_conn()
    samples = database[fo.load_dataset(NAME)._sample_collection_name]
    loaded = fos.load_snapshot(NAME, name)
    assert content(database[loaded._sample_collection_name]) == content(samples)
    assert fos.verify_snapshot(NAME, name).is_intact
