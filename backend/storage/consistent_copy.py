"""Copying a dataset as it is at one moment, while others may be writing to it.

On a replica set the server itself reads every collection at one time. A standalone server,
FiftyOne's default, cannot. There, the storage engine's write counters tell whether anything was
written while the copy was made. If so, content decides: the dataset is read again, whatever
differs from the copy is copied again, and so on, until a whole pass finds nothing that differs
and the counters prove that nothing was written during that pass. Then the copy is the dataset as
it was all the time of the last pass. That a pass finds nothing is not enough: documents that
change to and fro can look the same to two passes, and yet never have been so all at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bson import ObjectId
from pymongo.errors import OperationFailure

from .. import faults
from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Head, Part, State
from ..dataset.together import HeldDocuments
from ..errors import ConcurrentWritesError
from ..manifest.manifest import Manifest
from ..mongo.database import at_one_moment
from ..mongo.gate import Workers
from ..progress import Progress

_MANY_DOCUMENTS = 50_000

# The collections were made, or got an index, at this very moment; or the copy took longer than
# the server remembers
_SNAPSHOT_UNAVAILABLE = 246
_SNAPSHOT_TOO_OLD = 239

MAX_PASSES = 20
"""Passes shrink geometrically, so more than these are only needed under ceaseless writing."""


class Target(Protocol):
    """Where a copy is put."""

    def read(self, part: Part, documents: Documents) -> Manifest:
        """Returns the content of a part of the dataset."""

    def copy(self, part: Part, documents: Documents) -> Manifest:
        """Makes the copy of a part hold exactly these documents; returns their content."""

    def patch(
        self, part: Part, documents: Documents, changed: list[ObjectId], removed: list[ObjectId]
    ) -> None:
        """Copies some documents of a part again and removes others from the copy."""

    def copied(self, part: Part) -> Documents:
        """Returns the documents of a part that the copy holds."""


@dataclass(frozen=True)
class Moment:
    """What a dataset was at the moment at which it was copied."""

    manifests: dict[Part, Manifest]
    """The content of each part of the copy."""
    change_token: DatasetToken
    """Taken before that moment: what proves no write since proves that the dataset is the same."""

    def facts(self) -> dict[str, Any]:
        """Returns what is known of the dataset without reading it again, as fields of Captured."""
        state = self.change_token.state
        found: dict[str, Any] = {
            "change_token": self.change_token.to_document(),
            "sample_collection": state[Part.SAMPLES].collection.name,
        }
        documents = state[Part.DATASET]
        # On a replica set it was looked at a moment before
        is_known = not Manifest.read(documents).compare(self.manifests[Part.DATASET])
        if is_known and isinstance(documents, HeldDocuments) and documents.held:
            found["document"] = next(documents.decoded())
        return found


def capture(head: Head, target: Target, progress: Progress) -> Moment:
    """Copies a dataset as it is at one moment.

    Args:
        head: the dataset
        target: where to put the copy
        progress: told how far it is

    Returns:
        the moment that was copied

    Raises:
        ConcurrentWritesError: if the dataset never stood still; the copy is then worthless
    """
    before = DatasetToken.of(head)
    if before.is_replicated:
        at_once = Head(at_one_moment(head.database), head.dataset_id)
        try:
            return Moment(_copy(at_once.state(), target, progress), before)
        except OperationFailure as error:
            if error.code not in (_SNAPSHOT_UNAVAILABLE, _SNAPSHOT_TOO_OLD):
                raise
        before = DatasetToken.of(head)

    # What the look has read is what is copied, if the dataset stood still
    manifests = _copy(before.state, target, progress)
    if before.proves_no_write(before.again(head.database)):
        return Moment(manifests, before)

    # The digests were taken from the dataset, not from the copy: the two may differ now
    manifests = {part: Manifest.read(target.copied(part)) for part in manifests}
    for number in range(MAX_PASSES):
        progress(0.9, f"Catching up with concurrent changes (pass {number + 1})")
        faults.reach("create.pass")
        before = DatasetToken.of(head)
        repaired = _repair(head.state(), target, manifests)
        if repaired:
            continue
        # Without counters, that two passes agree is the best that can be had
        if not before.has_counters or before.proves_no_write(before.again(head.database)):
            return Moment(manifests, before)
    raise ConcurrentWritesError(
        f"The dataset was written to all the time: {MAX_PASSES} passes could not catch up with "
        "the changes. No snapshot was created. Pause the writers and try again; on a replica set "
        "snapshots can be taken under any load."
    )


def _copy(state: State, target: Target, progress: Progress) -> dict[Part, Manifest]:
    manifests: dict[Part, Manifest] = {}
    own = {part: documents for part, documents in state.items() if part.is_own_collection}
    progress(0.0, f"Copying {', '.join(own)}")
    with Workers(max_workers=1) as pool:
        begun = {part: pool.submit(target.copy, part, docs) for part, docs in own.items()}
        # Meanwhile what is small: most datasets have few of these or none. All have a document of
        # their own, for which a collection is made: last, when others need not wait for that
        small = [part for part in state if part not in own]
        for part in sorted(small, key=lambda part: part is Part.DATASET):
            manifests[part] = target.copy(part, state[part])
            faults.reach(f"create.copied_{part.value}")
        for number, (part, copied) in enumerate(begun.items(), start=1):
            manifests[part] = copied.result()
            progress(number / len(own), f"Copied {part.value}")
            faults.reach(f"create.copied_{part.value}")
    return {part: manifests[part] for part in state}


def copy_and_read(
    documents: Documents, part: Part, copy: Callable[[Part, Documents], None]
) -> Manifest:
    """Makes a whole copy; digests are taken from the source while the server copies.

    Args:
        documents: what to copy
        part: the part that they are
        copy: makes the copy

    Returns:
        the content of the source
    """
    if not part.is_own_collection:
        # Most datasets have few of these or none
        found = Manifest.read(documents)
        if len(found):
            copy(part, documents)
        return found
    with Workers(max_workers=1) as pool:
        manifest = pool.submit(Manifest.read, documents)
        copy(part, documents)
        return manifest.result()


def _repair(state: State, target: Target, manifests: dict[Part, Manifest]) -> bool:
    """Copies again what differs from the copy; returns whether anything did."""
    repaired = False
    for part, documents in state.items():
        current = target.read(part, documents)
        differences = manifests.setdefault(part, Manifest.empty()).compare(current)
        if not differences:
            # The same, but this one knows the order
            manifests[part] = current
            continue
        repaired = True
        changed = [*differences.added, *differences.changed]
        touched = [*changed, *differences.deleted]
        target.patch(part, documents, changed, differences.deleted)
        faults.reach(f"create.patched_{part.value}")
        copied = target.copied(part)
        if len(touched) > _MANY_DOCUMENTS:
            manifests[part] = Manifest.read(copied)
        else:
            patch = Manifest.read(Documents(copied.collection, {"_id": {"$in": touched}}))
            manifests[part] = manifests[part].updated(patch, touched)
    return repaired
