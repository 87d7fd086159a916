"""Finding planned merges again, looking at them, deciding their conflicts, giving them up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import bson
import fiftyone as fo
from bson import ObjectId
from pymongo.database import Database

from ..dataset.reference import DatasetReference, current_name
from ..diff import views
from ..errors import DatasetNotFoundError, InvalidArgumentError, InvalidRequestError
from ..mongo.database import Document
from ..rawbson.ids import Ids
from . import store, stored_conflicts
from .conflicts import Conflict, ConflictKind, Resolution, Take
from .record import ConflictCount, MergePlan, MergeState
from .store import PlanRecord
from .stored_conflicts import Filter

_REVIEW = "review"
_ID = re.compile("[0-9a-f]{24}")
_FILTER_KEYS = ("kind", "field", "label", "resolved")


def told(database: Database[Document], plan: PlanRecord) -> MergePlan:
    """Returns what callers see of a plan."""
    target, branch = (current_name(database, id_) for id_ in (plan.target_id, plan.branch_id))
    return public(plan, target, branch, stored_conflicts.counts(database, plan.id))


def public(
    plan: PlanRecord, target: str | None, branch: str | None, counts: Sequence[ConflictCount]
) -> MergePlan:
    """Returns what callers see of a plan, of what was read already.

    Args:
        plan: the plan
        target: the name of the target now; None if it is gone
        branch: the same of the branch
        counts: its conflicts
    """
    return MergePlan(
        id=str(plan.id),
        dataset_name=target,
        # What an undo merges is the dataset itself, before the operation
        branch_name=(None if plan.undoes else branch) or plan.branch_name,
        base_snapshot=plan.base_name,
        state=plan.state,
        created_at=plan.created_at,
        created_by=plan.created_by,
        changes=plan.counts,
        counts=tuple(counts),
        notes=plan.notes,
        suspects=plan.suspects,
        suspect_count=plan.suspect_count,
        snapshot_name=plan.snapshot_name,
        undoes=None if plan.undoes is None else str(plan.undoes),
        fields=plan.fields,
        samples=plan.samples,
    )


def of_dataset(database: Database[Document], dataset: DatasetReference) -> list[MergePlan]:
    """Lists the merges into a dataset, and those of it into others, oldest first."""
    query = {"$or": [{"target_id": dataset.id}, {"branch_id": dataset.id}]}
    return [told(database, plan) for plan in store.select(database, query)]


def discard(database: Database[Document], plan: PlanRecord) -> None:
    """Gives a planned merge up.

    Args:
        database: the database
        plan: the plan

    Raises:
        InvalidRequestError: if it is closed already
    """
    if not store.close(database, plan.id, MergeState.DISCARDED):
        state = store.get(database, str(plan.id)).state
        raise InvalidRequestError(f"The merge {plan.id} is {state} already")


def view(
    database: Database[Document],
    plan: PlanRecord,
    side: str,
    wanted: Filter,
    load: Callable[[ObjectId], fo.Dataset],
) -> fo.DatasetView:
    """Returns the samples in conflict, as one side has them.

    Args:
        database: the database
        plan: the plan
        side: ``"ours"``, ``"theirs"``, or ``"review"``
        wanted: which conflicts
        load: loads a snapshot of the target, where one is merged

    Returns:
        a view

    Raises:
        InvalidArgumentError: if there is no such side
        DatasetNotFoundError: if its dataset is gone
    """
    # The review of a plan has its id
    datasets = {
        Take.OURS.value: plan.target_id,
        Take.THEIRS.value: plan.branch_id,
        _REVIEW: plan.id,
    }
    if side not in datasets:
        raise InvalidArgumentError(
            f"side must be 'ours', 'theirs' or '{_REVIEW}', not {side!r:.80}"
        )
    name = current_name(database, datasets[side])
    if name is None:
        gone = "review is not open" if side == _REVIEW else f"dataset of side '{side}' was deleted"
        raise DatasetNotFoundError(f"The {gone}")
    ids = Ids.of(stored_conflicts.sample_ids(database, plan.id, wanted))
    if side == Take.THEIRS.value and plan.theirs_id is not None:
        return views.select(load(plan.theirs_id), ids)
    return views.select(fo.load_dataset(name), ids)


def filter_of(
    kind: ConflictKind | str | None = None,
    field: str | None = None,
    label: str | None = None,
    resolved: bool | None = None,
) -> Filter:
    """Returns which conflicts a caller means.

    Args:
        kind (None): a kind
        field (None): a top-level field
        label (None): a class
        resolved (None): whether they are decided

    Returns:
        the filter

    Raises:
        InvalidArgumentError: if there is no such kind
    """
    known = {each.value: each for each in ConflictKind}
    if kind is not None and kind not in known:
        raise InvalidArgumentError(
            f"kind must be a kind of conflict, not {kind!r:.80}; there are: {', '.join(known)}"
        )
    return Filter(None if kind is None else known[kind], field, label, resolved)


def read_filter(given: object) -> Filter:
    """Reads which conflicts a caller means.

    Args:
        given: conflicts, a kind, a dict, or None for all

    Returns:
        the filter

    Raises:
        InvalidArgumentError: if it is something else
    """
    if given is None:
        return Filter()
    if isinstance(given, str):
        return Filter(ids=[given]) if _ID.fullmatch(given) else filter_of(given)
    if isinstance(given, Conflict):
        return Filter(ids=[given.id])
    if isinstance(given, Mapping):
        return filter_of(**_keys(given))
    if isinstance(given, Iterable) and not isinstance(given, (bytes, type)):
        conflicts = list(given)
        if all(isinstance(each, Conflict) for each in conflicts):
            return Filter(ids=[each.id for each in conflicts])
        if all(isinstance(each, str) and _ID.fullmatch(each) for each in conflicts):
            return Filter(ids=conflicts)
    raise InvalidArgumentError(
        "conflicts must be conflicts or their ids, a kind, a dict of kind, field, label and "
        f"resolved, or None for all, not {_shown(given)}"
    )


def _keys(given: Mapping[Any, Any]) -> dict[str, Any]:
    for key, value in given.items():
        allowed = (bool, type(None)) if key == "resolved" else (str, type(None))
        if key not in _FILTER_KEYS or not isinstance(value, allowed):
            raise InvalidArgumentError(
                f"conflicts must have the keys {', '.join(_FILTER_KEYS)}, not "
                f"{_shown({key: value})}"
            )
    return dict(given)


def read_resolution(given: object) -> Resolution | None:
    """Reads what a caller decides.

    Args:
        given: a side, ``{"value": ...}``, or None to open the conflicts again

    Returns:
        the resolution

    Raises:
        InvalidArgumentError: if it is something else, or a value that cannot be stored
    """
    if given is None:
        return None
    sides = {take.value: take for take in Take if take is not Take.VALUE}
    if isinstance(given, str) and given in sides:
        return Resolution(sides[given])
    if isinstance(given, Mapping) and list(given) == ["value"]:
        try:
            bson.encode({"v": given["value"]})
        except (bson.errors.BSONError, OverflowError) as error:
            message = f"take has a value that cannot be stored: {error}"
            raise InvalidArgumentError(message) from None
        return Resolution(Take.VALUE, given["value"])
    raise InvalidArgumentError(
        f"take must be {', '.join(map(repr, sides))}, a dict {{'value': ...}}, or None, not "
        f"{_shown(given)}"
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
