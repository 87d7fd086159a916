"""Taking in a state that is complete, such as one from an archive or of another backend."""

from __future__ import annotations

from dataclasses import replace

from bson import ObjectId
from pymongo.database import Database

from ...catalog.record import SnapshotRecord
from ...dataset.parts import Part, State
from ...mongo.collections import delta_name
from ...mongo.database import Document
from ...rawbson.ids import Keys
from .. import collections, scan
from . import chains, order
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


def ingest_first(database: Database[Document], record: SnapshotRecord, staged: State) -> None:
    """Takes in a state that nothing in the chain is to be compared with.

    Args:
        database: the database
        record: the snapshot, which has the only link of the chain
        staged: its documents, whose collections are renamed
    """
    link = Link(record.id, record.sequence)
    orders: dict[Part, Keys] = {}
    for part, documents in staged.items():
        is_kept = True
        if part.is_own_collection:
            orders[part], are_usual = scan.natural_and_usual(documents.collection)
            is_kept = not are_usual
        # A name of its own for each: the next capture takes over that of samples alone
        link = link.with_part(part, full_copy=ObjectId(), is_kept=is_kept)
    settle(database, link, record, staged)
    for part, natural in orders.items():
        order.save_natural(database, record.id, part, natural)
    complete = replace(link, is_complete=True)
    chains.change(database, record.dataset_id, lambda chain: chain.with_link(complete))


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
    settle(database, link, record, staged)
    complete = replace(link, is_complete=True)
    chains.change(database, record.dataset_id, lambda chain: chain.with_link(complete))


def settle(
    database: Database[Document], link: Link, record: SnapshotRecord, staged: State
) -> None:
    """Gives what is staged the names by which a link calls it.

    Args:
        database: the database
        link: the link, which takes the place of the snapshot's in the chain
        record: the snapshot
        staged: its documents, whose collections are renamed
    """
    # Named first, so that what is renamed belongs to something
    chains.change(database, record.dataset_id, lambda chain: chain.with_link(link))
    for part, documents in staged.items():
        stored = link.parts[part]
        token = stored.full_copy or stored.pre_images
        if token is not None:
            name = delta_name(record.dataset_id, token, part)
            collections.settle(part, documents.collection, name)
