"""Whatever is asked for in error: a clear message, and a database as it was."""

from __future__ import annotations

import os
import subprocess
import sys

import fiftyone as fo
import pytest
from packaging.version import Version

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog import names
from support.datasets import image_dataset, video_dataset

# The journal and the audit log tell what was attempted
_NOTES = {"config", "snapshots.audit", "snapshots.audit_head", "snapshots.deployment",
          "snapshots.journal", "snapshots.leases", "system.views"}  # fmt: skip


@pytest.fixture
def dataset():
    return image_dataset("Füchse 数据集", size=4, persistent=True)


@pytest.fixture
def unchanged(database):
    """Checks that a test leaves every document in the database as it was."""

    def everything():
        return {
            name: sorted(repr(document) for document in database[name].find())
            for name in database.list_collection_names()
            if name not in _NOTES
        }

    def arm():
        before.update(everything())

    before: dict = {}
    yield arm
    after = everything()
    assert {name: documents for name, documents in before.items() if documents} == {
        name: documents for name, documents in after.items() if documents
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty or blank"),
        ("   ", "empty or blank"),
        ("\t\n", "empty or blank"),
        (" v1", "begins or ends with a space"),
        ("v1 ", "begins or ends with a space"),
        ("x" * 256, "256 characters; at most 255"),
        ("a/b", "must not contain '/'"),
        ("a\x00b", "control character"),
        ("a\nb", "control character"),
        ("!!!", "at least one letter or digit"),
        (None, "must be a string, not NoneType"),
        (1, "must be a string, not int"),
        (b"v1", "must be a string, not bytes"),
    ],
)
def test_names_that_cannot_be_used(dataset, unchanged, name, reason):
    unchanged()
    with pytest.raises(fos.InvalidRequestError, match=reason):
        fos.create_snapshot(dataset, name)


@pytest.mark.parametrize(
    "name", ["v1", "数据 第一版", "Füchse 🦊 2", "naïve", "a@b", "x" * 255, "v1.0"]
)
def test_names_in_any_language(dataset, name):
    assert fos.create_snapshot(dataset, name).name == name
    assert fos.list_snapshots(dataset) == [name]
    assert len(fo.load_dataset(dataset.name, name)) == 4


@pytest.mark.parametrize(
    ("name", "slug"), [("Coco 2017", "coco-2017"), ("c+o  c_o", "c-o-c-o"), ("第一 版", "第一-版")]
)
def test_slugs_follow_fiftyone_but_keep_all_languages(name, slug):
    assert names.slug(name) == slug


def test_a_name_that_is_taken(dataset, unchanged):
    fos.create_snapshot(dataset, "v1")
    unchanged()
    with pytest.raises(fos.DuplicateNameError, match="'v1' already exists"):
        fos.create_snapshot(dataset, "v1")


def test_a_name_that_reads_the_same_in_an_address(dataset, unchanged):
    fos.create_snapshot(dataset, "Release 1")
    unchanged()
    with pytest.raises(fos.DuplicateNameError, match=r"it reads 'release-1'.*'Release 1'"):
        fos.create_snapshot(dataset, "release-1")


def test_the_same_name_on_another_dataset_is_fine(dataset):
    other = image_dataset("other", size=1)
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(other, "v1")


VERBS = {
    "create": lambda dataset: fos.create_snapshot(dataset, "v1"),
    "list": fos.list_snapshots,
    "info": lambda dataset: fos.get_snapshot_info(dataset, "v1"),
    "load": lambda dataset: fos.load_snapshot(dataset, "v1"),
    "delete": lambda dataset: fos.delete_snapshot(dataset, "v1"),
    "restore": lambda dataset: fos.restore_snapshot(dataset, "v1"),
    "revert": lambda dataset: fos.revert_dataset_to_snapshot(dataset, "v1"),
    "plan": lambda dataset: fos.revert_dataset_to_snapshot(dataset, "v1", dry_run=True),
    "undo": fos.undo_revert,
    "latest changes": fos.get_dataset_latest_changes_summary,
    "calculate": fos.calculate_dataset_latest_changes_summary,
    "trash": fos.list_trash,
    "empty": fos.empty_trash,
}


@pytest.fixture(params=VERBS.values(), ids=list(VERBS))
def verb(request):
    return request.param


def test_an_unknown_dataset(verb, unchanged):
    unchanged()
    with pytest.raises(ValueError, match="'nowhere' not found"):
        verb("nowhere")


def test_something_that_is_no_dataset(verb, unchanged):
    unchanged()
    with pytest.raises(ValueError, match="name of a dataset or a Dataset, not int"):
        verb(51)


