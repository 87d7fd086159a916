"""Bringing the work on a branch into another dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, overload

import fiftyone.core.dataset as fod
from bson import ObjectId
from pymongo.database import Database

from ..backend.access import Action
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot
from ..backend.dataset.reference import DatasetReference, current_name
from ..backend.diff.bars import shown
from ..backend.errors import (
    DatasetNotFoundError,
    InvalidRequestError,
    SnapshotPermissionError,
)
from ..backend.merge import (
    apply,
    plan,
    plans,
    selecting,
    store,
)
from ..backend.merge.ancestry import COMMON
from ..backend.merge.prefer import Preference
from ..backend.merge.record import MergePlan
from ..backend.merge.store import PlanRecord
from ..backend.mongo import database
from ..backend.mongo.database import Document
from ..backend.progress import Progress
from ..backend.revert import undo as undo_exchange
from ..backend.revert import undo_plan
from ..backend.revert.undo_plan import UndoPlan
from ..backend.undo import undo
from .authorize import acting, enter, require
from .datasets import change, find, read


@acting(Action.PLAN_MERGE, each=True)
def plan_merge(
    branch: str | fod.Dataset,
    into: str | fod.Dataset | None = None,
    base: str | DatasetSnapshot | None = COMMON,
    fields: str | Iterable[str] | None = None,
    view: object = None,
    prefer: str | Mapping[str, str] | None = None,
    progress: bool | Progress | None = None,
) -> MergePlan:
    """Plans a merge: tells what would come together, and what must be decided before.

    Both datasets are read, and nothing is changed. The plan is stored, so that somebody else can
    go on with it. Planning the same merge again keeps what was decided about everything that has
    not changed since.

    Args:
        branch: the name of the dataset to merge
        into (None): the name of the dataset to merge it into; by default, the one that it is a
            branch of
        base: the snapshot that both began with, of which each side's changes are told; by
            default, the newest one that both have in common. None says that there is none:
            then everything in which they differ is in conflict
        fields (None): the top-level fields to merge, those of frames with the prefix ``frames.``;
            by default, all of them and whatever else the branch has changed
        view (None): the samples to merge: a view on either dataset, the name of a saved view
            of the branch, samples, or their ids; by default, all of them. If only fields or
            samples are merged, the next merge of the branch begins where this one did
        prefer (None): what is taken where both have changed the same: ``"ours"``, ``"theirs"``,
            or a dict of kinds of conflicts and fields to these; by default, nothing is decided.
            What only one side has changed is never decided by it
        progress (None): whether to render a progress bar, or a function to call instead

    Returns:
        a :class:`MergePlan`

    Raises:
        ValueError: if there is no such dataset or snapshot, or it is not clear what both began
            with
    """
    preference = Preference.of(prefer)
    wanted = selecting.read_fields(fields)
    selecting.check_view(view)
    connection, source = read(branch)
    if into is None:
        target = plan.target_of(connection, source)
        connection, target = read(target.name)
    else:
        connection, target = read(into)
    require(Action.DIFF, source.name)
    enter(Action.PLAN_MERGE, target)
    if isinstance(base, DatasetSnapshot):
        base = base.id
    if base is not None and ObjectId.is_valid(base):
        _require_base(connection, ObjectId(base))
    scope = selecting.read_scope(connection, target, source, wanted, view)
    with shown(progress) as report:
        made = plan.plan(connection, target, source, base, scope, preference, report)
    return plans.told(connection, made)


@acting(Action.LIST)
def mergeable_fields(dataset_name: str | fod.Dataset) -> list[str]:
    """Lists the fields of a branch that :func:`plan_merge` can merge by themselves.

    Args:
        dataset_name: the name of the branch

    Returns:
        names of top-level fields, those of frames with the prefix ``frames.``

    Raises:
        ValueError: if there is no such dataset
    """
    return selecting.mergeable_fields(*find(dataset_name))


@acting(Action.LIST, each=True)
def get_merge(merge_id: str) -> MergePlan:
    """Returns a planned merge.

    Args:
        merge_id: its id

    Returns:
        a :class:`MergePlan`

    Raises:
        ValueError: if there is no such merge
    """
    connection, found, _ = find_merge(Action.LIST, merge_id)
    return plans.told(connection, found)


@acting(Action.LIST)
def list_merges(dataset_name: str | fod.Dataset) -> list[MergePlan]:
    """Lists the merges into a dataset, and those of it into others.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of :class:`MergePlan`, oldest first

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = read(dataset_name)
    found = plans.of_dataset(connection, dataset)
    return [each for each in found if _may_see(each, dataset.name)]


