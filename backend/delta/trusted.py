"""Reading only what seems to have changed since the newest snapshot, by ``last_modified_at``.

FiftyOne moves that time whenever it changes a document, but for a few calls, which
``create_snapshot`` names. What was added or deleted is found by going through all ids, what was
put back by record numbers, so that only silent changes of documents escape.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import numpy as np
from pymongo.collection import Collection
from pymongo.database import Database

from ..catalog import Catalog
from ..contents import Documents, Part, chunks
from ..database import Document
from ..ids import Ids, Keys, positions
from ..manifest import Manifest
from . import order, scan
from .chain import Link
from .scan import Numbers

_MARGIN = timedelta(minutes=5)
"""FiftyOne takes the time before it writes, from each client's own clock."""

_LAST = np.iinfo(np.int64).max


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
        dataset is was brought back from an earlier time, or some ids are no ObjectIds
    """
    since = _since(database, previous, part, documents)
    if since is None:
        return None
    collection = documents.collection
    with ThreadPoolExecutor(max_workers=1) as pool:
        # The server goes through the ids meanwhile
        scanned = pool.submit(scan.ids, collection, former.keys)
        times = scan.times(collection, since)
        existing = scanned.result()
    if existing is None:
        return None
    gone = former.keys[~positions(existing, former.keys)[1]]
    touched = _touched(collection, times, former, gone)

    mark = previous.marks.get(part)
    inserted = None if mark is None else mark.inserted_since(collection)
    natural = None
    if inserted is not None:
        before = order.load(database, previous.id, part, former)
        natural = _reordered(before, existing, inserted)
    if natural is None:
        natural = scan.natural(collection, existing)

    timeless = Ids.of(documents.search({"last_modified_at": None})).keys
    # Documents can be imported, or put back, with the times that they had elsewhere
    added = existing[~positions(former.keys, existing)[1]]
    put_back = [] if inserted is None else [inserted]
    keys = np.unique(np.concatenate([touched, timeless, added, *put_back]))
    read = Manifest.empty()
    for ids in chunks(list(Ids(keys))):
        some = Documents(collection, {"_id": {"$in": ids}})
        read = read.updated(Manifest.read(some), [])
    return former.without(gone).updated(read, []).ordered(natural)


def _since(
    database: Database[Document], previous: Link, part: Part, documents: Documents
) -> datetime | None:
    """Returns the time after which whatever has changed since the newest snapshot was changed."""
    record = Catalog(database).by_id(previous.id)
    if record is None or previous.sources.get(part) != documents.collection.name:
        return None
    since = record.created_at - _MARGIN
    restored_at = Catalog(database).dataset_facts(record.dataset_id).get("restored_at")
    return None if restored_at is not None and restored_at >= since else since


def _touched(
    collection: Collection[Document], times: Numbers, former: Manifest, gone: Keys
) -> Keys:
    """Returns the documents with a time that is not the one that they had.

    Where one snapshot follows another closely, most have the one that they had, and those are not
    looked at: if as many documents have a time as had it, less those that are gone or have a new
    one, then nobody came to have it. Only clocks that are behind could give it to another one, and
    that would show unless the last of those to give theirs up got the first one's.

    Args:
        collection: the dataset's collection
        times: the late ones among the times of its documents
        former: the content of the newest snapshot
        gone: documents of that which are not there any more
    """
    times, counts = np.unique(times, return_counts=True)
    late = former.stamps[former.stamps >= times.min(initial=_LAST)]
    had, expected = np.unique(late[np.isin(late, times)], return_counts=True)
    is_new = ~np.isin(times, had)
    keys, _ = scan.modified_at(collection, times[is_new])

    left = former.only(np.unique(np.concatenate([keys, gone]))).stamps
    left = left[np.isin(left, had)]
    expected -= np.bincount(np.searchsorted(had, left), minlength=len(had))
    others, others_times = scan.modified_at(collection, had[counts[~is_new] != expected])
    place, known = positions(former.keys, others)
    known[known] = others_times[known] == former.stamps[place[known]]
    return np.concatenate([keys, others[~known]])


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
