"""Reading only what seems to have changed since the newest snapshot, by ``last_modified_at``.

FiftyOne moves that time whenever it changes a document, but for a few calls, which
``create_snapshot`` names. What was added, deleted or moved is found by going through all ids, so
that only silent changes of documents escape.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import numpy as np
from pymongo.collection import Collection
from pymongo.database import Database

from .. import replies
from ..catalog import Catalog
from ..contents import Documents, Part, chunks
from ..database import Document
from ..ids import Ids, Keys, positions
from ..manifest import NO_STAMP, Manifest
from . import order
from .chain import Link

_BATCH = 10_000

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

    with ThreadPoolExecutor(max_workers=1) as pool:
        # The server goes through the ids meanwhile
        ordered = pool.submit(order.of_collection, documents.collection, former.keys)
        touched = _touched(documents.collection, since, former)
        natural = ordered.result()
    existing = np.sort(natural, kind="stable")
    gone = former.keys[~positions(existing, former.keys)[1]]
    # Documents can be imported with the times that they had elsewhere
    added = existing[~positions(former.keys, existing)[1]]
    read = Manifest.empty()
    for ids in chunks(list(Ids(np.union1d(touched, added)))):
        some = Documents(documents.collection, {"_id": {"$in": ids}})
        read = read.updated(Manifest.read(some), [])
    return former.without(gone).updated(read, []).ordered(natural)


def _touched(collection: Collection[Document], since: datetime, former: Manifest) -> Keys:
    """Returns the documents with a time after some time that is not the one that they had.

    Where one snapshot follows another closely, most have the one that they had.
    """
    query = {"$or": [{"last_modified_at": {"$gt": since}}, {"last_modified_at": None}]}
    found = replies.runs(collection, query, _BATCH, projection={"last_modified_at": 1})
    # Of the documents, only ids and times were read
    seen = Manifest.of(run.joined() for run, _ in found)
    had = former.only(seen.keys)
    place, known = positions(had.keys, seen.keys)
    known[known] = seen.stamps[known] == had.stamps[place[known]]
    return seen.keys[~known | (seen.stamps == NO_STAMP)]
