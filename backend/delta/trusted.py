"""Reading only what seems to have changed since the newest snapshot, by ``last_modified_at``.

FiftyOne moves that time whenever it changes a document, but for a few calls, which
``create_snapshot`` names. Additions and deletions are found by counting, and if that does not come
out, by going through all ids, so that only silent changes of documents escape.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from pymongo.database import Database

from ..catalog import Catalog
from ..contents import Documents, Part, chunks
from ..database import Document
from ..ids import Ids, positions
from ..manifest import Manifest
from . import order
from .chain import Link

_MARGIN = timedelta(minutes=5)
"""FiftyOne takes the time before it writes, from each client's own clock."""


def read(
    database: Database[Document],
    previous: Link,
    part: Part,
    former: Manifest,
    documents: Documents,
) -> Manifest | None:
    """Reads what changed, as the timestamps tell it.

    Args:
        database: the database
        previous: the newest snapshot
        part: samples or frames
        former: its content
        documents: the documents of the dataset

    Returns:
        the content of the dataset, or None if the timestamps tell nothing, because what the
        dataset is was brought back from an earlier time
    """
    record = Catalog(database).by_id(previous.id)
    if record is None or previous.sources.get(part) != documents.collection.name:
        return None
    restored_at = Catalog(database).dataset_facts(record.dataset_id).get("restored_at")
    since = record.created_at - _MARGIN
    if restored_at is not None and restored_at >= since:
        return None

    query = {"$or": [{"last_modified_at": {"$gt": since}}, {"last_modified_at": None}]}
    read = Manifest.read(Documents(documents.collection, query))
    added = read.keys[~positions(former.keys, read.keys)[1]]
    count = documents.collection.count_documents({}, hint="_id_")
    gone = former.keys[:0]
    if len(former) + len(added) != count:
        existing = np.sort(order.ids_of(documents.collection))
        gone = former.keys[~positions(existing, former.keys)[1]]
        unknown = existing[~positions(former.keys, existing)[1]]
        unknown = unknown[~positions(added, unknown)[1]]
        for ids in chunks(list(Ids(unknown))):
            some = Documents(documents.collection, {"_id": {"$in": ids}})
            read = read.updated(Manifest.read(some), [])
            added = np.sort(np.concatenate([added, Ids.of(ids).keys]))
    at_end = order.of_some(documents.collection, added)
    before = order.load(database, previous.id, part, former)
    natural = np.concatenate([before[~np.isin(before, gone)], at_end])
    return former.without(gone).updated(read, []).ordered(natural)
