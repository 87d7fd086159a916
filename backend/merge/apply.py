"""Applying a planned merge: as one step, which ends as a snapshot of the target.

The merged state is built beside the target and exchanged with it, as a revert does, so it can be
undone as a revert can. What differs: the new state is made of the former one, so nothing that is
written to the target meanwhile may be lost. The target is compared with what was planned once it
is copied, and looked at again just before the exchange.
"""

from __future__ import annotations

from bson import ObjectId
from pymongo.database import Database

from ..access import actor
from ..actions import Action
from ..audit import recording
from ..catalog import names
from ..catalog.catalog import Catalog
from ..catalog.record import MergedFrom, SnapshotKind, SnapshotRecord, SnapshotState
from ..config import Settings
from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Head, Part, State
from ..dataset.reference import DatasetReference, current_name, migrate
from ..diff import latest_changes
from ..diff.versions import SnapshotVersion
from ..errors import (
    ConflictsRemainError,
    InvalidRequestError,
    StaleMergeError,
)
from ..mongo.collections import staging_name
from ..mongo.database import Document, server_time
from ..operations.journal import operation
from ..revert import exchange
from ..snapshots import create, quota
from ..storage.moment import KnownContent
from . import ancestry, in_place, standstill, store, stored_conflicts
from .build import Builder, StagedVersion, copy
from .captured_head import head_version
from .decided import Decided
from .finish import Ending, finish
from .outcome import Outcome
from .plan import short_name
from .record import MergeState
from .side import Side
from .store import PlanRecord


def apply(
    database: Database[Document],
    target: DatasetReference,
    branch: DatasetReference,
    plan: PlanRecord,
    name: str | None = None,
    description: str | None = None,
) -> SnapshotRecord:
    """Applies a planned merge.

    Args:
        database: the database
        target: the dataset to merge into
        branch: the dataset to merge
        plan: the plan
        name (None): a name for the snapshot that the merge ends with
        description (None): what that is about

    Returns:
        that snapshot

    Raises:
        ConflictsRemainError: if conflicts are open
        StaleMergeError: if either side is not what it was when the merge was planned
        InvalidRequestError: if the plan is closed, or the result would break a unique index
        SnapshotNotFoundError: if the snapshot that both began with is gone
    """
    check(database, plan)
    ancestry.of_plan(database, plan.base_id, plan.base_name)
    migrate(target)
    given = name
    name = given or _free(Catalog(database), target.id, f"merge of {short_name(branch, target)}")
    create.check(database, target, name)
    theirs = _snapshot(database, target, branch, plan)
    recording.detail(name, merge=str(plan.id), branch=branch.name, branch_snapshot=theirs.name)
    ending = Ending(name, description, is_given=given is not None)
    return perform(database, target, plan, theirs, ending)


def perform(
    database: Database[Document],
    target: DatasetReference,
    plan: PlanRecord,
    theirs: SnapshotRecord,
    ending: Ending,
    outcome: Outcome | None = None,
) -> SnapshotRecord:
    """Applies a plan, once what is merged is a snapshot.

    Args:
        database: the database
        target: the dataset to merge into
        plan: the plan
        theirs: the snapshot that is merged
        ending: the snapshot that the merge ends with
        outcome (None): what was worked out for the plan, if it was made just now

    Returns:
        that snapshot

    Raises:
        ConflictsRemainError: if conflicts are open
        StaleMergeError: if the target is not what it was when the merge was planned
        InvalidRequestError: if the plan is closed, or the result would break a unique index
        SnapshotNotFoundError: if the snapshot that both began with is gone
    """
    base = ancestry.of_plan(database, plan.base_id, plan.base_name)
    catalog = Catalog(database)
    is_named = ending.kind is SnapshotKind.NAMED

    def recheck() -> None:
        check(database, store.get(database, str(plan.id)))
        if ending.is_given:
            catalog.check_name(target.id, ending.name)

    backend = catalog.dataset_facts(target.id).get("backend", Settings.load().backend)
    if is_named:
        quota.make(database, target)
    with operation(
        database,
        target.id,
        Action.APPLY_MERGE,
        while_waiting=recheck,
        snapshot_name=ending.name,
    ) as running:
        if is_named:
            quota.check(database, target)
        # Somebody may have applied it, or another one, while this one waited
        recheck()
        name = ending.name
        if is_named and not ending.is_given:
            name = _free(catalog, target.id, name)
        record = SnapshotRecord(
            id=ending.id,
            dataset_id=target.id,
            name=name,
            slug=names.slug(name),
            description=ending.description,
            sequence=catalog.next_sequence(target.id),
            state=SnapshotState.CREATING,
            backend=backend,
            created_at=running.entry.started_at,
            created_by=actor.current().user,
            merged_from=None if plan.undoes else _merged_from(database, plan, theirs),
            kind=ending.kind,
        )
        known = outcome or Outcome()
        decided = Decided(running, plan, base, theirs, record, ending.undone, known)
        if plan.undoes and (written := in_place.undo(decided)) is not None:
            return finish(running, written.content)
        return finish(running, _merge(decided))


