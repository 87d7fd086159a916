"""The chain of hashes shows where the audit log was touched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from fiftyone_snapshots.backend.audit import proof
from fiftyone_snapshots.backend.audit.event import BEGINNING, digest
from fiftyone_snapshots.backend.errors import InvalidRequestError

Document = dict[str, Any]
Log = Database[Document]


@pytest.fixture
def log(database: Log) -> Log:
    """A log of five events."""
    previous = BEGINNING
    for number in range(1, 6):
        event: Document = {
            "_id": number,
            "format": 1,
            "at": datetime.fromisoformat("2026-11-28") + timedelta(minutes=number),
            "user": "änna",
            "action": "create",
            "parameters": {"name": f"v{number}"},
            "previous": previous,
        }
        event["hash"] = previous = digest(event)
        database["snapshots.audit"].insert_one(event)
    database["snapshots.audit_head"].insert_one({"_id": "head", "sequence": 5, "hash": previous})
    return database


def test_an_untouched_log_is_intact(log: Log) -> None:
    report = proof.verify(log)
    assert report
    assert report.events == 5
    assert proof.verify(log, report.head)


def _alter(log: Log) -> None:
    log["snapshots.audit"].update_one({"_id": 3}, {"$set": {"user": "ben"}})


def _remove(log: Log) -> None:
    log["snapshots.audit"].delete_one({"_id": 3})


def _cut(log: Log) -> None:
    log["snapshots.audit"].delete_many({"_id": {"$gte": 3}})


def _replace(log: Log) -> None:
    event = log["snapshots.audit"].find_one({"_id": 3})
    assert event is not None
    event["user"] = "ben"
    event["hash"] = digest(event)
    log["snapshots.audit"].replace_one({"_id": 3}, event)


def _insert(log: Log) -> None:
    log["snapshots.audit"].insert_one({"_id": 0, "user": "ben"})


@pytest.mark.parametrize(
    ("tamper", "sequence"),
    [(_alter, 3), (_remove, 3), (_cut, 3), (_replace, 3), (_insert, 1)],
    ids=["altered", "removed", "cut off", "replaced", "inserted"],
)
def test_the_first_event_that_is_wrong_is_named(
    log: Log, tamper: Callable[[Log], None], sequence: int
) -> None:
    tamper(log)
    report = proof.verify(log)
    assert not report
    assert report.sequence == sequence


def test_a_log_that_was_cut_off_with_its_note_is_seen_by_an_earlier_report(log: Log) -> None:
    known = proof.verify(log).head
    _cut(log)
    last = log["snapshots.audit"].find_one({"_id": 2})
    assert last is not None
    log["snapshots.audit_head"].replace_one({"_id": "head"}, {"sequence": 2, "hash": last["hash"]})
    assert proof.verify(log)
    assert not proof.verify(log, known)


@pytest.mark.parametrize("known", ["", "5", "x:abc", f"5:{'0' * 10}"])
def test_what_is_no_head_of_a_report_is_refused(log: Log, known: str) -> None:
    with pytest.raises(InvalidRequestError):
        proof.verify(log, known)
