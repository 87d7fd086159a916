"""No command leaves a process once its lease may be over, by a clock that counts sleep."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import bson
import fiftyone.core.odm as foo
import gridfs
import pytest
from bson import ObjectId
from pymongo import InsertOne, UpdateOne
from pymongo.database import Database
from pymongo.errors import OperationFailure

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.catalog.record import SnapshotRecord, SnapshotState
from fiftyone_snapshots.backend.dataset.parts import Documents, Part
from fiftyone_snapshots.backend.manifest import store as manifest_store
from fiftyone_snapshots.backend.mongo import fence, gate
from fiftyone_snapshots.backend.mongo.collections import (
    delta_collections,
    delta_name,
    master_name,
)
from fiftyone_snapshots.backend.mongo.database import server_time
from fiftyone_snapshots.backend.mongo.writer import Writer
from fiftyone_snapshots.backend.operations import lease
from fiftyone_snapshots.backend.operations.lease import Lease
from fiftyone_snapshots.backend.storage import registry
from fiftyone_snapshots.backend.storage.delta import order
from support.full import Document

ID = ObjectId()
STORED = ["snapshots.catalog", "snapshots.datasets", "snapshots.manifests", "snapshots.orders"]


@pytest.fixture
def ours(database: Database[Document]) -> Database[Document]:
    """The worker's database, by the client that FiftyOne uses."""
    found: Database[Document] = foo.get_db_conn()
    found["snapshots.staging.source"].insert_many({"_id": n} for n in range(300))
    return found


def sleep(monkeypatch: pytest.MonkeyPatch, database: Database[Document], *, lost: bool) -> None:
    """Lets much time pass for this process, in which others may take the lease."""
    if lost:
        database["snapshots.leases"].update_many({}, {"$set": {"token": "others"}})
    now = lease.clock()
    monkeypatch.setattr(lease, "clock", lambda: now + 3600)


def _one_by_one(database: Database[Document]) -> Callable[[], object]:
    return lambda: database["snapshots.staging.target"].insert_one({})


def _many(database: Database[Document]) -> Callable[[], object]:
    return lambda: database["snapshots.staging.target"].insert_many({} for _ in range(10))


def _bulk(database: Database[Document]) -> Callable[[], object]:
    work: list[Any] = [InsertOne({}), UpdateOne({}, {"$set": {"a": 1}})]
    return lambda: database["snapshots.staging.target"].bulk_write(work)


def _next_batch(database: Database[Document]) -> Callable[[], object]:
    cursor = database["snapshots.staging.source"].find(batch_size=100)
    next(cursor)
    return lambda: list(cursor)


def _files(database: Database[Document]) -> Callable[[], object]:
    files = gridfs.GridFSBucket(database, "snapshots.staging")
    return lambda: files.upload_from_stream("x", b"x" * 10)


def _thread(database: Database[Document]) -> Callable[[], object]:
    def run() -> object:
        with gate.Workers(max_workers=1) as workers:
            return workers.submit(_one_by_one(database)).result()

    return run


def _writer(database: Database[Document]) -> Callable[[], object]:
    def run() -> None:
        with Writer(database["snapshots.staging.target"]) as writer:
            writer.write([bson.encode({"_id": 1})])

    return run


def _copy(database: Database[Document]) -> Callable[[], object]:
    source = Documents(database["snapshots.staging.source"])
    return lambda: source.copy_to(database["snapshots.staging.target"])


def _drop(database: Database[Document]) -> Callable[[], object]:
    return lambda: database.drop_collection("snapshots.staging.source")


