"""A snapshot is taken while others write, as long as their writes can be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import cycle, repeat
from types import SimpleNamespace
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.dataset.change_token import DatasetToken
from fiftyone_snapshots.backend.dataset.parts import Head, Part
from fiftyone_snapshots.backend.storage import catch_up, counted
from fiftyone_snapshots.backend.storage.watch import Watch
from support.datasets import image_dataset, video_dataset
from support.full import Document, content

NAME = "busy"

Samples = Collection[Document]


@pytest.fixture(params=["duplication", "delta"], autouse=True)
def standalone(
    request: pytest.FixtureRequest, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each backend, on a server that cannot read one moment by itself."""
    if "setName" in database.command("hello"):
        pytest.skip("a replica set reads one moment, whoever writes")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)


@pytest.fixture
def samples(database: Database[Document]) -> Samples:
    dataset = image_dataset(NAME, 30, persistent=True)
    fos.create_snapshot(NAME, "v0")
    return database[dataset._sample_collection_name]


def now() -> datetime:
    return datetime.now(timezone.utc)


def touch(samples: Samples, id_: Any, **values: Any) -> None:
    """Writes as FiftyOne does."""
    samples.update_one({"_id": id_}, {"$set": {**values, "last_modified_at": now()}})


def copied(name: str) -> list[bytes]:
    """Returns the samples of a snapshot, in natural order."""
    loaded = fos.load_snapshot(NAME, name)
    return content(foo.get_db_conn()[loaded._sample_collection_name])


class Writer:
    """Somebody who writes once in every pass, so that no pass finds the dataset at rest.

    Args:
        samples: where to
        write: given a document and a number
    """

    def __init__(self, samples: Samples, write: Callable[[Samples, Any, int], None]) -> None:
        self.written = 0
        self._samples, self._write = samples, write
        self._ids = iter(samples.distinct("_id") * 20)

    def __call__(self) -> None:
        self._write(self._samples, next(self._ids), self.written)
        self.written += 1


def create_while(writer: Writer) -> None:
    # Before the copy is compared, and after what was found was copied again
    with (
        faults.arm("create.copied_samples", writer),
        faults.arm("create.pass", writer),
        faults.arm("create.patched_samples", writer),
    ):
        fos.create_snapshot(NAME, "v1")


def _change(samples: Samples, id_: Any, number: int) -> None:
    touch(samples, id_, note=number)


def _insert(samples: Samples, id_: Any, number: int) -> None:
    document = samples.find_one({"_id": id_}) or {}
    new = {"_id": ObjectId(), "filepath": f"/{number}", "last_modified_at": now()}
    samples.insert_one({**document, **new})


@pytest.mark.parametrize("write", [_change, _insert])
def test_what_is_written_in_each_pass_is_followed(
    samples: Samples, write: Callable[[Samples, Any, int], None]
) -> None:
    writer = Writer(samples, write)
    create_while(writer)
    assert writer.written == 3, "one pass was enough"
    assert copied("v1") == content(samples)
    assert fos.verify_snapshot(NAME, "v1")


def test_writes_to_frames_are_followed(database: Database[Document]) -> None:
    dataset = video_dataset(NAME, 3, 4, persistent=True)
    frames = database[dataset._frame_collection_name]
    writer = Writer(frames, _change)
    with faults.arm("create.copied_frames", writer), faults.arm("create.patched_frames", writer):
        fos.create_snapshot(NAME, "v1")
    assert writer.written == 2
    loaded = fos.load_snapshot(NAME, "v1")
    assert content(database[loaded._frame_collection_name]) == content(frames)


def _silently(samples: Samples, id_: Any, number: int) -> None:
    samples.update_one({"_id": id_}, {"$set": {"note": number}})


def _twice(samples: Samples, id_: Any, number: int) -> None:
    touch(samples, id_, note=number)
    _silently(samples, id_, number + 1000)


def _delete(samples: Samples, id_: Any, number: int) -> None:
    samples.delete_one({"_id": id_})


def _with_a_late_clock(samples: Samples, id_: Any, number: int) -> None:
    then = now() - timedelta(days=1000)
    samples.update_one({"_id": id_}, {"$set": {"note": number, "last_modified_at": then}})


