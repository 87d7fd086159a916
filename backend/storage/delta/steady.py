"""Looking at the collections of a chain while none of them changes.

A new snapshot may take the base over at any moment. So whoever has looked asks whether the chain
by which the collections were found has changed meanwhile; if so, it is done once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ...errors import DatasetBusyError
from ...mongo.database import Document
from . import chains
from .chain import Chain

T = TypeVar("T")

_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.05


class BaseIsPatchedError(Exception):
    """Raised by whoever looks if a base is being patched at this moment."""


def steadily(
    database: Database[Document],
    dataset_id: ObjectId,
    snapshot_id: ObjectId,
    look: Callable[[Chain], T],
    chain: Chain | None = None,
) -> tuple[T, Chain]:
    """Looks at collections none of which changes meanwhile.

    Args:
        database: the database
        dataset_id: the dataset
        snapshot_id: one of the snapshots that are looked at
        look: what to do; may be called again
        chain (None): the chain, if it was just read

    Returns:
        what ``look`` returned, and the chain by which it found the collections

    Raises:
        DatasetBusyError: if a snapshot is being created all the time
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        chain = chain or chains.load(database, dataset_id)
        try:
            found = look(chain)
        except BaseIsPatchedError:
            pass
        except OperationFailure:
            # A collection that is dropped cuts off those that read it
            if chains.is_current(database, chain, snapshot_id):
                raise
        else:
            if chains.is_current(database, chain, snapshot_id):
                return found, chain
        if time.monotonic() > deadline:
            raise DatasetBusyError(
                "A snapshot of the dataset is being created or deleted at this moment; try "
                "again when that is done"
            )
        chain = None
        time.sleep(_POLL_SECONDS)
