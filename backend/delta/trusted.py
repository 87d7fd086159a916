"""Reading only what seems to have changed since the newest snapshot, by ``last_modified_at``.

FiftyOne moves that time whenever it changes a document, but for a few calls, which
``create_snapshot`` names. What was added, deleted or moved is found by going through all ids, so
that only silent changes of documents escape.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
from pymongo.database import Database

from ..catalog import Catalog
from ..contents import Documents, Part, chunks
from ..database import Document
from ..ids import Ids, Keys, positions
from ..manifest import Manifest
from . import order, scan
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

    collection = documents.collection
    with ThreadPoolExecutor(max_workers=1) as pool:
        # The server goes through the ids meanwhile
        scanned = pool.submit(scan.ids, collection, former.keys)
        touched = _touched(*scan.times(collection, since), former)
        existing = scanned.result()
    if existing is None:
        return None
    mark = previous.marks.get(part)
    inserted = None if mark is None else mark.inserted_since(collection)
    natural = None
    if inserted is not None:
        before = order.load(database, previous.id, part, former)
        natural = _reordered(before, existing, inserted)
    timeless = Ids.of(documents.search({"last_modified_at": None})).keys
    # Documents can be imported with the times that they had elsewhere
    added = existing[~positions(former.keys, existing)[1]]
    read = Manifest.empty()
    wanted = (
        [touched, timeless, added] if inserted is None else [touched, timeless, added, inserted]
    )
    for ids in chunks(list(Ids(np.unique(np.concatenate(wanted))))):
        some = Documents(collection, {"_id": {"$in": ids}})
        read = read.updated(Manifest.read(some), [])
    gone = former.keys[~positions(existing, former.keys)[1]]
    if natural is None:
        natural = scan.natural(collection, existing)
    return former.without(gone).updated(read, []).ordered(natural)


def _touched(keys: Keys, times: scan.Numbers, former: Manifest) -> Keys:
    """Returns the documents with a time that is not the one that they had.

    Where one snapshot follows another closely, most have the one that they had.
    """
    place, known = positions(former.keys, keys)
    known[known] = times[known] == former.stamps[place[known]]
    return keys[~known]


def _reordered(before: Keys, existing: Keys, inserted: Keys) -> Keys | None:
    """Returns the natural order of documents, by what it was and what was inserted since.

    Args:
        before: the documents that there were, in natural order
        existing: those that there are, sorted
        inserted: those that were inserted since, in natural order

    Returns:
        those that there are in natural order, or None if some are neither from before nor known
        to be inserted
    """
    place, exists = positions(existing, inserted)
    stayed = np.delete(existing, place[exists])
    natural = np.concatenate([before[positions(stayed, before)[1]], inserted[exists]])
    return natural if len(natural) == len(existing) else None
