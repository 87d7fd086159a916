"""Dropping collections that the chain does not name (any more)."""

from __future__ import annotations

from collections import Counter

from bson import ObjectId
from pymongo.database import Database

from ...mongo import fence
from ...mongo.collections import DELTA, all_collections, dataset_of, delta_collections, token_of
from ...mongo.database import Document
from ...mongo.invalidate import invalidate_views
from . import chains

_GONE = (
    "This snapshot is not held ready any more, to make room for others: nothing is lost, load it "
    "again with fo.load_dataset(dataset, snapshot=name)"
)


def collect_garbage(database: Database[Document], dataset_id: ObjectId) -> None:
    """Drops the collections of a dataset that nothing needs; the caller holds its lease.

    Who has lost it drops nothing that the next one is just making: what is dropped was there while
    the lease was still held, which is asked after that, and is dropped by what it is.

    Args:
        database: the database
        dataset_id: the dataset
    """
    existing = delta_collections(database, dataset_id)
    if not existing:
        return
    used = chains.known(database, dataset_id).tokens()
    unused = {name: found for name, found in existing.items() if token_of(name) not in used}
    if unused:
        fence.check(database)
    for name, description in unused.items():
        invalidate_views(database, name, _GONE)
        fence.drop(database, name, description)


def unnamed(database: Database[Document]) -> dict[ObjectId, int]:
    """Counts the collections that no chain names, by dataset.

    Args:
        database: the database

    Returns:
        the numbers, none of them 0
    """
    existing = [name for name in all_collections(database) if name.startswith(f"{DELTA}.")]
    if not existing:
        return {}
    used = set().union(*(chain.tokens() for chain in chains.all_chains(database)))
    return Counter(dataset_of(name) for name in existing if token_of(name) not in used)
