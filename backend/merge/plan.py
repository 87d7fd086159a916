"""Planning a merge: both sides and their base are read, and nothing but the plan is written."""

from __future__ import annotations

from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database

from ..access import actor
from ..branches.record import get_branch
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Head
from ..dataset.reference import DatasetReference, current_name, migrate
from ..dataset.schema import FRAMES_PREFIX
from ..diff.versions import HeadVersion, NoVersion, SnapshotVersion
from ..errors import InvalidRequestError, NoMergeBaseError
from ..mongo.collections import ensure_indexes
from ..mongo.database import Document, server_time
from ..progress import Progress, silent
from ..rawbson.ids import Ids, lacking
from . import ancestry, documents, store, stored_conflicts
from .ancestry import COMMON
from .captured_head import head_version
from .conflicts import Conflict, Place, Resolution
from .engine import Engine
from .judge import Judge
from .outcome import Outcome
from .prefer import Preference
from .record import DuplicateSuspect, MergeCounts, MergeState
from .samples import Change, MergedSample
from .scope import WHOLE, Scope
from .side import Side
from .store import MAX_SUSPECTS, PlanRecord
from .stored_conflicts import ConflictWriter
from .unique import UniqueCheck


def plan(
    database: Database[Document],
    target: DatasetReference,
    branch: DatasetReference,
    base: str | None = COMMON,
    scope: Scope = WHOLE,
    prefer: Preference | None = None,
    progress: Progress = silent,
) -> PlanRecord:
    """Plans a merge. What was decided for an earlier plan of it holds where nothing has changed.

    Args:
        database: the database
        target: the dataset to merge into
        branch: the dataset to merge, made of a snapshot of the target
        base (COMMON): the snapshot that both began with, by name or id; by default, the newest
            one that they have in common; None for none
        scope (WHOLE): what of the branch is merged
        prefer (None): how conflicts are decided before anybody has looked at them
        progress: told how far it is

    Returns:
        the plan, which is stored

    Raises:
        NoMergeBaseError: if it is not clear what both began with
        SnapshotNotFoundError: if there is no such snapshot
        InvalidRequestError: if the datasets cannot be merged
        ConcurrentWritesError: if one of them is written to at this moment
    """
    if target.id == branch.id:
        raise InvalidRequestError(f"'{target.name}' cannot be merged into itself")
    for dataset in (target, branch):
        migrate(dataset)
    ensure_indexes(database)
    record = _base(database, target, branch, base)
    theirs = head_version(database, branch.id)
    return between(database, target, branch, record, theirs, scope, prefer, progress)


def between(
    database: Database[Document],
    target: DatasetReference,
    branch: DatasetReference,
    record: SnapshotRecord | None,
    version: HeadVersion | SnapshotVersion,
    scope: Scope = WHOLE,
    prefer: Preference | None = None,
    progress: Progress = silent,
    undoes: ObjectId | None = None,
    outcome: Outcome | None = None,
) -> PlanRecord:
    """Plans the merge of any version.

    Args:
        database: the database
        target: the dataset to merge into
        branch: the dataset of the version, as it is to be called
        record: the snapshot that both began with, if any
        version: what is merged
        scope (WHOLE): what of the version is merged
        prefer (None): how conflicts are decided before anybody has looked at them
        progress: told how far it is
        undoes (None): the operation that is taken back, if it is no merge of a branch
        outcome (None): told what becomes of samples

    Returns:
        the plan, which is stored
    """
    decided: dict[str, Resolution] = {}
    for earlier in _open(database, target, branch, undoes):
        decided |= stored_conflicts.resolutions(database, earlier.id)
    preference = prefer or Preference()

    def decide(conflict: Conflict) -> Resolution | None:
        return decided.get(conflict.id) or preference.decide(conflict)

    head = head_version(database, target.id)
    if outcome is not None and head.content is not None:
        outcome.begin(database, head.content)
    engine = Engine(
        base=Side(database, NoVersion() if record is None else SnapshotVersion(database, record)),
        ours=Side(database, head),
        theirs=Side(database, version),
        branch=short_name(branch, target),
        decide=decide,
        scope=scope,
        progress=progress,
    )
    preference.check(_names(engine))
    _check_samples(engine)
    plan_id = ObjectId()
    found = _Findings(database, plan_id)
    checks = _unique_checks(database, target, engine)
    for merged in engine.merged():
        found.note(merged)
        for check in checks:
            check.note(merged)
        if outcome is not None:
            outcome.note(merged)
    judge = Judge(Place(), decide)
    for check in checks:
        check.settle(judge)
    if others := [*engine.dataset_conflicts(), *judge.conflicts]:
        found.conflicts.write(others)
        if outcome is not None:
            outcome.drop()
    found.conflicts.flush()
    made = PlanRecord(
        id=plan_id,
        target_id=target.id,
        branch_id=branch.id,
        branch_name=branch.name,
        base_id=None if record is None else record.id,
        base_name=None if record is None else record.name,
        ours=engine.ours.digest(),
        theirs=engine.theirs.digest(),
        created_at=server_time(database),
        created_by=actor.current().user,
        counts=MergeCounts(**found.counts),
        notes=tuple(engine.notes()),
        fields=scope.fields,
        samples=None if scope.samples is None else len(scope.samples),
        samples_hash=scope.samples_hash,
        suspects=tuple(found.suspects),
        suspect_count=found.suspect_count,
        theirs_id=version.record.id if isinstance(version, SnapshotVersion) else None,
        undoes=undoes,
    )
    store.add(database, made, scope.samples)
    for earlier in _open(database, target, branch, undoes):
        if earlier.id != made.id and earlier.is_about_the_same(made):
            store.close(database, earlier.id, MergeState.DISCARDED)
    return made


