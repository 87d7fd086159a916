"""The audit log notes every action, once, with what came of it, whatever fails meanwhile."""

from __future__ import annotations

import json
import logging
import os
from datetime import timedelta
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.access import Interface, acting_as
from fiftyone_snapshots.backend.audit import describe, log, recording
from support.crash import killed_at, points_of
from support.datasets import image_dataset
from support.full import Document
from support.operators import execute
from support.stories import STORIES
from support.story import NAME, make


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset("street", 4, persistent=True)


def told() -> list[tuple[str, str | None, str]]:
    """Returns what the log tells, oldest first."""
    return [(e.action, e.snapshot, e.outcome.value) for e in fos.list_events()[::-1]]


# What is noted


def test_an_event_tells_who_did_what_when_where_and_how(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    before = database.command("hello")["localTime"]
    with acting_as(Interface.CLI, "anna"):
        fos.create_snapshot(dataset, "v1", description="All checked")
    (event,) = fos.list_events(dataset)
    assert (event.sequence, event.user, event.interface) == (1, "anna", "CLI")
    assert event.host == os.uname().nodename
    assert (event.action, event.outcome.value, event.error) == ("create", "done", None)
    assert (event.dataset, event.dataset_id) == ("street", str(dataset._doc.id))
    assert event.snapshot == "v1"
    assert event.parameters == {"description": "All checked"}
    assert event.counts["total_samples"] == 4
    assert event.counts["num_samples_added"] == 4
    assert event.seconds is not None
    assert event.seconds > 0
    assert before <= event.at <= database.command("hello")["localTime"]
    (operation,) = event.operations
    assert fos.get_operation(operation).verb.value == "create"


def test_every_change_and_every_load_is_noted_but_looking_is_not(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    fos.list_snapshots(dataset)
    fos.get_snapshot_info(dataset, "v1")
    fos.diff(dataset, "v1", progress=False)
    fos.verify_snapshot(dataset, "v1")
    fos.calculate_dataset_latest_changes_summary(dataset)
    fos.revert_dataset_to_snapshot(dataset, "v1", dry_run=True)
    fo.load_dataset("street", snapshot="v1")
    fos.clone_snapshot(dataset, "v1", "copy")
    fos.edit_snapshot(dataset, "v1", new_name="w1")
    dataset.tag_samples("edited")
    fos.restore_samples(dataset, "w1", dataset.first().id)
    fos.undo_restore(dataset)
    fos.revert_dataset_to_snapshot(dataset, "w1")
    fos.undo_revert(dataset)
    fos.delete_snapshot(dataset, "w1")
    fos.restore_snapshot(dataset, "w1")
    fos.empty_trash(dataset)
    fos.recover()
    assert told() == [
        ("create", "v1", "done"),
        ("load", "v1", "done"),
        ("clone", "v1", "done"),
        ("edit", "v1", "done"),
        ("restore_samples", "w1", "done"),
        ("undo_restore", None, "done"),
        ("revert", "w1", "done"),
        ("undo_revert", None, "done"),
        ("delete", "w1", "done"),
        ("restore", "w1", "done"),
        ("empty_trash", None, "done"),
        ("recover", None, "done"),
    ]
    assert fos.verify_audit_log()


def test_archives_pins_and_pruning_are_noted(
    dataset: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.create_snapshot(dataset, "v1")
    fos.archive_snapshot(dataset, "v1")
    fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")
    fos.unarchive_snapshot(dataset, "v1")
    fos.pin_snapshot(dataset, "v1")
    fos.unpin_snapshot(dataset, "v1")
    fos.prune_snapshots(dataset, keep_last=1)
    fos.prune_snapshots(dataset, keep_last=1, dry_run=False)
    fo.delete_dataset("street")
    fos.import_snapshot(tmp_path / "v1.tar")
    assert told() == [
        ("create", "v1", "done"),
        ("archive", "v1", "done"),
        ("export", "v1", "done"),
        ("unarchive", "v1", "done"),
        ("pin", "v1", "done"),
        ("unpin", "v1", "done"),
        ("prune", None, "done"),
        ("purge", None, "done"),
        ("import", None, "done"),
    ]
    imported = fos.list_events("street")[0]
    assert (imported.action, imported.dataset) == ("import", "street")
    assert imported.dataset_id == str(fo.load_dataset("street")._doc.id)


def test_what_is_archived_and_brought_back_unasked_is_noted_for_itself(
    dataset: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "2")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_AUTO_UNARCHIVE", "true")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MIN_LAST_LOADED_SEC", "0")
    for name in ("v1", "v2", "v3"):
        fos.create_snapshot(dataset, name)
    fos.load_snapshot(dataset, "v1")
    assert told() == [
        ("create", "v1", "done"),
        ("create", "v2", "done"),
        ("archive", "v1", "done"),
        ("create", "v3", "done"),
        ("archive", "v2", "done"),
        ("unarchive", "v1", "done"),
        ("load", "v1", "done"),
    ]
    archived = fos.list_events(action="archive")
    assert all(event.parameters == {"automatic": True} for event in archived)


def test_failures_and_refusals_are_noted(
    dataset: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(fos.SnapshotNotFoundError):
        fos.load_snapshot(dataset, "v9")
    with pytest.raises(fos.DatasetNotFoundError):
        fos.create_snapshot("nothing", "v1")
    policy = tmp_path / "policy.yml"
    policy.write_text('datasets: {"*": {anna: view}}')
    with monkeypatch.context() as patch:
        patch.setenv("FIFTYONE_SNAPSHOTS_POLICY", str(policy))
        patch.setenv("FIFTYONE_SNAPSHOTS_USER", "anna")
        with pytest.raises(fos.SnapshotPermissionError):
            fos.create_snapshot(dataset, "v1")
        patch.setenv("FIFTYONE_SNAPSHOTS_USER", "ben")
        for _ in range(3):
            with pytest.raises(fos.SnapshotPermissionError):
                fos.list_snapshots(dataset)
    assert told() == [
        ("load", "v9", "failed"),
        ("create", "v1", "failed"),
        ("create", "v1", "refused"),
        ("list", None, "refused"),
    ]
    refused = fos.list_events(outcome="refused")
    assert [event.user for event in refused] == ["ben", "anna"]
    assert refused[1].error is not None
    assert refused[1].error.startswith("SnapshotPermissionError: User 'anna' may not create")


@pytest.mark.usefixtures("installed_plugin")
def test_the_interface_is_noted(dataset: fo.Dataset, tmp_path: Path) -> None:
    fos.create_snapshot(dataset, "v1")
    execute("create_snapshot", dataset, name="v2")
    execute("create_snapshot", dataset, name="v3", panel_id="1")
    assert [event.interface for event in fos.list_events()] == ["panel", "operator", "SDK"]


def test_the_deletion_of_a_dataset_is_noted_and_its_events_stay(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.delete()
    purge, create = fos.list_events("street")
    assert (purge.action, purge.dataset, create.action) == ("purge", "street", "create")
    assert purge.dataset_id == create.dataset_id
    assert len(purge.operations) == 1


def test_what_others_deleted_is_noted_by_whoever_changes_something(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(dataset, "v1")
    other = image_dataset("other", 1, persistent=True)
    database["datasets"].delete_one({"name": "street"})
    fos.create_snapshot(other, "v1")
    assert told()[:2] == [("create", "v1", "done"), ("purge", None, "done")]
    assert fos.list_events()[1].dataset == "street"


def test_expired_trash_is_noted(dataset: fo.Dataset, database: Database[Document]) -> None:
    for name in ("v1", "v2"):
        fos.create_snapshot(dataset, name)
    fos.delete_snapshot(dataset, "v1")
    fos.tag_snapshot(dataset, "v2", "kept")
    assert ("expire", None, "done") not in told()
    record = database["snapshots.catalog"].find_one({"live": False})
    assert record is not None
    old = record["trashed_at"] - timedelta(days=8)
    database["snapshots.catalog"].update_one({"_id": record["_id"]}, {"$set": {"trashed_at": old}})
    fos.untag_snapshot(dataset, "v2", "kept")
    assert told()[-2:] == [("expire", None, "done"), ("tag", "v2", "done")]
    assert fos.list_events()[1].counts == {"items": 1}


def test_no_secret_and_nothing_large_is_kept(dataset: fo.Dataset) -> None:
    told = describe.parameters(
        {
            "path": "s3://KEY:hush@bucket/a?X-Amz-Signature=hush&b=1",
            "secret_key": "hush",
            "auth_token": "hush",
            "view_or_ids": [str(number) for number in range(10_000)],
            "view": dataset.limit(1),
            "dataset": dataset,
            "description": "x" * 100_000,
            "text": "\ud800",
            "number": 10**30,
            "folder": Path("/backup/digits"),
            "older_than": timedelta(days=3),
            "action": fos.Action.LOAD,
            "other": object(),
            "progress": print,
            "nothing": None,
            "flag": True,
        }
    )
    said = json.dumps(told)
    assert "hush" not in said
    assert len(said) < 2000
    assert told["path"] == "s3://***@bucket/a?***"
    assert told["view_or_ids"][-1] == "… (10000 items)"
    assert (told["view"], told["dataset"]) == ("view on street", "dataset street")
    assert told["other"] == "object"
    assert told["folder"] == "/backup/digits"
    assert (told["older_than"], told["action"]) == ("3 days, 0:00:00", "load")
    assert "progress" not in told
    assert (told["nothing"], told["flag"]) == (None, True)
    error = describe.error(ValueError("mongodb://anna:hush@host/db is away " + "x" * 9999))
    assert "hush" not in error
    assert len(error) < 600


# Nothing is lost, and the action's outcome wins


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("verb", ["create", "delete", "revert", "undo_revert"])
def test_whenever_a_process_dies_the_log_tells_once_what_came_of_it(
    verb: str, every: int, database: Database[Document]
) -> None:
    story = STORIES[verb]
    make("image", story)
    points = points_of(story.act)
    assert story.back is not None
    assert points[-2:] == ["audit.appending", "audit.appended"]
    committed = points.index(f"{verb}.committed")
    told = points.index("audit.appending")
    # What is done is seen, and the log is written, between these
    crucial = {committed - 1, committed, told - 1, told, told + 1}
    for number in {*range(0, len(points), every), *crucial}:
        story.back()
        known = len(fos.list_events())
        assert killed_at(points[number], story.act)
        fos.list_snapshots(NAME)
        fos.list_snapshots(NAME)
        events = fos.list_events()[: -known or None]
        outcomes = [(e.action, e.outcome.value) for e in events]
        # One that never began, or was undone, is no change
        expected = "done" if number >= committed else "failed"
        if points[number] == f"{verb}.changed":
            expected = "done"
        assert outcomes == [(verb, expected)], points[number]
        assert not list(database["snapshots.journal"].find({"untold": {"$exists": True}}))
        if expected == "failed":
            story.act()
    assert fos.verify_audit_log()


def test_an_interrupted_action_is_noted_as_failed(dataset: fo.Dataset) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with faults.arm("create.captured", interrupt), pytest.raises(KeyboardInterrupt):
        fos.create_snapshot(dataset, "v1")
    (event,) = fos.list_events()
    assert (event.outcome.value, event.error) == ("failed", "KeyboardInterrupt: ")


def test_a_log_out_of_reach_is_warned_of_and_written_later(
    dataset: fo.Dataset,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def away(*_: object) -> None:
        raise AutoReconnect("connection closed")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(log, "append", away)
        assert fos.create_snapshot(dataset, "v1").name == "v1"
        assert len(fos.load_snapshot(dataset, "v1")) == 4
        with pytest.raises(fos.DuplicateNameError):
            fos.create_snapshot(dataset, "v1")
    assert "'create' could not be noted in the audit log" in caplog.text
    assert told() == []
    # Not at once: the process that did it may still be about to write it
    fos.list_snapshots(dataset)
    assert told() == []
    monkeypatch.setattr(recording, "_PATIENCE", timedelta(0))
    assert told() == [("create", "v1", "done")]
