"""FiftyOne's own maintenance, by a process that knows nothing of us, harms no snapshot."""

from __future__ import annotations

from collections.abc import Iterator

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.mongo.invalidate import is_closed
from support.datasets import image_dataset
from support.full import BRAIN_KEY, FULL_DATASETS, RUN_KEY, Document, digest
from support.stranger import Stranger

NAME = "Füchse 🦊"
LOADED = f"{NAME}@loaded"
AT_EXIT = "foc.DATABASE_APPNAME = 'nobody'; food._delete_non_persistent_datasets_if_allowed()"
EVERY_CLEAN_UP = "[getattr(foo, name)() for name in dir(foo) if name.startswith('drop_orphan_')]"

SNAPSHOTS = ("never loaded", "loaded")


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    """A process without this package."""
    with Stranger() as process:
        yield process


class Kept:
    """A dataset with everything and with snapshots, and what they must go on being."""

    def __init__(self, database: Database[Document]) -> None:
        self.database = database
        self.dataset = FULL_DATASETS["video"](NAME, database)
        self.captured = digest(database, self.dataset._doc.id)
        for snapshot in (*SNAPSHOTS, "deleted"):
            fos.create_snapshot(NAME, snapshot)
        fos.delete_snapshot(NAME, "deleted")
        self.views = self._open_views(fos.load_snapshot(NAME, "loaded"))
        assert min(self.views.values()) > 0

    def check(self, after: str) -> None:
        """Checks that all snapshots load and are what they were."""
        for snapshot in SNAPSHOTS:
            report = fos.verify_snapshot(NAME, snapshot)
            assert report, f"after {after}: {report}"
        self._use_runs(fos.load_snapshot(NAME, "loaded"))

    def check_revert(self) -> None:
        """Checks that the dataset can be taken back, exactly, and the trash still holds all."""
        loaded = fos.load_snapshot(NAME, "loaded")
        assert self._open_views(loaded) == self.views
        assert fos.restore_snapshot(NAME, "deleted")
        assert all(fos.verify_all())
        self.dataset.clear()
        fos.revert_dataset_to_snapshot(NAME, "never loaded")
        reverted = digest(self.database, self.dataset._doc.id)
        changed = [part for part in reverted if reverted[part] != self.captured[part]]
        assert changed in ([], ["dataset"]), "a migration may stamp the dataset with its version"
        fos.undo_revert(NAME)
        assert len(fo.load_dataset(NAME)) == 0
        assert fos.list_snapshots(NAME) == [*SNAPSHOTS, "deleted"]

    @staticmethod
    def _use_runs(snapshot: fo.Dataset) -> None:
        assert snapshot.load_run_results(RUN_KEY).summe == 12
        assert len(snapshot.load_brain_results(BRAIN_KEY).points) == 3
        assert snapshot.list_workspaces()
        assert snapshot.count("frames") == 12

    @staticmethod
    def _open_views(snapshot: fo.Dataset) -> dict[str, int]:
        return {name: len(snapshot.load_saved_view(name)) for name in snapshot.list_saved_views()}


@pytest.fixture
def kept(database: Database[Document]) -> Kept:
    """A dataset with everything and with snapshots."""
    return Kept(database)


def test_nothing_of_ours_is_an_orphan(kept: Kept, stranger: Stranger) -> None:
    functions = [name for name in dir(foo) if name.startswith("drop_orphan_")]
    assert len(functions) >= 8
    for function in functions:
        stranger.run(f"foo.{function}()")
        kept.check(function)
    kept.check_revert()


def test_datasets_that_are_not_persistent_go_without_a_snapshot(
    kept: Kept, stranger: Stranger
) -> None:
    for action in (
        "fod.delete_non_persistent_datasets()",
        # Loaded snapshots are no generated datasets of a view; this marks them as not persistent
        "foo.drop_orphan_generated_datasets(); fo.delete_non_persistent_datasets()",
        "foo.drop_orphan_generated_datasets(); command('datasets', 'delete', '--non-persistent')",
        # The hook that FiftyOne runs at exit, as if no other process were connected
        f"foo.drop_orphan_generated_datasets(); {AT_EXIT}",
        f"{EVERY_CLEAN_UP}; {EVERY_CLEAN_UP}; fo.delete_non_persistent_datasets()",
    ):
        stranger.run(action)
        kept.check(action)
    kept.check_revert()


def test_deleting_datasets_by_name_or_pattern_deletes_no_snapshot_of_others(
    kept: Kept, stranger: Stranger
) -> None:
    for action in (
        "fo.delete_datasets('scrap*')",
        f"fo.delete_datasets('{NAME}@*')",
        "fo.delete_datasets('*@*')",
        "fo.delete_dataset('scrap 1')",
        "command('datasets', 'delete', 'scrap 1')",
        "command('datasets', 'delete', '--glob-patt', 'scrap*')",
        # The loaded snapshot itself
        f"fo.delete_dataset('{LOADED}')",
        f"fo.load_dataset('{LOADED}').delete()",
        f"foo.delete_dataset('{LOADED}')",
        f"command('datasets', 'delete', '{LOADED}')",
    ):
        if "scrap" in action:
            for number in (1, 2):
                scrap = image_dataset(f"scrap {number}", 2, overwrite=True, persistent=True)
                fos.create_snapshot(scrap, "v1")
        stranger.run(action)
        kept.check(action)
    kept.check_revert()


def test_migrations(kept: Kept, stranger: Stranger) -> None:
    # As if all had been stored by an earlier version, for which FiftyOne has migrations
    everything = {"name": {"$in": [NAME, LOADED]}}
    kept.database["datasets"].update_many(everything, {"$set": {"version": "1.0.0"}})
    stranger.run("command('migrate', '--all')")
    kept.check("migrate --all")
    kept.check_revert()


def test_low_level_repairs(kept: Kept, stranger: Stranger) -> None:
    functions = [name for name in dir(foo) if name.startswith("patch_")]
    assert len(functions) >= 6
    for function in functions:
        stranger.run(f"foo.{function}('{NAME}'); foo.{function}('{LOADED}')")
    kept.check("patch_*")
    for function in (
        "delete_saved_views",
        "delete_workspaces",
        "delete_runs",
        "delete_brain_runs",
    ):
        stranger.run(f"foo.{function}('{LOADED}')")
    kept.check("delete_*")
    kept.check_revert()


def test_a_dataset_deleted_elsewhere_takes_its_snapshots_along(
    kept: Kept, stranger: Stranger
) -> None:
    gone = image_dataset("gone", 2, persistent=True)
    fos.create_snapshot(gone, "v1")
    snapshot_id = fos.load_snapshot(gone, "v1")._doc.id
    stranger.run("fo.delete_dataset('gone')")
    fos.recover()
    left = [each for each in kept.database.list_collections() if str(snapshot_id) in each["name"]]
    # What others have open fails for them, and so is still there
    assert all(map(is_closed, left))
    kept.check("deletion of another dataset")
