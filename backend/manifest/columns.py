"""What a manifest keeps of documents: their keys, digests, times and owners, in columns."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from bson.raw_bson import RawBSONDocument

from ..rawbson import ids, layout
from ..rawbson.ids import Keys
from ..rawbson.layout import DocumentBatch

DIGEST = "sha256"
"""Python's own SHA-256 uses the processor's instructions and needs no extra package: 1.2 µs for a
sample of 1.6 KB, which is below what it takes to receive it. The fastest hash there is would save
a fifth of the pass."""

DIGEST_BYTES = 16
"""A prefix of 128 bits leaves no room for chance, nor for tampering."""

DIGEST_TYPE = np.dtype([("high", "<u8"), ("low", "<u8")])
STAMP_TYPE = np.dtype("<i8")
NO_STAMP = np.iinfo(STAMP_TYPE).min
"""Of documents without ``last_modified_at``; no clock shows that."""
NO_OWNER = np.bytes_(b"")

# FiftyOne's ids are ObjectIds, and the server puts `_id` first
_ID = layout.Wanted("_id", 0x07)
_LAST_MODIFIED_AT = layout.Wanted("last_modified_at", 0x09)
_SAMPLE_ID = layout.Wanted("_sample_id", 0x07)


class Columns(NamedTuple):
    """What is kept of a batch of documents, in their order."""

    keys: Keys
    digests: npt.NDArray[Any]
    stamps: npt.NDArray[np.int64]
    owners: Keys
    has_unusual_ids: bool


def read_columns(batch: DocumentBatch) -> Columns:
    """Reads what a manifest keeps of a batch of documents; overwrites their times.

    Args:
        batch: the documents

    Returns:
        the columns
    """
    wanted = [_LAST_MODIFIED_AT]
    # Only frames and temporal tags have it, and then all of them have: without it there is no
    # need to walk on behind the time
    if layout.locate(batch.first(), [_SAMPLE_ID])[0][0] != layout.NOT_FOUND:
        wanted.append(_SAMPLE_ID)
    stamped, *owned = layout.locate(batch, wanted)

    stamps = np.full(len(batch), NO_STAMP, STAMP_TYPE)
    has_stamp = stamped != layout.NOT_FOUND
    times = layout.windows(batch.data, STAMP_TYPE)
    stamps[has_stamp] = times[stamped[has_stamp]]
    times[stamped[has_stamp]] = 0

    owners = np.zeros(len(batch), ids.DTYPE)
    for places in owned:
        has_owner = places != layout.NOT_FOUND
        owners[has_owner] = layout.windows(batch.data, ids.DTYPE)[places[has_owner]]

    sha256, view = hashlib.sha256, memoryview(batch.data)
    digests = b"".join(
        [
            sha256(view[start:end]).digest()[:DIGEST_BYTES]
            for start, end in zip(batch.starts, batch.ends, strict=True)
        ]
    )
    keys, unusual = batch_keys(batch)
    return Columns(keys, np.frombuffer(digests, DIGEST_TYPE), stamps, owners, unusual)


def batch_keys(batch: DocumentBatch) -> tuple[Keys, bool]:
    """Returns the keys of a batch of documents, in their order.

    Args:
        batch: the documents

    Returns:
        the keys, and whether some ids are no ObjectIds
    """
    header, starts = _ID.header, np.array(batch.starts, np.int64)
    usual = layout.windows(batch.data, np.dtype(f"V{len(header)}"))[starts + 4] == np.void(header)
    keys = np.empty(len(batch), ids.DTYPE)
    keys[usual] = layout.windows(batch.data, ids.DTYPE)[starts[usual] + 4 + len(header)]
    for number in np.flatnonzero(~usual):
        keys[number] = _unusual_key(batch[int(number)])
    return keys, not usual.all()


def _unusual_key(document: bytes) -> bytes:
    """Returns a key for a document whose id is no ObjectId.

    FiftyOne makes none, but other clients can: a hash still tells such documents apart.
    """
    identity = repr(RawBSONDocument(document).get("_id")).encode()
    return hashlib.sha256(identity).digest()[: ids.ID_BYTES]
