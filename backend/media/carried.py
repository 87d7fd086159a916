"""What was captured of the media of a snapshot, as archives carry it.

It is told in their header, where versions of this package skip it that know nothing of media.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..config import MediaLevel
from ..errors import DamagedArchiveError, InvalidRequestError
from ..mongo.database import Document
from ..operations.journal import Operation
from . import store
from .listing import Listing
from .moved import NOTHING, MovedMedia
from .store import Capture

logger = logging.getLogger(__name__)

MOST_BYTES = 40 * 1024 * 1024
"""A header may have 64 MB."""


def to_header(database: Database[Document], snapshot_id: ObjectId) -> Document | None:
    """Returns what the header of an archive tells of the media.

    Args:
        database: the database
        snapshot_id: the snapshot

    Returns:
        a JSON object; None if nothing was captured
    """
    found = store.find(database, snapshot_id)
    if found is None:
        return None
    data = store.load(database, found).to_bytes()
    if len(data) > MOST_BYTES:
        logger.warning(
            "The archive does not carry what was captured of the media: it has %d MB",
            len(data) // 2**20,
        )
        return None
    return told(found.level, found.captured_at, data)


def told(level: MediaLevel, captured_at: datetime, data: bytes) -> Document:
    """Tells of a capture as headers do.

    Args:
        level: how much was found out
        captured_at: when
        data: what :meth:`.Listing.to_bytes` returned

    Returns:
        a JSON object
    """
    return {
        "level": level.value,
        "captured_at": captured_at,
        "data": base64.b64encode(data).decode(),
    }


def take_in(
    running: Operation,
    record: SnapshotRecord,
    media: Mapping[str, Any] | None,
    source: str,
    moved: MovedMedia = NOTHING,
) -> None:
    """Notes what the header of an archive tells of the media.

    Args:
        running: the operation that takes the snapshot in
        record: the snapshot
        media: what :func:`to_header` returned
        source: where the archive is, for the error
        moved: where the files are that came along

    Raises:
        DamagedArchiveError: if that is something else
    """
    if media is None:
        return
    level, captured_at, listing = read(media, source)
    # Nobody here has read those files: what is under their paths is read before it is told of
    listing = listing.of_elsewhere()
    layer_id = ObjectId()
    layers = store.add_layer(
        running.database, record.dataset_id, layer_id, None, Listing.empty(), listing
    )
    store.put(
        running.database,
        Capture(
            record.id,
            record.dataset_id,
            level,
            captured_at,
            listing.counts(),
            layers,
            running.id,
            moved,
        ),
    )


def read(media: Mapping[str, Any], source: str) -> tuple[MediaLevel, datetime, Listing]:
    """Reads what the header of an archive tells of the media.

    Args:
        media: what :func:`to_header` returned
        source: where the archive is, for the error

    Returns:
        how much was found out, when, and what

    Raises:
        DamagedArchiveError: if that is something else
    """
    try:
        captured_at = media["captured_at"]
        if not isinstance(captured_at, datetime):
            raise ValueError("it does not say when")  # noqa: TRY004 (the file's fault)
        data = base64.b64decode(str(media["data"]).encode(), validate=True)
        return MediaLevel.named(str(media["level"])), captured_at, Listing.from_bytes(data)
    except (KeyError, ValueError, InvalidRequestError, binascii.Error) as error:
        raise DamagedArchiveError(
            f"The archive '{source}' is damaged: what it tells of media cannot be read "
            f"({str(error)[:100]}). Nothing was changed."
        ) from error
