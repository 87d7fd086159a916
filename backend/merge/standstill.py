"""Keeping writers away from the target of a merge for the moment of the exchange.

A revert discards what it finds. A merge does not: what is written to the target between the last
look at it and the exchange would be lost. So, before the last look, the server is told to refuse
writes to the samples and frames. A writer gets an error for these milliseconds, and loses nothing.

What the server refuses that way are insertions and updates. Deletions in that moment are noticed
afterwards, and told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import bson
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..dataset.change_token import DatasetToken
from ..dataset.parts import Head, Part, State
from ..diff.versions import HeadVersion
from ..errors import ConcurrentWritesError, StaleMergeError
from ..manifest.manifest import Manifest
from ..mongo.collections import trashed_name
from ..mongo.counters import write_counters
from ..mongo.database import MERGING, Document
from ..operations.journal import Operation
from ..revert import swap
from .side import Side, sayable
from .store import PlanRecord

logger = logging.getLogger(__name__)

_NAMESPACE_NOT_FOUND = 26
_OPTIONS = ("validator", "validationLevel", "validationAction")

_OF_ALL: Document = {"validator": {}, "validationLevel": "strict", "validationAction": "error"}
_OF_NOBODY: Document = {**_OF_ALL, "validator": {"$expr": {"$eq": [MERGING, ""]}}}

_SMALL = (Part.VIEWS, Part.WORKSPACES, Part.RUNS, Part.TAGS)


def known_related(state: State) -> dict[str, list[ObjectId]]:
    """Returns the ids of what a dataset keeps in shared collections, by part.

    Args:
        state: the dataset
    """
    return {part.name: list(state[part].ids()) for part in _SMALL if part in state}


def unchanged(
    running: Operation, before: DatasetToken, head: Head, planned: Document, ours: Side
) -> Callable[[Document], None]:
    """Returns what refuses the exchange if the target was written to.

    Args:
        running: the merge
        before: a look at the target before it was copied
        head: the target
        planned: its dataset document
        ours: what was merged
    """
    related = _digest(before.state)

    def check(current: Document) -> None:
        _refuse_writes(running, head)
        counters = before.again(head.database).counters
        is_written = not before.has_counters or counters != before.counters
        is_edited = sayable(current) != sayable(planned)
        if (
            is_edited
            or _digest(swap.former_related(running, head)) != related
            or (is_written and not _is_same(head, ours))
        ):
            raise ConcurrentWritesError(
                f"Dataset '{planned['name']}' was written to at the moment of the merge; nothing "
                "was changed. Apply it again, or plan it again if the content has changed."
            )

    return check


def let_write(running: Operation) -> None:
    """Has the server take writes again, wherever the collections are; may be repeated.

    Args:
        running: the merge
    """
    database = running.database
    for part, name, options in running.details.get("standstill", []):
        wanted = {**_OF_ALL, **bson.decode(options)}
        for place in (name, trashed_name(running.id, Part[part])):
            if swap.is_collection(database, place):
                _set(database, place, wanted)


def tell_of_deletions(running: Operation) -> None:
    """Says if samples or frames were deleted between the last look and the exchange.

    Args:
        running: the merge, whose exchange was made
    """
    database, noted = running.database, running.details.get("removals", {})
    for part, removed in noted.items():
        now = _removals(database, trashed_name(running.id, Part[part]))
        # Fewer: the server has begun to count anew
        if removed is not None and now is not None and now > removed:
            logger.warning(
                "%s of the target were deleted at the very moment of the merge, and are there "
                "again: delete them once more",
                part.lower(),
            )


def _refuse_writes(running: Operation, head: Head) -> None:
    """Has the server refuse writes to what the dataset has now."""
    if "standstill" in running.details:
        return
    database = running.database
    own = {part: d.collection.name for part, d in head.state().items() if part.is_own_collection}
    listed = database.list_collections(filter={"name": {"$in": list(own.values())}})
    options = {found["name"]: found.get("options", {}) for found in listed}
    former = [
        # As bytes: the journal could not hold what begins with a dollar
        (part.name, name, bson.encode(_validation(options.get(name, {}))))
        for part, name in own.items()
    ]
    removals = {part.name: _removals(database, name) for part, name in own.items()}
    running.note(standstill=former, removals=removals)
    running.step("noted_standstill")
    for name in own.values():
        _set(database, name, _OF_NOBODY)
    running.step("refused_writes")


def _validation(options: Mapping[str, Any]) -> Document:
    return {key: options[key] for key in _OPTIONS if key in options}


def _set(database: Database[Document], name: str, options: Document) -> None:
    try:
        database.command("collMod", name, **options)
    except OperationFailure as error:
        if error.code != _NAMESPACE_NOT_FOUND:
            raise


def _removals(database: Database[Document], name: str) -> int | None:
    counters = write_counters(database[name])
    return None if counters is None else int(counters[5])


def _digest(state: State) -> dict[Part, str]:
    return {
        part: Manifest.read(state[part]).fingerprint(touched=False)
        for part in _SMALL
        if part in state
    }


def _is_same(head: Head, ours: Side) -> bool:
    """Returns whether the samples and frames of the target still are those that were merged."""
    now = HeadVersion(head)
    return all(
        now.manifest(part).fingerprint(touched=False)
        == ours.manifest(part).fingerprint(touched=False)
        for part in (Part.SAMPLES, Part.FRAMES)
    )


def check(before: DatasetToken, head: Head, plan: PlanRecord, planned: Document) -> None:
    """Refuses to go on if the target was written to while it was merged.

    Args:
        before: what told of writes before it was copied
        head: the target
        plan: the plan
        planned: its dataset document then

    Raises:
        StaleMergeError: if it has changed
    """
    if before.proves_no_write(before.again(head.database)):
        return
    if Side(head.database, HeadVersion(head)).digest() != plan.ours:
        raise stale("target", planned["name"])


def stale(side: str, name: Any) -> StaleMergeError:
    """Says that a side of a merge has changed since it was planned."""
    return StaleMergeError(
        f"The {side} '{name}' has changed since the merge was planned; nothing was changed. Plan "
        "it again: what was decided about what has not changed is kept."
    )