ACTIONS = [_one_by_one, _many, _bulk, _next_batch, _files, _thread, _writer, _copy, _drop]


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_is_sent_after_a_sleep_in_which_others_took_over(
    action: Callable[[Database[Document]], Callable[[], object]],
    ours: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Lease(ours, ID, "test", 0):
        act = action(ours)
        sleep(monkeypatch, ours, lost=True)
        with pytest.raises(fos.LeaseLostError):
            act()
    ours["snapshots.leases"].delete_many({})
    assert ours["snapshots.staging.target"].count_documents({}) == 0
    assert ours["snapshots.staging.source"].count_documents({}) == 300
    assert ours["snapshots.staging.files"].count_documents({}) == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_who_still_has_the_lease_after_a_sleep_renews_it_and_goes_on(
    action: Callable[[Database[Document]], Callable[[], object]],
    ours: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Lease(ours, ID, "test", 0):
        act = action(ours)
        before = ours["snapshots.leases"].find_one({"_id": ID})
        sleep(monkeypatch, ours, lost=False)
        act()
        after = ours["snapshots.leases"].find_one({"_id": ID})
    assert before is not None
    assert after is not None
    assert after["expires_at"] > before["expires_at"]


def test_what_is_sent_just_in_time_and_arrives_late_is_refused(ours: Database[Document]) -> None:
    source = Documents(ours["snapshots.staging.source"])
    target = ours["snapshots.staging.target"]
    catalog, duplication = Catalog(ours), registry.create("duplication", ours)
    now = server_time(ours)
    record = SnapshotRecord(
        ObjectId(), ID, "v1", "v1", "", 1, SnapshotState.READY, "delta", now, "anna"
    )
    late: list[Callable[[], object]] = [
        lambda: source.replace(target),
        lambda: source.merge_into(target),
        lambda: fence.put(target, {"_id": 1}),
        lambda: fence.change(source.collection, 1, {"a": 1}),
        lambda: fence.delete(source.collection, [1], "owner", ID),
        lambda: fence.check(ours),
        lambda: fence.delete_found(source.collection, {"_id": 1}),
        lambda: catalog.remove([record.id]),
        lambda: catalog.make_place(record.dataset_id, now - timedelta(days=1)),
        lambda: catalog.forget_dataset(record.dataset_id),
        lambda: manifest_store.delete(ours, record.id),
        lambda: order.delete(ours, record.id),
        lambda: duplication.discard(record.id),
        lambda: duplication.ingest(record, {Part.SAMPLES: source}, {}),
    ]
    master = ours[master_name(record.id, Part.SAMPLES)]
    master.insert_one({"_id": "what others have brought back"})
    told = {"snapshot_id": record.id, "part": Part.SAMPLES.value, "number": 0}
    catalog.add(record)
    catalog.set_dataset_facts(record.dataset_id, witness=None)
    ours["snapshots.manifests"].insert_one({**told})
    ours["snapshots.orders"].insert_one({**told})
    stored = {name: list(ours[name].find()) for name in STORED}
    with Lease(ours, ID, "test", 0):
        ours["snapshots.leases"].update_many({}, {"$set": {"token": "others"}})
        for write in late:
            with pytest.raises(fos.LeaseLostError):
                write()
    ours["snapshots.leases"].delete_many({})
    assert target.count_documents({}) == 0
    assert source.collection.count_documents({"a": None, "owner": None}) == 300
    assert {name: list(ours[name].find()) for name in STORED} == stored
    assert master.distinct("_id") == ["what others have brought back"]


def test_what_the_server_still_does_for_the_former_holder_is_ended(
    ours: Database[Document],
) -> None:
    """A copy that was sent in time may take longer than the lease."""
    copied = ours.client[f"{ours.name}-copy"]
    copied["snapshots.staging.source"].insert_many({"_id": n} for n in range(300))
    with Lease(ours, ID, "test", 0), ThreadPoolExecutor() as threads:
        mine = fence.current()
        assert mine is not None
        former, other = replace(mine, token="former"), replace(mine, dataset_id=ObjectId())
        work = [(ours, mine), (ours, former), (ours, other), (copied, former)]
        running = [threads.submit(_take_long, *each) for each in work]
        try:
            while len(_under_way(ours)) < len(running):
                assert not any(each.done() for each in running)
            fence.end_others(ours)
            left = [operation["command"]["comment"] for operation in _under_way(ours)]
            # A copy of the database, on the same server, has datasets of the same ids
            spared = [mine.comment, other.comment, former.comment]
            assert sorted(left, key=str) == sorted(spared, key=str)
            with pytest.raises(OperationFailure, match="interrupted"):
                running[1].result(timeout=60)
        finally:
            for operation in _under_way(ours):
                ours.client.admin.command("killOp", op=operation["opid"])
            ours.client.drop_database(copied.name)


def _take_long(database: Database[Document], theirs: fence.Fence) -> None:
    """Has the server look at some 10 ** 12 documents."""
    each = {"from": "snapshots.staging.source", "pipeline": [], "as": "each"}
    stages = [stage for _ in range(5) for stage in ({"$lookup": each}, {"$unwind": "$each"})]
    source = database["snapshots.staging.source"]
    source.aggregate([*stages, {"$count": "found"}], comment=theirs.comment)


def _under_way(database: Database[Document]) -> list[Document]:
    """Lists what is under way in a database and its copy; others test on the same server."""
    of_a_fence = {
        "ns": {"$regex": rf"^{re.escape(database.name)}(-copy)?\."},
        "command.comment.snapshots": {"$exists": True},
        "op": "command",
    }
    return list(database.client.admin.aggregate([{"$currentOp": {}}, {"$match": of_a_fence}]))


@pytest.mark.parametrize(("holder", "error"), [("others", fos.LeaseLostError), (None, KeyError)])
def test_what_fails_once_others_took_over_says_that_they_did(
    holder: str | None, error: type[Exception], ours: Database[Document]
) -> None:
    def fail() -> None:
        with Lease(ours, ID, "recovery", wait_seconds=0):
            if holder:
                ours["snapshots.leases"].update_one({"_id": ID}, {"$set": {"token": holder}})
            raise KeyError

    with pytest.raises(error):
        fail()


def test_the_clock_is_read_before_the_server_is_asked(
    ours: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renewal that takes long to come back counts from when it was sent."""
    with Lease(ours, ID, "test", 0) as held:
        now = lease.clock()
        times = iter([now + 100])
        # Asked again before the reply is there, the clock would show that hours have passed
        monkeypatch.setattr(lease, "clock", lambda: next(times, now + 9999))
        held.ensure()
        assert held._certain_until < now + 100 + lease.TTL_SECONDS


def test_a_dropped_collection_is_the_one_that_was_listed(ours: Database[Document]) -> None:
    name = "snapshots.staging.source"
    (listed,) = ours.list_collections(filter={"name": name})
    ours.drop_collection(name)
    ours[name].insert_one({"_id": "another one"})
    fence.drop(ours, name, listed)
    assert ours[name].count_documents({}) == 1


def test_recover_removes_leases_of_the_dead(ours: Database[Document]) -> None:
    """Also of those who died before they had begun anything."""
    dead = {**lease.Holder.this_process().to_document(), "started": 0.0}
    with Lease(ours, ID, "test", 0):
        (mine,) = ours["snapshots.leases"].find()
        ours["snapshots.leases"].insert_one({**mine, "_id": ObjectId(), "holder": dead})
        fos.recover()
        assert ours["snapshots.leases"].distinct("_id") == [ID]


def test_recover_removes_what_late_writers_leave_to_the_delta_backend(
    ours: Database[Document],
) -> None:
    """An insert that is late makes the collection anew that was dropped meanwhile."""
    held, idle = ObjectId(), ObjectId()
    left = {each: delta_name(each, ObjectId(), Part.SAMPLES) for each in (held, idle)}
    for name in left.values():
        ours[name].insert_one({})
    with Lease(ours, held, "test", 0):
        assert fos.recover().stray_collections == 1
        assert [*delta_collections(ours, held)] == [left[held]]
    assert fos.recover().stray_collections == 1
    assert not delta_collections(ours, held)
    assert not delta_collections(ours, idle)
