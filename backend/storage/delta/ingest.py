"""Taking in a state that is complete, such as one from an archive or of another backend."""

from __future__ import annotations

from dataclasses import replace

from pymongo.database import Database

from ...catalog.record import SnapshotRecord
from ...dataset.parts import State
from ...mongo.collections import delta_name
from ...mongo.database import Document
from .. import collections
from . import chains
from .capture import DeltaTarget
from .chain import Link


def ingest_newest(database: Database[Document], record: SnapshotRecord, staged: State) -> None:
    """Takes in a state that is newer than all snapshots: as if it were captured now.

    Args:
        database: the database
        record: the snapshot, which has a link at the end of the chain
        staged: its documents
    """
    target = DeltaTarget(database, record.dataset_id, record.id)
    target.complete({part: target.copy(part, documents) for part, documents in staged.items()})


def ingest_apart(database: Database[Document], record: SnapshotRecord, staged: State) -> None:
    """Takes in a state from the middle of the history: it is stored in full, and on its own.

    Args:
        database: the database
        record: the snapshot
        staged: its documents, whose collections are renamed
    """
    link = Link(record.id, record.sequence, is_apart=True)
    for part in staged:
        link = link.with_part(part, full_copy=record.id, is_kept=True)
    # Named first, so that what is renamed belongs to something
    chains.change(database, record.dataset_id, lambda chain: chain.with_link(link))
    for part, documents in staged.items():
        name = delta_name(record.dataset_id, record.id, part)
        collections.settle(part, documents.collection, name)
    complete = replace(link, is_complete=True)
    chains.change(database, record.dataset_id, lambda chain: chain.with_link(complete))
