"""Taking a snapshot out of the chain, so that all others stay what they are."""

from __future__ import annotations

from dataclasses import replace

from bson import ObjectId
from pymongo.database import Database

from ... import faults
from ...dataset.parts import Documents, Part, chunks
from ...manifest import store as manifest_store
from ...mongo.collections import delta_name
from ...mongo.database import Document
from ...rawbson.ids import Ids, positions
from . import chains, order
from .chain import Chain, Link
from .gc import collect_garbage
from .materialise import materialise


def discard(database: Database[Document], snapshot_id: ObjectId) -> None:
    """Forgets a snapshot, also one whose capture was killed; the caller holds the lease.

    Args:
        database: the database
        snapshot_id: the snapshot
    """
    order.delete(database, snapshot_id)
    chain = chains.of_snapshot(database, snapshot_id)
    if chain is None:
        return
    link = chain.get(snapshot_id)
    before = None if link.is_apart else chain.before(link)
    changed: dict[Part, dict[str, ObjectId | bool | None]] = {}
    for part in [] if before is None else before.parts:
        assert before is not None
        if part.is_own_collection:
            changed[part] = _inherit(database, chain, link, before, part)
            faults.reach("delta.inherited")

    def edit(former: Chain) -> Chain:
        if before is not None:
            heir = former.get(before.id)
            for part, changes in changed.items():
                heir = heir.with_part(part, **changes)
            former = former.with_link(heir)
        # Still there, so that whoever is called again after a crash finds what is to be swept
        return former.with_link(replace(link, parts={}, is_apart=True))

    chains.change(database, chain.dataset_id, edit)
    faults.reach("delta.unlinked")
    collect_garbage(database, chain.dataset_id)
    faults.reach("delta.swept")
    chains.change(database, chain.dataset_id, lambda former: former.without(snapshot_id))


def _inherit(
    database: Database[Document], chain: Chain, link: Link, before: Link, part: Part
) -> dict[str, ObjectId | bool | None]:
    """Gives the snapshot before what it needs of one that goes.

    Returns:
        how that part of it is stored then
    """
    stored, heir = link.parts.get(part), before.parts[part]
    if heir.is_kept:
        return {}
    if stored is None:
        # Then it is kept, unless the capture of the link was killed early
        return {"pre_images": None}
    if stored.full_copy is not None and (chain.after(link) is None or stored.is_kept):
        return _become_full_copy(database, chain, link, before, part)
    if stored.pre_images is None:
        # Equals the next one, so what tells the difference to it tells that to the next
        return {}
    if heir.pre_images is None:
        # Equals the one that goes, whose pre-images tell the difference to the next
        return {"pre_images": stored.pre_images}
    _merge_pre_images(database, chain, stored.pre_images, heir.pre_images, before, part)
    return {}


def _become_full_copy(
    database: Database[Document], chain: Chain, link: Link, before: Link, part: Part
) -> dict[str, ObjectId | bool | None]:
    """Makes the snapshot before the one that others are told by."""
    is_newest = chain.after(link) is None
    token = before.parts[part].full_copy
    if token is None and before.parts[part].pre_images is None and link.is_complete:
        # It says the same
        token = link.parts[part].full_copy
    if token is None:
        # A damaged one stays as it is, and keeps nobody from deleting
        token, _ = materialise(database, chain, before, part)
    return {"full_copy": token, "pre_images": None, "is_kept": not is_newest}


def _merge_pre_images(
    database: Database[Document],
    chain: Chain,
    leaving: ObjectId,
    pre_images: ObjectId,
    before: Link,
    part: Part,
) -> None:
    """Adds to pre-images what the following one has of the same snapshot's documents.

    A document that the earlier pre-images have is told by those. One that the earlier snapshot
    did not have is of no use to it.
    """
    later, earlier = (
        database[delta_name(chain.dataset_id, token, part)] for token in (leaving, pre_images)
    )
    wanted = manifest_store.load(database, before.id, part).keys
    for ids in chunks(Documents(later).ids()):
        keys = Ids.of(ids).keys
        Documents(later).merge_into(
            earlier, list(Ids(keys[positions(wanted, keys)[1]])), replace=False
        )
