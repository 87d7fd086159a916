"""Taking in a state that differs little from a snapshot in the chain, without all its documents.

After the newest snapshot, it goes the way of a capture: what it overwrites is put aside, and the
full copy is patched. Before the oldest one, what it alone has are its pre-images, and nothing else
is touched. In between, another one's pre-images would have to be made complete, so there it is
not done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ...catalog.record import SnapshotRecord
from ...dataset.parts import Documents, Part, State
from ...errors import DamagedSnapshotError
from ...manifest.manifest import Manifest
from ...mongo.database import Document
from ...rawbson.ids import Ids, Keys
from ..base import Beside
from . import chains, order
from .capture import DeltaTarget
from .chain import Chain, Link
from .ingest import settle
from .stored_part import StorageMode, StoredPart


def can_rest_on(chain: Chain, record: SnapshotRecord, *, is_earlier: bool) -> bool:
    """Returns whether what comes after or before a snapshot can be told by it.

    Args:
        chain: the chain
        record: the snapshot
        is_earlier: whether it is the one before that which is to be taken in
    """
    link = chain.find(record.id)
    if link is None or not link.is_complete or link.is_apart:
        return False
    # A part is kept if keys do not find all its documents, for example
    own = [stored for part, stored in link.parts.items() if part.is_own_collection]
    if any(stored.is_kept for stored in own):
        return False
    return link == chain.newest() if is_earlier else chain.before(link) is None


def ingest_before(
    database: Database[Document],
    record: SnapshotRecord,
    beside: Beside,
    staged: State,
    manifests: Mapping[Part, Manifest],
) -> None:
    """Takes in a state that comes before all of the chain.

    Args:
        database: the database
        record: the snapshot
        beside: the oldest snapshot of the chain
        staged: what differs, whose collections are renamed
        manifests: the whole content of all parts
    """
    chain = chains.taken(database, record.dataset_id)
    following = chain.get(beside.record.id)
    link = Link(record.id, record.sequence)
    for part in _parts(manifests):
        if not part.is_own_collection:
            token = ObjectId() if part in staged else following.parts[part].full_copy
            link = link.with_part(part, full_copy=token, is_kept=True)
        elif _is_the_same(database, beside, part, staged[part], manifests[part]):
            # Whatever is told of the next one is told of it
            link = link.with_part(part)
        else:
            link = link.with_part(part, pre_images=ObjectId())

    def put_first(former: Chain) -> Chain:
        return replace(former, links=(link, *former.without(record.id).links))

    chains.change(database, record.dataset_id, put_first)
    settle(database, link, record, staged)
    for part in link.parts:
        if part.is_own_collection:
            order.save(database, record.id, part, manifests[part])
    complete = replace(link, is_complete=True)
    chains.change(database, record.dataset_id, lambda former: former.with_link(complete))


def _is_the_same(
    database: Database[Document], beside: Beside, part: Part, staged: Documents, whole: Manifest
) -> bool:
    """Returns whether another snapshot has the same documents in the same order."""
    if len(beside.removed.get(part, ())) or not staged.is_empty():
        return False
    order_there = order.load(database, beside.record.id, part, whole)
    return np.array_equal(order_there, whole.in_order())


def ingest_after(
    database: Database[Document],
    record: SnapshotRecord,
    beside: Beside,
    staged: State,
    manifests: Mapping[Part, Manifest],
) -> None:
    """Takes in a state that comes after all of the chain, which has a link for it.

    Args:
        database: the database
        record: the snapshot
        beside: the snapshot before it
        staged: what differs
        manifests: the whole content of all parts
    """
    target = _ArrivingTarget(database, record.dataset_id, record.id)
    for part in _parts(manifests):
        if part not in staged:
            target.share(part)
        elif part.is_own_collection:
            target.change(part, staged[part], beside.removed.get(part, Ids().keys))
        else:
            target.copy(part, staged[part])
    target.complete({part: manifests[part] for part in _parts(manifests)})


class _ArrivingTarget(DeltaTarget):
    """Where what differs from the newest snapshot is put."""

    def share(self, part: Part) -> None:
        """Makes the snapshot's part that of the one before."""
        self._parts[part] = StoredPart(self._former_full_copy(part), StorageMode.SHARED)

    def change(self, part: Part, documents: Documents, removed: Keys) -> None:
        """Makes the snapshot's part that of the one before, but for some documents.

        Args:
            part: samples or frames
            documents: those that are new or other ones
            removed: those that are gone
        """
        if self._former_manifest(part) is None:
            raise DamagedSnapshotError(
                f"What the snapshot before holds of its {part.value} cannot be told; see "
                "verify_all()"
            )
        self.share(part)
        changed = documents.ids()
        if not changed and not len(removed):
            return
        former = self._collection(part, self._parts[part].token)
        if not self._take_over(part, self._parts[part]):
            # Somebody has opened it, so it stays as it is
            self._copy_new(part, Documents(former))
        self.patch(part, documents, changed, list(Ids(removed)))


def _parts(manifests: Mapping[Part, Manifest]) -> list[Part]:
    return [part for part, each in manifests.items() if len(each) or part.is_own_collection]
