"""Making a copy catch up with a dataset that others write to all the time.

Writes to samples and frames are followed (see :mod:`.watch`), and what they have touched is
copied again, until nothing of that was touched once more by the next look. Then the copy is the
dataset as it was at the look before. So writers need to leave no more than a moment for a look:
some 20 milliseconds on a server nearby.

Where writes were not followed from the beginning, or cannot be, content decides: all is read
again, and whatever differs from the copy is copied again. That is a pass, and meanwhile writes are
followed. Passes end once what was touched since was copied as above, or when a whole one finds
nothing that differs and the counters prove that nothing was written during it. That a pass finds
nothing is not enough: documents that change to and fro can look the same to two passes, and yet
never have been so all at once.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from bson import ObjectId

from .. import faults
from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Head, Part, State
from ..errors import ConcurrentWritesError
from ..manifest.manifest import Manifest
from ..progress import Progress
from ..rawbson.ids import Keys, positions
from .collections import natural_order
from .moment import Moment, Target
from .watch import Watch

Orders = dict[Part, Keys]

_MANY_DOCUMENTS = 50_000

MAX_PASSES = 20
"""Passes shrink geometrically, so more than these are only needed under ceaseless writing."""

_MOST_SECONDS = 45
"""After so long no other pass is begun, if there were a few."""

_FEW_PASSES = 3


def catch_up(
    head: Head,
    target: Target,
    manifests: dict[Part, Manifest],
    watch: Watch,
    progress: Progress,
) -> Moment:
    """Makes a copy what the dataset is at one moment.

    Args:
        head: the dataset
        target: where the copy is
        manifests: what was read while the copy was made
        watch: what follows the writes since before, if anything does
        progress: told how far it is

    Returns:
        the moment that was copied

    Raises:
        ConcurrentWritesError: if there is no such moment; the copy is then worthless
    """
    deadline, passes = time.monotonic() + _MOST_SECONDS, 0
    if watch.is_told:
        orders = {part: manifests[part].in_order() for part in watch.names}
        moment = _follow(watch, head, target, manifests, orders, deadline)
        if moment is not None:
            return moment
    # The digests were taken from the dataset, not from the copy: the two may differ now
    manifests = {part: Manifest.read(target.copied(part)) for part in manifests}
    while passes < MAX_PASSES and (passes < _FEW_PASSES or time.monotonic() < deadline):
        passes += 1
        progress(0.9, f"Catching up with concurrent changes (pass {passes})")
        faults.reach("create.pass")
        before, orders = DatasetToken.of(head), Orders()
        watch = Watch(head.database, before)
        watch.begin()
        with watch.following():
            repaired = _repair(head.state(), target, manifests, orders)
        if not repaired and not before.has_counters:
            # Without counters, that two passes agree is the best that can be had
            return Moment(manifests, before)
        if not repaired and before.proves_no_write(before.again(head.database)):
            return Moment(manifests, before)
        moment = _follow(watch, head, target, manifests, orders, deadline)
        if moment is not None:
            return moment
    raise ConcurrentWritesError(
        "The dataset was written to all the time, faster than the copy could follow, or by calls "
        "that leave 'last_modified_at' alone, which cannot be followed: "
        f"{passes} times all of it was read again in vain. No snapshot was created. Pause the "
        "writers and try again; on a replica set snapshots can be taken under any load."
    )


def _follow(
    watch: Watch,
    head: Head,
    target: Target,
    manifests: dict[Part, Manifest],
    orders: Orders,
    deadline: float,
) -> Moment | None:
    """Copies what was written to, until a copy is what one look saw; None if that cannot be told.

    What a look says was touched is copied after it. If nothing of that was touched again by the
    next look, the copy is what the dataset was at the former.
    """
    former: tuple[dict[Part, set[Any]], DatasetToken] | None = None
    while (touched := watch.look()) is not None:
        if former is not None:
            copied, seen = former
            again = any(touched[part] & copied[part] for part in touched)
            if not again and watch.token.related == seen.related:
                return Moment(_ordered(manifests, watch, head, orders), seen, watch.continuity)
        if time.monotonic() > deadline:
            break
        for part, ids in touched.items():
            if ids:
                documents = Documents(head.database[watch.names[part]])
                _patch(part, documents, target, manifests, list(ids), [])
        # What lies among documents of other datasets is held by the look, or few
        state = watch.token.state
        others = {part: docs for part, docs in state.items() if part not in watch.names}
        is_repaired = _repair(others, target, manifests, orders)
        former = None if is_repaired else (touched, watch.token)
    return None


def _ordered(
    manifests: dict[Part, Manifest], watch: Watch, head: Head, orders: Orders
) -> dict[Part, Manifest]:
    """Returns the manifests with the natural order, as it was met and then added to."""
    found = dict(manifests)
    for part, name in watch.names.items():
        met, keys = orders[part], manifests[part].keys
        added = keys[~positions(np.sort(met), keys)[1]]
        last = natural_order(head.database[name], added)
        found[part] = manifests[part].ordered(np.concatenate([met, last]))
    return found


def _repair(state: State, target: Target, manifests: dict[Part, Manifest], orders: Orders) -> bool:
    """Copies again what differs from the copy; returns whether anything did."""
    repaired = False
    for part, documents in state.items():
        current = target.read(part, documents)
        orders[part] = current.in_order()
        differences = manifests.setdefault(part, Manifest.empty()).compare(current)
        if not differences:
            # The same, but this one knows the order
            manifests[part] = current
            continue
        repaired = True
        changed = [*differences.added, *differences.changed]
        _patch(part, documents, target, manifests, changed, differences.deleted)
        faults.reach(f"create.patched_{part.value}")
    return repaired


def _patch(
    part: Part,
    documents: Documents,
    target: Target,
    manifests: dict[Part, Manifest],
    changed: list[ObjectId],
    removed: list[ObjectId],
) -> None:
    """Copies documents of a part again, and tells what the copy holds then."""
    target.patch(part, documents, changed, removed)
    touched, copied = [*changed, *removed], target.copied(part)
    if len(touched) > _MANY_DOCUMENTS:
        manifests[part] = Manifest.read(copied)
        return
    patch = Manifest.read(Documents(copied.collection, {"_id": {"$in": touched}}))
    manifests[part] = manifests[part].updated(patch, touched)
