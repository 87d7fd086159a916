"""How far a part of a snapshot is that is being captured, and what it is stored as."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from bson import ObjectId

from ...manifest.manifest import Differences, Manifest
from ...rawbson.ids import DTYPE, Keys

_MOST = 0.5
"""If more than this share of the newest snapshot's documents changed, it keeps a full copy."""


class StorageMode(Enum):
    """What a part of the new snapshot is stored as."""

    SHARED = "shared"
    """The newest snapshot's full copy, which says the same."""
    PATCHED = "patched"
    """The newest snapshot's former full copy, brought up to date."""
    COPIED = "copied"
    """A new full copy."""


@dataclass
class StoredPart:
    """How far a part is."""

    token: ObjectId
    mode: StorageMode
    preserved: Keys = field(default_factory=lambda: np.empty(0, DTYPE))
    """What was put into the newest snapshot's pre-images, sorted."""
    patches: int = 0
    """How often it was patched; a number that is not one says that the order is in doubt."""
    added: Keys = field(default_factory=lambda: np.empty(0, DTYPE))
    """What was added by that."""


def are_many(differences: Differences, former: Manifest, manifest: Manifest) -> bool:
    """Returns whether a copy is cheaper than patching what is there already.

    Args:
        differences: between both
        former: what the newest snapshot holds
        manifest: what the new one holds
    """
    if manifest.has_unusual_ids:
        return True
    count = len(differences.changed_keys) + len(differences.deleted_keys)
    return count > _MOST * len(former)
