"""The events of the audit log are a chain: it holds whoever appends, and tampering shows."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.access import Interface, acting_as
from fiftyone_snapshots.backend.audit import recording
from fiftyone_snapshots.backend.audit.event import BEGINNING, digest
from fiftyone_snapshots.backend.mongo import database as backend_database
from support.crash import Child, fails_at, in_child, killed_at
from support.datasets import image_dataset
from support.full import Document


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset("street", 4, persistent=True)


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


@pytest.mark.parametrize("kept", [5, 0])
def test_a_log_that_was_cut_is_found_when_more_was_appended(
    kept: int, chain: Any, database: Database[Document]
) -> None:
    chain.delete_many({"_id": {"$gt": kept}})
    _append(1, 4)()
    report = fos.verify_audit_log()
    assert (report.sequence, report.events) == (kept + 1, kept)
    assert report.problem == "it and the others before 8 were removed"
    assert [event.sequence for event in fos.list_events(limit=4)] == [11, 10, 9, 8]


def test_a_note_that_was_removed_does_not_come_back(
    chain: Any, database: Database[Document]
) -> None:
    chain.delete_many({"_id": {"$gt": 5}})
    database["snapshots.audit_head"].drop()
    _append(1, 4)()
    assert fos.verify_audit_log().problem == "the note of how far the log has come was removed"


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
