"""What a replica set does better, and what only it can do to us."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count

import fiftyone as fo
import pymongo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.dataset.change_token import DatasetToken
from fiftyone_snapshots.backend.dataset.parts import Head, Part
from fiftyone_snapshots.backend.mongo.database import at_one_moment, connect
from fiftyone_snapshots.backend.storage import catch_up
from fiftyone_snapshots.backend.storage.watch import quiet_look
from support.crash import Child
from support.datasets import image_dataset
from support.full import Document
from support.invariants import World, assert_sound
from support.stories import STORIES
from support.story import NAME, make

pytestmark = pytest.mark.replica


def _write_ceaselessly(name: str) -> None:
    uri = os.environ["FIFTYONE_DATABASE_URI"]
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(uri)
    samples = client[os.environ["FIFTYONE_DATABASE_NAME"]][name]
    for number in count(1):
        samples.update_many({}, {"$set": {"n": number}})


def test_one_moment_stays_while_others_write(database: Database[Document]) -> None:
    things = database["things.of.a.test"]
    things.insert_many([{"_id": i, "n": 0} for i in range(10)])
    # The server refuses the moment at which a collection was made
    things.update_one({"_id": 0}, {"$set": {"n": 0}})
    then = at_one_moment(connect())
    things.update_many({}, {"$set": {"n": 1}})
    things.delete_one({"_id": 9})
    assert [thing["n"] for thing in then["things.of.a.test"].find()] == [0] * 10
    then["things.of.a.test"].aggregate([{"$out": "copy.of.a.test"}])
    assert [thing["n"] for thing in database["copy.of.a.test"].find()] == [0] * 10


def test_writers_at_full_speed_hinder_nobody(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = image_dataset(NAME, 200, persistent=True)
    dataset.add_sample_field("n", fo.IntField)
    # To fall back on catching up, as a standalone server must, would be an error here
    monkeypatch.setattr(catch_up, "MAX_PASSES", 0)
    with ExitStack() as stack:
        name = dataset._sample_collection_name
        for _ in range(2):
            stack.enter_context(Child(lambda: _write_ceaselessly(name)))
        for number in range(3):
            fos.create_snapshot(NAME, f"v{number}")
            values = fos.load_snapshot(NAME, f"v{number}").values("n")
            # An update of all samples is no transaction: it shows half done, but in order
            assert len(set(values)) <= 3
    assert all(fos.verify_all())
    assert_sound(database)


def test_no_look_is_quiet_while_a_transaction_is_open(database: Database[Document]) -> None:
    dataset = image_dataset(NAME, 3, persistent=True)
    samples = database[dataset._sample_collection_name]
    token = DatasetToken.of(Head(database, dataset._doc.id))
    floors = dict.fromkeys([Part.SAMPLES], 0)
    with database.client.start_session() as session, session.start_transaction():
        # Counted now, and seen by others at the end
        samples.update_one({}, {"$set": {"note": "late"}}, session=session)
        assert quiet_look(database, token, floors) is None
    assert quiet_look(database, token, floors) is not None


@pytest.mark.parametrize("point", ["create.captured", "create.changed", "revert.shelved_related"])
def test_another_primary_in_the_middle_of_an_operation(
    point: str, database: Database[Document], step_primary_down: Callable[[], None]
) -> None:
    story = STORIES[point.split(".", maxsplit=1)[0]]
    make("image", story)
    assert story.back is not None
    before = _without_order(World.now(database, NAME))
    story.act()
    after = _without_order(World.now(database, NAME))
    story.back()
    with faults.arm(point, step_primary_down):
        try:
            story.act()
            expected = [after]
        except fos.OutcomeUnknownError:
            expected = [before, after]
        except fos.DatabaseUnavailableError:
            expected = [before]
    fos.list_snapshots(NAME)
    assert _without_order(World.now(database, NAME)) in expected
    assert_sound(database)


def _without_order(world: World) -> tuple[object, ...]:
    """Members of a replica set apply insertions in parallel: each has an order of its own."""
    head = {**world.head, "samples": sorted(world.head["samples"])}
    return head, world.snapshots, world.changes


def test_writes_are_known_to_most_members() -> None:
    assert connect().write_concern.document == {"w": "majority"}
    assert connect()["snapshots.journal"].write_concern.document == {"w": "majority"}
    assert connect().read_preference == pymongo.ReadPreference.PRIMARY
