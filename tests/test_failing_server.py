"""MongoDB fails in the middle: one of our errors leaves a verb, and tells what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database
from pymongo.errors import PyMongoError

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from support.datasets import image_dataset
from support.fail_points import OUT_OF_DISK_SPACE, Failing
from support.full import Document, assert_same, digest

NAME = "Füchse"

VERBS: dict[str, Callable[[], Any]] = {
    "list": lambda: fos.list_snapshots(NAME),
    "info": lambda: fos.get_snapshot_info(NAME, "v1"),
    "load": lambda: fos.load_snapshot(NAME, "v1"),
    "load by FiftyOne": lambda: fo.load_dataset(NAME, snapshot="v1"),
    "create": lambda: fos.create_snapshot(NAME, "v2"),
    "edit": lambda: fos.edit_snapshot(NAME, "v1", description="new"),
    "pin": lambda: fos.pin_snapshot(NAME, "v1"),
    "diff": lambda: fos.diff(NAME, "v1"),
    "plan": lambda: fos.revert_dataset_to_snapshot(NAME, "v1", dry_run=True),
    "revert": lambda: fos.revert_dataset_to_snapshot(NAME, "v1"),
    "restore": lambda: fos.restore_samples(NAME, "v1", fo.load_dataset(NAME)),
    "verify": lambda: fos.verify_snapshot(NAME, "v1"),
    "search": fos.search_snapshots,
    "trash": lambda: fos.list_trash(NAME),
    "delete": lambda: fos.delete_snapshot(NAME, "v1"),
}


@pytest.fixture
def dataset() -> fo.Dataset:
    """A dataset with a snapshot, edited since."""
    dataset = image_dataset(NAME, 4, persistent=True)
    fos.create_snapshot(NAME, "v1")
    dataset.tag_samples("later")
    return dataset


@pytest.mark.parametrize(
    ("collection", "unread"),
    [
        ("snapshots.catalog", {"info"}),
        # What is read of several collections in one look
        ("$cmd.aggregate", {"list", "plan", "verify", "search", "trash"}),
    ],
)
def test_no_error_of_pymongos_leaves_a_verb(
    dataset: fo.Dataset,
    failing: Failing,
    database: Database[Document],
    collection: str,
    unread: set[str],
) -> None:
    before = digest(database, dataset._doc.id)
    reading = ("find", "aggregate", "distinct", "findAndModify")
    failing.at(collection, *reading, errorCode=8000)
    for verb, act in VERBS.items():
        if verb in unread:
            continue
        with pytest.raises(fos.DatabaseError) as caught:
            act()
        assert isinstance(caught.value.__cause__, PyMongoError), verb
    failing.stop()
    assert fos.list_snapshots(NAME) == ["v1"]
    assert_same(digest(database, dataset._doc.id), before)


def test_a_connection_that_breaks_is_told_as_that(dataset: fo.Dataset, failing: Failing) -> None:
    failing.at("snapshots.catalog", "find", closeConnection=True)
    with pytest.raises(fos.DatabaseUnavailableError, match="Contact with MongoDB was lost"):
        fos.list_snapshots(NAME)


@pytest.mark.parametrize("verb", ["create", "revert", "restore", "edit", "delete"])
def test_a_disk_that_is_full_before_anything_was_changed(
    dataset: fo.Dataset, failing: Failing, database: Database[Document], verb: str
) -> None:
    before = digest(database, dataset._doc.id)
    # What is noted first, and then what is written last
    failing.at("snapshots.journal", "insert", errorCode=OUT_OF_DISK_SPACE)
    with pytest.raises(fos.DatabaseError, match="disk is full"):
        VERBS[verb]()
    failing.stop()
    assert_same(digest(database, dataset._doc.id), before)
    assert fos.list_snapshots(NAME) == ["v1"]


@pytest.mark.parametrize("is_mended", [False, True])
def test_a_disk_that_fills_after_the_commit_leaves_the_outcome_open(
    dataset: fo.Dataset, failing: Failing, database: Database[Document], is_mended: bool
) -> None:
    fill = {"errorCode": OUT_OF_DISK_SPACE}
    with (
        faults.arm("revert.committed", lambda: failing.at("snapshots.trash", "update", **fill)),
        faults.arm("revert.recovering", failing.stop if is_mended else lambda: None),
        pytest.raises(fos.OutcomeUnknownError, match="disk is full") as caught,
    ):
        fos.revert_dataset_to_snapshot(NAME, "v1")
    operation = fos.get_operation(caught.value.operation_id)
    assert operation.state == ("done" if is_mended else "committed")
    failing.stop()
    assert fos.list_snapshots(NAME) == ["v1"]
    assert fos.get_operation(caught.value.operation_id).state == "done"
    assert dataset.count_sample_tags().get("later") is None
    fos.undo_revert(NAME)
    assert dataset.count_sample_tags() == {**dataset.count_sample_tags(), "later": 4}


def test_a_commit_that_fails_and_is_taken_back_is_known_not_to_have_been(
    dataset: fo.Dataset, failing: Failing, database: Database[Document]
) -> None:
    before = digest(database, dataset._doc.id)
    fill = {"errorCode": OUT_OF_DISK_SPACE}
    with (
        faults.arm("revert.shelved_dataset", lambda: failing.at("datasets", "update", **fill)),
        faults.arm("revert.recovering", failing.stop),
        pytest.raises(fos.DatabaseError, match="The dataset was not changed"),
    ):
        fos.revert_dataset_to_snapshot(NAME, "v1")
    assert_same(digest(database, dataset._doc.id), before)
