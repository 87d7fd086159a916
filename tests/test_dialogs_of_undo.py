"""Dialogs of the App that undo: what they say before, and what they do."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.operators import PLUGIN, execute, form, problems, prompted
from support.panel import Panel, happen

pytestmark = pytest.mark.usefixtures("installed_plugin")


@pytest.fixture
def dataset() -> fo.Dataset:
    """Two snapshots: ten samples, and eight."""
    dataset = image_dataset("street", persistent=True)
    fos.create_snapshot(dataset, "v1", "first")
    dataset.delete_samples(dataset.take(2, seed=51))
    fos.create_snapshot(dataset, "v2")
    return dataset


class TestUndo:
    """What undoing brings back is told, and an undo that is undone is a redo."""

    def test_undoing_twice_is_a_redo_and_says_so(self, dataset: fo.Dataset) -> None:
        execute("revert_to_snapshot", dataset, name="v1")
        for name, samples, snapshots, told in (
            ("Undo rollback to v1", 8, ["v1", "v2"], "The snapshot 'v2' will come back"),
            ("Redo rollback to v1", 10, ["v1"], "The snapshot 'v2' will be deleted"),
            ("Undo rollback to v1", 8, ["v1", "v2"], "The snapshot 'v2' will come back"),
        ):
            waiting = form("undo_revert", "street", in_dialog=True)
            assert waiting["preview"]["invalid"]
            plan = execute("plan_undo", dataset)
            assert told in plan["message"]
            assert "2 samples" in plan["message"]
            assert plan["plan"]["snapshot_name"] == "v1"
            preview = {"params": waiting["preview"]["view"]["params"], "result": plan}
            planned = form("undo_revert", "street", in_dialog=True, preview=preview)
            assert planned["what"]["view"]["label"] == f"{name}?"
            undo = Panel("street").button("undo")
            assert undo is not None
            assert undo["label"] == name
            message = execute("undo_revert", dataset)["message"]
            done = "redone" if name.startswith("Redo") else "undone"
            assert message.startswith(f"The rollback to 'v1' was {done}")
            dataset.reload()
            assert (len(dataset), fos.list_snapshots(dataset)) == (samples, snapshots)

    def test_the_notice_of_a_rollback_undoes_no_other(self, dataset: fo.Dataset) -> None:
        execute("revert_to_snapshot", dataset, name="v1")
        fos.undo_revert(dataset)
        requests = happen("street", "on_undo", undo={"action": "revert", "name": "v1"})
        assert prompted(requests) == [f"{PLUGIN}/undo_revert"]
        assert fos.list_snapshots(dataset) == ["v1", "v2"]

    def test_a_dry_run_changes_nothing_and_tells_the_truth(self, dataset: fo.Dataset) -> None:
        with pytest.raises(fos.NothingToUndoError):
            fos.undo_revert(dataset, dry_run=True)
        edited = dataset.first()
        edited.tags.append("edited")
        edited.save()
        fos.revert_dataset_to_snapshot(dataset, "v1")
        plan = fos.undo_revert(dataset, dry_run=True)
        assert not plan.is_redo
        assert (plan.samples_to_remove, plan.samples_to_restore) == (2, 1)
        assert plan.snapshots_to_bring_back == ["v2"]
        assert len(dataset) == 10

    def test_the_trash_of_an_earlier_version_is_understood(
        self, dataset: fo.Dataset, database: Any
    ) -> None:
        fos.revert_dataset_to_snapshot(dataset, "v1")
        database["snapshots.trash"].update_many({}, {"$unset": {"is_rolled_back": ""}})
        states = [i for i in fos.list_trash(dataset) if i.kind.value == "head"]
        assert [state.is_rolled_back for state in states] == [False]
        fos.undo_revert(dataset)
        database["snapshots.trash"].update_many({}, {"$unset": {"is_rolled_back": ""}})
        states = [i for i in fos.list_trash(dataset) if i.kind.value == "head"]
        assert [state.is_rolled_back for state in states] == [True]

    def test_the_trash_counts_and_shows_states(self, dataset: fo.Dataset) -> None:
        fos.revert_dataset_to_snapshot(dataset, "v2")
        button = Panel("street").button("trash")
        assert button is not None
        assert button["label"] == "Trash (1)"
        shown = Panel("street", trash=True).text()
        assert "The trash is empty" not in shown
        assert "The state before the rollback to 'v2'" in shown
        assert "in trash, 7 days left" in shown
        fos.undo_revert(dataset)
        assert "The state after the rollback to 'v2'" in Panel("street", trash=True).text()


class TestUndoOfRestoring:
    """Restoring samples offers its undo, at once and in the trash."""

    def test_the_notice_undoes_it(self, dataset: fo.Dataset) -> None:
        dataset.tag_samples("edited")
        done = execute("restore_samples", dataset, name="v2", which="all")
        happen("street", "on_undo", undo=done["undo"])
        assert dataset.count_sample_tags()["edited"] == 8
        again = execute("restore_samples", dataset, name="v2", which="all")
        execute("undo_restore", dataset, operation_id=again["undo"]["operation_id"])
        assert not fos.list_trash(dataset)
        assert execute("restore_samples", dataset, name="v1", which="all")["undo"] is not None

    def test_the_trash_offers_it_and_the_dialog_tells_what_changes(
        self, dataset: fo.Dataset
    ) -> None:
        dataset.tag_samples("edited")
        fos.restore_samples(dataset, "v2", dataset)
        shown = Panel("street", trash=True)
        assert "Samples before they were restored from 'v2'" in shown.text()
        button = shown.button("undo_restore")
        assert button is not None
        (item,) = fos.list_trash(dataset)
        requests = happen("street", "on_undo_restore", operation_id=item.id)
        assert prompted(requests) == [f"{PLUGIN}/undo_restore"]
        waiting = form("undo_restore", "street", in_dialog=True)
        assert waiting["preview"]["invalid"]
        plan = execute("plan_undo_restore", dataset, operation_id=item.id)
        assert plan["message"] == "- 8 samples as before the restoration"
        preview = {"params": waiting["preview"]["view"]["params"], "result": plan}
        planned = form("undo_restore", "street", in_dialog=True, preview=preview)
        assert planned["what"]["view"]["description"] == plan["message"]
        message = execute("undo_restore", dataset)["message"]
        assert "8 samples as before" in message
        assert "There is nothing to undo" in problems(form("undo_restore", "street"))[0]
