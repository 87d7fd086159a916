"""Snapshots belong to a dataset's id, whatever happens to its name."""

from __future__ import annotations

import os
import subprocess
import sys

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.snapshots import stored_snapshots


@pytest.fixture
def dataset():
    dataset = image_dataset("original", size=3, persistent=True)
    fos.create_snapshot(dataset, "v1")
    return dataset


def test_renaming_a_dataset_keeps_them(dataset):
    fo.load_dataset("original", "v1")
    dataset.name = "renamed"
    assert fos.list_snapshots("renamed") == ["v1"]
    assert fo.load_dataset("renamed", "v1").name == "renamed@v1"
    with pytest.raises(fos.DatasetNotFoundError):
        fos.list_snapshots("original")


def test_reverting_a_renamed_dataset_keeps_its_name(dataset):
    dataset.name = "renamed"
    dataset.clear()
    fos.revert_dataset_to_snapshot("renamed", "v1")
    assert len(fo.load_dataset("renamed")) == 3
    assert not fo.dataset_exists("original")


def test_a_new_dataset_of_the_same_name_starts_with_none(dataset):
    dataset.delete()
    image_dataset("original", size=1)
    assert fos.list_snapshots("original") == []


def test_a_dataset_that_takes_over_a_name_starts_with_none(dataset):
    dataset.name = "renamed"
    image_dataset("original", size=1)
    assert fos.list_snapshots("original") == []
    assert fos.list_snapshots("renamed") == ["v1"]


def test_deleting_a_dataset_without_this_package_is_noticed_later(dataset, database):
    program = (
        "import sys, fiftyone as fo\n"
        "fo.delete_dataset('original')\n"
        "assert 'fiftyone_snapshots' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], env=dict(os.environ), check=True)
    assert database["snapshots.catalog"].count_documents({}) == 1

    image_dataset("another", size=1)
    fos.create_snapshot("another", "v1")
    fos.delete_snapshot("another", "v1")
    fos.empty_trash("another")

    assert database["snapshots.catalog"].count_documents({}) == 0
    assert not stored_snapshots(database)


def test_a_snapshot_is_hidden_from_fiftyones_lists(dataset):
    fo.load_dataset("original", "v1")
    assert fo.list_datasets() == ["original"]


def test_a_users_dataset_of_the_projections_name_is_left_alone(dataset):
    mine = fo.Dataset("original@v1")
    snapshot = fo.load_dataset("original", "v1")
    assert snapshot.name == "original@v1 (2)"
    assert len(snapshot) == 3
    assert fo.load_dataset("original@v1")._doc.id == mine._doc.id


def test_a_clone_is_editable_and_has_no_history(dataset):
    clone = fo.load_dataset("original", "v1").clone("copy")
    assert fos.list_snapshots("copy") == []
    clone.limit(1).tag_samples("mine")
    fos.create_snapshot("copy", "v1")
    assert fos.list_snapshots("copy") == ["v1"]
