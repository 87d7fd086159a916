"""A process is stopped before one of its commands; others take over and go on; then it wakes.

Whatever it still sends, it must change nothing of what the others have. Its lease is set back in
the database, so that it believes for long that it has it: what is shown here is that its writes
fail, not that its clock keeps it from sending them (see test_lease_clock.py for that).
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.full import Document
from support.invariants import World, assert_sound
from support.stopping import Command, Sleeper, commands_of, lease_runs_out
from support.stories import DATASETS, NAME, STORIES, Story, make

SELECTED = {
    "create": 2,
    "delete": 1,
    "revert": 4,
    "undo_revert": 3,
    "empty_trash": 1,
    "restore_samples": 2,
    "undo_restore": 2,
    "create, delta": 2,
    "load, delta": 2,
    "empty_trash, delta": 2,
}
"""How many commands of some verbs are walked each day; all of all with ``--long``."""


@pytest.mark.parametrize("verb", SELECTED)
def test_some_late_commands_change_nothing(verb: str, database: Database[Document]) -> None:
    _Walk(verb, "image", database).walk(SELECTED[verb])


@pytest.mark.long
@pytest.mark.parametrize(("verb", "kind"), product(STORIES, DATASETS))
def test_no_late_command_changes_anything(
    verb: str, kind: str, database: Database[Document]
) -> None:
    _Walk(verb, kind, database).walk()


class _Walk:
    """Stops a verb before one command after the other."""

    def __init__(self, verb: str, kind: str, database: Database[Document]) -> None:
        self._verb, self._kind, self._database = verb, kind, database
        self._story: Story = STORIES[verb]

    def walk(self, few: int | None = None) -> None:
        with self._story.setting():
            self._make()
            commands = commands_of(self._story.act)
            if few is not None:
                writing = [command for command in commands if command.writes]
                commands = random.Random(self._verb).sample(writing, min(few, len(writing)))
            for command in commands:
                self._stop_and_wake(command)

    def _make(self) -> None:
        fo.Dataset._instances.clear()
        if fo.dataset_exists(NAME):
            fo.delete_dataset(NAME)
        make(self._kind, self._story)

    def _stop_and_wake(self, command: Command) -> None:
        self._make()
        before = self._head()
        earlier = self._database["snapshots.journal"].distinct("_id")
        sleeper = Sleeper(self._story.act, command.number)
        try:
            if sleeper.is_stopped:
                self._go_on_and_wake(command, sleeper, before, earlier)
        finally:
            sleeper.end()

    def _go_on_and_wake(
        self, command: Command, sleeper: Sleeper, before: Document, earlier: list[ObjectId]
    ) -> None:
        lease_runs_out(self._database)
        fo.Dataset._instances.clear()
        fos.recover()
        undoes = self._was_reverted(earlier)
        self._work_on()
        expected = World.now(self._database, NAME)
        outcome = sleeper.wake()
        fos.recover()
        where = f"{self._verb}, {command}, {outcome}"
        found = World.now(self._database, NAME)
        assert found == expected, f"{where}: {_difference(found, expected)}"
        try:
            assert_sound(self._database)
        except (AssertionError, fos.SnapshotError) as error:
            pytest.fail(f"{where}: {error}")
        assert outcome in _OUTCOMES, where
        if undoes:
            fos.undo_revert(NAME)
            assert self._head() == before, f"{where}: undone, it is not what it was"

    def _head(self) -> Document:
        return World.now(self._database, NAME).head

    def _was_reverted(self, earlier: list[ObjectId]) -> bool:
        """Returns whether the others have completed the exchange that the sleeper was at."""
        verbs = {"$in": ["revert", "undo_revert"]}
        query = {"verb": verbs, "state": "done", "_id": {"$nin": earlier}}
        return self._database["snapshots.journal"].find_one(query) is not None

    def _work_on(self) -> None:
        """Does what others might do meanwhile."""
        dataset = fo.load_dataset(NAME)
        dataset.reload()
        sample = dataset.first()
        sample.tags.append("others")
        sample.save()
        dataset.save_view("others", dataset.limit(1))
        fos.create_snapshot(NAME, "others")
        oldest = fos.list_snapshots(NAME)[0]
        if not fos.get_snapshot_info(NAME, oldest).is_archived:
            fos.load_snapshot(NAME, oldest)


_OUTCOMES = {"LeaseLostError", "OutcomeUnknownError", "done"}


def _difference(found: World, expected: World) -> str:
    parts = [key for key in expected.head if found.head.get(key) != expected.head[key]]
    rest = replace(found, head={}), replace(expected, head={})
    return f"head {parts}, {rest if rest[0] != rest[1] else ''}"
