"""What a restoration and its undo have in common when they end, well or badly."""

from __future__ import annotations

from contextlib import suppress

import bson
from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..dataset import instances, replacing
from ..dataset.parts import Head
from ..dataset.reference import is_deleted
from ..errors import ConcurrentWritesError
from ..mongo.database import Document, server_time
from ..operations.journal import Operation
from ..rawbson.equality import same_values
from .staging import PARTS, Staging


def note_time(database: Database[Document], dataset_id: ObjectId) -> None:
    """Notes when documents came back, with the times that they had then.

    Before and after, so that whoever reads the dataset at the same time can tell.

    Args:
        database: the database
        dataset_id: the dataset
    """
    Catalog(database).set_dataset_facts(dataset_id, restored_at=server_time(database))


def change_document(running: Operation, head: Head) -> None:
    """Changes the dataset's document as it was noted, if that still is what it was.

    Args:
        running: the operation, which has noted ``before`` and ``after``
        head: the dataset

    Raises:
        ConcurrentWritesError: if somebody else has changed it at the same moment
    """
    before, after = (bson.decode(running.details[key]) for key in ("before", "after"))
    replacing.set_values(running.database["datasets"], running.dataset_id, before, after)
    document = head.document()
    compared = [key for key in after if key != "last_modified_at"]
    if not all(same_values(document.get(key), after[key]) for key in compared):
        raise ConcurrentWritesError(
            "The dataset's schema was changed by somebody else at the same moment. Nothing was "
            "changed. Try again."
        )


def recover(running: Operation) -> None:
    """Turns back what still is what an operation has written, unless its change is complete.

    Args:
        running: the operation
    """
    database, details = running.database, running.details
    is_begun = details.get("kept") and not running.is_committed
    if is_begun and not is_deleted(database, running.dataset_id):
        _take_back(running, Head(database, running.dataset_id))
    if details.get("kept"):
        note_time(database, running.dataset_id)
    Staging(running).drop()


def _take_back(running: Operation, head: Head) -> None:
    database, details = running.database, running.details
    state = head.state()
    staging = Staging(running)
    selected = staging.selected()
    for part in PARTS:
        if part not in state:
            continue
        target = state[part].collection
        if "wanted" not in details:
            # Of an earlier version, which did not note what it would write
            staging.want(state, [part], selected)
        staging.exchange(target, part, back=True)
    before, after = (bson.decode(details[key]) for key in ("before", "after"))
    replacing.set_values(database["datasets"], running.dataset_id, after, before)
    with suppress(Exception):
        # What this process shows is of no matter to the recovery of the database
        instances.refresh_samples(running.dataset_id, selected)
