"""What was wrong with snapshots in the hosted product is right with ours."""

from __future__ import annotations

import fiftyone as fo
import fiftyone.migrations as fomi
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import video_dataset
from support.full import (
    BRAIN_KEY,
    EVAL_KEY,
    FULL_DATASETS,
    RUN_KEY,
    Document,
    assert_same,
    digest,
)

NAME = "Füchse 🦊 狐"
SNAPSHOT = "vor dem Unfall 🦺 v1.0"


class TestBugsOfTheHostedProduct:
    """What its release notes report as fixed."""

    def test_a_snapshot_has_the_results_of_its_runs(self, database: Database[Document]) -> None:
        dataset = FULL_DATASETS["image"](NAME, database)
        fos.create_snapshot(NAME, SNAPSHOT)
        dataset.delete_runs()
        dataset.delete_brain_runs()
        dataset.delete_evaluations()
        snapshot = fos.load_snapshot(NAME, SNAPSHOT)
        assert snapshot.load_run_results(RUN_KEY).summe == 12
        assert snapshot.load_brain_results(BRAIN_KEY).points.shape == (6, 2)
        assert snapshot.load_evaluation_results(EVAL_KEY).metrics()["accuracy"] == 1
        assert not dataset.list_runs()

    def test_a_snapshot_of_a_dataset_that_no_new_version_has_loaded_yet_has_its_runs(
        self, database: Database[Document]
    ) -> None:
        FULL_DATASETS["point-cloud"](NAME, database)
        fomi.migrate_dataset_if_necessary(NAME, destination="0.18.0")
        document = database["datasets"].find_one({"name": NAME})
        assert document is not None
        assert isinstance(document["brain_methods"][BRAIN_KEY], dict), "runs lay inside then"
        fos.create_snapshot(NAME, SNAPSHOT)
        fo.load_dataset(NAME).delete_brain_runs()
        snapshot = fos.load_snapshot(NAME, SNAPSHOT)
        assert snapshot.load_brain_results(BRAIN_KEY).points.shape == (3, 2)

    def test_a_revert_can_follow_a_revert(self, database: Database[Document]) -> None:
        dataset = FULL_DATASETS["video"](NAME, database)
        versions = []
        for number in range(3):
            dataset.set_field("caption", f"version {number}").save()
            dataset.delete_samples(dataset.first())
            versions.append(digest(database, dataset._doc.id))
            fos.create_snapshot(NAME, f"v{number}")
        for number in (2, 1, 1, 0):
            fos.revert_dataset_to_snapshot(NAME, f"v{number}")
            assert_same(digest(database, dataset._doc.id), versions[number])

    def test_views_can_be_opened_from_a_snapshot(self, database: Database[Document]) -> None:
        dataset = FULL_DATASETS["video"](NAME, database)
        sizes = {name: len(dataset.load_saved_view(name)) for name in dataset.list_saved_views()}
        assert min(sizes.values()) > 0
        fos.create_snapshot(NAME, SNAPSHOT)
        dataset.clear()
        snapshot = fos.load_snapshot(NAME, SNAPSHOT)
        for name, size in sizes.items():
            assert len(snapshot.load_saved_view(name)) == size
        assert len(snapshot.to_frames()) == 12
        assert len(snapshot.match(fo.ViewField("note").ends_with("🐘")).to_clips("events")) == 3

    def test_differences_of_many_samples_are_exact(self, database: Database[Document]) -> None:
        dataset = video_dataset(NAME, 3, persistent=True)
        dataset.add_samples([fo.Sample(f"/media/{i}.mp4") for i in range(2000)])
        fos.create_snapshot(NAME, SNAPSHOT)
        ids = dataset.values("id")
        dataset.delete_samples(ids[-400:])
        dataset.select(ids[:800]).tag_samples("changed")
        dataset.add_samples([fo.Sample(f"/media/new{i}.mp4") for i in range(200)])
        summary = fos.calculate_dataset_latest_changes_summary(NAME)
        assert (
            summary.total_samples,
            summary.num_samples_added,
            summary.num_samples_deleted,
            summary.num_samples_changed,
        ) == (1803, 200, 400, 800)
