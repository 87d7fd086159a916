"""What the storage engine does is seen before anything rests on it; who lies is found out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import doctor, faults
from fiftyone_snapshots.backend.dataset import change_token
from fiftyone_snapshots.backend.dataset.parts import Head
from fiftyone_snapshots.backend.mongo import counters, engine
from fiftyone_snapshots.backend.mongo.database import Server, is_replicated, server_process
from fiftyone_snapshots.backend.mongo.engine import Fact
from fiftyone_snapshots.backend.storage import watch
from fiftyone_snapshots.backend.storage.delta import collection_token
from fiftyone_snapshots.backend.storage.delta.high_water import HighWaterMark
from support.counting import COMMANDS
from support.datasets import image_dataset
from support.full import Document

NAME = "lied-to"
SERVERS, SCRATCH = "snapshots.servers", "snapshots.scratch."

Counters = tuple[Any, ...]
Lie = Callable[[Counters], Counters]


@pytest.fixture
def unmet(database: Database[Document], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server that nobody has met."""
    monkeypatch.setattr(engine, "_seen", {})
    monkeypatch.setattr(engine, "_last", {})
    database[SERVERS].drop()
    yield
    # The other tests know the truth
    database[SERVERS].drop()


def test_this_server_does_all_that_is_relied_on(database: Database[Document], unmet: None) -> None:
    assert [fact for fact in Fact if not engine.holds(fact, database)] == []
    found = database[SERVERS].find_one({"_id": server_process(database)})
    assert found is not None
    assert found["version"] == database.client.server_info()["version"]
    assert database.list_collection_names(filter={"name": {"$regex": f"^{SCRATCH}"}}) == []


def test_a_server_is_put_to_the_test_once(
    database: Database[Document], unmet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.holds(Fact.COUNTS_WRITES, database)
    with COMMANDS.counted() as sent:
        assert engine.holds(Fact.KEEPS_ORDER, database)
    assert sent == []
    # Another process of ours
    monkeypatch.setattr(engine, "_seen", {})
    monkeypatch.setattr(engine, "_test", lambda *_: pytest.fail("it was tested again"))
    assert engine.holds(Fact.KEEPS_ORDER, database)


def test_a_server_that_was_started_again_is_met_anew(
    database: Database[Document], unmet: None
) -> None:
    engine.holds(Fact.COUNTS_WRITES, database)
    process = server_process(database)
    database[SERVERS].update_one({"_id": process}, {"$set": {"_id": process}})
    assert engine.remembered(database, ObjectId()) is None


def test_what_is_remembered_can_be_of_a_later_edition(
    database: Database[Document], unmet: None
) -> None:
    process = server_process(database)
    told = {"_id": process, "edition": 1, "facts": ["counts_writes", "flies"]}
    database[SERVERS].insert_one(told)
    assert engine.remembered(database, process) == {Fact.COUNTS_WRITES}
    database[SERVERS].update_one({"_id": process}, {"$set": {"edition": 0}})
    assert engine.remembered(database, process) is None


def test_who_may_not_write_relies_on_nothing(
    database: Database[Document], unmet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OperationFailure("not authorized", 13)

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "insert_many", refuse)
        assert not any(engine.holds(fact, database) for fact in Fact)
    assert engine.remembered(database, server_process(database)) is None


def test_what_a_killed_test_leaves_goes(database: Database[Document]) -> None:
    old = ObjectId(f"{0x5F000000:08x}" + "0" * 16)
    names = [f"{SCRATCH}{old}", f"{SCRATCH}{old}.copied", f"{SCRATCH}{ObjectId()}"]
    for name in names:
        database.create_collection(name)
    fos.recover()
    left = database.list_collection_names(filter={"name": {"$regex": f"^{SCRATCH}"}})
    assert left == names[2:], "somebody may be at it"


# Servers that lie


def _forgetting(*positions: int) -> Lie:
    """Returns what makes a server forget some of its counters."""
    return lambda told: tuple(0 if i in positions else n for i, n in enumerate(told))


#: The lie, and a change that it hides.
LIES: dict[str, tuple[Lie, Callable[[Collection[Document], Document], Any]]] = {
    "no changes": (
        # An update is an insertion to the engine, if it is no modification
        _forgetting(1, 3),
        lambda samples, one: samples.update_one(one, {"$set": {"note": "a"}}),
    ),
    "no deletions": (_forgetting(5), lambda samples, one: samples.delete_one(one)),
    "no insertions": (
        _forgetting(1, 2),
        lambda samples, one: samples.insert_one(
            {**(samples.find_one(one) or {}), "_id": ObjectId(), "filepath": "/new"}
        ),
    ),
    "always the same": (
        lambda told: (told[0], *[7] * (len(told) - 1)),
        lambda samples, one: samples.update_one(one, {"$set": {"note": "c"}}),
    ),
}


@pytest.fixture
def lie(
    request: pytest.FixtureRequest, unmet: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Collection[Document], Document], Any]:
    """Has the server lie; returns a change that it hides."""
    told, change = LIES[request.param]
    counters_in = counters.counters_in

    def lying(found: Any) -> Counters | None:
        truth = counters_in(found)
        return None if truth is None else told(truth)

    for module in (counters, change_token, watch):
        monkeypatch.setattr(module, "counters_in", lying)
    monkeypatch.setattr(collection_token, "_ENOUGH_WRITES", 0)
    return change