@acting(Action.APPLY_MERGE, each=True)
def apply_merge(
    merge: str | MergePlan, snapshot: str | None = None, description: str | None = None
) -> DatasetSnapshot:
    """Applies a planned merge as one step, which ends as a snapshot of the target.

    What the target was goes to the trash: :func:`undo_merge` brings it back. Every document whose
    content changes gets a new ``last_modified_at``, so that an open browser does not overwrite it.
    The plan of an undo is applied by this as well, see :func:`undo_operation`.

    Args:
        merge: the merge or its id
        snapshot (None): a name for the snapshot; by default, it says what was merged. An undo
            takes none
        description (None): what the snapshot is about; an undo takes none

    Returns:
        the snapshot as a :class:`DatasetSnapshot`, whose ``merged_from`` names the branch

    Raises:
        ValueError: if there is no such merge, it is closed, conflicts are open
            (:class:`ConflictsRemainError`), or the result would break a unique index
        StaleMergeError: if either side is not what it was when the merge was planned
    """
    connection, found, target = find_merge(Action.APPLY_MERGE, id_of(merge))
    if found.undoes is not None:
        if snapshot is not None or description is not None:
            raise InvalidRequestError(
                f"The merge {found.id} is an undo, which ends with a safety snapshot: nobody "
                "names or describes it"
            )
        change(target.name)
        return undo.apply(connection, target, found)[1].public()
    source = branch_of(connection, found)
    change(target.name)
    return apply.apply(connection, target, source, found, snapshot, description).public()


@overload
def undo_merge(dataset_name: str | fod.Dataset, *, dry_run: Literal[False] = False) -> None: ...


@overload
def undo_merge(dataset_name: str | fod.Dataset, *, dry_run: Literal[True]) -> UndoPlan: ...


@overload
def undo_merge(dataset_name: str | fod.Dataset, *, dry_run: bool) -> UndoPlan | None: ...


@acting(Action.UNDO_MERGE, dry_run=Action.DIFF)
def undo_merge(dataset_name: str | fod.Dataset, *, dry_run: bool = False) -> UndoPlan | None:
    """Takes the last merge into a dataset back whole.

    The dataset becomes what it was, and the snapshot that the merge ended with goes. What the
    dataset is now goes to the trash, with whatever was edited since: :func:`undo_revert` brings
    it back. The branch can be merged again.

    Args:
        dataset_name: the name of the dataset that was merged into
        dry_run (False): whether to only tell what would change

    Returns:
        an :class:`UndoPlan` if ``dry_run``, else None

    Raises:
        ValueError: if there is nothing to take back, or what was done last to all of the dataset
            is no merge but a revert or an undo
    """
    # As undo_revert() does
    connection, dataset = read(dataset_name)
    if dry_run:
        return undo_plan.plan(connection, dataset, action=Action.UNDO_MERGE)
    undo_exchange.undo(connection, dataset, action=Action.UNDO_MERGE)
    return None


@acting(Action.DISCARD_MERGE, each=True)
def discard_merge(merge: str | MergePlan) -> None:
    """Gives a planned merge up.

    Args:
        merge: the merge or its id

    Raises:
        ValueError: if there is no such merge, or it was applied or discarded already
    """
    connection, found, _ = find_merge(Action.DISCARD_MERGE, id_of(merge))
    plans.discard(connection, found)


def find_merge(
    action: Action, merge_id: str, of_branch: Action = Action.LIST
) -> tuple[Database[Document], PlanRecord, DatasetReference]:
    """Finds a merge and its target, and asks whether it may be done.

    A plan tells of both sides, and so does not open the branch to who may not see that.
    """
    connection = database.connect()
    found = store.get(connection, merge_id)
    require(of_branch, current_name(connection, found.branch_id) or found.branch_name)
    name = current_name(connection, found.target_id)
    if name is None:
        raise DatasetNotFoundError(f"The target of the merge {merge_id} was deleted")
    target = DatasetReference(found.target_id, name)
    enter(action, target)
    return connection, found, target


def _may_see(merge: MergePlan, dataset_name: str) -> bool:
    """Returns whether the user may see the other side of a merge."""
    try:
        others = {merge.dataset_name}
        if merge.undoes is None:
            others.add(merge.branch_name)
        for name in others - {dataset_name, None}:
            require(Action.LIST, name)
    except SnapshotPermissionError:
        return False
    return True


def _require_base(connection: Database[Document], snapshot_id: ObjectId) -> None:
    """Refuses a snapshot of a dataset that the user may not compare."""
    record = Catalog(connection).by_id(snapshot_id)
    if record is not None and (name := current_name(connection, record.dataset_id)) is not None:
        require(Action.DIFF, name)


def id_of(merge: str | MergePlan) -> str:
    """Returns the id of a merge that a caller gives as such or by its id."""
    return merge.id if isinstance(merge, MergePlan) else merge


def branch_of(connection: Database[Document], found: PlanRecord) -> DatasetReference:
    """Finds the branch of a merge, and asks whether it may be looked at."""
    name = current_name(connection, found.branch_id)
    if name is None:
        raise DatasetNotFoundError(f"The branch '{found.branch_name}' was deleted")
    require(Action.DIFF, name)
    return DatasetReference(found.branch_id, name)
