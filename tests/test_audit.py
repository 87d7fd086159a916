"""The audit log: what it tells, that it loses nothing, and that tampering shows."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import database as backend_database
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.access import Interface, acting_as
from fiftyone_snapshots.backend.audit import describe, log, recording
from fiftyone_snapshots.backend.audit.event import BEGINNING, digest
from support.crash import Child, fails_at, in_child, killed_at, points_of
from support.datasets import image_dataset
from support.full import Document
from support.operators import execute
from support.panel import Panel
from support.stories import NAME, STORIES, make


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
    fos.restore_samples(dataset, "w1", dataset.first().id)
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


def test_what_others_deleted_is_noted_by_whoever_finds_it(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(dataset, "v1")
    other = image_dataset("other", 1, persistent=True)
    database["datasets"].delete_one({"name": "street"})
    fos.list_snapshots(other)
    assert told() == [("create", "v1", "done"), ("purge", None, "done")]
    assert fos.list_events()[0].dataset == "street"


def test_expired_trash_is_noted(dataset: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(dataset, "v1")
    fos.delete_snapshot(dataset, "v1")
    fos.list_snapshots(dataset)
    assert len(told()) == 2
    (record,) = database["snapshots.catalog"].find()
    old = record["trashed_at"] - timedelta(days=8)
    database["snapshots.catalog"].update_one({}, {"$set": {"trashed_at": old}})
    fos.list_snapshots(dataset)
    assert told()[2:] == [("expire", None, "done")]
    assert fos.list_events()[0].counts == {"items": 1}


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


def test_events_can_be_selected(dataset: fo.Dataset) -> None:
    other = image_dataset("other", 2, persistent=True)
    for number, user in enumerate(["anna", "ben", "anna"]):
        with acting_as(Interface.SDK, user):
            fos.create_snapshot(dataset, f"v{number}")
    fos.create_snapshot(other, "v1")
    fos.delete_snapshot(other, "v1")
    assert [e.snapshot for e in fos.list_events(dataset)] == ["v2", "v1", "v0"]
    assert [e.snapshot for e in fos.list_events("street", user="anna")] == ["v2", "v0"]
    assert [e.dataset for e in fos.list_events(action="delete")] == ["other"]
    assert [e.sequence for e in fos.list_events(limit=2)] == [5, 4]
    assert [e.sequence for e in fos.list_events(limit=2, offset=2)] == [3, 2]
    middle = fos.list_events()[2].at
    assert [e.sequence for e in fos.list_events(since=middle)] == [5, 4, 3]
    assert [e.sequence for e in fos.list_events(until=middle)] == [2, 1]
    assert fos.list_events(outcome="failed") == []
    assert fos.list_events("never there") == []
    assert fos.list_event_users(dataset) == ["anna", "ben"]
    with pytest.raises(ValueError, match="no action 'destroy'"):
        fos.list_events(action="destroy")
    with pytest.raises(ValueError, match="no outcome 'good'"):
        fos.list_events(outcome="good")


# Nothing is lost, and the action's outcome wins


@pytest.mark.parametrize("verb", ["create", "delete", "revert", "undo_revert"])
def test_whenever_a_process_dies_the_log_tells_once_what_came_of_it(
    verb: str, database: Database[Document]
) -> None:
    story = STORIES[verb]
    make("image", story)
    points = points_of(story.act)
    assert story.back is not None
    assert points[-2:] == ["audit.appending", "audit.appended"]
    committed = points.index(f"{verb}.committed")
    # The middle, and all of the end, where operation and log could differ
    for number in {*range(0, committed, 4), *range(committed, len(points))}:
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
    fos.list_snapshots(dataset)
    assert told() == [("create", "v1", "done")]


# The chain


def _append(number: int, times: int) -> Callable[[], str]:
    def run() -> str:
        database = backend_database.connect()
        for time in range(times):
            with acting_as(Interface.SDK, f"user {number}"):
                begun = recording.Recording(fos.Action.LOAD, "street", None, f"v{time}")
                recording.note(database, begun, 0.1, None)
        return "done"

    return run


def test_processes_append_at_once_and_the_chain_holds(dataset: fo.Dataset) -> None:
    children = [Child(_append(number, 25)) for number in range(4)]
    for child in children:
        child.__enter__()
    _append(9, 25)()
    assert [child.result() for child in children] == ["done"] * 4
    for child in children:
        child.__exit__()
    events = fos.list_events()
    assert [event.sequence for event in events] == list(range(125, 0, -1))
    for number in (0, 1, 2, 3, 9):
        mine = [event.snapshot for event in events if event.user == f"user {number}"]
        assert mine == [f"v{time}" for time in reversed(range(25))]
    report = fos.verify_audit_log()
    assert report
    assert report.events == 125
    assert report.head == f"125:{events[0].hash}"


@pytest.fixture
def chain(dataset: fo.Dataset, database: Database[Document]) -> Any:
    """Seven events."""
    _append(0, 7)()
    assert str(fos.verify_audit_log()) == "The audit log is intact: 7 events"
    return database["snapshots.audit"]


def rehash(chain: Any, first: int) -> None:
    """Does what somebody does who knows how the log is made."""
    previous = BEGINNING
    for event in list(chain.find().sort("_id", 1)):
        if event["_id"] >= first:
            event["previous"] = previous
            event["hash"] = digest(event)
            chain.replace_one({"_id": event["_id"]}, event)
        previous = event["hash"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("user", "somebody else"),
        ("at", None),
        ("outcome", "refused"),
        ("parameters", {"a": 1}),
        ("snapshot", "v9"),
        ("seconds", 9),
        ("previous", "0" * 64),
        ("hash", "0" * 64),
        ("extra", 1),
    ],
)
def test_an_altered_event_is_named(chain: Any, key: str, value: object) -> None:
    chain.update_one({"_id": 3}, {"$set": {key: value}})
    report = fos.verify_audit_log()
    assert not report
    assert (report.events, report.sequence, report.problem) == (2, 3, "it was altered")
    assert str(report) == "The audit log was tampered with at event 3: it was altered"


def test_a_damaged_event_is_told_when_it_is_listed(chain: Any) -> None:
    chain.update_one({"_id": 3}, {"$unset": {"outcome": 1}})
    assert len(fos.list_events(limit=4)) == 4
    with pytest.raises(fos.SnapshotError, match="Event 3 of the audit log is damaged"):
        fos.list_events()


def test_a_removed_event_is_named(chain: Any) -> None:
    chain.delete_one({"_id": 4})
    report = fos.verify_audit_log()
    assert (report.sequence, report.problem) == (4, "it was removed")
    chain.delete_many({"_id": {"$lt": 4}})
    report = fos.verify_audit_log()
    assert (report.sequence, report.events) == (1, 0)


def test_an_inserted_event_is_found(chain: Any) -> None:
    event = chain.find_one({"_id": 3})
    chain.insert_one({**event, "_id": 3.5})
    report = fos.verify_audit_log()
    assert (report.sequence, report.problem) == (4, "an event numbered 3.5 was inserted")


def test_an_event_that_was_altered_with_its_hash_is_found(chain: Any) -> None:
    chain.update_one({"_id": 3}, {"$set": {"user": "somebody else"}})
    event = chain.find_one({"_id": 3})
    chain.update_one({"_id": 3}, {"$set": {"hash": digest(event)}})
    report = fos.verify_audit_log()
    assert report.sequence == 3
    assert report.problem == "it was replaced, or event 4 after it was"


def test_a_chain_that_was_made_anew_is_found(chain: Any) -> None:
    chain.update_one({"_id": 3}, {"$set": {"user": "somebody else"}})
    rehash(chain, 3)
    report = fos.verify_audit_log()
    assert report.sequence == 7
    assert report.problem == "it was replaced, with all that follow it"


def test_a_log_that_was_cut_is_found(chain: Any) -> None:
    chain.delete_many({"_id": {"$gt": 5}})
    report = fos.verify_audit_log()
    assert (report.sequence, report.events) == (6, 5)
    assert report.problem == "it was removed from the end: the log has been longer"
    chain.drop()
    assert fos.verify_audit_log().sequence == 1


def test_a_whole_new_log_is_found_only_with_a_head_that_was_kept_elsewhere(
    chain: Any, database: Database[Document]
) -> None:
    head = fos.verify_audit_log().head
    assert fos.verify_audit_log(head)
    chain.delete_many({"_id": {"$gt": 5}})
    chain.update_one({"_id": 2}, {"$set": {"user": "somebody else"}})
    rehash(chain, 2)
    database["snapshots.audit_head"].drop()
    assert fos.verify_audit_log().problem == ("the note of how far the log has come was removed")
    last = chain.find_one({"_id": 5})
    note = {"_id": "head", "sequence": 5, "hash": last["hash"]}
    database["snapshots.audit_head"].insert_one(note)
    assert fos.verify_audit_log()
    report = fos.verify_audit_log(head)
    assert report.problem == "it was removed from the end: an earlier report has seen it"
    with pytest.raises(ValueError, match="not the head of an audit report"):
        fos.verify_audit_log("7")


def test_a_process_that_dies_while_it_appends_leaves_a_whole_chain(dataset: fo.Dataset) -> None:
    for point in ("audit.appending", "audit.appended"):
        assert fails_at(point, _append(0, 1))
        assert in_child(lambda point=point: killed_at(point, _append(0, 1))) == 0
        assert fos.verify_audit_log(), point
    _append(0, 1)()
    assert fos.verify_audit_log()


# Export


def test_json_lines_can_be_checked_without_this_package(chain: Any, tmp_path: Path) -> None:
    assert fos.export_events(tmp_path / "log.jsonl") == 7
    previous = "0" * 64
    for line in (tmp_path / "log.jsonl").read_text().splitlines():
        event = json.loads(line)
        claimed = event.pop("hash")
        assert event["previous"] == previous
        text = json.dumps(event, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == claimed
        previous = claimed
    # The export itself is noted once it is done
    assert fos.list_events()[0].action == "export_log"
    assert list(tmp_path.iterdir()) == [tmp_path / "log.jsonl"]


def test_csv_is_a_table(dataset: fo.Dataset, tmp_path: Path) -> None:
    with acting_as(Interface.SDK, "=cmd()"):
        fos.create_snapshot(dataset, '数据, "v1"\nx'.replace("\n", " "), "a\nb")
    assert fos.export_events(str(tmp_path / "log.CSV")) == 1
    with (tmp_path / "log.CSV").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["snapshot"] == '数据, "v1" x'
    assert json.loads(row["parameters"]) == {"description": "a\nb"}
    assert row["user"] == "'=cmd()", "a spreadsheet would take it for a formula"
    assert row["at"].endswith("Z")


def test_other_suffixes_are_refused(dataset: fo.Dataset, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none of \.jsonl, \.csv"):
        fos.export_events(tmp_path / "log.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_times_are_hashed_alike_in_every_time_zone(chain: Any) -> None:
    program = "import fiftyone_snapshots as fos; print(bool(fos.verify_audit_log()))"
    environment = {**os.environ, "FIFTYONE_TIMEZONE": "America/New_York"}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.strip().endswith("True"), ended.stderr


# The panel


@pytest.mark.usefixtures("installed_plugin")
def test_the_panel_shows_the_activity_page_by_page(dataset: fo.Dataset) -> None:
    with acting_as(Interface.SDK, "anna"):
        fos.create_snapshot(dataset, "v1")
    with pytest.raises(fos.SnapshotNotFoundError):
        fos.load_snapshot(dataset, "v9")
    for _ in range(20):
        fos.load_snapshot(dataset, "v1")
    assert Panel("street").button("activity") is not None
    first = Panel("street", activity=True)
    assert first.text().count("by ") >= 20
    assert first.button("newer")["disabled"] is True
    assert first.button("older")["disabled"] is False
    second = Panel("street", activity=True, page=1)
    assert "by anna" in second.text()
    assert "Dataset 'street' has no snapshot 'v9'" in second.text()
    assert "total samples: 4" in second.text()
    assert second.button("older")["disabled"] is True
    filters = {"history": {"events": {"user": "anna", "action": "create"}}}
    found = Panel("street", activity=True, **filters)
    assert found.text().count("· by ") == 1
    none = {"history": {"events": {"action": "delete"}}}
    assert "Nothing of that kind" in Panel("street", activity=True, **none).text()