def short_name(branch: DatasetReference, target: DatasetReference) -> str:
    """Returns what a branch is called among those of its target."""
    return branch.name.removeprefix(f"{target.name}.")


def target_of(database: Database[Document], branch: DatasetReference) -> DatasetReference:
    """Returns what a branch was made of.

    Args:
        database: the database
        branch: the branch

    Returns:
        its parent

    Raises:
        NoMergeBaseError: if it is no branch, or its parent is gone
    """
    found = get_branch(database, branch)
    name = None if found is None else current_name(database, found.parent_id)
    if found is None or name is None:
        why = "is no branch" if found is None else "has no parent any more"
        raise NoMergeBaseError(
            f"'{branch.name}' {why}: say which dataset to merge it into, with into=\"...\""
        )
    return DatasetReference(found.parent_id, name)


@dataclass
class _Findings:
    """What a plan finds out, sample by sample."""

    database: Database[Document]
    plan_id: ObjectId

    def __post_init__(self) -> None:
        self.conflicts = ConflictWriter(self.database, self.plan_id)
        self.suspects: list[DuplicateSuspect] = []
        self.suspect_count = 0
        names = [f"{part}_{done}" for part in ("samples", "frames") for done in _DONE.values()]
        self.counts = dict.fromkeys(names, 0)

    def note(self, merged: MergedSample) -> None:
        """Notes what becomes of a sample."""
        self.conflicts.write(merged.conflicts)
        self.suspect_count += len(merged.suspects)
        for suspect in merged.suspects[: MAX_SUSPECTS - len(self.suspects)]:
            self.suspects.append(
                DuplicateSuspect(
                    sample_id=str(suspect.place.sample_id),
                    frame_number=suspect.place.frame_number,
                    path=suspect.path,
                    label=suspect.label,
                    ours_id=str(suspect.ours),
                    theirs_id=str(suspect.theirs),
                )
            )
        if merged.is_changed:
            self.counts[f"samples_{_done(merged.sample)}"] += 1
        for frame in merged.frames:
            if documents.is_changed(frame.before, frame.after):
                self.counts[f"frames_{_done(frame)}"] += 1


_DONE = {(False, True): "added", (True, False): "deleted", (True, True): "changed"}


def _done(change: Change) -> str:
    return _DONE[change.before is not None, change.after is not None]


def _base(
    database: Database[Document],
    target: DatasetReference,
    branch: DatasetReference,
    base: str | None,
) -> SnapshotRecord | None:
    if base is None:
        return None
    if base == COMMON:
        return ancestry.find_base(database, target, branch)
    return ancestry.named(database, target, branch, base)


def _open(
    database: Database[Document],
    target: DatasetReference,
    branch: DatasetReference,
    undoes: ObjectId | None,
) -> list[PlanRecord]:
    query = {"target_id": target.id, "branch_id": branch.id, "undoes": undoes}
    return store.select(database, {**query, "state": MergeState.OPEN.value})


def _names(engine: Engine) -> set[str]:
    """Returns what conflicts can be about: fields, and what datasets say of themselves."""
    documents = [side.document for side in engine.sides]
    found = {str(key) for document in documents for key in document}
    for key, prefix in (("sample_fields", ""), ("frame_fields", FRAMES_PREFIX)):
        for document in documents:
            found |= {prefix + str(each["name"]) for each in document.get(key) or ()}
    return found


def _check_samples(engine: Engine) -> None:
    """Refuses samples that no version has."""
    wanted = engine.scope.samples
    if wanted is None:
        return
    for manifest in engine.samples.manifests:
        wanted = lacking(manifest.keys, wanted)
    if len(wanted):
        raise InvalidRequestError(
            f"There is no sample {Ids(wanted)[0]} to merge: neither side has it, nor had it"
        )


def _unique_checks(
    database: Database[Document], target: DatasetReference, engine: Engine
) -> list[UniqueCheck]:
    state = Head(database, target.id).state()
    indexes = engine.surroundings.indexes
    return [UniqueCheck(part, state[part], *indexes[part]) for part in indexes if part in state]
