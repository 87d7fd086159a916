"""Every public member of FiftyOne, called on snapshots.

The table in ``support.calls`` says of each whether it reads or writes, and fails if FiftyOne has
one that it does not know. Calls are spread over the kinds of media, so that each is made once;
``make test-long`` makes every call on every kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import fiftyone as fo
import pytest

from fiftyone_snapshots.backend.errors import SnapshotReadOnlyError
from fiftyone_snapshots.backend.mongo.write_scope import Permission, grant
from support.calls import Call, Effect, Media, calls
from support.calls.fixtures import build
from support.calls.plain import plain
from support.calls.sandbox import Sandbox
from support.snapshots import harm, snapshot_of

NAME = "calls"
OF_GENERATED = "changes the generated dataset only"
CACHES = ("ExecutionStore.set(a new key)", "ExecutionStore.set_cache")
"""What expires by itself may be stored, because panels do so to show something."""
HIDDEN = ("fiftyone.list_datasets", "fiftyone.delete_datasets")
"""Snapshots are not listed among datasets, so these do not find them."""

EVERY_DAY = 3
"""One call of so many is made each day."""

THOROUGH = [
    pytest.param(False, id="some"),
    pytest.param(True, id="on-all-media", marks=pytest.mark.long),
]


class Walk:
    """A dataset, its snapshot, and calls on them that do not see each other's effects."""

    def __init__(self, media: Media, folder: Path) -> None:
        self.media = media
        self.head = build(media, NAME, folder)
        self.snapshot = snapshot_of(self.head)
        self.owners = (self.head._doc.id, self.snapshot._doc.id)
        self.schemas = self._schemas(self.snapshot)
        self._sandbox = Sandbox()

    def calls(self, effect: Effect, thorough: bool) -> Iterator[Call]:
        """The calls to make on this kind of media."""
        for number, call in enumerate(calls(effect)):
            if call.cannot_run or self.media not in call.media or call.member in HIDDEN:
                continue
            kinds = sorted(call.media, key=lambda kind: kind.value)
            turn, others = divmod(number, EVERY_DAY)
            if thorough or (not others and kinds[turn % len(kinds)] is self.media):
                yield call

    def load(self, name: str) -> fo.Dataset:
        """Loads the dataset or the snapshot, as the database has it."""
        dataset = self._sandbox.dataset(name)
        # FiftyOne forgets a loaded dataset while it tries to overwrite it
        fo.Dataset._instances[name] = dataset
        if dataset._doc._get_changed_fields():
            dataset.reload()
        return dataset

    def harm(self) -> list[str]:
        """What the last call should not have changed."""
        return [str(change) for change in harm(self._sandbox.changes(), *self.owners)]

    def restore(self) -> None:
        """Undoes the last call."""
        with grant(Permission.PROJECTING):
            self._sandbox.restore()

    def is_true(self, snapshot: fo.Dataset) -> bool:
        """Whether an object shows what was captured, and nothing that was refused."""
        return not snapshot._doc._get_changed_fields() and self._schemas(snapshot) == self.schemas

    @staticmethod
    def _schemas(dataset: fo.Dataset) -> tuple[list[str], list[str]]:
        frames = dataset.get_frame_field_schema(flat=True) or {}
        return sorted(dataset.get_field_schema(flat=True)), sorted(frames)


@pytest.fixture(params=Media, ids=lambda media: media.value)
def walk(request: pytest.FixtureRequest, tmp_path: Path) -> Walk:
    return Walk(request.param, tmp_path)


@pytest.mark.parametrize("thorough", THOROUGH)
def test_every_writer_is_refused_and_changes_nothing(
    walk: Walk, thorough: bool, subtests: pytest.Subtests
) -> None:
    of_generated = (
        call for call in walk.calls(Effect.READ, thorough) if OF_GENERATED in call.note
    )
    for call in itertools.chain(walk.calls(Effect.WRITE, thorough), of_generated):
        if str(call) in CACHES:
            continue
        with subtests.test(str(call)):
            snapshot = walk.load(walk.snapshot.name)
            try:
                with pytest.raises(SnapshotReadOnlyError, match="'v1' of dataset 'calls'"):
                    call.run(snapshot)
                assert not walk.harm()
                assert walk.is_true(snapshot)
            finally:
                walk.restore()


@pytest.mark.parametrize("thorough", THOROUGH)
def test_every_reader_gives_what_it_gives_on_an_equal_dataset(
    walk: Walk, thorough: bool, subtests: pytest.Subtests
) -> None:
    for call in walk.calls(Effect.READ, thorough):
        if OF_GENERATED in call.note:
            continue
        with subtests.test(str(call)):
            try:
                expected = _outcome(call, walk.load(NAME))
                found = _outcome(call, walk.load(walk.snapshot.name))
                assert found == expected
            finally:
                walk.restore()


def _outcome(call: Call, dataset: fo.Dataset) -> object:
    """What a call gives; some fail on any dataset in some environments."""
    try:
        result = call.run(dataset)
    except (SnapshotReadOnlyError, AssertionError):
        raise
    except Exception as error:  # noqa: BLE001 (which it is, is compared)
        return type(error)
    return plain(result) if call.comparable else None