@pytest.fixture(params=["duplication", "delta"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    return str(request.param)


def _content(name: str, snapshot: str | None = None) -> list[Document]:
    dataset = fo.load_dataset(name) if snapshot is None else fos.load_snapshot(name, snapshot)
    return list(dataset._sample_collection.find())


@pytest.mark.parametrize("lie", LIES, indirect=True)
def test_what_a_server_hides_is_found_all_the_same(
    backend: str,
    lie: Callable[[Collection[Document], Document], Any],
    database: Database[Document],
) -> None:
    if is_replicated(database):
        pytest.skip("a replica set reads one moment, whatever is counted")
    dataset = image_dataset(NAME, 8, persistent=True)
    samples = database[dataset._sample_collection_name]
    fos.create_snapshot(NAME, "v0")
    ids = samples.distinct("_id")

    with faults.arm("create.copied_samples", lambda: lie(samples, {"_id": ids[0]})):
        fos.create_snapshot(NAME, "v1")
    assert _content(NAME, "v1") == _content(NAME), "a change during the copy"

    lie(samples, {"_id": ids[1]})
    assert not fos.is_head_equal(NAME, "v1")
    found = fos.calculate_dataset_latest_changes_summary(NAME)
    assert found.num_samples_added + found.num_samples_deleted + found.num_samples_changed == 1
    fos.create_snapshot(NAME, "v2")
    assert _content(NAME, "v2") == _content(NAME), "a change before"
    assert fos.verify_snapshot(NAME, "v2")


@pytest.mark.parametrize("lie", ["no changes"], indirect=True)
def test_the_doctor_tells_what_does_not_hold(
    lie: object, database: Database[Document], unmet: None
) -> None:
    def told() -> doctor.Finding:
        return next(found for found in fos.diagnose().findings if found.subject == "engine")

    assert "not met yet" in told().message
    image_dataset(NAME, 2, persistent=True)
    fos.create_snapshot(NAME, "v0")
    assert told().severity is doctor.Severity.NOTE
    assert "counts_writes, counts_each" in told().message


def test_without_order_nothing_rests_on_record_numbers(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_replicated(database):
        pytest.skip("there, nothing does")
    dataset = image_dataset(NAME, 5, persistent=True)
    samples = database[dataset._sample_collection_name]
    assert HighWaterMark.of(samples, Server.of(samples.database)) is not None
    known = frozenset(Fact) - {Fact.KEEPS_ORDER}
    monkeypatch.setattr(engine, "_seen", {server_process(database): known})
    assert HighWaterMark.of(samples, Server.of(samples.database)) is None


def test_without_counting_each_write_none_is_followed(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = image_dataset(NAME, 5, persistent=True)
    known = frozenset(Fact) - {Fact.COUNTS_EACH}
    monkeypatch.setattr(engine, "_seen", {server_process(database): known})
    head = Head(database, dataset._doc.id)
    followed = watch.Watch(database, change_token.DatasetToken.of(head))
    followed.begin()
    assert not followed.is_told
    assert followed.look() is None