def test_a_deleted_dataset(dataset, verb, unchanged):
    dataset.delete()
    unchanged()
    with pytest.raises(fos.DatasetNotFoundError, match="is deleted"):
        verb(dataset)


def test_a_view(dataset, verb, unchanged):
    unchanged()
    with pytest.raises(fos.NotVersionableError, match="A view cannot have snapshots"):
        verb(dataset.limit(1))


def test_a_snapshot(dataset, verb, unchanged):
    fos.create_snapshot(dataset, "v1")
    snapshot = fo.load_dataset(dataset.name, "v1")
    unchanged()
    for itself in (snapshot, snapshot.name):
        with pytest.raises(fos.NotVersionableError, match="is a snapshot, which is read-only"):
            verb(itself)


@pytest.mark.parametrize("kind", ["patches", "frames", "clips"])
def test_a_generated_dataset(kind, unchanged):
    dataset = video_dataset("videos")
    views = {
        "patches": lambda: image_dataset("images").to_patches("ground_truth"),
        "frames": lambda: dataset.to_frames(sample_frames=False),
        "clips": lambda: dataset.to_clips([[(1, 2)]] * len(dataset)),
    }
    generated = views[kind]()._dataset
    unchanged()
    with pytest.raises(fos.NotVersionableError, match="generated dataset"):
        fos.create_snapshot(generated, "v1")


@pytest.mark.parametrize("name", ["load", "delete", "revert", "plan"])
def test_an_unknown_snapshot(dataset, unchanged, name):
    fos.create_snapshot(dataset, "v0")
    unchanged()
    with pytest.raises(fos.SnapshotNotFoundError, match=r"no snapshot 'v1'; it has: v0"):
        VERBS[name](dataset)


@pytest.mark.parametrize("value", ["abc", "-2", "1.5", "∞"])
@pytest.mark.parametrize("variable", ["MAX_IN_DB", "MAX_PER_DATASET"])
def test_limits_that_are_no_limits(dataset, unchanged, monkeypatch, variable, value):
    monkeypatch.setenv(f"FIFTYONE_SNAPSHOTS_{variable}", value)
    unchanged()
    message = rf"FIFTYONE_SNAPSHOTS_{variable} is '{value}', but must be a whole number"
    with pytest.raises(fos.InvalidSettingError, match=message):
        fos.create_snapshot(dataset, "v1")


@pytest.mark.parametrize("variable", ["TRASH_DAYS", "MIN_LAST_LOADED_SEC", "LOCK_WAIT_SEC"])
def test_times_that_no_calendar_has(dataset, unchanged, monkeypatch, variable):
    monkeypatch.setenv(f"FIFTYONE_SNAPSHOTS_{variable}", "99999999999")
    unchanged()
    for act in (fos.list_trash, lambda dataset: fos.create_snapshot(dataset, "v1")):
        with pytest.raises(fos.InvalidSettingError, match=rf"{variable} is '9+', .* from 0 to "):
            act(dataset)


def test_operations_of_all_times(dataset):
    fos.create_snapshot(dataset, "v1")
    assert len(fos.list_operations(dataset, ended_within=2**31 - 1)) == 1


def test_records_of_a_newer_version(dataset, database):
    fos.create_snapshot(dataset, "v1")
    database["snapshots.catalog"].update_one({}, {"$set": {"format": 99}})
    with pytest.raises(fos.NewerFormatError, match=r"format 99.*pip install --upgrade"):
        fos.list_snapshots(dataset)
    with pytest.raises(fos.NewerFormatError):
        fos.create_snapshot(dataset, "v2")


def test_a_server_that_is_too_old(dataset, monkeypatch):
    from fiftyone_snapshots.backend.mongo import database as backend_database

    monkeypatch.setattr(backend_database, "MINIMUM_MONGODB", Version("999.0"))
    monkeypatch.setattr(backend_database, "_checked", set())
    with pytest.raises(fos.DatabaseUnavailableError, match=r"older than 999\.0"):
        fos.list_snapshots(dataset)


def test_a_server_that_cannot_be_reached():
    program = (
        "import fiftyone, fiftyone_snapshots as fos\n"
        "try: fos.list_snapshots('quickstart')\n"
        "except fos.DatabaseUnavailableError as error: print(error)\n"
    )
    address = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "FIFTYONE_DATABASE_URI": address},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Snapshots need FiftyOne's MongoDB, which cannot be used" in ended.stdout
    assert "FIFTYONE_DATABASE_URI" in ended.stdout