def _merged_from(
    database: Database[Document], plan: PlanRecord, theirs: SnapshotRecord
) -> MergedFrom:
    onto = Catalog(database).latest(plan.target_id)
    return MergedFrom(
        dataset_id=plan.branch_id,
        dataset_name=current_name(database, plan.branch_id) or plan.branch_name,
        snapshot_id=theirs.id,
        snapshot_name=theirs.name,
        merge_id=plan.id,
        base_id=plan.base_id,
        conflicts=sum(count.total for count in stored_conflicts.counts(database, plan.id)),
        is_full=plan.is_full,
        onto_id=None if onto is None else onto.id,
        onto_name=None if onto is None else onto.name,
    )


def check(database: Database[Document], plan: PlanRecord) -> None:
    """Refuses a plan that is closed, or of which conflicts are open."""
    what, done = ("undo", "undone") if plan.undoes else ("merge", "merged")
    if plan.state is not MergeState.OPEN:
        raise InvalidRequestError(f"The {what} {plan.id} is {plan.state} already; plan it again")
    open_ = sum(count.open for count in stored_conflicts.counts(database, plan.id))
    if open_:
        raise ConflictsRemainError(
            f"{open_:,} conflict{'s are' if open_ > 1 else ' is'} open, so nothing was {done}: "
            f"decide them with resolve(), or plan the {what} with prefer=..."
        )


def _snapshot(
    database: Database[Document],
    target: DatasetReference,
    branch: DatasetReference,
    plan: PlanRecord,
) -> SnapshotRecord:
    """Returns the snapshot of the branch as it was planned: its latest one, or a new one."""
    catalog = Catalog(database)
    latest = catalog.latest(branch.id)
    now = head_version(database, branch.id)
    if Side(database, now).digest() != plan.theirs:
        raise standstill.stale("branch", branch.name)
    if latest is not None and _is_planned(database, latest, plan):
        return latest
    name = _free(catalog, branch.id, f"merged into {target.name}".replace("/", "-"))
    create.create(database, branch, name, None)
    made = catalog.get(branch.id, name, branch.name)
    if not _is_planned(database, made, plan):
        raise standstill.stale("branch", branch.name)
    return made


def _is_planned(database: Database[Document], record: SnapshotRecord, plan: PlanRecord) -> bool:
    return Side(database, SnapshotVersion(database, record)).digest() == plan.theirs


def _merge(decided: Decided) -> KnownContent:
    """Builds the merged state and exchanges it with the target's; returns what it holds."""
    running, plan = decided.running, decided.plan
    database = running.database
    head = Head(database, running.dataset_id)
    before = DatasetToken.of(head)
    known = head_version(database, running.dataset_id).read
    planned, state = head.document(), head.state()
    side = decided.theirs
    has_frames = Part.FRAMES in state or bool(side.document.get("frame_collection_name"))
    switch = exchange.plan(head, has_frames)
    running.note(
        **decided.details(),
        switch=switch.to_details(),
        newer=[],
        revived=[],
        is_staged=True,
        known_related=standstill.known_related(before.state),
        kept_parts=[Part.STORE.name],
        destroy=Settings.load().trash_days == 0,
        changes=None,
        changes_since=None,
        former_changes=latest_changes.carried(
            Catalog(database).dataset_facts(running.dataset_id), switch.old_samples
        ),
    )
    running.step("noted")
    copies, read = copy(running, state, has_frames, known)
    if not before.proves_no_write(before.again(database)):
        # What was read and what was copied need not be the same
        read = {}
    ours = Side(database, StagedVersion(head, read, staged=copies))
    if ours.digest() != plan.ours:
        raise standstill.stale("target", planned["name"])
    engine = decided.engine(ours)
    builder = Builder(running, engine, copies, switch.new_samples)
    builder.build()
    if builder.conflicts:
        raise StaleMergeError(
            f"{len(builder.conflicts)} conflicts came out that were not planned; nothing was "
            "changed. Plan the merge again."
        )
    document = _document(builder, state)
    running.note(came_along=builder.came_along)
    standstill.check(before, head, plan, planned)
    manifests = builder.content()
    for part, new in switch.new_names().items():
        running.certain(f"moving_{part.value}")
        database[staging_name(running.id, part)].rename(new)
    running.step("moved")
    moved = {part: Documents(database[new]) for part, new in switch.new_names().items()}
    content = KnownContent.of(database, moved, manifests)
    related = exchange.staged_related(running)
    check = standstill.unchanged(running, before, head, planned, ours)
    exchange.make(running, switch, related, document, check)
    return content


def _document(builder: Builder, state: State) -> Document:
    document = {**builder.engine.dataset.document, **builder.related(state)}
    now = server_time(builder.running.database)
    document["last_modified_at"] = now
    if builder.deleted:
        document["last_deletion_at"] = now
    return document


def _free(catalog: Catalog, dataset_id: ObjectId, name: str) -> str:
    """Returns a name that no snapshot of a dataset has."""
    taken = {names.slug(record.name) for record in catalog.list_all(dataset_id)}
    name = name[: names.MAX_NAME_LENGTH - 10].strip()
    number, found = 1, name
    while names.slug(found) in taken:
        number += 1
        found = f"{name} {number}"
    return found
