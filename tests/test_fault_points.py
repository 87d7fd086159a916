"""Killed at any point, an operation is finished or undone at the next use of the dataset.

The points are those that a successful run passes, so that none is forgotten: a last test compares
them with those in the source.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from unittest.mock import patch

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults, maintenance
from fiftyone_snapshots.backend.operations.lease import drop_abandoned
from fiftyone_snapshots.backend.storage import counted
from support.crash import die, fails_at, in_child, killed_at, points_of
from support.datasets import image_dataset
from support.full import Document
from support.invariants import World, assert_no_debris, assert_sound
from support.media_files import images
from support.saved import Saved
from support.stories import KEEP_LITTLE, STORIES
from support.story import DATASETS, FOLDERS, NAME, Action, Story, make

Fault = Callable[[str, Action], bool]

FAULTS: dict[str, Fault] = {"raise": fails_at, "kill": killed_at}

BACKEND = Path(maintenance.__file__).parent


EVERYDAY = {("video", "kill"): 6, ("image", "raise"): 10}
"""Which points are walked each day: every sixth on videos, where there are most."""


def cases() -> list[object]:
    """Every story with every kind of dataset and fault, at some points or at all of them."""
    found: list[object] = []
    for story, kind, fault in product(STORIES, DATASETS, FAULTS):
        name = f"{story}-{kind}-{fault}"
        if every := EVERYDAY.get((kind, fault)):
            found.append(pytest.param(story, kind, fault, every, id=name))
        found.append(pytest.param(story, kind, fault, 1, id=f"{name}-all", marks=pytest.mark.long))
    return found


@pytest.mark.parametrize(("verb", "kind", "fault", "every"), cases())
def test_an_operation_that_dies_is_finished_or_undone(
    verb: str, kind: str, fault: str, every: int, database: Database[Document]
) -> None:
    story = STORIES[verb]
    with story.setting():
        walk = _Walk(story, kind, database)
        # Not the same ones of each story
        start = list(STORIES).index(verb) % every
        for point in walk.points[start::every] or walk.points[-1:]:
            walk.die_at(point, FAULTS[fault])
    assert_sound(database)


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "verb", ["create", "create, delta", "load, delta", "convert", "archive", "unarchive", "revert"]
)
def test_who_opens_a_snapshot_first_mends_what_died(
    verb: str, every: int, database: Database[Document]
) -> None:
    def open_all() -> None:
        for record in list(database["snapshots.catalog"].find({"state": "ready"})):
            with suppress(fos.ArchivedSnapshotError, fos.SnapshotNotFoundError):
                fos.load_snapshot(NAME, record["name"])

    story = STORIES[verb]
    if verb == "create, delta":
        # On a dataset of its own each time: what was opened once is not taken over any more
        story = replace(story, back=None)
    with story.setting():
        walk = _Walk(story, "image", database)
        for point in walk.points[2::every] or walk.points[-1:]:
            walk.die_at(point, killed_at, open_all)


class _Walk:
    """Dies at one point of a story after the other, and looks at what is left."""

    def __init__(self, story: Story, kind: str, database: Database[Document]) -> None:
        self._story = story
        self._database = database
        make(kind, story)
        self._saved = Saved(database, FOLDERS)
        self._before = World.now(database, NAME)
        self.points = [p for p in points_of(story.act) if re.match(story.only, p)]
        self._after = World.now(database, NAME)

    def die_at(self, point: str, fault: Fault, use: Action | None = None) -> None:
        """Dies at a point, recovers, and uses the dataset again."""
        self._set_up()
        assert fault(point, self._story.act), f"{point} was not passed"
        (use or self._story.use)()
        found = World.now(self._database, NAME)
        # If it died after its entry was closed; whoever needs the dataset next takes it over
        drop_abandoned(self._database)
        assert_sound(self._database, load=False)
        if self._is(found, self._before):
            # So that it can be used again
            self._story.act()
            found = World.now(self._database, NAME)
            assert_no_debris(self._database)
        assert self._is(found, self._after), f"{point}: neither the old state nor the new one"

    def _is(self, found: World, expected: World) -> bool:
        if self._story.writes:
            found, expected = (replace(world, head={}) for world in (found, expected))
        elif self._story.back is None:
            # What is written again has a time of its own
            if found == self._before:
                return expected == self._before
            found, expected = (replace(world, head={}) for world in (found, expected))
        return found == expected

    def _set_up(self) -> None:
        if self._story.back is not None:
            self._story.back()
            self._check_before()
            return
        self._saved.bring_back()
        fo.Dataset._instances.clear()

    def _check_before(self) -> None:
        found = World.now(self._database, NAME)
        if not self._story.writes:
            assert found.head == self._before.head
        assert found.snapshots == self._before.snapshots
        assert found.changes == self._before.changes
        self._before = found


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("verb", ["create", "revert", "undo_revert"])
@pytest.mark.parametrize("when", ["first", "last"])
def test_a_recovery_that_dies_is_repeated(
    verb: str, when: str, every: int, database: Database[Document]
) -> None:
    story = STORIES[verb]
    make("video", story)
    before = World.now(database, NAME)
    points = points_of(story.act)
    after = World.now(database, NAME)
    changed = points.index(f"{verb}.changed")
    # Just before the change is visible everything is to be undone; just after, to be finished
    point = points[changed - 1 if when == "first" else changed]
    expected = before if when == "first" else after

    def use() -> None:
        fos.list_snapshots(NAME)

    _set_back(story)
    assert killed_at(point, story.act)
    passed = points_of(use)
    _compare(World.now(database, NAME), expected, when, verb)
    for step in passed[::every]:
        if when == "last":
            _set_back(story)
        assert killed_at(point, story.act)
        assert killed_at(step, use), step
        use()
        _compare(World.now(database, NAME), expected, when, verb)
        assert_sound(database, load=False)


def _set_back(story: Story) -> None:
    assert story.back is not None
    story.back()


def _compare(found: World, expected: World, when: str, verb: str) -> None:
    assert (found.head, found.snapshots) == (expected.head, expected.snapshots), (verb, when)


def test_a_purge_that_dies_is_repeated(database: Database[Document]) -> None:
    make("video", STORIES["revert"])
    points = points_of(lambda: fo.delete_dataset(NAME))
    assert any(point.startswith("purge.") for point in points)
    for point in points[::5]:
        dataset = make("video", STORIES["revert"])
        fos.revert_dataset_to_snapshot(NAME, "v1")
        assert killed_at(point, dataset.delete)
        fo.Dataset._instances.clear()
        fos.recover()
        assert not fo.dataset_exists(NAME)
        assert not list(database["snapshots.catalog"].find())
        assert not list(database["snapshots.datasets"].find())
        assert_no_debris(database)


def test_a_dataset_deleted_in_the_middle_of_a_revert_leaves_nothing(
    database: Database[Document],
) -> None:
    story = STORIES["revert"]
    make("video", story)
    for point in points_of(story.act)[::8]:
        if fo.dataset_exists(NAME):
            fo.delete_dataset(NAME)
        make("video", story)

        def delete_and_die() -> None:
            _delete_as_without_this_package(database)
            die()

        def run(point: str = point, act: Callable[[], None] = delete_and_die) -> None:
            with faults.arm(point, act):
                story.act()

        in_child(run)
        fo.Dataset._instances.clear()
        fos.recover()
        assert_no_debris(database)


def _delete_as_without_this_package(database: Database[Document]) -> None:
    """Does what FiftyOne does in a process that knows nothing of snapshots."""
    document = database["datasets"].find_one_and_delete({"name": NAME})
    assert document is not None
    for key in ("sample_collection_name", "frame_collection_name"):
        database.drop_collection(document[key])
    results = database["runs"].distinct("results", {"_dataset_id": document["_id"]})
    for name in ("views", "workspaces", "runs", "tags"):
        database[name].delete_many({"_dataset_id": document["_id"]})
    database["execution_store"].delete_many({"dataset_id": document["_id"]})
    database["fs.files"].delete_many({"_id": {"$in": results}})
    database["fs.chunks"].delete_many({"files_id": {"$in": results}})


def test_ctrl_c_undoes_as_well(
    database: Database[Document],
) -> None:
    dataset = make("image", STORIES["create"])
    before = World.now(database, NAME)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with faults.arm("create.captured", interrupt), pytest.raises(KeyboardInterrupt):
        fos.create_snapshot(dataset, "v2")
    assert World.now(database, NAME) == before
    assert_sound(database)


@pytest.mark.lengthy
def test_every_point_in_the_source_is_walked(database: Database[Document], tmp_path: Path) -> None:
    missed = _points_in_source()
    if fos_is_replicated(database):
        # There, MongoDB reads one moment, and nothing is to be caught up with
        missed = {each for each in missed if not re.match(r"create\\\.(pass|patched)", each)}
    for points in _walks(tmp_path):
        missed = {each for each in missed if not any(re.fullmatch(each, p) for p in points)}
        if not missed:
            return
    assert not missed


_TELLING = (
    "convert", "revert for good", "undo_restore", "create, delta", "create", "revert",
    "create while written", "archive", "load, delta", "unarchive", "delete_branch",
    "create_branch", "create_branch, archived", "empty_trash, branch", "push",
)  # fmt: skip
"""The stories that together pass all points, as long as nothing is forgotten."""

_DEATHS = {
    "create": "captured",
    "revert": "noted",
    "archive": "written",
    "create_branch": "added_runs",
    "restore_branch": "moved",
}


def _walks(folder: Path) -> Iterator[list[str]]:
    """Yields the points that are passed by stories and recoveries, the most telling first."""
    for name in _TELLING:
        yield from _walk_of(STORIES[name])
    yield points_of(lambda: fo.delete_dataset(NAME))
    for verb, point in _DEATHS.items():
        with STORIES[verb].setting():
            make("video", STORIES[verb])
            assert killed_at(f"{verb}.{point}", STORIES[verb].act)
            yield points_of(STORIES[verb].use)
            fo.delete_dataset(NAME)
    # What dies in those has an edit of somebody else in it: see tests/test_undo.py
    yield _points_of_operations()
    # That dies in tests/test_undo_in_place.py
    yield _points_of_an_undo_in_place()
    # That one is killed at every point in tests/test_export_import.py
    make("video", STORIES["create"])
    exported = fos.export_snapshot(NAME, "v1", folder / "v1.tar")
    fo.delete_dataset(NAME)
    yield points_of(lambda: fos.import_snapshot(exported))
    # Those in tests/test_media_packages.py and tests/test_media_copies.py
    yield _points_of_media(folder)
    for name in STORIES.keys() - set(_TELLING):
        yield from _walk_of(STORIES[name])


def _points_of_media(folder: Path) -> list[str]:
    (folder / "store").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(folder / "store"))
        dataset = images(folder / "images", 1)
        fos.create_snapshot(dataset, "v1", media="copy")

        def pack_and_collect() -> None:
            fos.export_snapshot(dataset, "v1", folder / "media.tar", media=True)
            dataset.delete()
            for copy in (folder / "store").glob("sha256/*/*"):
                os.utime(copy, (0, 0))
            fos.collect_media(dry_run=False)

        return points_of(pack_and_collect)


def _points_of_operations() -> list[str]:
    make("image", STORIES["create"])

    def operate() -> None:
        for word in ("one", "two", None):
            with fos.undoable(NAME, word or "nothing"):
                if word:
                    fo.load_dataset(NAME).tag_samples(word)

    with Story(lambda _: None, operate, environment=KEEP_LITTLE).setting():
        passed = points_of(operate)
    fo.delete_dataset(NAME)
    return passed


def _points_of_an_undo_in_place() -> list[str]:
    dataset = image_dataset(NAME, 8, persistent=True)
    with patch.object(counted, "_WORTH_COUNTING", 0):
        with fos.undoable(NAME, "tag") as block:
            dataset.limit(1).tag_samples("one")
        assert block.operation is not None
        undone = block.operation.id
        passed = points_of(lambda: fos.undo_operation(NAME, undone))
    fo.delete_dataset(NAME)
    return passed


def _walk_of(story: Story) -> Iterator[list[str]]:
    # Branches as well
    for name in fo.list_datasets():
        fo.delete_dataset(name)
    with story.setting():
        make("video", story)
        yield points_of(story.act)
        if story.back is not None:
            yield points_of(story.back)


def _points_in_source() -> set[str]:
    """Returns the points as patterns, with or without their verb."""
    call = re.compile(r'(\.step|\.certain|\.committing|faults\.reach)\(\s*f?"([^"]+)"')
    found = set()
    for module in BACKEND.rglob("*.py"):
        for function, name in call.findall(module.read_text()):
            pattern = re.sub(r"\\\{.*?\\\}", r"[\\w.]+", re.escape(name))
            found.add(pattern if function == "faults.reach" else rf"\w+\.{pattern}")
    return found


def fos_is_replicated(database: Database[Document]) -> bool:
    """Returns whether the tests run on a replica set."""
    return "setName" in database.command("hello")
