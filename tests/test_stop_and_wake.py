"""A process is stopped before one of its commands; others take over and go on; then it wakes.

Whatever it still sends, it must change nothing of what the others have. Its lease is set back in
the database, so that it believes for long that it has it: what is shown here is that its writes
fail, not that its clock keeps it from sending them (see test_lease_clock.py for that).
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from itertools import product

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.storage import counted
from support import merge_situations
from support.full import Document
from support.invariants import World, assert_sound
from support.more_stories import MORE_STORIES
from support.saved import Saved
from support.stopping import Command, Sleeper, commands_of, lease_runs_out
from support.stories import STORIES
from support.story import DATASETS, FOLDERS, NAME, Action, Story, make

SELECTED = {
    "create": 1,
    "revert": 1,
    "undo_revert": 1,
    "restore_samples": 1,
    "load, delta": 1,
    "empty_trash, delta": 1,
}
"""How many commands of some verbs are walked each day; all of all with ``--long``."""

_FEW = int(os.environ.get("SNAPSHOTS_LATE_COMMANDS", "0")) or None
"""How many writes of each verb ``--long`` walks, for those who cannot wait for all commands."""

_STORIES = {**STORIES, **MORE_STORIES}

_TOGETHER = 12
"""How many processes sleep at the same time."""


@pytest.mark.parametrize("verb", SELECTED)
def test_some_late_commands_change_nothing(verb: str, database: Database[Document]) -> None:
    _Walk(verb, "image", database).walk(SELECTED[verb])


def test_of_two_who_wake_at_once_nothing_is_left(database: Database[Document]) -> None:
    _Walk("undo_revert", "image", database).wake_together(3)


@pytest.mark.parametrize(("verb", "backend"), [("convert", "delta"), ("unarchive", "duplication")])
def test_no_index_is_built_under_a_name_that_others_may_drop(
    verb: str, backend: str, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    story = _STORIES[verb]
    with story.setting():
        make("image", story)
        built = [each for each in commands_of(story.act) if each.name == "createIndexes"]
        assert built
        # A late one would bring the collection about again, empty
        assert not [each for each in built if each.collection.startswith("snapshots.masters.")]


@pytest.mark.long
@pytest.mark.parametrize(("verb", "kind"), product(_STORIES, DATASETS))
def test_no_late_command_changes_anything(
    verb: str, kind: str, database: Database[Document]
) -> None:
    _Walk(verb, kind, database).walk(_FEW)


@pytest.fixture
def in_place(monkeypatch: pytest.MonkeyPatch) -> Story:
    """The undo of a large dataset, as any is taken for one."""
    monkeypatch.setattr(counted, "_WORTH_COUNTING", 0)
    return Story(merge_situations.relabelled, merge_situations.undo_operation)


def test_some_late_commands_of_an_undo_in_place_change_nothing(
    in_place: Story, database: Database[Document]
) -> None:
    walk = _Walk("undo in place", "image", database, in_place)
    walk.walk(2)
    # Else what was walked is the exchange of the whole dataset
    assert "renameCollection" not in {command.name for command in walk.commands}


@pytest.mark.long
@pytest.mark.parametrize("kind", DATASETS)
def test_no_late_command_of_an_undo_in_place_changes_anything(
    kind: str, in_place: Story, database: Database[Document]
) -> None:
    _Walk("undo in place", kind, database, in_place).walk(_FEW)


class _Walk:
    """Stops a verb before one command after the other."""

    def __init__(
        self, verb: str, kind: str, database: Database[Document], story: Story | None = None
    ) -> None:
        self._verb, self._kind, self._database = verb, kind, database
        self._story: Story = story or _STORIES[verb]
        self.commands: list[Command] = []
        """All that the verb sends."""
        self._undone: list[Command] = []
        """Those at which others undo what was begun, and so can do the same again."""
        self._finished: list[Command] = []
        """Those at which others finish it, and so can take it back."""

    def walk(self, few: int | None = None) -> None:
        with self._story.setting():
            self._make()
            saved = Saved(self._database, FOLDERS)
            self.commands = commands = commands_of(self._story.act)
            if few is not None:
                writing = [command for command in commands if command.writes]
                commands = random.Random(self._verb).sample(writing, min(few, len(writing)))
            harm: list[str] = []
            while commands:
                together, commands = commands[:_TOGETHER], commands[_TOGETHER:]
                harm += self._stop_and_wake(saved, together, commands)
            if few is None:
                harm += self._go_further(saved)
            assert not harm, "\n".join([f"{len(harm)} times:", *harm])

    def wake_together(self, count: int) -> None:
        """Stops the verb before each of its first commands, and has all go on after another."""
        with self._story.setting():
            self._make()
            saved = Saved(self._database, FOLDERS)
            first = commands_of(self._story.act)[:count]
            assert not self._stop_and_wake(saved, first, [])

    def _go_further(self, saved: Saved) -> list[str]:
        """Walks the writes again, with others who do the same, or take back what they finished."""
        harm: list[str] = []
        undone = [command for command in self._undone if command.writes]
        while together := undone[:_TOGETHER]:
            del undone[:_TOGETHER]
            harm += self._stop_and_wake(saved, together, [], self._story.act)
        finished = [command for command in self._finished if command.writes]
        for command in finished if self._story.back is not None else []:
            harm += self._stop_and_wake(saved, [command], [], self._story.back)
        return harm

    def _make(self) -> None:
        fo.Dataset._instances.clear()
        if fo.dataset_exists(NAME):
            fo.delete_dataset(NAME)
        make(self._kind, self._story)

    def _stop_and_wake(
        self,
        saved: Saved,
        commands: list[Command],
        left: list[Command],
        then: Action | None = None,
    ) -> list[str]:
        """Stops a process before each command, one after the other, and wakes all of them.

        Args:
            saved: the database as it is before
            commands: the commands
            left: where those are put back that others could not be at, because the one before
                was completed by who took over
            then (None): what the others do next, besides what they always do

        Returns:
            what harm was done
        """
        saved.bring_back()
        fo.Dataset._instances.clear()
        earlier = self._database["snapshots.journal"].distinct("_id")
        before = World.now(self._database, NAME)
        sleepers: list[tuple[Command, Sleeper]] = []

        def was_undone() -> bool:
            return World.now(self._database, NAME) == before

        try:
            for number, command in enumerate(commands):
                sleeper = Sleeper(self._story.act, command.number)
                if sleeper.is_stopped:
                    sleepers.append((command, sleeper))
                    lease_runs_out(self._database)
                    fo.Dataset._instances.clear()
                    fos.recover()
                if not (sleeper.is_stopped and was_undone()):
                    left[:0] = commands[number + bool(number == 0 or sleeper.is_stopped) :]
                    if sleeper.is_stopped and then is None:
                        self._finished.append(command)
                    break
                if then is None:
                    self._undone.append(command)
            # A verb need not send its commands in the same order twice: what was finished then may
            # be undone now, and is not to be taken back, and the other way round
            if then is not None and was_undone() is not (then is self._story.back):
                then()
            undoes = then is not self._story.back and self._was_reverted(earlier)
            self._wake(sleepers, before.head if undoes else None)
        except (AssertionError, fos.SnapshotError) as error:
            told = f"{self._verb}, {', '.join(str(c) for c, _ in sleepers)}: {error!r}"
            told += _TOLD[then is not None, then is self._story.back]
            if len(sleepers) == 1:
                return [told]
            alone = [self._stop_and_wake(saved, [command], [], then) for command, _ in sleepers]
            return [each for found in alone for each in found] or [told]
        finally:
            for _, sleeper in sleepers:
                sleeper.end()
        return []

    def _wake(self, sleepers: list[tuple[Command, Sleeper]], before: Document | None) -> None:
        """Wakes all after others have gone on.

        Args:
            sleepers: those to wake
            before: what the dataset was before the others have reverted it, if they have
        """
        self._work_on()
        expected = World.now(self._database, NAME)
        # One after the other, looked at together: where there is harm, each is tried alone
        outcomes = {str(command): sleeper.wake() for command, sleeper in sleepers}
        fos.recover()
        found = World.now(self._database, NAME)
        assert found == expected, f"{outcomes}: {_difference(found, expected)}"
        assert set(outcomes.values()) <= _OUTCOMES, f"{outcomes}"
        # What duplication has is read where it lies, and was verified
        materialises = self._database["snapshots.catalog"].find_one({"backend": "delta"})
        assert_sound(self._database, load=materialises is not None)
        # Where nothing goes to the trash, nothing can be undone
        keeps = self._story.environment.get("FIFTYONE_SNAPSHOTS_TRASH_DAYS") != "0"
        if keeps and before is not None:
            fos.undo_revert(NAME)
            assert World.now(self._database, NAME).head == before, "undone, it is not what it was"

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


_TOLD = {
    (False, False): "",
    (False, True): "",
    (True, False): ", when others did the same",
    (True, True): ", when others took it back",
}
_OUTCOMES = {"LeaseLostError", "OutcomeUnknownError", "done"}


def _difference(found: World, expected: World) -> str:
    parts = [key for key in expected.head if found.head.get(key) != expected.head[key]]
    rest = replace(found, head={}), replace(expected, head={})
    return f"head {parts}, {rest if rest[0] != rest[1] else ''}"
