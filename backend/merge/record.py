"""What callers see of a merge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from ..results.serialize import Record
from .conflicts import Conflict, ConflictKind


class MergeState(str, Enum):
    """Where a merge stands."""

    OPEN = "open"
    """It is planned, and can be applied once no conflict is open."""
    APPLIED = "applied"
    DISCARDED = "discarded"

    __str__ = str.__str__


@dataclass(frozen=True)
class MergeCounts(Record):
    """What a merge changes in the target, conflicts aside."""

    samples_added: int = 0
    samples_deleted: int = 0
    samples_changed: int = 0
    """Samples that change in themselves or in their frames or temporal tags."""
    frames_added: int = 0
    frames_deleted: int = 0
    frames_changed: int = 0


@dataclass(frozen=True)
class ConflictCount(Record):
    """How many conflicts there are of one kind, in one field, about one class."""

    kind: ConflictKind
    field: str
    """The top-level field, those of frames with the prefix ``frames.``; empty for whole
    samples."""
    label: str | None
    """The class, for conflicts about labels."""
    total: int
    open: int
    """How many of them nobody has decided."""


@dataclass(frozen=True)
class DuplicateSuspect(Record):
    """Two labels that may be of the same object, of which each side has added one."""

    sample_id: str
    frame_number: int | None
    path: str
    label: str | None
    ours_id: str
    """The label that the target added."""
    theirs_id: str
    """The label that the branch added."""


class _Doors:
    """What a plan does goes through the management SDK, which asks who may and notes it."""

    conflicts: Callable[..., Iterator[Conflict]]
    resolve: Callable[..., int]
    view: Callable[..., Any]
    review: Callable[..., Any]
    use_edits: Callable[..., Any]


DOORS = _Doors()
"""Set by the management SDK."""


@dataclass(frozen=True)
class MergePlan(Record):
    """A merge that was planned: what it would change, and what must be decided before."""

    id: str
    dataset_name: str | None
    """The name of the target now; None if it is gone."""
    branch_name: str
    """The name of the branch now, or had if it is gone."""
    base_snapshot: str | None
    """The snapshot that both sides began with, if there is one."""
    state: MergeState
    created_at: datetime
    created_by: str | None
    changes: MergeCounts
    """What it changes in the target, with what the target has wherever a conflict was open."""
    counts: tuple[ConflictCount, ...]
    """The conflicts, by kind, field and class."""
    notes: tuple[str, ...]
    """What was decided without asking."""
    suspects: tuple[DuplicateSuspect, ...]
    """Labels that both sides may have added for the same objects; at most 1000."""
    suspect_count: int
    snapshot_name: str | None = None
    """The snapshot that it ended with, if it was applied."""
    fields: tuple[str, ...] | None = None
    """The fields that are merged; None for all."""
    samples: int | None = None
    """How many samples are merged; None for all."""
    undoes: str | None = None
    """The operation that it takes back, if it is no merge of a branch."""

    TOLD = ("is_full", "open_conflicts", "total_conflicts")

    @property
    def is_full(self) -> bool:
        """Whether all of the branch is merged, so that the next merge begins there."""
        return self.fields is None and self.samples is None

    @property
    def total_conflicts(self) -> int:
        """How many conflicts there are."""
        return sum(count.total for count in self.counts)

    @property
    def open_conflicts(self) -> int:
        """How many of them nobody has decided, as of when this was read."""
        return sum(count.open for count in self.counts)

    def conflicts(
        self,
        kind: ConflictKind | str | None = None,
        field: str | None = None,
        label: str | None = None,
        resolved: bool | None = None,
    ) -> Iterator[Conflict]:
        """Reads the conflicts.

        Args:
            kind (None): only those of a kind
            field (None): only those in a top-level field; those of frames with the prefix
                ``frames.``
            label (None): only those about labels of a class
            resolved (None): only those that are decided, or only those that are open

        Yields:
            the conflicts, in order
        """
        yield from DOORS.conflicts(self.id, kind=kind, field=field, label=label, resolved=resolved)

    def resolve(self, conflicts: Any, take: Any) -> int:
        """Decides conflicts.

        Args:
            conflicts: a conflict or several; a kind; a dict with ``kind``, ``field``, ``label``
                and ``resolved`` as :meth:`conflicts` takes them; or None for all
            take: ``"ours"``, ``"theirs"``, ``"base"``, ``"both"``, ``"combine"``, None to open
                them again, or ``{"value": ...}`` for a value of your own

        Returns:
            how many conflicts that were
        """
        return DOORS.resolve(self.id, conflicts, take)

    def view(
        self,
        side: str,
        kind: ConflictKind | str | None = None,
        field: str | None = None,
        label: str | None = None,
    ) -> Any:
        """Returns the samples in conflict.

        Args:
            side: ``"ours"`` for the target, ``"theirs"`` for the branch, ``"review"`` for the
                dataset that :meth:`review` makes
            kind (None): only those with conflicts of a kind
            field (None): only those with conflicts in a field
            label (None): only those with conflicts about labels of a class

        Returns:
            a :class:`fiftyone.core.view.DatasetView`
        """
        return DOORS.view(self.id, side, kind=kind, field=field, label=label)

    def review(self) -> Any:
        """Opens a dataset that holds only the samples in conflict, as both sides have them.

        Returns:
            a :class:`fiftyone.core.dataset.Dataset`, see :func:`review_merge`
        """
        return DOORS.review(self.id)

    def use_edits(self) -> Any:
        """Decides conflicts as somebody has edited them by hand in the review.

        Returns:
            a :class:`TakenEdits`, see :func:`use_review_edits`
        """
        return DOORS.use_edits(self.id)

    def __str__(self) -> str:
        return report(self)


def report(plan: MergePlan) -> str:
    """Returns what a plan says, for people."""
    done = plan.changes
    lines = [
        f"Merge {plan.id} of {plan.branch_name} into {plan.dataset_name}: {plan.state}",
        f"  base: {plan.base_snapshot or 'none'}",
    ]
    if plan.undoes is not None:
        lines = [f"Undo {plan.id} of operation {plan.undoes} of {plan.dataset_name}: {plan.state}"]
    if not plan.is_full:
        lines.append(f"  only: {_only(plan)}")
    lines.append(
        f"  samples: {done.samples_added:,} added, {done.samples_deleted:,} deleted, "
        f"{done.samples_changed:,} changed"
    )
    if done.frames_added or done.frames_deleted or done.frames_changed:
        lines.append(
            f"  frames: {done.frames_added:,} added, {done.frames_deleted:,} deleted, "
            f"{done.frames_changed:,} changed"
        )
    lines.append(f"  conflicts: {plan.total_conflicts:,}, of which {plan.open_conflicts:,} open")
    for count in plan.counts:
        what = " ".join(filter(None, [count.field, count.label and f"({count.label})"]))
        lines.append(f"    {count.kind} {what}: {count.total:,}, {count.open:,} open")
    lines += [f"  note: {note}" for note in plan.notes]
    if plan.suspect_count:
        lines.append(f"  note: {plan.suspect_count:,} labels may have been added on both sides")
    return "\n".join(lines)


def _only(plan: MergePlan) -> str:
    said = []
    if plan.fields is not None:
        noun = "field" if len(plan.fields) == 1 else "fields"
        said.append(f"the {noun} {', '.join(plan.fields)}")
    if plan.samples is not None:
        said.append(f"{plan.samples:,} sample{'' if plan.samples == 1 else 's'}")
    return " of ".join(said)
