"""Reading only what seems to have changed since the newest snapshot, by ``last_modified_at``.

FiftyOne moves that time whenever it changes a document, but for a few calls, which
``create_snapshot`` names. What was added or deleted is found by going through all ids, what was
put back by record numbers, so that only silent changes of documents escape.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from pymongo.collection import Collection
from pymongo.database import Database

from ...catalog.catalog import Catalog
from ...dataset.parts import Documents, Part, chunks
from ...manifest.cache import CachedPart, Recent
from ...manifest.manifest import Manifest
from ...mongo.database import Document
from ...mongo.gate import Workers
from ...rawbson.ids import Ids, Keys, positions
from .. import scan
from ..scan import Numbers
from . import order
from .chain import Link

_MARGIN = timedelta(minutes=5)
"""FiftyOne takes the time before it writes, from each client's own clock."""

_NEVER = np.iinfo(np.int64).max


def read(
    database: Database[Document],
    previous: Link,
    part: Part,
    former: Manifest,
    documents: Documents,
) -> CachedPart | None:
    """Reads what changed, as the timestamps tell it.

    Args:
        database: the database
        previous: the newest snapshot
        part: samples or frames
        former: its content
        documents: the documents of the dataset

    Returns:
        the content of the dataset, and what was read for that, or None if the timestamps tell
        nothing, because what the dataset is was brought back from an earlier time, or some ids
        are no ObjectIds
    """
    since = _since(database, previous, part, documents)
    if since is None:
        return None
    collection = documents.collection
    with Workers(max_workers=1) as pool:
        # The server goes through the ids meanwhile
        scanned = pool.submit(scan.ids, collection, former.keys)
        times = scan.times(collection, since)
        existing = scanned.result()
    if existing is None:
        return None
    gone = former.keys[~positions(existing, former.keys)[1]]
    timeless = Ids.of(documents.search({"last_modified_at": None})).keys
    touched = _touched(collection, times, former, np.concatenate([gone, timeless]))

    mark = previous.marks.get(part)
    inserted = None if mark is None else mark.inserted_since(collection)
    natural = order.now(previous, part, former, collection, existing, inserted)

    # Documents can be imported, or put back, with the times that they had elsewhere
    added = existing[~positions(former.keys, existing)[1]]
    put_back = [] if inserted is None else [inserted]
    keys = np.unique(np.concatenate([touched, timeless, added, *put_back]))
    recent = Recent()
    read = Manifest.of(_batches(collection, keys, recent))
    manifest = former.without(gone).updated(read, []).ordered(natural)
    return CachedPart(manifest, recent.documents)


def _batches(collection: Collection[Document], keys: Keys, recent: Recent) -> Iterator[bytes]:
    """Reads some documents, and notes them."""
    for ids in chunks(list(Ids(keys))):
        for batch in Documents(collection, {"_id": {"$in": ids}}).document_batches():
            recent.note(dict(batch.by_id()))
            yield batch.joined()


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
    collection: Collection[Document], times: Numbers, former: Manifest, left: Keys
) -> Keys:
    """Returns the documents with a time that is not the one that they had.

    Where one snapshot follows another closely, most late times are those that documents had. If as
    many have a time as had it, less those of which it is known that they have it no longer, nobody
    came to have it, and they are not looked up. That errs only if some have exchanged their times
    all round, for which clocks must run backwards.

    Args:
        collection: the dataset's collection
        times: the late ones among the times of its documents
        former: the content of the newest snapshot
        left: documents of that which are gone, or have no time any more
    """
    times, counts = np.unique(times, return_counts=True)
    had = _count(former.stamps[former.stamps >= times.min(initial=_NEVER)], times)
    touched, is_looked_up = left[:0], np.zeros(len(times), bool)
    while True:
        others = former.only(np.unique(np.concatenate([left, touched])))
        expected = had - _count(others.stamps, times)
        doubtful = (counts > expected) & ~is_looked_up
        if not doubtful.any():
            # Some went where nobody can tell, and others may have taken their place
            doubtful = (counts != expected) & ~is_looked_up
        if not doubtful.any():
            return touched
        is_looked_up |= doubtful
        keys, keys_times = scan.modified_at(collection, times[doubtful])
        place, known = positions(former.keys, keys)
        known[known] = keys_times[known] == former.stamps[place[known]]
        touched = np.concatenate([touched, keys[~known]])


def _count(stamps: Numbers, times: Numbers) -> Numbers:
    """Returns how many of some stamps are each of some times, which are sorted."""
    place = np.searchsorted(times, stamps)
    known = np.isin(stamps, times)
    return np.bincount(place[known], minlength=len(times))
