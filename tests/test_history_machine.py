"""Any sequence of verbs, edits and crashes, compared with a model of plain Python."""

from __future__ import annotations

from dataclasses import dataclass

import fiftyone as fo
import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.crash import fails_at, killed_at
from support.full import Document
from support.history_model import Model, content_of
from support.invariants import assert_no_debris, assert_sound

NAMES = ["a", "b", "c"]
DATASET_NAMES = ["zoo", "zoo 2", "動物園 3"]


@dataclass
class Where:
    """Keeps the database from Hypothesis, which looks for marks on all that a machine has."""

    database: Database[Document]


class HistoryMachine(RuleBasedStateMachine):
    """Drives one dataset, with crashes."""

    where: Where

    def __init__(self) -> None:
        super().__init__()
        self.name: str | None = None
        self.model = Model({})
        self.counter = 0

    @property
    def database(self) -> Database[Document]:
        return self.where.database

    @property
    def dataset(self) -> fo.Dataset:
        return fo.load_dataset(self.name)

    @initialize()
    def begin(self) -> None:
        self._make_dataset("zoo")

    def _make_dataset(self, name: str) -> None:
        dataset = fo.Dataset(name, persistent=True)
        dataset.add_samples([fo.Sample(f"/media/{i}.jpg", tags=["first"]) for i in range(3)])
        self.name = name
        self.model = Model(content_of(dataset))

    # Edits

    @rule()
    def add_sample(self) -> None:
        self.counter += 1
        self.dataset.add_sample(fo.Sample(f"/media/new{self.counter}.jpg"))
        self.model.head = content_of(self.dataset)

    @rule()
    @precondition(lambda self: self.model.head["samples"])
    def delete_sample(self) -> None:
        self.dataset.delete_samples([self.dataset.first().id])
        self.model.head = content_of(self.dataset)

    @rule(value=st.sampled_from(["x", "y"]))
    def set_labels(self, value: str) -> None:
        """Without moving timestamps, as some calls of FiftyOne do."""
        if not self.dataset.has_field("label"):
            self.dataset.add_sample_field("label", fo.StringField)
        self.dataset._sample_collection.update_many({}, {"$set": {"label": value}})
        self.dataset.reload()
        self.model.head = content_of(self.dataset)

    @rule()
    def change_schema(self) -> None:
        if self.dataset.has_field("score"):
            self.dataset.delete_sample_field("score")
        else:
            self.dataset.add_sample_field("score", fo.FloatField)
            self.dataset.set_values("score", [0.5] * len(self.dataset))
        self.model.head = content_of(self.dataset)

    @rule()
    def change_views_and_runs(self) -> None:
        self.counter += 1
        for view in self.dataset.list_saved_views()[1:]:
            self.dataset.delete_saved_view(view)
        for run in self.dataset.list_runs()[1:]:
            self.dataset.delete_run(run)
        word = f"nr{self.counter}"
        self.dataset.save_view(word, self.dataset.limit(1))
        self.dataset.register_run(word, self.dataset.init_run())
        results = self.dataset.init_run_results(word, number=self.counter)
        self.dataset.save_run_results(word, results)
        self.dataset.info["counter"] = self.counter
        self.dataset.save()
        self.model.head = content_of(self.dataset)

    # Verbs

    @rule(name=st.sampled_from(NAMES))
    def create(self, name: str) -> None:
        if self.model.find(name):
            with pytest.raises(fos.DuplicateNameError):
                fos.create_snapshot(self.name, name)
        else:
            fos.create_snapshot(self.name, name)
            self.model.create(name)

    @rule(name=st.sampled_from(NAMES))
    def revert(self, name: str) -> None:
        if snapshot := self.model.find(name):
            fos.revert_dataset_to_snapshot(self.name, name)
            self.model.revert(snapshot)
        else:
            with pytest.raises(fos.SnapshotNotFoundError):
                fos.revert_dataset_to_snapshot(self.name, name)

    @rule()
    def undo(self) -> None:
        if not self.model.discarded:
            with pytest.raises(fos.NothingToUndoError):
                fos.undo_revert(self.name)
        elif self.model.undo():
            fos.undo_revert(self.name)
        else:
            with pytest.raises(fos.DuplicateNameError):
                fos.undo_revert(self.name)

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        if snapshot := self.model.find(name):
            fos.delete_snapshot(self.name, name)
            self.model.trash([snapshot])
        else:
            with pytest.raises(fos.SnapshotNotFoundError):
                fos.delete_snapshot(self.name, name)

    @rule(name=st.sampled_from(NAMES))
    def restore(self, name: str) -> None:
        snapshot = self.model.last_trashed(name)
        if snapshot is None:
            with pytest.raises(fos.NothingToUndoError):
                fos.restore_snapshot(self.name, name)
        elif self.model.find(name):
            with pytest.raises(fos.DuplicateNameError):
                fos.restore_snapshot(self.name, name)
        else:
            fos.restore_snapshot(self.name, name)
            self.model.revive([snapshot])

    @rule()
    def empty_trash(self) -> None:
        destroyed = fos.empty_trash(self.name)
        assert len(destroyed) == len(self.model.trashed) + len(self.model.discarded)
        self.model.trashed, self.model.discarded = [], []

    # Branches: made of any snapshot, edited, merged, and deleted again

    @rule(name=st.sampled_from(NAMES), data=st.data(), is_undone=st.booleans())
    @precondition(lambda self: 0 < len(self.model.live) < len(NAMES))
    def merge(self, name: str, data: st.DataObject, is_undone: bool) -> None:
        """What a branch adds comes to what the dataset is now; all else stays as it is."""
        if self.model.find(name):
            return
        self.counter += 1
        base = data.draw(st.sampled_from([item.name for item in self.model.live]))
        branch = fos.create_branch(self.name, "lab", base).dataset_name
        with pytest.raises(fos.HeldSnapshotError):
            fos.delete_snapshot(self.name, base)
        path = f"/media/merged{self.counter}.jpg"
        fo.load_dataset(branch).add_sample(fo.Sample(path))
        plan = fos.plan_merge(branch, progress=False)
        assert (plan.base_snapshot, plan.total_conflicts) == (base, 0)
        fos.apply_merge(plan, name)
        found = content_of(fo.load_dataset(self.name, reload=True))
        *others, new = found["samples"]
        assert {**found, "samples": others} == self.model.head
        assert new[0] == path
        self.model.merge(name, found)
        if is_undone:
            fos.undo_merge(self.name)
            assert self.model.undo()
        fo.delete_dataset(branch)

    # The dataset as a whole

    @rule(name=st.sampled_from(DATASET_NAMES))
    def rename_dataset(self, name: str) -> None:
        if name != self.name:
            self.dataset.name = name
            self.name = name

    @rule()
    def delete_dataset(self) -> None:
        assert self.name is not None
        fo.delete_dataset(self.name)
        assert not self.database["snapshots.catalog"].count_documents({})
        self._make_dataset(self.name)
        assert fos.list_snapshots(self.name) == []

    # Crashes: drawn as a share of the points that the verb passes

    @rule(kill=st.booleans(), share=st.floats(0, 1), data=st.data())
    @precondition(lambda self: self.model.live)
    def crash(self, kill: bool, share: float, data: st.DataObject) -> None:
        """Dies in the middle of a revert; it was made or it was not."""
        snapshot = data.draw(st.sampled_from([item.name for item in self.model.live]))
        target = self.model.find(snapshot)
        assert target is not None
        point = REVERT_POINTS[round(share * (len(REVERT_POINTS) - 1))]
        die = killed_at if kill else fails_at
        died = die(f"revert.{point}", lambda: fos.revert_dataset_to_snapshot(self.name, snapshot))
        self.dataset.reload()
        # Nobody knows but the journal
        entries = self.database["snapshots.journal"]
        fos.list_snapshots(self.name)
        # Not by id: those that are made by several processes in one second have no order
        entry = entries.find_one({"verb": "revert"}, sort=[("started_at", -1)])
        assert entry is not None
        assert entry["state"] in ("done", "undone")
        assert died or entry["state"] == "done"
        if entry["state"] == "done":
            self.model.revert(target)

    @rule(name=st.sampled_from(NAMES), point=st.sampled_from(["reserved", "captured", "changed"]))
    @precondition(lambda self: len(self.model.live) < len(NAMES))
    def crash_while_creating(self, name: str, point: str) -> None:
        if not self.model.find(name):
            assert killed_at(f"create.{point}", lambda: fos.create_snapshot(self.name, name))
            if name in fos.list_snapshots(self.name):
                assert point == "changed"
                self.model.create(name)

    # What must hold after each step

    @invariant()
    @precondition(lambda self: self.name is not None)
    def head_is_as_expected(self) -> None:
        assert self.name is not None
        fo.Dataset._instances.pop(self.name, None)
        assert content_of(fo.load_dataset(self.name)) == self.model.head

    @invariant()
    @precondition(lambda self: self.name is not None)
    def history_is_as_expected(self) -> None:
        assert fos.list_snapshots(self.name) == [item.name for item in self.model.live]
        trash = fos.list_trash(self.name)
        assert len(trash) == len(self.model.trashed) + len(self.model.discarded)
        assert all(item.size_bytes > 0 for item in trash)
        assert_no_debris(self.database)

    @rule()
    def look_at_all_snapshots(self) -> None:
        for snapshot in self.model.live:
            found = content_of(fo.load_dataset(self.name, snapshot=snapshot.name))
            assert found == snapshot.content

    def teardown(self) -> None:
        assert_sound(self.database)
        for name in DATASET_NAMES:
            if fo.dataset_exists(name):
                fo.delete_dataset(name)
        assert_no_debris(self.database)


REVERT_POINTS = [
    "begun",
    "noted",
    "staged_samples",
    "moved",
    "added_views",
    "shelved_dataset",
    "changed",
    "committed",
    "recorded",
    "shelved_related",
    "shelved_samples",
    "replaced_related",
    "installed_related",
    "moved_snapshots",
    "finishing",
]
"""Some of the points; all are walked elsewhere."""


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(5, 14, id="short"),
        pytest.param(150, 40, id="long", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_any_history(
    backend: str,
    examples: int,
    steps: int,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    HistoryMachine.where = Where(database)
    settings = hypothesis.settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.stateful.run_state_machine_as_test(HistoryMachine, settings=settings)
    assert not faults._armed
