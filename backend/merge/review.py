"""Opening the review of a planned merge: a dataset that holds the samples in conflict only.

What it consists of is :mod:`.review_documents`'s business. What is edited in it by hand is taken
back by :mod:`.hand_edits`.
"""

from __future__ import annotations

from pymongo.database import Database

from ..actions import Action
from ..branches.create import insert_as
from ..dataset.reference import DatasetReference, migrate
from ..errors import InvalidRequestError
from ..mongo.collections import review_name, staging_name
from ..mongo.database import Document
from ..operations.journal import Operation, operation, recovers
from ..snapshots import staging
from . import reviews, store, stored_conflicts
from .record import MergeState
from .review_documents import ReviewDocuments
from .store import PlanRecord
from .stored_conflicts import Filter


def open_review(
    database: Database[Document],
    target: DatasetReference,
    branch: DatasetReference,
    plan: PlanRecord,
) -> str:
    """Makes the review of a merge, unless it is there; what was edited in it stays.

    Args:
        database: the database
        target: the dataset to merge into
        branch: the dataset to merge
        plan: the plan

    Returns:
        the name of the dataset that it is

    Raises:
        InvalidRequestError: if the plan is closed, or no sample is in conflict
    """
    for dataset in (target, branch):
        migrate(dataset)
    _check(plan)
    if (found := reviews.find(database, plan.id)) is not None:
        return str(found["name"])
    if not stored_conflicts.sample_ids(database, plan.id, Filter()):
        raise InvalidRequestError(
            "No sample is in conflict, so there is nothing to look at: decide the other conflicts "
            "with resolve(), or apply the merge"
        )
    with operation(database, target.id, Action.REVIEW_MERGE) as running:
        _check(store.get(database, str(plan.id)))
        # Somebody may have opened it while this one waited
        if (found := reviews.find(database, plan.id)) is not None:
            return str(found["name"])
        running.note(plan_id=plan.id)
        running.step("noted")
        build = ReviewDocuments(running, target, branch, plan)
        parts = build.stage()
        for part in parts:
            # Not before: those who take over drop what is staged
            running.certain(f"moving_{part.value}")
            staged = database[staging_name(running.id, part)]
            staged.rename(review_name(plan.id, part), dropTarget=True)
        running.step("moved")
        name = insert_as(running, build.document(parts), reviews.wanted_name(target, plan.id))
        running.commit(dataset_name=name)
        _finish(running)
        return name


def _check(plan: PlanRecord) -> None:
    if plan.state is not MergeState.OPEN:
        raise InvalidRequestError(f"The merge is {plan.state} already, and nothing can be decided")


@recovers(Action.REVIEW_MERGE)
def _recover(running: Operation) -> None:
    """Keeps a review that can be seen; takes back everything else."""
    plan_id = running.details.get("plan_id")
    if plan_id is None:
        return
    if reviews.find(running.database, plan_id) is None:
        # First, so that whoever is still at it has nothing to rename
        staging.drop(running)
        reviews.remove(running.database, plan_id)
        return
    if not running.is_committed:
        running.commit()
    _finish(running)


def _finish(running: Operation) -> None:
    """Drops what was staged, and the review as well if its plan was closed meanwhile."""
    staging.drop(running)
    running.step("dropped_staged")
    found = store.select(running.database, {"_id": running.details["plan_id"]})
    if not found or found[0].state is not MergeState.OPEN:
        reviews.remove(running.database, running.details["plan_id"])
