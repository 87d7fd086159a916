"""Whose turn it is: operations that were queued on a dataset run in the order they were queued.

FiftyOne's delegated workers take what was queued last (fiftyone/operators/delegated.py:604, sorted
by fiftyone/factory/__init__.py:35). "Take a snapshot, then roll back" would roll back first, and
the snapshot would hold the wrong state. So an operation of ours that a worker has taken first runs
what was queued before it on the same dataset, of whomever. What was queued after it and is not
ours does not wait for it: then it is refused, being meant for what the dataset was before.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fiftyone.core.odm as foo
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionContext
from pymongo.collection import Collection

from ..backend.access import Action
from ..backend.config import Settings
from ..backend.errors import DatasetBusyError, OvertakenError

_POLL_SECONDS = 0.2

_OF_HEAD = (
    Action.CREATE,
    Action.CREATE_BRANCH,
    Action.REVERT,
    Action.UNDO_REVERT,
    Action.APPLY_MERGE,
    Action.UNDO_MERGE,
    Action.RESTORE_SAMPLES,
    Action.UNDO_RESTORE,
)
"""What keeps or replaces the dataset's present state."""

Operations = Collection[dict[str, Any]]


def take(ctx: ExecutionContext, action: Action, plugin: str) -> None:
    """Sees to it that an operation of a delegated worker comes after those queued before it.

    Args:
        ctx: the operator's context
        action: what it does
        plugin: the name that our operators begin with

    Raises:
        DatasetBusyError: if one that was queued before it is still running elsewhere
        OvertakenError: if one that was queued after it has run before it
    """
    operations: Operations = foo.get_db_conn()["delegated_ops"]
    mine = operations.find_one({"_id": ctx.request_params.get("run_doc")})
    if mine is None or mine.get("dataset_id") is None or mine.get("queued_at") is None:
        return
    _refuse_if_overtaken(operations, mine, action, plugin)
    _run_earlier(operations, mine)
    _wait_for_earlier(operations, mine)


def _refuse_if_overtaken(
    operations: Operations, mine: dict[str, Any], action: Action, plugin: str
) -> None:
    if action not in _OF_HEAD:
        return
    later = operations.find_one(
        {
            "dataset_id": mine["dataset_id"],
            "started_at": {"$ne": None},
            "$or": [
                {"queued_at": {"$gt": mine["queued_at"]}},
                {"queued_at": mine["queued_at"], "_id": {"$gt": mine["_id"]}},
            ],
            # Ours waits for this one, though it has begun
            "operator": {"$not": {"$regex": f"^{plugin}/"}},
        }
    )
    if later is not None:
        raise OvertakenError(
            f"{_name(later)} was queued on this dataset after this operation, but FiftyOne's "
            "worker has run it first, so the dataset may not be what it was meant for. Nothing "
            "was done: look at the dataset, and queue this operation again if it is still wanted."
        )


def _run_earlier(operations: Operations, mine: dict[str, Any]) -> None:
    service = DelegatedOperationService()
    query = _earlier(mine) | {
        "run_state": "queued",
        # What is meant for other workers, they do
        "delegation_target": mine.get("delegation_target"),
    }
    while earlier := operations.find_one(query, {"_id": 1}, sort=[("queued_at", 1), ("_id", 1)]):
        # In a thread of its own it knows nothing of who runs this one
        with ThreadPoolExecutor(max_workers=1) as thread:
            found = service.get(earlier["_id"])
            thread.submit(service.execute_operation, found, log=True).result()


def _wait_for_earlier(operations: Operations, mine: dict[str, Any]) -> None:
    query = _earlier(mine) | {"run_state": "running"}
    deadline = time.monotonic() + Settings.load().lock_wait_seconds
    while (running := operations.find_one(query)) is not None:
        if time.monotonic() >= deadline:
            raise DatasetBusyError(
                f"{_name(running)} was queued on this dataset before this operation and is still "
                "running. Nothing was done: queue this operation again when it has ended. If its "
                f"worker has died, 'fiftyone delegated fail {running['_id']}' says so."
            )
        time.sleep(_POLL_SECONDS)


def _earlier(mine: dict[str, Any]) -> dict[str, Any]:
    return {
        "dataset_id": mine["dataset_id"],
        "$or": [
            {"queued_at": {"$lt": mine["queued_at"]}},
            {"queued_at": mine["queued_at"], "_id": {"$lt": mine["_id"]}},
        ],
    }


def _name(operation: dict[str, Any]) -> str:
    return f"'{operation.get('label') or operation['operator']}' ({operation['_id']})"
