"""Journal entries say how far an operation has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from bson import ObjectId
from pymongo.database import Database

from fiftyone_snapshots.backend.actions import Action
from fiftyone_snapshots.backend.errors import NewerFormatError, OperationNotFoundError
from fiftyone_snapshots.backend.operations import entry
from fiftyone_snapshots.backend.operations.entry import Entry, OperationState, stored_verb

DATASET = ObjectId()


def document(state: OperationState = OperationState.RUNNING, **changes: Any) -> dict[str, Any]:
    return {
        "_id": ObjectId(),
        "format": 1,
        "dataset_id": DATASET,
        "verb": Action.CREATE.value,
        "state": state.value,
        "details": {},
        "started_at": datetime.fromisoformat("2026-11-28"),
        **changes,
    }


@pytest.mark.parametrize("verb", Action)
def test_every_verb_is_read_again(verb: Action) -> None:
    assert Entry.from_document(document(verb=stored_verb(verb))).verb is verb


@pytest.mark.parametrize(
    ("stored", "verb"),
    [("restore_snapshot", Action.RESTORE), ("summarize", Action.CALCULATE)],
)
def test_verbs_are_read_by_the_names_that_older_versions_have_stored(
    stored: str, verb: Action
) -> None:
    assert Entry.from_document(document(verb=stored)).verb is verb


def test_what_an_older_version_did_not_write_has_a_default() -> None:
    entry = Entry.from_document(document())
    assert (entry.progress, entry.label, entry.error, entry.finished_at) == (0.0, "", None, None)
    assert not entry.is_cancelled


def test_a_verb_of_a_newer_version_is_refused() -> None:
    with pytest.raises(NewerFormatError, match="'teleport'"):
        Entry.from_document(document(verb="teleport"))


@pytest.mark.parametrize(
    ("state", "is_committed"),
    [
        (OperationState.RUNNING, False),
        (OperationState.COMMITTED, True),
        (OperationState.DONE, True),
        (OperationState.UNDONE, False),
    ],
)
def test_a_change_is_visible_once_it_is_committed(
    state: OperationState, is_committed: bool
) -> None:
    assert Entry.from_document(document(state=state)).is_committed is is_committed


def test_only_running_and_committed_operations_are_unfinished(
    database: Database[dict[str, Any]],
) -> None:
    for state in OperationState:
        database["snapshots.journal"].insert_one(document(state))
    elsewhere = document(dataset_id=ObjectId())
    database["snapshots.journal"].insert_one(elsewhere)

    found = [entry.state for entry in entry.unfinished(database, DATASET)]

    assert found == [OperationState.RUNNING, OperationState.COMMITTED]
    assert len(entry.unfinished(database)) == 3
    assert set(entry.unfinished_datasets(database)) == {DATASET, elsewhere["dataset_id"]}


@pytest.mark.parametrize("operation_id", ["", "nonsense", "6" * 24])
def test_an_unknown_operation_is_not_found(
    database: Database[dict[str, Any]], operation_id: str
) -> None:
    with pytest.raises(OperationNotFoundError):
        entry.get(database, operation_id)
