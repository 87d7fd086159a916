"""Copying a dataset as it is at one moment, while others may be writing to it.

On a replica set the server itself reads every collection at one time. A standalone server,
FiftyOne's default, cannot. There, the storage engine's write counters tell whether anything was
written while the copy was made. If so, the copy catches up, see :mod:`.catch_up`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from pymongo.errors import OperationFailure

from .. import faults
from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Head, Part, State
from ..manifest.manifest import Manifest
from ..mongo.continuity import Continuity
from ..mongo.database import at_one_moment
from ..mongo.gate import Workers
from ..progress import Progress
from . import counted
from .catch_up import catch_up
from .moment import KnownHead, Moment, Target
from .watch import Watch, settled

# The collections were made, or got an index, at this very moment; or the copy took longer than
# the server remembers
_SNAPSHOT_UNAVAILABLE = 246
_SNAPSHOT_TOO_OLD = 239


def capture(head: Head, target: Target, progress: Progress) -> Moment:
    """Copies a dataset as it is at one moment.

    Args:
        head: the dataset
        target: where to put the copy
        progress: told how far it is

    Returns:
        the moment that was copied

    Raises:
        ConcurrentWritesError: if the copy could not catch up; it is then worthless
    """
    before = DatasetToken.of(head)
    continuity = _continuity(head, before)
    if isinstance(head, KnownHead) and (content := head.recall(before)):
        moment = _capture_known(head, target, progress, before, content)
        if moment is not None:
            return replace(moment, continuity=continuity) if moment.is_still else moment
        before = DatasetToken.of(head)
        continuity = _continuity(head, before)
    if before.is_replicated:
        at_once = Head(at_one_moment(head.database), head.dataset_id)
        try:
            return Moment(_copy(at_once.state(), target, progress), before, continuity)
        except OperationFailure as error:
            if error.code not in (_SNAPSHOT_UNAVAILABLE, _SNAPSHOT_TOO_OLD):
                raise
        before = DatasetToken.of(head)

    # What the look has read is what is copied, if the dataset stood still
    watch = Watch(head.database, before)
    if counted.is_worth(before.count):
        watch.begin()
    with watch.following():
        manifests = _copy(before.state, target, progress)
    if before.proves_no_write(before.again(head.database)):
        return Moment(manifests, before, continuity, is_still=True)
    return catch_up(head, target, manifests, watch, progress)


def _continuity(head: Head, before: DatasetToken) -> Continuity | None:
    """Returns by what to tell later whether writes were counted on since a look."""
    return settled(head.database, before) if counted.is_worth(before.count) else None


def _capture_known(
    head: Head,
    target: Target,
    progress: Progress,
    before: DatasetToken,
    content: Mapping[Part, Manifest],
) -> Moment | None:
    """Copies a dataset of which it is known what samples and frames held at a look.

    Returns:
        the moment that was copied; None if somebody has written since, and it cannot be told what
    """
    watch = Watch(head.database, before)
    if counted.is_worth(before.count) and not before.is_replicated:
        watch.begin()
    is_followed = watch.is_told and before.proves_no_write(watch.token)
    with watch.following():
        manifests = _copy(before.state, target, progress, content)
    if before.proves_no_write(before.again(head.database)):
        return Moment(manifests, before, is_still=True)
    # Who copies all within the server does not get to know the order
    are_ordered = all(manifests[part].places is not None for part in content)
    if not is_followed or not are_ordered:
        return None
    return catch_up(head, target, manifests, watch, progress)


def _copy(
    state: State,
    target: Target,
    progress: Progress,
    content: Mapping[Part, Manifest] = MappingProxyType({}),
) -> dict[Part, Manifest]:
    manifests: dict[Part, Manifest] = {}
    own = {part: documents for part, documents in state.items() if part.is_own_collection}
    progress(0.0, f"Copying {', '.join(own)}")
    with Workers(max_workers=1) as pool:
        begun = {
            part: pool.submit(target.copy, part, documents, content.get(part))
            for part, documents in own.items()
        }
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
    documents: Documents,
    part: Part,
    copy: Callable[[Part, Documents], None],
    content: Manifest | None = None,
) -> Manifest:
    """Makes a whole copy; digests are taken from the source while the server copies.

    Args:
        documents: what to copy
        part: the part that they are
        copy: makes the copy
        content (None): what they hold, if that is known

    Returns:
        the content of the source
    """
    if content is not None:
        copy(part, documents)
        return content
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
