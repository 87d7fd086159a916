"""Whether the dataset still is what a snapshot captured, and hashes that say so elsewhere.

The content of a version is that of its samples and frames. What FiftyOne keeps for itself is none
of it (see :mod:`.content`), nor are the schema where no document has a value for it, saved views,
workspaces, runs, and what the dataset says of itself: ``diff()`` compares those.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import Enum

import numpy as np
from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Head, Part
from ..mongo.database import Document
from ..rawbson import equality, ids
from ..rawbson.ids import Ids
from .parts import Pair, PartComparison
from .versions import HeadVersion, SnapshotVersion, Version

CHEAP_DOCUMENTS = 50_000
"""Samples and frames that are compared one by one even if nobody has asked for it: a second."""

_EVIDENCE_DOCUMENTS = 1000

_ENOUGH_WRITES = 1000
"""Counters that stand for fewer prove nothing: so small a dataset is compared."""
_CONTENT_PARTS = (Part.SAMPLES, Part.FRAMES)
_HASH_FORMAT = b"fiftyone-snapshots content 1"


class Equality(str, Enum):
    """Whether the dataset was what a snapshot captured."""

    EQUAL = "equal"
    CHANGED = "changed"
    UNKNOWN = "unknown"

    __str__ = str.__str__


def is_head_equal(database: Database[Document], record: SnapshotRecord) -> bool:
    """Returns whether the dataset has the content that a snapshot captured, exactly.

    The dataset is read once. Of the documents whose bytes differ, no more are compared than it
    takes to find one that truly differs.

    Args:
        database: the database
        record: the snapshot

    Returns:
        True/False
    """
    versions = SnapshotVersion(database, record), HeadVersion(Head(database, record.dataset_id))
    samples = PartComparison(*versions, Part.SAMPLES)
    found = samples.differences
    if len(found.added_keys) or len(found.deleted_keys):
        return False
    if any(map(_is_changed, samples.pairs(found.changed_keys))):
        return False
    frames = PartComparison(*versions, Part.FRAMES)
    # A frame may belong to no sample, and then nobody sees it
    visible = samples.after.keys
    if np.isin(
        np.concatenate([frames.owners_of_added(), frames.owners_of_deleted()]), visible
    ).any():
        return False
    changed = frames.differences.changed_keys
    before, after = frames.owners_of_kept(changed)
    of_samples = np.isin(before, visible) | np.isin(after, visible)
    return not any(map(_is_changed, frames.pairs(changed[of_samples])))


def _is_changed(pair: Pair) -> bool:
    return not equality.equal(pair.before, pair.after)


def content_hash(version: Version) -> str:
    """Returns one hash of the content of a version.

    Versions of the same hash have the same content. The converse holds as long as documents were
    not rewritten: the hash is one of bytes, which also a change of the order of keys changes.

    Args:
        version: the version

    Returns:
        the hash, with the name of its algorithm in front
    """
    digest = hashlib.sha256(_HASH_FORMAT)
    for part in _CONTENT_PARTS:
        digest.update(version.manifest(part).fingerprint(touched=False).encode())
    return f"sha256:{digest.hexdigest()}"


def at_a_glance(
    database: Database[Document], record: SnapshotRecord, before: Document | None
) -> Equality:
    """Tells whether the dataset has the content that a snapshot captured, without taking long.

    A small dataset is compared. Of a large one, that nothing was written since is proof that it is
    the same, and one sample that differs is proof that it is not; else it is not known.

    Args:
        database: the database
        record: the snapshot
        before: what a change token told before it was captured, if that is known

    Returns:
        what is certain
    """
    head = Head(database, record.dataset_id)
    if is_untouched(head, before):
        return Equality.EQUAL
    state = head.state()
    parts = [state[part].collection for part in _CONTENT_PARTS if part in state]
    if sum(part.estimated_document_count() for part in parts) <= CHEAP_DOCUMENTS:
        return Equality.EQUAL if is_head_equal(database, record) else Equality.CHANGED
    if record.archive is not None:
        return Equality.UNKNOWN
    snapshot = SnapshotVersion(database, record)
    since = record.created_at
    if any(_differs(snapshot, part, state.get(part), since) for part in _CONTENT_PARTS):
        return Equality.CHANGED
    return Equality.UNKNOWN


def is_untouched(head: Head, before: Document | None) -> bool:
    """Returns whether the server proves that no sample or frame was written to.

    Args:
        head: the dataset
        before: what a change token told before, if that is known

    Returns:
        True/False
    """
    now = DatasetToken.of(head).to_document()
    # Few of each kind may be made again, once the engine has begun to count anew
    counted = min((sum(each[1:]) for each in now["counters"].values()), default=0)
    is_telling = now["process"] is not None and all(now["counters"].values())
    is_telling = is_telling and counted >= _ENOUGH_WRITES
    return before is not None and is_telling and all(before.get(key) == now[key] for key in now)


def _differs(
    snapshot: SnapshotVersion, part: Part, documents: Documents | None, since: datetime
) -> bool:
    """Returns whether there is proof of a change among the documents that were touched since."""
    manifest = snapshot.manifest(part)
    captured = snapshot.documents(part)
    if documents is None or captured is None:
        return bool(manifest) or (documents is not None and not documents.is_empty())
    if documents.collection.count_documents({}) != len(manifest):
        return True
    touched = documents.collection.find({"last_modified_at": {"$gte": since}}, {"_id": 1})
    keys = Ids.of(document["_id"] for document in touched.limit(_EVIDENCE_DOCUMENTS))
    if not ids.positions(manifest.keys, keys.keys)[1].all():
        return True
    before, after = captured.fetch(keys), documents.fetch(keys)
    return any(key in before and not equality.equal(before[key], after[key]) for key in after)