@pytest.mark.parametrize("write", [_silently, _twice, _delete])
def test_what_cannot_be_told_in_every_pass_is_refused(
    samples: Samples, write: Callable[[Samples, Any, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "MAX_PASSES", 4)
    with pytest.raises(fos.ConcurrentWritesError, match="4 times"):
        create_while(Writer(samples, write))
    assert fos.list_snapshots(NAME) == ["v0"]


@pytest.mark.parametrize("write", [_silently, _twice, _delete])
def test_what_cannot_be_told_is_read_again(
    samples: Samples, write: Callable[[Samples, Any, int], None]
) -> None:
    writer = Writer(samples, write)
    with faults.arm("create.copied_samples", writer):
        fos.create_snapshot(NAME, "v1")
    assert writer.written == 1
    assert copied("v1") == content(samples)


@pytest.mark.parametrize("write", [_change, _insert])
def test_a_long_copy_is_followed_from_its_beginning(
    samples: Samples, write: Callable[[Samples, Any, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted, "_WORTH_COUNTING", 1)
    # So that what the snapshot before holds does not help
    _silently(samples, samples.distinct("_id")[-1], 0)
    writer, passes = Writer(samples, write), list[None]()
    with (
        faults.arm("create.copied_samples", writer),
        faults.arm("create.pass", lambda: passes.append(None)),
    ):
        fos.create_snapshot(NAME, "v1")
    assert writer.written == 1
    assert not passes, "it was read once more"
    assert copied("v1") == content(samples)
    assert fos.verify_snapshot(NAME, "v1")


@pytest.mark.parametrize("write", [_silently, _twice, _delete, _with_a_late_clock])
def test_what_cannot_be_told_of_a_long_copy_is_read_again(
    samples: Samples, write: Callable[[Samples, Any, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted, "_WORTH_COUNTING", 1)
    # So that what the snapshot before holds does not help
    _silently(samples, samples.distinct("_id")[-1], 0)
    writer = Writer(samples, write)
    with faults.arm("create.copied_samples", writer):
        fos.create_snapshot(NAME, "v1")
    assert writer.written == 1
    assert copied("v1") == content(samples)
    assert fos.verify_snapshot(NAME, "v1")


def _write_after_each_look(
    monkeypatch: pytest.MonkeyPatch, samples: Samples, ids: Iterator[Any]
) -> list[list[bytes]]:
    """Has somebody write between any two looks; returns what each look saw, as it comes."""
    look, seen = Watch.look, list[list[bytes]]()

    def looked(self: Watch) -> dict[Part, set[Any]] | None:
        seen.append(content(samples))
        found = look(self)
        touch(samples, next(ids), note=len(seen))
        return found

    monkeypatch.setattr(Watch, "look", looked)
    return seen


def test_nobody_has_to_pause_from_one_look_to_the_next(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _write_after_each_look(monkeypatch, samples, cycle(samples.distinct("_id")))
    create_while(Writer(samples, _change))
    assert len(seen) == 2
    assert copied("v1") == seen[0] != content(samples)


def test_what_is_written_to_between_all_looks_is_refused(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = samples.distinct("_id")[0]
    seen = _write_after_each_look(monkeypatch, samples, repeat(one))
    monkeypatch.setattr(catch_up, "MAX_PASSES", 1)
    # A clock that goes by looks
    monkeypatch.setattr(catch_up, "_MOST_SECONDS", 5)
    monkeypatch.setattr(catch_up, "time", SimpleNamespace(monotonic=lambda: len(seen)))
    with pytest.raises(fos.ConcurrentWritesError):
        create_while(Writer(samples, lambda samples, _, number: _change(samples, one, number)))
    assert len(seen) > 5
    assert fos.list_snapshots(NAME) == ["v0"]


@pytest.fixture
def watch(samples: Samples) -> Watch:
    head = Head(foo.get_db_conn(), fo.load_dataset(NAME)._doc.id)
    followed = Watch(head.database, DatasetToken.of(head))
    followed.begin()
    return followed


def test_documents_that_were_written_to_are_told(watch: Watch, samples: Samples) -> None:
    first, second, *_, last = samples.distinct("_id")
    assert watch.look() == {Part.SAMPLES: set()}
    touch(samples, first, a=1)
    touch(samples, last, a=1)
    assert watch.look() == {Part.SAMPLES: {first, last}}
    assert watch.look() == {Part.SAMPLES: set()}
    touch(samples, second, a=2)
    assert watch.look() == {Part.SAMPLES: {second}}


def test_one_is_written_to_again_and_again_while_they_are_followed(
    watch: Watch, samples: Samples
) -> None:
    first = samples.distinct("_id")[0]
    for number in range(3):
        touch(samples, first, a=number)
        watch._follow()
    assert watch.look() == {Part.SAMPLES: {first}}


@pytest.mark.parametrize("write", [_silently, _twice, _delete, _with_a_late_clock])
def test_what_does_not_add_up_is_not_told(
    watch: Watch, samples: Samples, write: Callable[[Samples, Any, int], None]
) -> None:
    ids = samples.distinct("_id")
    touch(samples, ids[0], a=1)
    if write is _with_a_late_clock:
        samples.update_many({}, {"$set": {"last_modified_at": now()}})
        watch.begin()
        samples.update_one({"_id": ids[0]}, {"$currentDate": {"last_modified_at": True}})
        watch._floors[Part.SAMPLES] = int(now().timestamp() * 1000) - 1000
    write(samples, ids[1], 5)
    assert watch.look() is None
    touch(samples, ids[2], a=1)
    assert watch.look() is None, "what is lost stays lost until it begins anew"
    watch.begin()
    assert watch.look() == {Part.SAMPLES: set()}


def test_few_times_are_compared_however_many_documents_there_are(
    watch: Watch, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fiftyone_snapshots.backend.storage.watch._LATE", 3)
    watch.begin()
    assert watch._last is not None
    assert len(watch._last.late[Part.SAMPLES]) <= 3
    ids = samples.distinct("_id")
    for id_ in ids[:10]:
        touch(samples, id_, a=1)
    assert watch.look() == {Part.SAMPLES: set(ids[:10])}
    touch(samples, ids[20], a=1)
    assert watch.look() == {Part.SAMPLES: {ids[20]}}
    assert len(watch._last.late[Part.SAMPLES]) <= 7
