"""Which snapshots are held ready to be opened: a bounded number, the last loaded ones."""

from __future__ import annotations

from datetime import datetime

from bson import ObjectId
from pymongo.database import Database

from ...catalog.catalog import Catalog
from ...config import Settings
from ...mongo.database import Document
from . import chains
from .chain import Chain, Link


def evict(
    database: Database[Document], dataset_id: ObjectId, wanted: ObjectId | None = None
) -> None:
    """Makes the least recently loaded snapshots virtual again, if there are too many.

    The newest snapshot, those that are kept as a full copy anyway, and pinned ones stay. What
    nobody needs any more is then for the garbage collection.

    Args:
        database: the database
        dataset_id: the dataset
        wanted (None): a snapshot that stays, because it is just being opened
    """
    chain = chains.known(database, dataset_id)
    held = [link for link in chain.links if chain.held(link) and link.id != wanted]
    pinned = {link.id for link in held if _is_pinned(database, link.id)}
    most = max(0, Settings.load().cache_max - (wanted is not None))
    # Pinned ones count, but never have to go
    others = sorted(
        (link for link in held if link.id not in pinned),
        key=lambda link: _opened(chain, link),
        reverse=True,
    )
    leaving = others[max(0, most - len(pinned)) :]
    if leaving:
        chains.change(database, dataset_id, lambda former: former.releasing(leaving))


def _opened(chain: Chain, link: Link) -> list[datetime]:
    """Returns when a snapshot was opened, last first; such lists sort as the last times do."""
    times = [chain.opened.get(token) for token in chain.held(link)]
    return sorted((time for time in times if time is not None), reverse=True)


def _is_pinned(database: Database[Document], snapshot_id: ObjectId) -> bool:
    record = Catalog(database).by_id(snapshot_id)
    return record is not None and record.pinned
