"""The cached changes of HEAD are right, or said to be out of date, whatever was done meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.diff import changes
from support.crash import killed_at
from support.datasets import image_dataset, video_dataset

NAME = "counted"

Counts = tuple[int, int, int]


@pytest.fixture
def images() -> fo.Dataset:
    dataset = image_dataset(NAME, 4, persistent=True)
    fos.create_snapshot(NAME, "v1")
    return dataset


def cached() -> Counts:
    summary = fos.get_dataset_latest_changes_summary(NAME)
    assert summary is not None
    return summary.num_samples_added, summary.num_samples_deleted, summary.num_samples_changed


def assert_settled() -> None:
    """Checks that the cached counts are those of HEAD, or are said to be out of date."""
    known, is_stale = cached(), fos.latest_changes_are_stale(NAME)
    fos.calculate_dataset_latest_changes_summary(NAME)
    assert is_stale or known == cached()
    assert not fos.latest_changes_are_stale(NAME)


def _undo_after_a_snapshot(dataset: fo.Dataset) -> None:
    dataset.limit(2).tag_samples("new")
    fos.calculate_dataset_latest_changes_summary(NAME)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    dataset.skip(3).tag_samples("other")
    fos.create_snapshot(NAME, "v2")
    fos.undo_revert(NAME)


def _undo(dataset: fo.Dataset) -> None:
    dataset.limit(2).tag_samples("new")
    fos.calculate_dataset_latest_changes_summary(NAME)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    fos.undo_revert(NAME)


def _redo(dataset: fo.Dataset) -> None:
    _undo(dataset)
    fos.undo_revert(NAME)


def _undo_with_the_trash_turned_on_late(dataset: fo.Dataset) -> None:
    _undo_after_a_snapshot(dataset)
    fos.undo_revert(NAME)


def _restore_samples(dataset: fo.Dataset) -> None:
    dataset.limit(2).tag_samples("new")
    fos.calculate_dataset_latest_changes_summary(NAME)
    fos.restore_samples(NAME, "v1", dataset)


def _restore_deleted_samples(dataset: fo.Dataset) -> None:
    ids = dataset.values("id")[:2]
    dataset.delete_samples(ids)
    fos.calculate_dataset_latest_changes_summary(NAME)
    fos.restore_samples(NAME, "v1", ids)


def _restore_a_field(dataset: fo.Dataset) -> None:
    dataset.limit(2).set_values("größe", [7.0, 8.0])
    fos.calculate_dataset_latest_changes_summary(NAME)
    fos.restore_samples(NAME, "v1", dataset, fields="größe")


def _killed_restore(dataset: fo.Dataset) -> None:
    dataset.limit(2).tag_samples("new")
    fos.calculate_dataset_latest_changes_summary(NAME)
    assert killed_at(
        "restore_samples.restored_samples", lambda: fos.restore_samples(NAME, "v1", dataset)
    )
    fos.calculate_dataset_latest_changes_summary(NAME)


def _delete_the_latest(dataset: fo.Dataset) -> None:
    dataset.limit(2).tag_samples("new")
    fos.create_snapshot(NAME, "v2")
    fos.delete_snapshot(NAME, "v2")


def _bring_the_latest_back(dataset: fo.Dataset) -> None:
    _delete_the_latest(dataset)
    fos.calculate_dataset_latest_changes_summary(NAME)
    fos.restore_snapshot(NAME, "v2")


def _delete_and_bring_back(dataset: fo.Dataset) -> None:
    _delete_the_latest(dataset)
    fos.restore_snapshot(NAME, "v2")


def _revert_past_a_snapshot(dataset: fo.Dataset) -> None:
    dataset.limit(2).tag_samples("new")
    fos.create_snapshot(NAME, "v2")
    dataset.limit(1).tag_samples("newer")
    fos.calculate_dataset_latest_changes_summary(NAME)
    fos.revert_dataset_to_snapshot(NAME, "v1")


def _undo_past_a_snapshot(dataset: fo.Dataset) -> None:
    _revert_past_a_snapshot(dataset)
    fos.undo_revert(NAME)


OPERATIONS: tuple[Callable[[fo.Dataset], None], ...] = (
    _undo_after_a_snapshot,
    _undo,
    _redo,
    _undo_with_the_trash_turned_on_late,
    _restore_samples,
    _restore_deleted_samples,
    _restore_a_field,
    _killed_restore,
    _delete_the_latest,
    _bring_the_latest_back,
    _delete_and_bring_back,
    _revert_past_a_snapshot,
    _undo_past_a_snapshot,
)


@pytest.mark.parametrize("operate", OPERATIONS, ids=lambda each: each.__name__.strip("_"))
def test_every_operation_settles_what_is_cached(
    images: fo.Dataset, operate: Callable[[fo.Dataset], None]
) -> None:
    operate(images)
    assert_settled()


@pytest.mark.parametrize("operate", [_undo, _redo, _revert_past_a_snapshot, _undo_past_a_snapshot])
def test_what_is_known_is_not_said_to_be_out_of_date(
    images: fo.Dataset, operate: Callable[[fo.Dataset], None]
) -> None:
    operate(images)
    assert not fos.latest_changes_are_stale(NAME)


def test_what_was_counted_since_another_snapshot_is_not_told(images: fo.Dataset) -> None:
    images.limit(1).tag_samples("new")
    fos.create_snapshot(NAME, "v2")
    assert fos.get_overview(NAME).changes is not None
    fos.delete_snapshot(NAME, "v2")
    assert fos.get_overview(NAME).changes is None
    fos.calculate_dataset_latest_changes_summary(NAME)
    overview = fos.get_overview(NAME)
    assert overview.changes is not None
    assert (overview.changes.num_samples_changed, overview.changes_are_stale) == (1, False)
    # What was edited since is another matter: that it was counted before is told
    images.limit(2).tag_samples("newer")
    overview = fos.get_overview(NAME)
    assert overview.changes is not None
    assert overview.changes_are_stale


def test_frames_that_are_restored_count_as_well() -> None:
    dataset = video_dataset(NAME, 2, 2, persistent=True)
    fos.create_snapshot(NAME, "v1")
    for sample in dataset:
        sample.frames[1]["objects"] = None
        sample.save()
    fos.calculate_dataset_latest_changes_summary(NAME)
    fos.restore_samples(NAME, "v1", dataset)
    assert_settled()


def test_an_import_that_becomes_the_latest_is_noticed(images: fo.Dataset, tmp_path: Path) -> None:
    images.limit(1).tag_samples("new")
    fos.create_snapshot(NAME, "v2")
    exported = fos.export_snapshot(NAME, "v2", tmp_path / "v2")
    fos.delete_snapshot(NAME, "v2")
    fos.empty_trash(NAME)
    fos.calculate_dataset_latest_changes_summary(NAME)
    fos.import_snapshot(exported)
    assert fos.get_dataset_latest_changes_summary(NAME) is None


def test_what_is_written_while_counting_is_noticed(
    images: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = changes.compare

    def write_afterwards(*args: object, **kwargs: object) -> object:
        found = compare(*args, **kwargs)  # type: ignore[arg-type]
        images.limit(1).tag_samples("late")
        return found

    monkeypatch.setattr(changes, "compare", write_afterwards)
    fos.calculate_dataset_latest_changes_summary(NAME)
    monkeypatch.undo()
    assert cached() == (0, 0, 0)
    assert fos.latest_changes_are_stale(NAME)


def test_a_revert_while_counting_is_noticed(
    images: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.limit(1).tag_samples("new")
    compare = changes.compare

    def revert_afterwards(*args: object, **kwargs: object) -> object:
        found = compare(*args, **kwargs)  # type: ignore[arg-type]
        monkeypatch.undo()
        fos.revert_dataset_to_snapshot(NAME, "v1")
        return found

    monkeypatch.setattr(changes, "compare", revert_afterwards)
    fos.calculate_dataset_latest_changes_summary(NAME)
    assert cached() == (0, 0, 1)
    assert fos.latest_changes_are_stale(NAME)
