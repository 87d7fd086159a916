"""What was captured of the media of a snapshot, as an object of its own in a remote.

In the commit it would be read whenever somebody lists the snapshots.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from ..archive.format import from_json, to_json
from ..mongo.database import Document
from . import layout
from .layout import Commit
from .store import RemoteStore


def to_bytes(media: Mapping[str, Any]) -> bytes:
    """Returns the object, of one push alone.

    Args:
        media: what headers of archives tell of the media
    """
    return to_json(
        {
            "format": layout.FORMAT,
            "version": layout.VERSION,
            "push": ObjectId(),
            "media": dict(media),
        }
    )


def read(store: RemoteStore, commit: Commit) -> Document | None:
    """Returns what was captured of the media of a snapshot.

    Args:
        store: the remote
        commit: its commit

    Returns:
        what headers of archives tell of it, of which nothing is checked; None if there is nothing

    Raises:
        DamagedRemoteError: if it is missing or was altered
    """
    if commit.media is None:
        return None
    key = layout.note_key(commit.header.dataset_id, commit.media)
    data, source = store.find(key), store.describe(key)
    if data is None:
        raise layout.damaged(source, "it is missing")
    if layout.sha256(data) != commit.media:
        raise layout.damaged(source, "it was altered, its content is not its name's")
    media = layout.checked(from_json(data), source).get("media")
    if not isinstance(media, dict):
        raise layout.damaged(source, "it says nothing of media")
    return media
