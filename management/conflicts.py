"""What must be decided before a merge, looked at and decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fiftyone.core.dataset as fod
import fiftyone.core.view as fov
from bson import ObjectId

from ..backend.access import Action
from ..backend.catalog.catalog import Catalog
from ..backend.merge import hand_edits, one_by_one, plans, review, stored_conflicts
from ..backend.merge.conflicts import Conflict, ConflictKind
from ..backend.merge.hand_edits import TakenEdits
from ..backend.merge.one_by_one import ConflictInPlace
from ..backend.merge.record import DOORS, MergePlan
from .authorize import acting
from .datasets import change
from .merging import branch_of, find_merge, id_of
from .snapshots import load_snapshot


@acting(Action.LIST, each=True)
def list_conflicts(
    merge_id: str,
    kind: str | None = None,
    field: str | None = None,
    label: str | None = None,
    resolved: bool | None = None,
) -> Iterator[Conflict]:
    """Reads the conflicts of a planned merge, one after the other.

    Args:
        merge_id: the merge
        kind (None): only those of a kind
        field (None): only those in a top-level field; those of frames with the prefix ``frames.``
        label (None): only those about labels of a class
        resolved (None): only those that are decided, or only those that are open

    Returns:
        an iterator over :class:`Conflict`

    Raises:
        ValueError: if there is no such merge or kind
    """
    connection, found, _ = find_merge(Action.LIST, merge_id, Action.DIFF)
    wanted = plans.filter_of(kind, field, label, resolved)
    return stored_conflicts.conflicts(connection, found.id, wanted)


@acting(Action.LIST, each=True)
def read_conflict(
    merge_id: str,
    number: int = 0,
    kind: str | None = None,
    field: str | None = None,
    label: str | None = None,
    resolved: bool | None = None,
) -> ConflictInPlace | None:
    """Reads one of the conflicts that :func:`list_conflicts` lists, with the name of its file.

    Args:
        merge_id: the merge
        number (0): which one
        kind (None): of those of a kind
        field (None): of those in a top-level field
        label (None): of those about labels of a class
        resolved (None): of those that are decided, or of those that are open

    Returns:
        a :class:`ConflictInPlace`, or None if there are not so many

    Raises:
        ValueError: if there is no such merge or kind
    """
    connection, found, _ = find_merge(Action.LIST, merge_id, Action.DIFF)
    wanted = plans.filter_of(kind, field, label, resolved)
    return one_by_one.read(connection, found, wanted, max(0, number))


@acting(Action.RESOLVE_MERGE, each=True)
def resolve_conflicts(merge_id: str, conflicts: object, take: object) -> int:
    """Decides conflicts of a planned merge.

    Args:
        merge_id: the merge
        conflicts: a :class:`Conflict` or several, or their ids; a kind; a dict with ``kind``,
            ``field``, ``label`` and ``resolved`` as :func:`list_conflicts` takes them; or None
            for all
        take: ``"ours"``, ``"theirs"``, ``"base"``, ``"both"``, ``"combine"``, None to open them
            again, or ``{"value": ...}`` for a value of your own

    Returns:
        how many conflicts that were

    Raises:
        ValueError: if there is no such merge, it is closed, or conflicts of such a kind cannot be
            decided so
    """
    wanted, resolution = plans.read_filter(conflicts), plans.read_resolution(take)
    connection, found, _ = find_merge(Action.RESOLVE_MERGE, merge_id, Action.DIFF)
    return stored_conflicts.resolve(connection, found, wanted, resolution)


@acting(Action.DIFF, each=True)
def view_conflicts(
    merge_id: str,
    side: str = "ours",
    kind: str | None = None,
    field: str | None = None,
    label: str | None = None,
) -> fov.DatasetView:
    """Returns the samples in conflict.

    Args:
        merge_id: the merge
        side ("ours"): ``"ours"`` for the target, ``"theirs"`` for the branch, ``"review"`` for
            the dataset that :func:`review_merge` makes
        kind (None): only those with conflicts of a kind
        field (None): only those with conflicts in a field
        label (None): only those with conflicts about labels of a class

    Returns:
        a :class:`fiftyone.core.view.DatasetView`

    Raises:
        ValueError: if there is no such merge or side, or its dataset is gone
    """
    connection, found, target = find_merge(Action.DIFF, merge_id, Action.DIFF)
    wanted = plans.filter_of(kind, field, label)

    def load(snapshot_id: ObjectId) -> fod.Dataset:
        record = Catalog(connection).by_id(snapshot_id)
        return load_snapshot(target.name, "(none)" if record is None else record.name)

    return plans.view(connection, found, side, wanted, load)


@acting(Action.REVIEW_MERGE, each=True)
def review_merge(merge: str | MergePlan) -> fod.Dataset:
    """Opens the review of a planned merge: a dataset that holds only the samples in conflict.

    It has the samples as the target has them. Beside every field in conflict, ``ground_truth``,
    it has ``ground_truth_theirs`` and ``ground_truth_base``, so that the App shows both sides over
    each other, and the field ``merge_conflicts``, which says what a sample is in conflict about.
    What you edit in ``ground_truth`` becomes what is decided with :func:`use_review_edits`. No
    list of datasets shows it, and it goes when the merge is applied or discarded.

    Args:
        merge: the merge or its id

    Returns:
        a :class:`fiftyone.core.dataset.Dataset`, the same one for everybody

    Raises:
        ValueError: if there is no such merge, it is closed, or no sample is in conflict
    """
    connection, found, target = find_merge(Action.REVIEW_MERGE, id_of(merge), Action.DIFF)
    source = branch_of(connection, found)
    change(target.name)
    return fod.load_dataset(review.open_review(connection, target, source, found))


@acting(Action.RESOLVE_MERGE, each=True)
def use_review_edits(merge: str | MergePlan) -> TakenEdits:
    """Decides conflicts as somebody has edited them by hand in the review of a merge.

    Args:
        merge: the merge or its id

    Returns:
        a :class:`TakenEdits`: how many conflicts were decided, and how many samples have edits
        that were not taken, because they are about nothing in conflict

    Raises:
        ValueError: if there is no such merge, it is closed, or its review was not opened
    """
    connection, found, _ = find_merge(Action.RESOLVE_MERGE, id_of(merge), Action.DIFF)
    return hand_edits.take(connection, found)


def _conflicts(merge_id: str, kind: ConflictKind | str | None = None, **wanted: Any) -> Any:
    return list_conflicts(merge_id, None if kind is None else str(kind), **wanted)


def _view(
    merge_id: str, side: str, kind: ConflictKind | str | None = None, **wanted: Any
) -> fov.DatasetView:
    return view_conflicts(merge_id, side, None if kind is None else str(kind), **wanted)


DOORS.conflicts = _conflicts
DOORS.resolve = resolve_conflicts
DOORS.view = _view
DOORS.review = review_merge
DOORS.use_edits = use_review_edits
