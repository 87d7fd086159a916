"""What was read of snapshots while one was captured, so that nobody has to read it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .manifest import Manifest

_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class CachedPart:
    """What is known of a part of a snapshot."""

    manifest: Manifest
    documents: Mapping[bytes, bytes] = field(default_factory=dict)
    """Some of its documents, as BSON, by the bytes of their ids."""


class Recent:
    """Documents that were read, and may be wanted soon: the first ones, up to 64 MB."""

    def __init__(self) -> None:
        self.documents: dict[bytes, bytes] = {}
        self._bytes = 0

    def note(self, documents: Mapping[bytes, bytes]) -> None:
        """Keeps some more documents, unless they are too many.

        Args:
            documents: BSON, by the bytes of their ids
        """
        self._bytes += sum(map(len, documents.values()))
        if self._bytes <= _MOST_BYTES:
            self.documents.update(documents)
